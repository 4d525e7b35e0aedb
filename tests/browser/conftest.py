"""One gateway with a month of use for all tests, and one browser for each module. What is missing here is one line."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.browser.demo import Demo, demo
from tests.shared import lacking

MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
if importlib.util.find_spec("selenium") is None:
    MISSING.append("selenium (the extra `browser`)")


class Absent(pytest.Module):
    """A test module that cannot run here."""

    def collect(self) -> NoReturn:
        lacking(f"no {', '.join(MISSING)}")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    return Absent.from_parent(parent, path=module_path) if MISSING else None


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="module")
def started(site: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from tests.browser.chromium import chromium  # noqa: PLC0415 -- selenium may be missing

    with chromium(site.url, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(started):
    """As a new visitor's. Its console must have no error, such as a breach of the policy."""
    started.forget()
    started.look()
    yield started
    assert started.console() == []
