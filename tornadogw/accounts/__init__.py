"""Accounts and keys: what the command line, the consoles and the admin API share."""
