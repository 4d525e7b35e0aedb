"""A server that can be frozen, as the stores have it."""

from __future__ import annotations

from tests.store.conftest import freezer

__all__ = ["freezer"]
