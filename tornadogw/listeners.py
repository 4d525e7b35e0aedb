"""Who is told of finished calls, and of how the gateway is: plugins, figures, traces. Each only where it is wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tornadogw.aftermath import Aftermath
from tornadogw.catalogue import Catalogue
from tornadogw.errors import UsageError
from tornadogw.health import Health
from tornadogw.plugins import Plugins
from tornadogw.queues import Queues
from tornadogw.router import AUTO
from tornadogw.settings import Settings
from tornadogw.types import Record

if TYPE_CHECKING:  # their libraries take a tenth of a second and more: only who wants them waits for them
    from tornadogw.metrics import Metrics
    from tornadogw.tracing import Tracing

__all__ = ["figures", "left_alone", "telling"]


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
        {name: model.name for model in catalogue.models for name in (model.name, *model.aliases)} | {AUTO: AUTO},
        {route.upstream for model in catalogue.models for route in model.routes},
        running,
        marks,
        worker=worker,
        currency=settings.money.currency,
    )


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
