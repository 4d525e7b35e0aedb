"""`tornadogw` and `python -m tornadogw`: the one place that knows both the command line and the server."""

from __future__ import annotations

import sys
from typing import Any

from tornadogw.cli import main as run

__all__ = ["main"]


def serve(**options: Any) -> int:
    """What `tornadogw.server.serve` does; no other command needs a server, so none waits for its import."""
    from tornadogw import server  # noqa: PLC0415 - as said above

    return server.serve(server.ServeOptions(**options))


def main() -> None:
    sys.exit(run(serve))


if __name__ == "__main__":
    main()
