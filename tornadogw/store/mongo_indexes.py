"""Every index of the database, in one place for whoever prepares it."""

from __future__ import annotations

from tornadogw.store import (
    mongo_accounts,
    mongo_admin_tokens,
    mongo_audit,
    mongo_codes,
    mongo_days,
    mongo_decisions,
    mongo_health,
    mongo_identities,
    mongo_keys,
    mongo_leases,
    mongo_limits,
    mongo_links,
    mongo_logins,
    mongo_orders,
    mongo_plans,
    mongo_tries,
    mongo_usage,
)

__all__ = ["INDEXES"]

INDEXES = (
    mongo_accounts.INDEXES,
    mongo_admin_tokens.INDEXES,
    mongo_audit.INDEXES,
    mongo_codes.INDEXES,
    mongo_days.INDEXES,
    mongo_decisions.INDEXES,
    mongo_health.INDEXES,
    mongo_identities.INDEXES,
    mongo_keys.INDEXES,
    mongo_leases.INDEXES,
    mongo_limits.INDEXES,
    mongo_links.INDEXES,
    mongo_logins.INDEXES,
    mongo_orders.INDEXES,
    mongo_plans.INDEXES,
    mongo_tries.INDEXES,
    mongo_usage.INDEXES,
)
"""For `Mongo.ensure_indexes`."""
