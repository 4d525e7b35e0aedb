"""The gateway as processes: a supervisor, and workers with sockets, connections and a stop that loses nothing.

Only the supervisor is imported here: it needs none of what its workers need, and starts in a fraction of their time.
"""

from __future__ import annotations

from tornadogw.server.serving import ServeOptions, Serving
from tornadogw.server.supervisor import serve

__all__ = ["ServeOptions", "Serving", "serve"]
