"""`tornadogw` and `python -m tornadogw`: the one place that knows both the command line and the server."""

from __future__ import annotations

import sys
from typing import Any

from tornadogw.cli import main as run


def serve(*arguments: Any, **options: Any) -> int:
    from tornadogw.server import serve as start  # noqa: PLC0415 - no other command needs a server

    return start(*arguments, **options)


def main() -> None:
    sys.exit(run(serve=serve))


if __name__ == "__main__":
    main()
