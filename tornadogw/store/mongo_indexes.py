"""Every index of the database, in one place for whoever prepares it."""

from __future__ import annotations

from tornadogw.store import mongo_accounts, mongo_days, mongo_keys, mongo_leases, mongo_limits, mongo_usage

__all__ = ["INDEXES"]

INDEXES = (
    mongo_accounts.INDEXES,
    mongo_days.INDEXES,
    mongo_keys.INDEXES,
    mongo_leases.INDEXES,
    mongo_limits.INDEXES,
    mongo_usage.INDEXES,
)
"""For `Mongo.ensure_indexes`."""
