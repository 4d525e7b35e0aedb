from __future__ import annotations

import pytest

from tornadogw.catalogue import Catalogue, Deadlines
from tornadogw.errors import SettingsError
from tornadogw.settings import Settings, load
from tornadogw.types import Caller, Credential, Price, Traits
from tornadogw.vendor import Vendor

TEXT = """
[timeouts]
idle = 33
[[upstreams]]
name = "near"
vendor = "acme"
keys = ["env:ONE", "sk-two"]
priority = 3
weight = 2
timeouts = { total = 100, connect = 2 }
options = { region = "eu" }
[[upstreams]]
name = "far"
vendor = "own"
base_url = "http://far.example/v1/"
proxy = "http://proxy.example:1"
[[models]]
name = "chat"
aliases = ["talk", "small-talk"]
fallbacks = ["deep"]
context = 8000
strategy = "sticky"
price = { input = "1", output = "2" }
timeouts = { total = 50 }
routes = [
  { upstream = "near", model = "acme-chat", weight = 7, public_name = "chat-v1", cost = { input = "0.5" } },
  { upstream = "far", model = "slow-chat", priority = 9, context = 4000 },
]
[[models]]
name = "thinker"
aliases = ["deep"]
modes = ["chat"]
capabilities = ["tools"]
price = { input = "1", output = "2" }
routes = [{ upstream = "near", model = "think" }]
"""


class Acme(Vendor):
    name = "acme"
    base_url = "https://acme.example/v1"

    def __init__(self):
        self.asked = []

    def traits(self, model):
        self.asked.append(model)
        return Traits(pace="reasoning" if model == "think" else "", completion="native")


class Own(Vendor):
    name = "own"

    def traits(self, model):
        return Traits(pace="self-hosted")


class Echo(Vendor):
    name = "echo"


@pytest.fixture
def vendors():
    return {"acme": Acme(), "own": Own(), "echo": Echo()}


@pytest.fixture
def build(tmp_path, vendors):
    def make(text):
        path = tmp_path / "settings.toml"
        path.write_text(text)
        environ = {"ONE": "sk-one"}
        return Catalogue.build(load(path, tmp_path, environ, {}).settings, vendors, environ)

    return make


def model(name, more=""):
    return (
        f'[[models]]\nname = "{name}"\nprice = {{ input = "0", output = "0" }}\n'
        f'routes = [{{ upstream = "near", model = "x" }}]\n{more}\n'
    )


UPSTREAM = '[[upstreams]]\nname = "near"\nvendor = "acme"\n'


def test_a_model_is_found_by_every_name(build):
    catalogue = build(TEXT)
    chat = catalogue.find("chat")
    assert chat is catalogue.find("talk") is catalogue.find("small-talk")
    assert catalogue.find("auto") is None
    assert catalogue.find("nothing") is None
    assert [entry.name for entry in catalogue.models] == ["chat", "thinker"]


def test_a_model_has_what_the_settings_say(build):
    chat, thinker = build(TEXT).models
    assert (chat.aliases, chat.fallbacks, chat.context) == (("talk", "small-talk"), ("thinker",), 8000)
    assert (chat.modes, chat.capabilities) == ({"chat", "completion"}, None)
    assert (thinker.modes, thinker.capabilities) == ({"chat"}, {"tools"})
    assert chat.price == Price(1_000_000, 2_000_000)
    assert chat.timeouts.total == 50
    assert (chat.strategy, thinker.strategy) == ("sticky", "weight")
    assert [each.context for each in (*chat.routes, *thinker.routes)] == [8000, 4000, None]
    assert chat.routes[0].place == ("near", "acme-chat")


def test_a_route_has_all_that_a_call_needs(build, vendors):
    near, far = build(TEXT).find("chat").routes
    assert near.vendor is vendors["acme"]
    assert (near.upstream, near.model, near.model_name) == ("near", "acme-chat", "chat")
    assert (near.base_url, far.base_url) == ("https://acme.example/v1", "http://far.example/v1")
    assert (near.proxy, far.proxy) == ("", "http://proxy.example:1")
    assert near.options == {"region": "eu"}
    assert (near.price, near.cost, far.cost) == (Price(1_000_000, 2_000_000), Price(500_000, 0), None)
    assert (near.public_name, far.public_name) == ("chat-v1", "")
    assert near.traits.completion == "native"


def test_priority_and_weight_of_the_route_beat_those_of_the_upstream(build):
    near, far = build(TEXT).find("chat").routes
    assert (near.priority, near.weight) == (3, 7)
    assert (far.priority, far.weight) == (9, 1)


