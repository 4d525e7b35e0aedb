"""Every page that people see, once. Whoever adds a page adds its line: it is checked, pictured and shown then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["DESKTOP", "PAGES", "PHONE", "THEMES", "Page", "files"]

THEMES = ("light", "dark")
DESKTOP, PHONE = 1280, 390
"""Widths of screens."""


class Page(NamedTuple):
    name: str
    """Of its pictures."""
    path: str
    """What of it is one demo's stands in it as `{user}`, `{key}` and so on: see `Demo.ids`."""
    role: str = ""
    """Whose eyes, by `WHO`; empty: nobody's."""
    phone: bool = False
    """Whether there is a picture of it on a phone."""
    fill: Mapping[str, str] = MappingProxyType({})
    """What is put into its form, by the fields' names or as `#id`, before `press`."""
    press: str = ""
    """The button that leads to what is looked at, as a selector; empty: the page as it comes."""
    then: str = ""
    """A selector of what is there once that has been done; empty: any other page."""
    lands: str = ""
    """The path to which that leads; empty: to the same."""
    status: int = 200
    """Of what is looked at."""
    language: str = "en"
    """Of its pictures; it is checked in both."""
    themes: Sequence[str] = THEMES
    """Of its pictures; it is checked in both."""


def state(name: str, path: str, role: str = "", **more: Any) -> Page:
    """A page after something was done, or on another day: pictured in light alone."""
    return Page(name, path, role, themes=THEMES[:1], **more)


def chinese(page: Page) -> Page:
    """Its picture in Chinese."""
    return page._replace(name=f"{page.name}-zh", language="zh", themes=THEMES[:1], phone=False)


SUBMIT = "main form .button"
LANDING = Page("landing", "/", phone=True)
DOCS = Page("docs", "/docs")
CONSOLE = Page("console-overview", "/console", "user", phone=True)
ADMIN = Page("admin-overview", "/admin", "owner", phone=True)
PASSWORDS = {"password": "{password}", "password_again": "correct house"}
PAGES = (
    LANDING,
    chinese(LANDING),
    DOCS,
    chinese(DOCS),
    Page("models", "/models"),
    Page("status", "/status"),
    Page("login", "/login", phone=True),
    state(
        "login-wrong",
        "/login",
        fill={"email": "nobody@example.com", "password": "correct house"},
        press=SUBMIT,
        status=422,
    ),
    Page(
        "login-code", "/login", fill={"email": "{factor}", "password": "{password}"}, press=SUBMIT, lands="/login/code"
    ),
    Page("login-oidc", "/login/oidc/back", status=422),
    Page("register", "/register"),
    state("register-wrong", "/register", fill={"email": "sam@example.com", **PASSWORDS}, press=SUBMIT, status=422),
    Page("confirm", "/confirm?token={confirm}"),
    state("confirm-over", "/confirm"),
    Page("forgot", "/forgot"),
    state("forgot-mailed", "/forgot", fill={"email": "sam@example.com"}, press=SUBMIT),
    Page("reset", "/reset?token={reset}"),
    state("reset-over", "/reset"),
    Page("email", "/email?token={email}"),
    state("email-over", "/email"),
    Page("error-404", "/nowhere", status=404),
    Page("error-403", "/admin", "user", status=403),
    CONSOLE,
    chinese(CONSOLE),
    state("console-overview-new", "/console", "new"),
    Page("console-keys", "/console/keys", "user", phone=True),
    state("console-keys-new", "/console/keys", "new"),
    state("console-keys-wrong", "/console/keys", "user", fill={"rpm": "many"}, press=SUBMIT, status=422),
    Page("console-key-new", "/console/keys", "new", fill={"label": "laptop"}, press=SUBMIT, then="#curl"),
    Page("console-key", "/console/keys/{key}", "user"),
    Page("console-calls", "/console/calls", "user", phone=True),
    state("console-calls-new", "/console/calls", "new"),
    Page("console-call", "/console/calls/{call}", "user"),
    state("console-call-failed", "/console/calls/{failed}", "user"),
    Page("console-money", "/console/money", "user"),
    state("console-money-new", "/console/money", "new"),
    state("console-money-redeemed", "/console/money", "new", fill={"code": "{code}"}, press=SUBMIT),
    Page("console-playground", "/console/playground", "user", phone=True),
    state(
        "console-playground-answer",
        "/console/playground",
        "user",
        fill={"said": "think: A short answer will do.\nA token is a piece of a word."},
        press="#send",
        then=".turn .cost",
        phone=True,
    ),
    Page("console-account", "/console/account", "user"),
    state(
        "console-account-two-factor",
        "/console/account",
        "user",
        fill={"#factor_password": "{password}"},
        press="#factor_password ~ .button",
        then=".qr",
    ),
    ADMIN,
    chinese(ADMIN),
    Page("admin-users", "/admin/users", "owner"),
    state("admin-users-new", "/admin/users?q=nobody", "owner"),
    Page("admin-user", "/admin/users/{user}", "owner", phone=True),
    state("admin-user-password", "/admin/users/{guest}", "owner", press='button[value="password"]'),
    state("admin-user-as", "/admin/users/{user}", "owner", press='button[value="as"]', lands="/console"),
    Page("admin-keys", "/admin/keys", "owner"),
    Page("admin-upstreams", "/admin/upstreams", "owner"),
    Page("admin-upstream", "/admin/upstreams/singapore", "owner"),
    Page("admin-upstream-file", "/admin/upstreams/frankfurt", "owner"),
    state("admin-upstream-tested", "/admin/upstreams/singapore", "owner", press=SUBMIT, then="#outcome"),
    Page("admin-upstream-new", "/admin/upstreams/new", "owner"),
    Page("admin-models", "/admin/models", "owner"),
    Page("admin-model", "/admin/models/glm-4.5", "owner", phone=True),
    Page("admin-model-file", "/admin/models/deepseek-chat", "owner"),
    Page("admin-model-new", "/admin/models/new", "owner"),
    Page("admin-route", "/admin/route", "owner"),
    Page("admin-route-answer", "/admin/route?model=glm-4.5&key={key}", "owner"),
    Page("admin-plans", "/admin/plans", "owner"),
    state("admin-plan", "/admin/plans?plan=team", "owner"),
    Page("admin-codes", "/admin/codes", "owner"),
    Page("admin-invitations", "/admin/invitations", "owner"),
    state("admin-invitation-new", "/admin/invitations", "owner", press=SUBMIT),
    Page("admin-calls", "/admin/calls", "owner"),
    Page("admin-call", "/admin/calls/{failed}", "owner"),
    Page("admin-usage", "/admin/usage", "owner"),
    Page("admin-audit", "/admin/audit", "owner"),
    Page("admin-tokens", "/admin/tokens", "owner"),
    state("admin-token-new", "/admin/tokens", "owner", fill={"label": "alerts", "scopes": "yes"}, press=SUBMIT),
    Page("admin-settings", "/admin/settings", "owner"),
    Page("admin-plugins", "/admin/plugins", "owner", press="summary", then="details[open]"),
)


def files(page: Page) -> list[str]:
    """The names of its pictures."""
    return [f"{page.name}-{theme}.png" for theme in page.themes] + ([f"{page.name}-phone.png"] if page.phone else [])
