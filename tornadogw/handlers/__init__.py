"""Tornado in, Tornado out; no decisions. Each handler class says who may call it in `access`."""
