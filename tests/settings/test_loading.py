from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.settings.toml_text import dumps, text
from tornadogw.errors import SettingsError
from tornadogw.settings import Settings, check_plugin_names, load, plugin_table, settings_path
from tornadogw.settings.environment import variable
from tornadogw.settings.loading import Loaded
from tornadogw.settings.secrecy import is_reference

# Each example writes and reads files, on machines that others use too.
SLOWLY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="#"), min_size=1, max_size=8)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda text: not is_reference(text))
SECRET = TEXT.filter(lambda text: not text.startswith(("env:", "file:")))
SECONDS = st.floats(0.001, 86400)
TIMEOUTS = st.fixed_dictionaries({}, optional=dict.fromkeys(("connect", "first_event", "idle", "total"), SECONDS))
PRICE = st.decimals(0, 10**6, places=4).map(str)
PRICES = st.fixed_dictionaries(
    {"input": PRICE, "output": PRICE}, optional={"cached_input": PRICE, "cache_write": PRICE, "reasoning": PRICE}
)
SINGLE = {
    "server.host": WORD,
    "server.port": st.integers(0, 65535),
    "server.prefix": st.from_regex(r"/x[a-z0-9]{0,9}", fullmatch=True),
    "server.secret": SECRET,
    "server.language": st.sampled_from(["zh", "en"]),
    "server.trusted_proxies": st.lists(st.ip_addresses().map(str), max_size=3),
    "server.body_timeout": SECONDS,
    "money.currency": st.from_regex("[A-Z]{3}", fullmatch=True),
    "money.time_zone": st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin"]),
    "limits.ip_per_minute": st.integers(1, 10**6),
    "defaults.temperature": st.floats(0, 2),
    "timeouts.total": SECONDS,
    "plugins.block": st.lists(WORD, max_size=3),
}
OPTIONS = st.dictionaries(
    WORD, st.one_of(TEXT, st.integers(-99, 99), st.booleans(), st.lists(st.integers(0, 9))), max_size=3
)


@st.composite
def trees(draw):
    """A tree of settings that keep every rule."""
    single = draw(st.fixed_dictionaries({}, optional=SINGLE))
    tree = {}
    for key, value in single.items():
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = value
    upstreams = draw(st.lists(WORD, unique=True, max_size=3))
    tree["upstreams"] = [
        {"name": name, "vendor": draw(WORD), "keys": draw(st.lists(SECRET.filter(bool), max_size=2)),
         "timeouts": draw(TIMEOUTS), "options": draw(OPTIONS), "weight": draw(st.integers(1, 9))}
        for name in upstreams
    ]  # fmt: skip
    names = draw(st.lists(WORD.filter(lambda name: name != "auto"), unique=True, max_size=4)) if upstreams else []
    tree["models"] = [
        {"name": name, "price": draw(PRICES), "timeouts": draw(TIMEOUTS), "auto": draw(st.none() | st.integers(0, 9)),
         "fallbacks": draw(st.lists(st.sampled_from(names).filter(lambda other, me=name: other != me), max_size=2))
         if len(names) > 1 else [],
         "routes": [{"upstream": draw(st.sampled_from(upstreams)), "model": draw(WORD)}]}
        for name in names
    ]  # fmt: skip
    return tree


@SLOWLY
@given(trees())
def test_settings_survive_a_round_trip(tree):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.toml"
        path.write_text(dumps(tree), "utf-8")
        first = load(path, Path(folder), {}, {}).settings
        path.write_text(dumps(msgspec.to_builtins(first)), "utf-8")
        assert load(path, Path(folder), {}, {}).settings == first
    assert first == msgspec.convert(tree, Settings)


LAYERS = ("database", "file", "env", "flag")


