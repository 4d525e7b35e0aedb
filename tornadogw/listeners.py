"""Who is told of finished calls, why they went so, and how the gateway is: plugins, figures, traces, the log.

Each only where it is wanted.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from tornadogw.aftermath import Aftermath
from tornadogw.catalogue import Catalogue
from tornadogw.decisions import Decisions
from tornadogw.errors import UsageError
from tornadogw.explain import for_operator
from tornadogw.health import Health
from tornadogw.plugins import Plugins
from tornadogw.queues import Queues
from tornadogw.router import AUTO
from tornadogw.settings import Settings
from tornadogw.store.ports_decisions import Decision
from tornadogw.types import Record

if TYPE_CHECKING:  # their libraries take a tenth of a second and more: only who wants them waits for them
    from tornadogw.metrics import Metrics
    from tornadogw.tracing import Tracing

__all__ = ["deciding", "figures", "labels", "left_alone", "telling"]

log = logging.getLogger(__name__)

_TROUBLE = frozenset({"cut", "timeout", "upstream_error", "no_upstream", "error"})
_WELL = frozenset({"ok", "ended", "skipped"})


@asynccontextmanager
async def telling(
    settings: Settings, plugins: Plugins, metrics: Metrics | None
) -> AsyncIterator[Callable[[Record], None] | None]:
    """Who is told of finished calls: plugins, figures, traces. None: nobody."""
    tracing = _tracing(settings)
    aftermath = Aftermath(plugins.call_finished if plugins.has_call_finished else None)
    try:
        yield _each(
            aftermath.finished if aftermath.listens else None,
            metrics.finished if metrics is not None else None,
            tracing.finished if tracing is not None else None,
        )
    finally:
        await aftermath.close()
        if tracing is not None:
            await tracing.close()


def figures(
    settings: Settings,
    catalogue: Catalogue,
    running: Callable[[], int],
    marks: Callable[[], Mapping[tuple[str, str], int]],
    worker: int,
) -> Metrics | None:
    """For Prometheus: `running` calls, and the `marks` of upstreams. None: nobody can ask for any."""
    if not settings.metrics.port and not settings.metrics.token:
        return None
    from tornadogw.metrics import Metrics  # noqa: PLC0415 -- as said above

    return Metrics(
        *labels(catalogue),
        running,
        marks,
        worker=worker,
        currency=settings.money.currency,
    )


def labels(catalogue: Catalogue) -> tuple[Mapping[str, str], Collection[str]]:
    """What figures call each name that may be asked for, and the upstreams that have figures."""
    return (
        {name: model.name for model in catalogue.models for name in (model.name, *model.aliases)} | {AUTO: AUTO},
        {route.upstream for model in catalogue.models for route in model.routes},
    )


def deciding(decisions: Decisions, wanted: Literal["none", "trouble", "all"]) -> Callable[[Decision], None] | None:
    """Who is told why a request went as it did: the database, and the log where it is `wanted`. None: nobody."""
    if wanted == "none":
        return decisions.add if decisions.keeps else None
    return _Deciding(decisions, everything=wanted == "all")


class _Deciding:
    """Tells the database and the log."""

    def __init__(self, decisions: Decisions, *, everything: bool) -> None:
        self.decisions, self._everything = decisions, everything

    def __call__(self, decision: Decision) -> None:
        self.decisions.add(decision)
        record = decision.record
        if self._everything or _is_trouble(record):
            said = {"decision": for_operator(decision)}
            log.info("request %s: %s", record.id, record.finish, extra={"fields": said})


def _is_trouble(record: Record) -> bool:
    """Something failed, whether the client has noticed or not; what a client may not or cannot have is none."""
    return record.finish in _TROUBLE or any(each.outcome not in _WELL for each in record.attempts)


def left_alone(health: Health, queues: Queues) -> Mapping[tuple[str, str], int]:
    """What figures tell of each upstream."""
    waiting = {(upstream, "waiting"): count for upstream, (_, count) in queues.lengths().items()}
    return {**health.counts(), **waiting}


def _tracing(settings: Settings) -> Tracing | None:
    """None: nobody wants traces. Raises UsageError where the library for them is missing."""
    if not settings.tracing.endpoint:
        return None
    try:
        from tornadogw.tracing import Tracing  # noqa: PLC0415 -- as said above
    except ImportError as error:
        raise UsageError(f"`tracing.endpoint` needs `pip install tornadogw[otel]`: {error}.") from None
    return Tracing.to(settings.tracing)


def _each(*listeners: Callable[[Record], None] | None) -> Callable[[Record], None] | None:
    """Who is told of finished calls; None: nobody."""
    told = [each for each in listeners if each is not None]
    if len(told) < 2:  # noqa: PLR2004 -- one needs nobody to pass it on
        return told[0] if told else None

    def finished(record: Record) -> None:
        for each in told:
            each(record)

    return finished