def test_every_key_is_a_credential(build):
    near, far = build(TEXT).find("chat").routes
    assert near.credentials == (Credential("near#1", "sk-one"), Credential("near#2", "sk-two"))
    assert far.credentials == (Credential("far", ""),)
    assert "sk-" not in repr(near)
    assert "sk-" not in repr(build(TEXT).models)


def test_a_route_shows_no_password_in_its_address(build):
    text = UPSTREAM.replace('"acme"', '"own"\nbase_url = "http://me:pepper@h"') + model("m")
    route = build(text).find("m").routes[0]
    assert "pepper" not in repr(route) + repr(route.__rich_repr__())
    assert route.base_url == "http://me:pepper@h"


def test_deadlines_model_beats_upstream_beats_global_beats_pace(build):
    catalogue = build(TEXT)
    near, far = catalogue.find("chat").routes
    assert near.deadlines == Deadlines(connect=2, first_event=12, idle=33, total=50)
    assert far.deadlines == Deadlines(connect=5, first_event=300, idle=33, total=50)
    assert catalogue.find("thinker").routes[0].deadlines == Deadlines(connect=2, first_event=60, idle=33, total=100)


def test_an_unknown_pace_is_the_standard_one(build, vendors):
    vendors["acme"].traits = lambda name: Traits(pace="glacial")
    assert build(UPSTREAM + model("m")).find("m").routes[0].deadlines == Deadlines(5, 12, 25, 600)


def test_traits_are_asked_once_a_route(build, vendors):
    catalogue = build(TEXT)
    for _ in range(3):
        catalogue.find("chat")
    assert vendors["acme"].asked == ["acme-chat", "think"]


@pytest.mark.parametrize(
    ("ranks", "order"),
    [({}, "abc"), ({"c": 1, "a": 2}, "ca"), ({"b": 0}, "b"), ({"a": 1, "b": 1, "c": -1}, "cab")],
)
def test_auto_order(build, ranks, order):
    text = UPSTREAM + "".join(model(name, f"auto = {ranks[name]}" if name in ranks else "") for name in "abc")
    assert [entry.name for entry in build(text).auto_order()] == list(order)


def test_visible_are_the_models_of_the_key(build):
    catalogue = build(TEXT)

    def seen(models):
        return [entry.name for entry in catalogue.visible(Caller("a", "k", models=models))]

    assert seen(None) == ["chat", "thinker"]
    assert seen(frozenset(["thinker", "gone"])) == ["thinker"]
    assert seen(frozenset(["talk"])) == ["chat"]
    assert seen(frozenset()) == []


def test_without_upstreams_there_is_echo(vendors):
    catalogue = Catalogue.build(Settings(), vendors, {})
    (echo,) = catalogue.models
    (route,) = echo.routes
    assert catalogue.find("echo") is echo
    assert catalogue.auto_order() == [echo]
    assert (echo.price, route.vendor, route.upstream, route.model) == (Price(0, 0), vendors["echo"], "echo", "echo")
    assert route.credentials == (Credential("echo", ""),)
    assert echo.modes == {"chat", "completion"}


def test_with_one_upstream_echo_is_gone(build):
    assert build(TEXT).find("echo") is None
    assert build(UPSTREAM).models == ()


def test_an_operator_may_route_to_the_echo_vendor(build, vendors):
    route = build(UPSTREAM.replace("acme", "echo") + model("m")).find("m").routes[0]
    assert route.vendor is vendors["echo"]


def test_without_upstreams_and_without_echo_there_is_no_start():
    with pytest.raises(SettingsError, match="echo is blocked: configure one"):
        Catalogue.build(Settings(), {}, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (UPSTREAM.replace("acme", "acne"), 'upstream "near": vendor "acne" is unknown; did you mean "acme"?'),
        (UPSTREAM.replace("acme", "own"), 'upstream "near": vendor "own" has no address of its own; set base_url'),
    ],
)
def test_what_cannot_be_built_is_told(build, text, sentence):
    with pytest.raises(SettingsError) as caught:
        build(text)
    assert str(caught.value) == sentence


def test_a_secret_that_has_gone_is_told(build, tmp_path, vendors):
    path = tmp_path / "s.toml"
    path.write_text(UPSTREAM + 'keys = ["env:ONE"]\n' + model("m"))
    settings = load(path, tmp_path, {"ONE": "sk-one"}, {}).settings
    with pytest.raises(SettingsError, match='upstream "near": `env:ONE`'):
        Catalogue.build(settings, vendors, {})
