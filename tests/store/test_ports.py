from __future__ import annotations

from tornadogw.store import (
    mongo_accounts,
    mongo_events,
    mongo_keys,
    mongo_leases,
    mongo_starts,
    mongo_usage,
    ports,
    ports_money,
)


def methods(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_each_store_does_what_its_port_says_and_no_more() -> None:
    for store, port in (
        (mongo_accounts.MongoAccounts, ports.AccountStore),
        (mongo_keys.MongoKeys, ports.KeyStore),
        (mongo_leases.MongoLeases, ports_money.LeaseStore),
        (mongo_events.MongoEvents, ports_money.EventStore),
        (mongo_starts.MongoStarts, ports.StartStore),
        (mongo_usage.MongoUsage, ports.UsageStore),
    ):
        assert methods(store) == methods(port)


def test_an_account_is_active_or_not() -> None:
    assert ports.Account("1", "ann@example.com").active
    assert not ports.Account("1", "ann@example.com", status="disabled").active
