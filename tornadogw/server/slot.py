"""One worker's place: the sockets that it accepts at, who works there, and how soon the next may after a death."""

from __future__ import annotations

import time

from tornadogw.server.child import Child
from tornadogw.server.sockets import Place, Sockets, close, listening

__all__ = ["Slot"]

STEADY = 10.0
"""Seconds of answering after which a worker's death says nothing about the next one."""
BACKOFF = 0.5
"""Seconds before the second restart; they double with each more. The first is at once."""
LONGEST_BACKOFF = 30.0


class Slot:
    """The place `index`. `worker` answers or is starting; `following` starts, to take its place.

    `metrics`: where this worker alone is asked for its figures, host and port; None: nowhere.
    """

    def __init__(self, index: int, metrics: tuple[str, int] | None = None) -> None:
        self.index, self.metrics = index, metrics
        self.sockets: Sockets = ()
        self.metrics_sockets: Sockets = ()
        self.worker: Child | None = None
        self.following: Child | None = None
        self.due = 0.0
        """Monotonic seconds before which nobody is started here."""
        self.failures = 0

    @property
    def answers(self) -> bool:
        return self.worker is not None and self.worker.ready is not None

    @property
    def empty(self) -> bool:
        return self.worker is None and self.following is None

    def prepare(self, place: Place) -> Sockets:
        """The sockets of whoever is started next. Raises OSError."""
        self.sockets = self.sockets or place.share()
        return self.sockets

    def prepare_metrics(self) -> Sockets:
        """The same for its figures. Raises OSError."""
        if self.metrics is not None and not self.metrics_sockets:
            self.metrics_sockets = listening(*self.metrics)
        return self.metrics_sockets

    def close(self) -> None:
        """Nobody is to connect here."""
        close((*self.sockets, *self.metrics_sockets))
        self.sockets = self.metrics_sockets = ()

    def promote(self) -> Child | None:
        """The following worker answers: it is the worker now. Gives the one that was."""
        former, self.worker, self.following = self.worker, self.following, None
        return former

    def failed(self, child: Child | None) -> float:
        """A worker has died or could not be started. Gives the seconds until the next may be."""
        now = time.monotonic()
        if child is not None and child.answers_since is not None and now - child.answers_since >= STEADY:
            self.failures = 0
        wait = min(LONGEST_BACKOFF, BACKOFF * 2 ** (self.failures - 1)) if self.failures else 0.0
        self.failures += 1
        self.due = now + wait
        return wait
