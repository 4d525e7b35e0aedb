"""What must hold: in every version of every wallet while things break, and of every call once all is quiet."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pymongo.errors import PyMongoError

from tests.crash.load import Call
from tests.crash.replica_set import ReplicaSet

EVERY = 0.1
"""Seconds between two samples."""


def off_by(wallet: Mapping[str, Any]) -> int:
    """I1: what is missing from `credited == balance + spent + sum(g - s)`."""
    leased = sum(int(lease["g"]) - int(lease["s"]) for lease in wallet.get("leases", {}).values())
    return int(wallet["credited"] - wallet["balance"] - wallet["spent"] - leased)


class Sampler:
    """Looks at every wallet all the time, in a thread of its own; `faults` is what it saw."""

    def __init__(self, mongo: ReplicaSet, database: str, least_balance: int) -> None:
        self._database = mongo.client[database]
        self._least = least_balance
        self.samples, self.faults = 0, []
        self._stop = threading.Event()

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            with contextlib.suppress(PyMongoError):
                found = [wallet for name in ("accounts", "wallets") for wallet in self._database[name].find()]
                beats = {start["_id"]: start["beat"] for start in self._database["starts"].find()}
                for wallet in found:
                    self._look(wallet, beats)

    def _look(self, wallet: Mapping[str, Any], beats: Mapping[str, Any]) -> None:
        self.samples += 1
        if missing := off_by(wallet):
            self.faults.append(f"{wallet['_id']}: {missing} are missing")
        if wallet["balance"] < self._least:
            self.faults.append(f"{wallet['_id']}: the balance is {wallet['balance']}")
        for name, lease in wallet.get("leases", {}).items():
            if lease["g"] < lease["s"]:
                self.faults.append(f"{wallet['_id']}: lease {name} has settled more than was granted")
            if "closed" in lease and lease["p"] in beats and beats[lease["p"]] > lease["closed"]:
                self.faults.append(f"{wallet['_id']}: lease {name} was taken from a process that lives")


def judge(mongo: ReplicaSet, database: str, calls: Sequence[Call], bound: int) -> list[str]:
    """What is wrong with the books, once nothing runs. A call that a client got in full is charged once, exactly."""
    events = list(mongo.client[database]["events"].find())
    by_request: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        by_request.setdefault(event["r"], []).append(event)
    faults = [f"{request} was charged {len(each)} times" for request, each in by_request.items() if len(each) > 1]
    faults += list(_of_calls(calls, by_request, bound))
    known = {call.id for call in calls}
    faults += [f"{request} was never asked" for request in by_request if request not in known]
    spent = Counter[str]()
    for event in events:
        spent[event["a"]] += int(event["c"])
    for account in mongo.client[database]["accounts"].find():
        if missing := off_by(account):
            faults.append(f"{account['email']}: {missing} are missing")
        if account["spent"] != spent[account["_id"]]:
            faults.append(f"{account['email']}: spent {account['spent']}, its events cost {spent[account['_id']]}")
        if leased := account.get("leases") and [
            name for name, each in account["leases"].items() if "closed" not in each
        ]:
            faults.append(f"{account['email']}: leases are left: {leased}")
    return faults


def _of_calls(
    calls: Sequence[Call], by_request: Mapping[str, Sequence[Mapping[str, Any]]], bound: int
) -> Iterator[str]:
    for call in calls:
        charged = [int(event["c"]) for event in by_request.get(call.id, ())]
        if call.outcome == "full" and charged != [call.cost]:
            yield f"{call.id} cost {call.cost}, was answered in full and charged {charged}"
        if call.outcome == "refused" and any(charged) and call.status != 503:
            yield f"{call.id} was refused with {call.status} and charged {charged}"
        if any(each > bound for each in charged):
            yield f"{call.id} was charged {charged}, more than was held"
