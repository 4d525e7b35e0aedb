"""One serving process: sockets, connections, signals, and a stop that loses nothing."""

from __future__ import annotations

from tornadogw.server.process import ServeOptions, Serving, serve

__all__ = ["ServeOptions", "Serving", "serve"]
