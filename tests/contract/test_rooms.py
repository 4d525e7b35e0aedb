"""The shape of the rooms: no vendor's name, no long file, a test file each, honest exports. Each is seen to fail."""

from __future__ import annotations

import pytest

from tests.contract import walls


def test_no_vendor_is_named(root):
    assert walls.vendor_names(root) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("# as OpenAI does", "openai"),
        ("class AnthropicError(Exception): ...", "anthropic"),
        ('if name == "xai":', "xai"),
        ("QWEN_THINKING = 1", "qwen"),
        ("# all put together", "together"),
    ],
)
def test_a_vendor_name_is_reported(text, name, copy, new):
    (copy / "tornadogw/pricing.py").write_text(f"{text}\n")
    assert new(walls.vendor_names) == [f"tornadogw/pricing.py:1 names {name}"]


def test_a_row_makes_its_name_a_vendor(copy, new):
    with (copy / "tornadogw/data/vendors.toml").open("a") as out:
        out.write('\n[acmecloud]\nbase_url = "https://acme.test/v1"\n')
    (copy / "tornadogw/pricing.py").write_text("# AcmeCloud\n")
    assert new(walls.vendor_names) == ["tornadogw/pricing.py:1 names acmecloud"]


@pytest.mark.parametrize("text", ["# a benchmark of sparks", "# native completions, a chat server", "# the default"])
def test_ordinary_words_are_no_vendors(text, copy, new):
    (copy / "tornadogw/pricing.py").write_text(f"{text}\n")
    assert new(walls.vendor_names) == []


def test_no_file_is_too_long(root):
    assert walls.long_files(root) == []


@pytest.mark.parametrize("file", ["tornadogw/long.py", "plugins/sample/long.py", "tests/test_long.py"])
def test_a_long_file_is_reported(file, copy, new):
    (copy / file).parent.mkdir(parents=True, exist_ok=True)
    (copy / file).write_text("x = 1\n" * 400)
    assert new(walls.long_files) == []
    (copy / file).write_text("x = 1\n" * 401)
    assert new(walls.long_files) == [f"{file} has 401 lines"]


def test_every_room_has_its_test_file(root):
    assert walls.untested_rooms(root) == []


def test_a_room_without_test_file_is_reported(copy, new):
    (copy / "tornadogw/store/extra.py").write_text('"""Extra."""\n')
    assert new(walls.untested_rooms) == ["tornadogw/store/extra.py has no tests/store/test_extra.py"]
    (copy / "tests/store/test_extra.py").write_text("")
    assert new(walls.untested_rooms) == []


def test_a_package_that_only_imports_needs_no_test_file(copy, new):
    (copy / "tornadogw/extra").mkdir(exist_ok=True)
    (copy / "tornadogw/extra/__init__.py").write_text('"""Extra."""\n')
    assert new(walls.untested_rooms) == []
    (copy / "tornadogw/extra/__init__.py").write_text("def work(): ...\n")
    assert new(walls.untested_rooms) == ["tornadogw/extra/__init__.py has no tests/extra/test_init.py"]


def test_every_room_says_what_it_is_for(root):
    assert walls.rooms_without_a_word(root) == []


def test_a_silent_room_is_reported(copy, new):
    (copy / "tornadogw/pricing.py").write_text("import math\n\nHALF = math.pi\n")
    assert new(walls.rooms_without_a_word) == [
        "tornadogw/pricing.py has no docstring",
        "tornadogw/pricing.py lacks `from __future__ import annotations`",
    ]


def test_exports_are_sorted_and_complete(root):
    assert walls.careless_exports(root) == []


@pytest.mark.parametrize(
    ("code", "breach"),
    [
        ('__all__ = ["b", "a"]\na = b = 1\n', "tornadogw/extra.py: __all__ is not sorted"),
        ('__all__ = ["gone"]\n', "tornadogw/extra.py: __all__ names gone, which is not there"),
        (
            "from tornadogw.types import Hidden\n",
            "tornadogw/extra.py:1 takes Hidden, which tornadogw.types does not export",
        ),
    ],
)
def test_careless_exports_are_reported(code, breach, copy, new):
    (copy / "tornadogw/extra.py").write_text(code)
    assert new(walls.careless_exports) == [breach]
