from __future__ import annotations

from tornadogw.store import (
    mongo_accounts,
    mongo_events,
    mongo_keys,
    mongo_leases,
    mongo_starts,
    mongo_usage,
    ports,
    ports_doctor,
    ports_money,
    ports_usage,
)
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_uses import MongoUses


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
        (MongoDayJobs, ports_usage.DayJobs),
        (MongoDoctor, ports_doctor.DoctorStore),
    ):
        assert methods(store) == methods(port)


def test_days_are_read_as_their_port_says_and_written_by_the_ledger() -> None:
    assert methods(MongoDays) == methods(ports_usage.DayStore) | methods(ports_usage.DayBook)


def test_uses_are_read_as_their_port_says_and_written_by_the_ledger() -> None:
    assert methods(MongoUses) == methods(ports_usage.UseStore) | methods(ports_usage.DayBook) | {"rebuild"}


def test_an_account_is_active_or_not() -> None:
    assert ports.Account("1", "ann@example.com").active
    assert not ports.Account("1", "ann@example.com", status="disabled").active
