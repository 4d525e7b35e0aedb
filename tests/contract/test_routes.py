"""Every route says who may call it, and the start stops at one that does not."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest

from tornadogw import app
from tornadogw.handlers import base


def own(handler, name):
    """The nearest class that says it, but never the base: silence must not be an answer."""
    return next(
        (vars(kind)[name] for kind in inspect.getmro(handler) if name in vars(kind) and kind is not base.BaseHandler),
        None,
    )


def test_every_route_declares_its_access():
    table = app.routes("/xlei/v1")
    assert {"/healthz", "/readyz", "/v1/chat/completions", "/xlei/v1/completions"} <= {route.path for route in table}
    for route in table:
        assert own(route.handler, "access") in get_args(base.Access), route.path
    assert "access" not in vars(base.BaseHandler)


def test_everything_under_the_api_needs_a_key():
    for route in app.routes("/xlei/v1"):
        if route.path.startswith(("/v1", "/xlei/v1")):
            assert route.handler.access == "key", route.path


@pytest.mark.parametrize("said", [{}, {"access": "everybody"}])
def test_a_route_that_does_not_say_stops_the_start(said):
    silent = type("SilentHandler", (base.BaseHandler,), said)
    with pytest.raises(RuntimeError, match="SilentHandler does not say who may call it"):
        app.audit([app.Route("/silent", silent)])
