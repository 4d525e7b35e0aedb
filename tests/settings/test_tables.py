from __future__ import annotations

import msgspec
import pytest

from tornadogw.settings.tables import Model, Mongo, PriceRow, Route, Server, Settings, Upstream

SECRET = "sk-very-secret"


def test_defaults_are_those_of_the_design():
    settings = Settings()
    server = settings.server
    assert (server.host, server.port, server.prefix, server.workers) == ("127.0.0.1", 8080, "/xlei/v1", 1)
    assert (server.language, server.cors_origins, server.trusted_proxies) == ("zh", ["*"], [])
    assert (server.max_body_bytes, server.body_timeout) == (33554432, 30)
    assert (settings.mongo.url, settings.mongo.database) == ("", "tornadogw")
    limits = settings.limits
    assert (limits.ip_per_minute, limits.key_per_minute, limits.window) == (500, 100, 60)
    assert (limits.key_tokens_per_minute, limits.key_concurrent) == (0, 0)
    defaults = settings.defaults
    assert (defaults.model, defaults.max_tokens, defaults.temperature) == ("auto", 1000, 0.7)
    assert (settings.plugins.folder, settings.plugins.block) == ("plugins.d", [])
    assert settings.upstreams == []
    assert settings.models == []


def test_defaults_are_not_shared():
    assert Server().cors_origins is not Server().cors_origins


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        Server().port = 1


@pytest.mark.parametrize(
    "table",
    [
        Server(secret=SECRET),
        Mongo(url=f"mongodb://user:{SECRET}@host/?replicaSet=rs"),
        Upstream(name="a", vendor="b", keys=[SECRET]),
        Upstream(name="a", vendor="b", proxy=f"http://user:{SECRET}@proxy:1"),
        Upstream(name="a", vendor="b", base_url=f"https://user:{SECRET}@host"),
        Upstream(name="a", vendor="b", options={"secret_access_key": SECRET, "region": "eu"}),
        Settings(server=Server(secret=SECRET), upstreams=[Upstream(name="a", vendor="b", keys=[SECRET])]),
        Settings(plugin={"log": {"api_key": SECRET}}),
    ],
)
def test_no_repr_shows_a_secret(table):
    for shown in (repr(table), str(table), f"{table}", repr(table.__rich_repr__())):
        assert SECRET not in shown
        assert "****" in shown


def test_a_repr_shows_what_is_no_secret():
    shown = repr(Upstream(name="a", vendor="b", keys=["env:KEY"], options={"region": "eu"}))
    assert "name='a'" in shown
    assert "env:KEY" in shown
    assert "'region': 'eu'" in shown


def test_a_model_needs_a_price():
    with pytest.raises(msgspec.ValidationError, match="price"):
        msgspec.convert({"name": "m", "routes": []}, Model)
    row = PriceRow(input="1", output="2")
    assert Model(name="m", price=row, routes=[Route(upstream="u", model="x")]).modes == ["chat", "completion"]
