from __future__ import annotations

import dataclasses

import msgspec
import pytest

from tornadogw.errors import SettingsError
from tornadogw.settings.layers import Leaf, grow
from tornadogw.settings.shape import build
from tornadogw.settings.tables import Settings, Timeouts


class Inner(msgspec.Struct):
    size: int = 1


@dataclasses.dataclass
class Own:
    path: str = "x"
    inner: Inner = dataclasses.field(default_factory=Inner)
    ratio: float | None = None

    def __post_init__(self):
        if self.path == "bad":
            raise ValueError("path must not be bad")


NAMED = {"name": "a", "vendor": "v"}
PORT = "a whole number, at least 0 and at most 65535"


def grown(raw):
    return grow(raw, lambda key: f"s.toml:{key}")


def problems(table, raw, key=""):
    with pytest.raises(SettingsError) as caught:
        build(table, grown(raw), key)
    return str(caught.value).split("\n")


def test_nothing_gives_the_defaults():
    assert build(Settings, {}) == Settings()


def test_a_whole_tree():
    settings = build(Settings, grown({"timeouts": {"idle": 3}, "upstreams": [{"name": "a", "vendor": "v"}]}))
    assert settings.timeouts == Timeouts(idle=3.0)
    assert type(settings.timeouts.idle) is float
    assert settings.upstreams[0].vendor == "v"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"server": {"prot": 1}}, "s.toml:server.prot: server.prot is no setting; did you mean server.port?"),
        ({"sever": {"port": 1}}, "s.toml:sever.port: sever is no setting; did you mean server?"),
        ({"server": {"ip_per_minute": 1}}, "server.ip_per_minute is no setting; did you mean limits.ip_per_minute?"),
        ({"port": 1}, "port is no setting; did you mean server.port?"),
        ({"limits": {"zzz": 1}}, "limits.zzz is no setting; known: ip_per_minute, key_concurrent, key_per_minute, "),
        ({"upstreams": [{**NAMED, "key": "k"}]}, "upstreams[0].key is no setting; did you mean upstreams[0].keys?"),
        ({"upstreams": [{**NAMED, "timeouts": {"idel": 1}}]}, "did you mean upstreams[0].timeouts.idle?"),
        ({"upstreams": [{"name": "a"}]}, 's.toml:upstreams[0].name: upstreams[0] "a" has no vendor'),
        ({"models": [{"name": "m", "routes": []}]}, 'models[0] "m" has no price'),
        ({"upstreams": [{}]}, "upstreams[0] has no name and no vendor"),
        ({"server": {"port": "1"}}, f's.toml:server.port: server.port must be {PORT}, not "1"'),
        ({"server": {"port": 65536}}, "not 65536"),
        ({"server": {"port": True}}, "not true"),
        ({"server": {"language": "de"}}, 'server.language must be one of "en", "zh", not "de"'),
        ({"server": {"trusted_proxies": "10.0.0.0/8"}}, 'must be a list, each item text in quotes, not "10.0.0.0/8"'),
        ({"server": {"body_timeout": float("inf")}}, "server.body_timeout must be a number, above 0 and at most 86400"),
        ({"server": 1}, "server must be a table, not 1"),
        ({"server": {"port": {"a": 1}}}, f'server.port must be {PORT}, not {{"a": 1}}'),
        ({"models": {"name": "m"}}, "models is a list of tables: write [[models]]"),
        ({"models": 3}, "models must be a list, each item a table, not 3"),
        ({"plugin": {"a": 1}}, "plugin must be a table, not"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(raw, sentence):
    (problem,) = problems(Settings, raw)
    assert sentence in problem
    assert problem.startswith("s.toml:") or raw == {"upstreams": [{}]}  # nothing stands anywhere


def test_prices_are_text():
    raw = {"models": [{"name": "m", "routes": [], "price": {"input": 0.27, "output": "1"}}]}
    assert "models[0].price.input must be text in quotes, not 0.27" in problems(Settings, raw)[0]


def test_all_problems_come_at_once():
    assert len(problems(Settings, {"server": {"prot": 1, "port": "x"}, "mongo": {"database": 3}})) == 3


@pytest.mark.parametrize(
    "raw", [{"server": {"secret": 12345}}, {"upstreams": [{"name": "a", "vendor": "v", "keys": "12345"}]}]
)
def test_a_wrong_secret_is_not_shown(raw):
    (problem,) = problems(Settings, raw)
    assert "12345" not in problem
    assert "****" in problem


def test_an_unknown_variable_gets_the_name_of_the_right_one():
    tree = {"server": {"prot": Leaf("1", "env TORNADOGW_SERVER__PROT")}}
    with pytest.raises(SettingsError, match=r"env TORNADOGW_SERVER__PROT: .* did you mean TORNADOGW_SERVER__PORT\?"):
        build(Settings, tree)


def test_one_entry_by_variable_is_told_how():
    tree = {"upstreams": {"0": {"name": Leaf("a", "env TORNADOGW_UPSTREAMS__0__NAME")}}}
    with pytest.raises(SettingsError, match="upstreams is a list of tables: set TORNADOGW_UPSTREAMS to all of it"):
        build(Settings, tree)


def test_a_plugins_own_table():
    assert build(Own, grown({"inner": {"size": 3}, "ratio": 1}), "plugin.own") == Own(inner=Inner(3), ratio=1.0)
    assert problems(Own, {"inner": {"sise": 3}}, "plugin.own") == [
        "s.toml:inner.sise: plugin.own.inner.sise is no setting; did you mean plugin.own.inner.size?"
    ]
    assert problems(Own, {"path": "bad"}, "plugin.own") == ["s.toml:path: plugin.own: path must not be bad"]


def test_text_of_a_variable_takes_the_type_of_its_key():
    tree = {"inner": {"size": Leaf("3", "env X", text=True)}, "path": Leaf("3", "env Y", text=True)}
    assert build(Own, tree) == Own(path="3", inner=Inner(3))
    with pytest.raises(SettingsError, match=r'env X: inner\.size must be a whole number, not "x"'):
        build(Own, {"inner": {"size": Leaf("x", "env X", text=True)}})
