"""Every page that people see, once. Whoever adds a page adds its line: it is checked, pictured and shown then."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PAGES", "THEMES", "Page", "files"]

THEMES = ("light", "dark")


class Page(NamedTuple):
    name: str
    """Of its pictures."""
    path: str
    """`{user}`, `{key}`, `{call}` are those of the demo."""
    role: str = ""
    """Whose eyes: nobody's, a `user`'s or an `owner`'s."""
    phone: bool = False
    """Whether there is a picture of it on a phone."""


PAGES = (
    Page("landing", "/", phone=True),
    Page("docs", "/docs"),
    Page("models", "/models"),
    Page("status", "/status"),
    Page("login", "/login", phone=True),
    Page("register", "/register"),
    Page("console-overview", "/console", "user", phone=True),
    Page("console-keys", "/console/keys", "user", phone=True),
    Page("console-key", "/console/keys/{key}", "user"),
    Page("console-calls", "/console/calls", "user"),
    Page("console-call", "/console/calls/{call}", "user"),
    Page("console-money", "/console/money", "user"),
    Page("console-playground", "/console/playground", "user", phone=True),
    Page("console-account", "/console/account", "user"),
    Page("admin-overview", "/admin", "owner", phone=True),
    Page("admin-users", "/admin/users", "owner"),
    Page("admin-user", "/admin/users/{user}", "owner", phone=True),
    Page("admin-keys", "/admin/keys", "owner"),
    Page("admin-upstreams", "/admin/upstreams", "owner"),
    Page("admin-models", "/admin/models", "owner"),
    Page("admin-route", "/admin/route", "owner"),
    Page("admin-plans", "/admin/plans", "owner"),
    Page("admin-codes", "/admin/codes", "owner"),
    Page("admin-invitations", "/admin/invitations", "owner"),
    Page("admin-calls", "/admin/calls", "owner"),
    Page("admin-call", "/admin/calls/{call}", "owner"),
    Page("admin-usage", "/admin/usage", "owner"),
    Page("admin-audit", "/admin/audit", "owner"),
    Page("admin-tokens", "/admin/tokens", "owner"),
    Page("admin-settings", "/admin/settings", "owner"),
    Page("admin-plugins", "/admin/plugins", "owner"),
)


def files(page: Page) -> list[str]:
    """The names of its pictures."""
    return [f"{page.name}-{theme}.png" for theme in THEMES] + ([f"{page.name}-phone.png"] if page.phone else [])
