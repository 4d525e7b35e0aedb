"""How long the server lets a transaction live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tornadogw.store.mongo import Mongo

OURS = 10
"""Seconds, to which the gateway's own server is set."""


@contextmanager
def transactions_live(mongo: Mongo, run: Callable[[Any], Any], seconds: int) -> Iterator[None]:
    def give_up(after: int) -> None:
        run(mongo.client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=after))

    give_up(seconds)
    yield
    give_up(OURS)
