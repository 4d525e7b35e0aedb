"""Bars, as SVG that needs neither script nor style of its own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tornadogw.types import Value

__all__ = ["Bar", "Chart", "bars", "shares"]

WIDTH, HEIGHT = 720, 180
"""Of the drawing, in its own units; it fills the width that it is given."""
_LEAST = 2.0
"""Height of what is not nothing."""
_GAP = 0.25
"""Of a place, between two bars."""


class Bar(Value, frozen=True):
    """One bar, and what it says."""

    label: str
    text: str
    x: str
    y: str
    width: str
    height: str


class Chart(Value, frozen=True):
    """All bars of one drawing."""

    bars: Sequence[Bar]
    most: str
    """What the highest says."""
    width: int = WIDTH
    height: int = HEIGHT
    empty: bool = False


def bars(values: Sequence[tuple[str, int]], said: Callable[[int], str] = str) -> Chart:
    """A bar for each (label, value); values below zero are drawn as nothing. `said`: a value as text."""
    most = max((value for _, value in values), default=0)
    place = WIDTH / max(1, len(values))
    drawn = [
        Bar(label, said(value), *_number(at * place + place * _GAP / 2, HEIGHT - high, place * (1 - _GAP), high))
        for at, (label, value) in enumerate(values)
        for high in [_height(value, most)]
    ]
    return Chart(drawn, said(max(0, most)), empty=most <= 0)


def shares(values: Sequence[int]) -> Sequence[str]:
    """How long a bar beside each value is, in percent of the longest; nothing for values below zero."""
    most = max(values, default=0)
    return [f"{max(_LEAST, value / most * 100):.1f}" if value > 0 else "0" for value in values]


def _height(value: int, most: int) -> float:
    return max(_LEAST, value / most * HEIGHT) if value > 0 else 0.0


def _number(x: float, y: float, width: float, height: float) -> tuple[str, str, str, str]:
    return f"{x:.1f}", f"{y:.1f}", f"{width:.1f}", f"{height:.1f}"
