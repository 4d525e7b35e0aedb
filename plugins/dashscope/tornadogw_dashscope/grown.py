"""Pieces of a text that may be increments, or the whole so far: which it is shows as they come.

Increments are asked for always. Some models send the whole text so far each time all the same.
"""

from __future__ import annotations

__all__ = ["Grown"]

PROOFS = 2
"""Pieces, each longer than the one before and beginning with it, after which they are the whole so far. Increments
would have to double each time."""
CERTAIN = 16
"""Characters that such a piece must have: short ones may double by chance, as laughter does."""


REPEATS = 3
"""Times that a piece comes again, never having grown, before it counts as an increment: a text that grows does so."""


class Grown:
    """One text in pieces. While both readings are possible, only what they agree on is told."""

    __slots__ = ("_added", "_decided", "_latest", "_proofs", "_repeats", "_told")

    def __init__(self) -> None:
        self._decided = ""
        self._added = ""  # the text, if the pieces are increments
        self._latest = ""  # the text, if each piece is all of it
        self._proofs = 0
        self._repeats = 0
        self._told = 0  # characters

    def feed(self, piece: str) -> str:
        """What is certain now and was not told before."""
        if self._decided == "increments":
            return piece
        if self._decided == "whole":
            return self._grow(piece)
        self._added += piece
        self._repeats = self._repeats + 1 if piece and piece == self._latest else 0
        if not piece.startswith(self._latest) or (not self._proofs and self._repeats >= REPEATS):
            self._decided = "increments"
            new, self._added, self._latest = self._tell(self._added), "", ""
            return new
        self._proofs += bool(self._latest) and len(piece) > len(self._latest)
        self._latest = piece
        if self._proofs >= PROOFS and len(piece) >= CERTAIN:
            self._decided, self._added = "whole", ""
            return self._tell(piece)
        return self._tell(piece[: _agreed(self._added, piece)])

    def end(self) -> str:
        """What was held back: without proof of increments, the last piece is the whole text."""
        if self._decided:
            return ""
        self._decided = "whole"
        return self._tell(self._latest)

    def _grow(self, piece: str) -> str:
        """A piece that does not continue what was told changes nothing: it cannot be taken back."""
        if not piece.startswith(self._latest):
            return ""
        self._latest = piece
        return self._tell(piece)

    def _tell(self, text: str) -> str:
        new = text[self._told :]
        self._told = max(self._told, len(text))
        return new


def _agreed(one: str, other: str) -> int:
    """Characters that two texts begin with alike."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(at for at in range(shorter) if one[at] != other[at])
