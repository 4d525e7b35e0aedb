"""The report card that a package of a plugin brings: its `quality.toml`, beside the module that is loaded."""

from __future__ import annotations

import sys
import tomllib
from importlib import resources
from types import ModuleType
from typing import Literal

import msgspec

from tornadogw.types import Value

__all__ = ["FILE", "Promise", "report_card"]

FILE = "quality.toml"
_EXEMPT = "exempt:"


Part = Literal["rules", "suite"]
"""`rules` are what the package promises by itself, `suite` those of the conformance suite, which shows them."""


class Promise(Value, frozen=True):
    """One rule of a card."""

    part: Part
    rule: str
    state: Literal["done", "exempt", "open"]
    """`open`: there is still work to do."""
    why: str = ""
    """Why it is exempt, or what is still to do."""


class _Card(msgspec.Struct):
    rules: dict[str, str] = {}
    suite: dict[str, str] = {}


def report_card(plugin: object) -> tuple[Promise, ...]:
    """That of a loaded plugin, a module or an object; empty: it brings none, as a drop-in file does.

    Raises ValueError if its file is not what such a file holds.
    """
    module = plugin if isinstance(plugin, ModuleType) else sys.modules.get(type(plugin).__module__)
    package = getattr(module, "__package__", None)
    if not package:
        return ()
    file = resources.files(package) / FILE
    if not file.is_file():
        return ()
    try:
        card = msgspec.convert(tomllib.loads(file.read_text("utf-8")), _Card)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    return (
        *(_promise("rules", *each) for each in card.rules.items()),
        *(_promise("suite", *each) for each in card.suite.items()),
    )


def _promise(part: Part, rule: str, said: str) -> Promise:
    said = said.strip()
    if said == "done":
        return Promise(part, rule, "done")
    if said.startswith(_EXEMPT):
        return Promise(part, rule, "exempt", said.removeprefix(_EXEMPT).strip())
    return Promise(part, rule, "open", said)
