"""One gateway a dialect for the whole matrix; at its end the books must balance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.stage import Cell, Stage, cells, staged
from tests.faults.voices import DIALECTS
from tests.journeys.wire import check_books
from tests.threaded import Threaded, in_thread


@pytest.fixture(scope="session", params=list(DIALECTS))
def on_stage(request, mongod, tmp_path_factory) -> Iterator[tuple[Threaded, Stage, dict[str, list[Cell]]]]:
    """With the cells of the matrix, by groups."""
    groups = cells(request.param)
    asked = [cell for group in groups.values() for cell in group]
    with in_thread(staged(mongod.url, tmp_path_factory.mktemp(request.param), request.param, asked)) as threaded:
        stage: Stage = threaded.gateway
        yield threaded, stage, groups
        threaded.call(check_books(stage.gateway))
