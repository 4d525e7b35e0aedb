"""Whether a plugin's hooks are what docs/hooks.md says: their names, their arguments, sync or async. Calls nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tornadogw import hookspecs
from tornadogw.settings import did_you_mean
from tornadogw.types import Value

__all__ = ["PREFIX", "Complaint", "check", "specifications"]

PREFIX = "gw_"

Options = Callable[[object, str], Mapping[str, Any] | None]
"""The marker's options on an attribute of a plugin; None: not marked."""


class Complaint(Value, frozen=True):
    """What is wrong with one attribute of a plugin."""

    text: str
    unknown: bool = False
    """There is no such hook: the rest of the plugin can still work."""


def specifications() -> dict[str, Callable[..., Any]]:
    """The hooks by name."""
    return {name: function for name, function in vars(hookspecs).items() if name.startswith(PREFIX)}


def check(plugin: object, options: Options) -> Iterator[Complaint]:
    """Everything that is wrong with `plugin`, attribute by attribute."""
    specs = specifications()
    for name in dir(plugin):
        marked = options(plugin, name)
        if marked is not None:
            hook = marked.get("specname") or name
            if hook in specs:
                yield from _mismatches(hook, getattr(plugin, name), specs[hook], marked)
            elif not marked.get("optionalhook"):
                yield Complaint(f"there is no hook {hook}; {did_you_mean(hook, specs)}", unknown=True)
        elif name.startswith(PREFIX) and callable(inspect.getattr_static(plugin, name)):
            yield Complaint(f"{name} is not marked with @hookimpl, so nobody would call it", unknown=True)


def _mismatches(
    hook: str, function: Callable[..., Any], spec: Callable[..., Any], marked: Mapping[str, Any]
) -> Iterator[Complaint]:
    if marked.get("wrapper") or marked.get("hookwrapper"):
        yield Complaint(f"{hook} cannot be a wrapper")
    wanted = inspect.iscoroutinefunction(spec)
    generates = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    if generates or inspect.iscoroutinefunction(function) is not wanted:
        yield Complaint(f"{hook} must be {'`async def`' if wanted else 'a plain `def`'} and must not yield")
    known = tuple(inspect.signature(spec).parameters)
    for parameter in inspect.signature(function).parameters.values():
        if problem := _problem(parameter, known):
            yield Complaint(f"{hook}: argument {parameter.name} {problem}")


def _problem(parameter: inspect.Parameter, known: tuple[str, ...]) -> str:
    """Arguments are given by name and position, so anything fancy would be left out without a word."""
    if parameter.name not in known:
        takes = f"it is called with {', '.join(known)}" if known else "it is called without arguments"
        return f"is unknown: {takes}"
    if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return "must be a plain one"
    if parameter.default is not inspect.Parameter.empty:
        return "has a default, which would always be taken: leave the default out"
    return ""
