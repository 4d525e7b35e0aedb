"""The table of routes and the Tornado application over it. Each route's handler says who may call it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tornado.httputil import HTTPConnection, HTTPServerRequest
from tornado.web import Application
from typing_extensions import override

from tornadogw.handlers.admin.base import AdminHandler
from tornadogw.handlers.admin.openapi import OpenApiHandler
from tornadogw.handlers.admin.operation import BASE
from tornadogw.handlers.api import ApiHandler
from tornadogw.handlers.base import BaseHandler, Current, Date
from tornadogw.handlers.completions import CompletionsHandler
from tornadogw.handlers.health import HealthHandler, NowhereHandler, ReadyHandler
from tornadogw.handlers.metrics import MetricsHandler, OwnAddressHandler
from tornadogw.handlers.models import ModelHandler, ModelsHandler, UnknownHandler
from tornadogw.handlers.openapi import PublicOpenApiHandler
from tornadogw.handlers.requests import RequestsHandler
from tornadogw.handlers.turn import Turn
from tornadogw.observe import Access
from tornadogw.portal.account import AccountPage
from tornadogw.portal.admin_calls import CallPage, CallsPage
from tornadogw.portal.admin_keys import KeysPage
from tornadogw.portal.admin_overview import AdminOverviewPage
from tornadogw.portal.admin_system import AuditPage, PluginsPage, SettingsPage, UpstreamsPage
from tornadogw.portal.admin_tokens import TokensPage
from tornadogw.portal.admin_trade import CodesPage, InvitationsPage, PlansPage
from tornadogw.portal.admin_usage import UsagePage
from tornadogw.portal.admin_user import BackPage, UserPage
from tornadogw.portal.admin_users import UsersPage
from tornadogw.portal.calls import MyCallPage, MyCallsCsv, MyCallsPage
from tornadogw.portal.entry import LoginPage, LogoutPage, RegisterPage
from tornadogw.portal.keys import MyKeyPage, MyKeysPage
from tornadogw.portal.letters import ConfirmPage, EmailPage, ForgotPage, ResetPage
from tornadogw.portal.money import MoneyPage
from tornadogw.portal.oidc import OidcBackPage, OidcPage
from tornadogw.portal.overview import OverviewPage
from tornadogw.portal.page import AssetHandler
from tornadogw.portal.pages import loaded
from tornadogw.portal.playground import PlaygroundCostPage, PlaygroundHandler, PlaygroundPage
from tornadogw.portal.private import PrivatePage
from tornadogw.portal.public import DocsPage, LandingPage, ModelsPage, NowherePage, StatusPage
from tornadogw.portal.supply import DryRunPage, ModelPage, ModelsAdminPage, UpstreamPage
from tornadogw.portal.two_factor import CodePage
from tornadogw.types import Value

__all__ = ["METRICS", "App", "Route", "routes"]


class Route(Value, frozen=True):
    """One path. With `rest`, every path below it, whose remainder is the handler's argument."""

    path: str
    handler: type[BaseHandler]
    under_prefix: bool = False
    rest: bool = False


_HIDDEN = (NowhereHandler, MetricsHandler)
"""Where nothing is, and what looks so to who has no token: the same page for people, too."""
METRICS = (Route("/metrics", OwnAddressHandler),)
"""All that the address for scrapers serves."""


def routes(prefix: str) -> Sequence[Route]:
    """Every route. The API stands under `prefix`, under `prefix/v1` (clients that append `/v1`) and under `/v1`."""
    table = [Route("/healthz", HealthHandler), Route("/readyz", ReadyHandler), Route("/metrics", MetricsHandler)]
    table += [Route(f"{BASE}openapi.json", OpenApiHandler), Route(BASE, AdminHandler, rest=True)]
    table += [Route("/openapi.json", PublicOpenApiHandler)]
    for base, under_prefix in ((f"{prefix}/v1", True), (prefix, True), ("/v1", False)):
        table += [
            Route(f"{base}/chat/completions", CompletionsHandler, under_prefix),
            Route(f"{base}/completions", CompletionsHandler, under_prefix),
            Route(f"{base}/models", ModelsHandler, under_prefix),
            Route(f"{base}/requests/", RequestsHandler, under_prefix, rest=True),
            Route(f"{base}/models/", ModelHandler, under_prefix, rest=True),
        ]
    table += [Route(prefix, UnknownHandler, under_prefix=True, rest=True), Route("/v1", UnknownHandler, rest=True)]
    return table


