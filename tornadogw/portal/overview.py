"""What a user sees first."""

from __future__ import annotations

from typing import ClassVar

from tornadogw.handlers.base import Access
from tornadogw.portal.private import PrivatePage

__all__ = ["OverviewPage"]


class OverviewPage(PrivatePage):
    access: ClassVar[Access] = "login"
    template: ClassVar[str] = "console_overview.html"
