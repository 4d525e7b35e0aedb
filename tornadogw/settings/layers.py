"""Trees of settings whose every value remembers its origin, and how one layer of them lies over another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec
from typing_extensions import override

from tornadogw.errors import SettingsError

__all__ = ["Leaf", "Node", "Tree", "concatenated", "grow", "leaves", "node", "origins", "overlay", "plain", "under"]


class Leaf(msgspec.Struct, frozen=True):
    """One value as it was written. It may be a secret, so only its origin shows."""

    value: Any
    origin: str
    text: bool = False
    """Whether it is the text of a variable whose type is not known yet."""

    @override
    def __repr__(self) -> str:
        return f"Leaf({self.origin})"


Node: TypeAlias = "Leaf | dict[str, Node] | list[dict[str, Node]]"
Tree: TypeAlias = dict[str, Node]


def grow(raw: Mapping[str, Any], origin: Callable[[str], str], prefix: str = "") -> Tree:
    """The tree of plain values; `origin` tells where a full key such as `models[0].name` stands."""
    return {str(name): node(value, origin, f"{prefix}{name}") for name, value in raw.items()}


def node(value: Any, origin: Callable[[str], str], key: str) -> Node:
    """One plain value as a node: a table and a list of tables grow, anything else is a leaf."""
    if isinstance(value, Mapping):
        return grow(value, origin, f"{key}.")
    if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        return [grow(entry, origin, f"{key}[{index}].") for index, entry in enumerate(value)]
    return Leaf(value, origin(key))


def plain(branch: Node) -> Any:
    """The values alone."""
    if isinstance(branch, Leaf):
        return branch.value
    if isinstance(branch, list):
        return [plain(entry) for entry in branch]
    return {name: plain(inner) for name, inner in branch.items()}


def leaves(branch: Node, key: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every value with its full key."""
    if isinstance(branch, Leaf):
        yield key, branch
    elif isinstance(branch, list):
        for index, entry in enumerate(branch):
            yield from leaves(entry, f"{key}[{index}]")
    else:
        for name, inner in branch.items():
            yield from leaves(inner, f"{key}.{name}" if key else name)


def origins(tree: Tree) -> dict[str, str]:
    """Where each full key was set; a table or a list was where its first value was."""
    found: dict[str, str] = {}
    for key, leaf in leaves(tree):
        for end, character in enumerate(f"{key}."):
            if character in ".[":
                found.setdefault(key[:end], leaf.origin)
    return found


def overlay(lower: Tree, upper: Tree) -> Tree:
    """`upper` over `lower`: tables merge, every other value of `upper` wins whole."""
    merged = dict(lower)
    for name, above in upper.items():
        below = merged.get(name)
        merged[name] = overlay(below, above) if isinstance(below, dict) and isinstance(above, dict) else above
    return merged


def under(upper: Tree, lower: Tree, lists: tuple[str, ...]) -> Tree:
    """`lower` under `upper`, where entries of the named lists merge by their `name`: that of `upper` wins."""
    merged = overlay(lower, upper)
    for name in lists:
        above, below = upper.get(name), lower.get(name)
        if isinstance(above, list) and isinstance(below, list):
            taken = {_name(entry) for entry in above}
            merged[name] = [*above, *(entry for entry in below if _name(entry) not in taken)]
    return merged


def _name(entry: Tree) -> Any:
    leaf = entry.get("name")
    return leaf.value if isinstance(leaf, Leaf) else None


def concatenated(first: Tree, second: Tree, prefix: str = "") -> Tree:
    """Two files side by side: tables merge, lists of tables follow each other, anything else may stand in one only."""
    merged = dict(first)
    for name, here in second.items():
        if name not in merged:
            merged[name] = here
            continue
        there = merged[name]
        if isinstance(there, dict) and isinstance(here, dict):
            merged[name] = concatenated(there, here, f"{prefix}{name}.")
        elif isinstance(there, list) and isinstance(here, list):
            merged[name] = [*there, *here]
        else:
            places = (next((leaf.origin for _, leaf in leaves(branch)), "?") for branch in (there, here))
            raise SettingsError(f"{prefix}{name} is set twice: in {' and in '.join(places)}; keep one")
    return merged