@SLOWLY
@given(st.dictionaries(st.sampled_from(sorted(SINGLE)), st.sets(st.sampled_from(LAYERS)), max_size=6), st.data())
def test_the_highest_layer_wins_and_is_named(where, data):
    layers = {layer: {} for layer in LAYERS}
    for key, chosen in where.items():
        for layer in chosen:
            value = data.draw(SINGLE[key])
            layers[layer][key] = value
    environ = {
        variable(key): text(value) if isinstance(value, list) else str(value) for key, value in layers["env"].items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.toml"
        path.write_text(dumps(nested(layers["file"])), "utf-8")
        loaded = load(path, Path(folder), environ, layers["flag"], nested(layers["database"]))
    for key, chosen in where.items():
        top = next((layer for layer in reversed(LAYERS) if layer in chosen), "default")
        section, name = key.split(".")
        expected = layers[top][key] if chosen else getattr(getattr(Settings(), section), name)
        assert getattr(getattr(loaded.settings, section), name) == expected
        assert loaded.origin(key).startswith(str(path) if top == "file" else top)


def nested(flat):
    tree = {}
    for key, value in flat.items():
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = value
    return tree


def test_without_a_file_all_is_default(tmp_path):
    loaded = load(None, tmp_path, {}, {})
    assert loaded.settings == Settings()
    assert (loaded.path, loaded.folder) == (None, tmp_path)
    assert loaded.origin("server.port") == "default"


def test_the_usual_file_is_that_of_the_data_folder(tmp_path):
    assert settings_path(None, tmp_path) is None
    usual = tmp_path / "settings.toml"
    usual.write_text("[server]\nport = 1")
    assert settings_path(None, tmp_path) == usual
    assert settings_path(Path("other"), tmp_path) == Path("other")
    loaded = load(None, tmp_path, {}, {})
    assert (loaded.settings.server.port, loaded.path, loaded.folder) == (1, usual, tmp_path)


def test_the_folder_is_beside_the_file_or_the_folder_itself(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/a.toml").write_text("")
    assert load(tmp_path / "etc/a.toml", tmp_path, {}, {}).folder == tmp_path / "etc"
    assert load(tmp_path / "etc", tmp_path, {}, {}).folder == tmp_path / "etc"


def test_a_given_file_must_be_there(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml", tmp_path, {}, {})


def test_single_secrets_are_resolved_and_keys_are_not(loaded, tmp_path):
    (tmp_path / "secret").write_text("s3\n")
    text = f'[server]\nsecret = "file:{tmp_path}/secret"\n[mongo]\nurl = "env:M"\n[metrics]\ntoken = "env:T"\n'
    text += '[tracing]\nauthorization = "env:A"\n'
    text += '[[upstreams]]\nname = "a"\nvendor = "v"\nkeys = ["env:K"]'
    settings = loaded(text, {"M": "mongodb://h", "K": "k", "T": "t" * 16, "A": "Bearer a"}).settings
    assert (settings.server.secret, settings.mongo.url, settings.upstreams[0].keys) == ("s3", "mongodb://h", ["env:K"])
    assert (settings.metrics.token, settings.tracing.authorization) == ("t" * 16, "Bearer a")


def test_entries_of_the_database_stand_beside_those_of_the_file(loaded):
    database = {"upstreams": [{"name": "a", "vendor": "low"}, {"name": "b", "vendor": "low"}]}
    read = loaded('[[upstreams]]\nname = "a"\nvendor = "high"', {}, {}, database)
    assert [(each.name, each.vendor) for each in read.settings.upstreams] == [("a", "high"), ("b", "low")]
    assert read.origin("upstreams[1].vendor") == "database"


def test_nothing_shows_a_secret(loaded):
    read = loaded(
        '[server]\nsecret = "pepper"\n[metrics]\ntoken = "pepper-pepper-pepper"\n[plugin.x]\ntoken = "pepper"',
        {},
        {"mongo.url": "mongodb://u:pepper@h"},
    )
    for shown in (repr(read), str(read), repr(read.tree), repr(read.__rich_repr__())):
        assert "pepper" not in shown
    assert isinstance(read, Loaded)


# --- tables of plugins ---------------------------------------------------------------------------------------------


@dataclasses.dataclass
class AsDataclass:
    path: str = "calls.jsonl"
    size: int = 10


class AsStruct(msgspec.Struct, frozen=True):
    path: str = "calls.jsonl"
    size: int = 10


@pytest.mark.parametrize("table", [AsDataclass, AsStruct])
def test_a_plugins_table(loaded, refused, table):
    assert plugin_table(loaded(), "log", table) == table()
    assert plugin_table(loaded("[plugin.log]\nsize = 3"), "log", table) == table(size=3)
    with pytest.raises(SettingsError, match=r"settings\.toml:2: plugin\.log\.sice is no .* mean plugin\.log\.size\?"):
        plugin_table(loaded("[plugin.log]\nsice = 3"), "log", table)
    with pytest.raises(SettingsError, match=r'plugin\.log\.size must be a whole number, not "3"'):
        plugin_table(loaded('[plugin.log]\nsize = "3"'), "log", table)


def test_a_plugins_table_from_variables(loaded):
    environ = {"TORNADOGW_PLUGIN__CALL_LOG__SIZE": "12", "TORNADOGW_PLUGIN__CALL_LOG__PATH": "12"}
    read = loaded("[plugin.Call-Log]\nsize = 1", environ)
    assert plugin_table(read, "call-log", AsStruct) == AsStruct(path="12", size=12)


def test_a_table_of_no_plugin(loaded):
    read = loaded("[plugin.call-log]\nsize = 1")
    check_plugin_names(read, ["call_log", "other"])
    check_plugin_names(loaded(), [])
    with pytest.raises(SettingsError, match=r'\[plugin.call-log\] belongs to no plugin; did you mean "call-logs"\?'):
        check_plugin_names(read, ["call-logs"])