def pages() -> Sequence[Route]:
    """What people see in a browser."""
    return [
        Route("/", LandingPage),
        Route("/docs", DocsPage),
        Route("/models", ModelsPage),
        Route("/status", StatusPage),
        Route("/login", LoginPage),
        Route("/login/code", CodePage),
        Route("/login/oidc", OidcPage),
        Route("/login/oidc/back", OidcBackPage),
        Route("/register", RegisterPage),
        Route("/confirm", ConfirmPage),
        Route("/email", EmailPage),
        Route("/forgot", ForgotPage),
        Route("/reset", ResetPage),
        Route("/logout", LogoutPage),
        Route("/console", OverviewPage),
        Route("/console/account", AccountPage),
        Route("/console/calls", MyCallsPage),
        Route("/console/calls.csv", MyCallsCsv),
        Route("/console/calls/", MyCallPage, rest=True),
        Route("/console/keys", MyKeysPage),
        Route("/console/money", MoneyPage),
        Route("/console/playground", PlaygroundPage),
        Route("/console/playground/chat", PlaygroundHandler),
        Route("/console/playground/", PlaygroundCostPage, rest=True),
        Route("/console/keys/", MyKeyPage, rest=True),
        Route("/admin", AdminOverviewPage),
        Route("/admin/users", UsersPage),
        Route("/admin/users/", UserPage, rest=True),
        Route("/admin/keys", KeysPage),
        Route("/admin/upstreams", UpstreamsPage),
        Route("/admin/upstreams/", UpstreamPage, rest=True),
        Route("/admin/models", ModelsAdminPage),
        Route("/admin/models/", ModelPage, rest=True),
        Route("/admin/route", DryRunPage),
        Route("/admin/plans", PlansPage),
        Route("/admin/codes", CodesPage),
        Route("/admin/invitations", InvitationsPage),
        Route("/admin/calls", CallsPage),
        Route("/admin/calls/", CallPage, rest=True),
        Route("/admin/usage", UsagePage),
        Route("/admin/audit", AuditPage),
        Route("/admin/tokens", TokensPage),
        Route("/admin/settings", SettingsPage),
        Route("/admin/plugins", PluginsPage),
        Route("/back", BackPage),
        Route("/static/", AssetHandler, rest=True),
    ]


class App(Application):
    """Finds handlers by one look into a table, and gives each request its turn (`handlers/turn.py`)."""

    def __init__(
        self, current: Current, access_log: Callable[[Access], None] | None, table: Sequence[Route] | None = None
    ) -> None:
        """`table`: what it serves; None: everything."""
        super().__init__([], log_function=self._log, date=Date())
        self._current, self._access_log = current, access_log
        if table is None:
            settings = current.parts.settings
            table = routes(settings.server.prefix)
            if settings.portal.enabled:
                table = [*table, *pages()]
                self.settings |= {
                    "pages": loaded(),
                    "cookie_secret": current.parts.secret.derive("cookies/1").hex(),
                    "xsrf_cookie_kwargs": {"httponly": True, "samesite": "Lax"},
                }
        audit(table)
        self._exact = {route.path: route for route in reversed(table) if not route.rest}
        self._below = [route for route in table if route.rest]

    @override
    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> Turn:
        return Turn(self._handler, server_conn, request_conn)

    def _handler(self, request: HTTPServerRequest) -> tuple[BaseHandler, list[str]]:
        """Who answers, and what is left of the path for its verb."""
        path = request.path if len(request.path) == 1 else request.path.rstrip("/")
        route, rest = self._exact.get(path), ""
        if route is None:
            route, rest = self._deeper(path)
        if route.handler in _HIDDEN and self._for_people(request):
            route = Route(path, NowherePage)
        handler = route.handler(self, request, parts=self._current.parts, under_prefix=route.under_prefix)
        return handler, [rest] if rest else []

    def _deeper(self, path: str) -> tuple[Route, str]:
        for route in self._below:
            inside = path.startswith(route.path) and (
                route.path.endswith("/") or path[len(route.path) :][:1] in ("", "/")
            )
            if inside:
                return route, path[len(route.path) :] if route.path.endswith("/") else ""
        return Route(path, NowhereHandler), ""

    def _for_people(self, request: HTTPServerRequest) -> bool:
        """Whether a browser asks for a page: programs do not say that they read HTML, or they say who they are."""
        html = "text/html" in request.headers.get("Accept", "") and "Authorization" not in request.headers
        return html and request.method in NowherePage.verbs and "pages" in self.settings

    def _log(self, handler: Any) -> None:
        metrics = handler.parts.metrics
        if metrics is not None and isinstance(handler, ApiHandler):
            metrics.answered(handler.get_status())
        if self._access_log is None:
            return
        request = handler.request
        caller = getattr(handler, "_caller", None)
        line = Access(
            at=time.time(),
            method=request.method,
            path=request.path,
            status=handler.get_status(),
            ms=request.request_time() * 1000,
            request_id=getattr(handler, "request_id", ""),
            address=request.remote_ip,
            key_id=caller.key_id if caller is not None else "",
        )
        self._access_log(line)


GUARDS: Mapping[str, type[BaseHandler] | tuple[type[BaseHandler], ...]] = {
    "public": BaseHandler,
    "key": ApiHandler,
    "login": (PrivatePage, PlaygroundHandler),
    "reader": PrivatePage,
    "operator": PrivatePage,
    "owner": PrivatePage,
    "token": AdminHandler,
}
"""Whose `check` lets only those in that a handler's `access` names."""


def audit(table: Sequence[Route]) -> None:
    """No route without a word on who may call it, and none that does not keep it: the start stops otherwise."""
    for route in table:
        guard = GUARDS.get(getattr(route.handler, "access", ""))
        if guard is None or not issubclass(route.handler, guard):
            raise RuntimeError(f"{route.handler.__name__} does not say who may call it")
