"""What tests of settings share: load a text, and see the sentence of one that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tornadogw.errors import SettingsError
from tornadogw.settings import Loaded, load


@pytest.fixture
def loaded(tmp_path) -> Callable[..., Loaded]:
    """`loaded(text, environ, flags, database)`: the settings of one file."""

    def read(text: str = "", environ: Any = None, flags: Any = None, database: Any = None) -> Loaded:
        path = tmp_path / "settings.toml"
        path.write_text(text, "utf-8")
        return load(path, tmp_path, environ or {}, flags or {}, database)

    return read


@pytest.fixture
def refused(loaded, tmp_path) -> Callable[..., str]:
    """`refused(text, ...)`: why it does not load, with the folder left out."""

    def read(*layers: Any) -> str:
        with pytest.raises(SettingsError) as caught:
            loaded(*layers)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return read
