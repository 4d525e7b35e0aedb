"""The examples under `settings/` load, and `full.toml` and docs/settings.md hold every key."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tornadogw.settings import load
from tornadogw.settings.schema import keys
from tornadogw.settings.tables import Settings

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "settings").glob("*.toml"))


@pytest.fixture
def example(tmp_path):
    """`example(path)`: its settings, on a machine that has the secrets which it refers to."""

    def read(path):
        secrets = tmp_path / "secrets"
        secrets.mkdir(exist_ok=True)
        text = path.read_text("utf-8")
        environ = {name: "mongodb://db" if name == "MONGO_URL" else "sk-1" for name in re.findall(r'"env:(\w+)"', text)}
        for name in re.findall(r'"file:/run/secrets/(\w+)"', text):
            (secrets / name).write_text("sk-2")
        copy = tmp_path / path.name
        copy.write_text(text.replace("file:/run/secrets/", f"file:{secrets}/"), "utf-8")
        return load(copy, tmp_path, environ, {}).settings

    return read


def test_the_examples_are_there():
    names = {"minimal.toml", "full.toml", "several-vendors.toml", "self-hosted.toml", "production.toml"}
    assert names <= {path.name for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_loads(path, example):
    settings = example(path)
    assert settings.upstreams
    assert settings.models
    assert not re.search(r"sk-[0-9a-zA-Z]{8}", path.read_text("utf-8")), "an example holds what looks like a key"


def test_full_has_every_key():
    full = tomllib.loads((ROOT / "settings/full.toml").read_text("utf-8"))
    assert {key for key, _ in keys(Settings)} - set(written(full)) == set()


def test_full_says_the_defaults(example):
    full, plain = example(ROOT / "settings/full.toml"), Settings()
    for section in ("server", "mongo", "money", "limits", "metrics", "defaults", "auto", "plugins"):
        assert getattr(full, section) == getattr(plain, section)


def written(table, prefix=""):
    """Every key of a TOML document, as `keys` spells it."""
    for name, value in table.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from written(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, Mapping):
                    yield from written(entry, f"{prefix}{name}[].")


def test_the_page_is_as_the_generator_writes_it():
    generator = runpy.run_path(str(ROOT / "docs/generate_settings.py"))
    assert (ROOT / "docs/settings.md").read_text("utf-8") == generator["render"](), "run docs/generate_settings.py"


def test_the_page_has_every_key():
    page = (ROOT / "docs/settings.md").read_text("utf-8")
    for key, field in keys(Settings):
        assert f"| `{field.name}` | {field.help}" in page or key == "plugin"
