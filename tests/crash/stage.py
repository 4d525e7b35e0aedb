"""The stage of the crash tests: two machines on one replica set, and accounts with keys."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.crash.load import Buyer
from tests.crash.nodes import Node
from tests.crash.replica_set import ReplicaSet, until

__all__ = ["RECLAIM", "WORKERS", "Stage", "staged"]

WORKERS = 2
RECLAIM = 20.0
"""Longer than any restart here takes."""
_OVER = {"$subtract": ["$$NOW", 1000 * int(RECLAIM + 1)]}
_IS_OPEN = {"$eq": [{"$type": "$$this.v.closed"}, "missing"]}
_AGED = {"$mergeObjects": ["$$this.v", {"$cond": [_IS_OPEN, {"exp": _OVER}, {}]}]}
_ALL_AGED = {"$map": {"input": {"$objectToArray": "$leases"}, "in": {"k": "$$this.k", "v": _AGED}}}


class Stage:
    """Two machines on a database of their own. `paid` has what each account is given, in units."""

    def __init__(
        self, mongo: ReplicaSet, upstream: int, folder: Path, paid: Sequence[str], bug: str, reclaim: float
    ) -> None:
        self.mongo, self.database = mongo, f"crash_{secrets.token_hex(4)}"
        names = ("one", "two")
        self.nodes = [Node(folder / name, mongo.url, upstream, WORKERS, bug, reclaim) for name in names]
        for node in self.nodes:
            node.use_database(self.database)
        self._paid = paid
        self.buyers: list[Buyer] = []

    def open(self) -> None:
        first, second = self.nodes
        for number, credit in enumerate(self._paid):
            email = f"buyer{number}@example.com"
            account = first.run("account", "create", email)
            paid = first.run("account", "credit", email, credit)
            key = first.run("key", "create", email)["key"]
            self.buyers.append(Buyer(account["id"], email, key, paid["credited"]))
        second.share_secret(first)
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            until(node.is_ready, 60, f"a gateway is ready: {node.log}")

    def close(self) -> None:
        """Everything ends properly: what it has is in the books."""
        for node in self.nodes:
            node.revive()
        for node in self.nodes:
            until(node.is_ready, 60, f"a gateway is ready again: {node.log.read_text()[-3000:]}")
        for node in self.nodes:
            assert node.stop() == 0, node.log.read_text()[-3000:]
        for node in self.nodes:
            self._book_rest(node)
        self._reclaim_all()

    def _book_rest(self, node: Node) -> None:
        """A worker that was killed shortly before the stop has no follower: the next start books what it left."""
        if node.journaled():
            node.start()
            until(node.is_ready, 60, f"a gateway is ready once more: {node.log}")
            assert node.stop() == 0
            assert node.journaled() == []

    def _reclaim_all(self) -> None:
        """Leases of the killed that no journal names are given back once their time is over; a gateway must be up.

        Nobody is left who could renew them: what would come in a minute is made to be now.
        """
        node, accounts = self.nodes[0], self.mongo.client[self.database]["accounts"]

        def is_left() -> bool:
            found = accounts.find({"le": {"$exists": True}})
            return any("closed" not in lease for account in found for lease in account["leases"].values())

        if is_left():
            accounts.update_many(
                {"le": {"$exists": True}}, [{"$set": {"leases": {"$arrayToObject": _ALL_AGED}, "le": _OVER}}]
            )
            node.start()
            until(lambda: not is_left(), 40, "every lease is given back")
            assert node.stop() == 0

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


@contextlib.contextmanager
def staged(
    mongo: ReplicaSet,
    upstream: int,
    folder: Path,
    paid: Sequence[str],
    *,
    bug: str = "",
    reclaim: float = RECLAIM,
) -> Iterator[Stage]:
    """A stage that is open; afterwards nothing of it is left."""
    stage = Stage(mongo, upstream, folder, paid, bug, reclaim)
    try:
        stage.open()
        yield stage
    finally:
        stage.kill()
        mongo.client.drop_database(stage.database)
