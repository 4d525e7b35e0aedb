"""The door: each hook is called as docs/hooks.md says, and a plugin's fault is told by name or hurts nobody."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from tornadogw import plugins as room
from tornadogw.errors import SettingsError, UsageError
from tornadogw.plugins import load_plugins
from tornadogw.settings import load
from tornadogw.types import Record

RECORD = Record(id="r1", account_id="a", key_id="k", mode="chat", asked="auto")

HEAD = "from tornadogw import *\nimport asyncio, dataclasses\nseen = []\n"


@pytest.fixture
def gateway(tmp_path):
    """Loads the plugins of a gateway whose drop-in folder holds these files."""

    def start(settings="", environ=None, points=(), **files):
        folder = tmp_path / "plugins.d"
        folder.mkdir(mode=0o755, exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.py").write_text(HEAD + text)
            (folder / f"{name}.py").chmod(0o644)
        path = tmp_path / "settings.toml"
        path.write_text(settings)
        return load_plugins(load(path, tmp_path, {}, {}), environ or {}, points=points)

    yield start
    for name in [name for name in sys.modules if name.startswith("tornadogw_plugin_")]:
        del sys.modules[name]


def seen(name):
    return sys.modules[f"tornadogw_plugin_{name}"].seen


VENDOR = """
class Mine(Vendor):
    name = "mine"

@hookimpl
def gw_register_vendors(register):
    register(Mine())
"""

HEARS = """
@hookimpl
async def gw_startup():
    seen.append("start")

@hookimpl
async def gw_call_finished(record):
    seen.append(record.id)

@hookimpl
async def gw_shutdown():
    seen.append("stop")
"""

TABLE = """
@dataclasses.dataclass
class Table:
    word: str = "none"
    count: int = 1

@hookimpl
def gw_settings():
    return Table
"""


# --- each hook ---------------------------------------------------------------------------------------------------


def test_hook_settings(gateway):
    plugins = gateway("[plugin.mine]\nword = 'hello'\n", mine=TABLE, plain="")
    assert (plugins.table("mine").word, plugins.table("mine").count) == ("hello", 1)
    assert plugins.table("plain") is None


def test_hook_register_vendors(gateway):
    files = TABLE + VENDOR.replace("(register)", "(register, settings)").replace('"mine"', '"mine"\n    table = None')
    files += "    Mine.table = settings\n"
    vendors = gateway(mine=files).register_vendors()
    assert vendors["mine"].table.word == "none"
    assert "echo" in vendors


async def test_hook_startup(gateway):
    plugins = gateway(
        "[plugin.mine]\nword = 'hello'\n", mine=TABLE + HEARS.replace("gw_startup()", "gw_startup(settings)")
    )
    await plugins.startup()
    assert seen("mine") == ["start"]


async def test_hook_shutdown(gateway):
    plugins = gateway(mine=HEARS)
    await plugins.shutdown()
    assert seen("mine") == []  # it was never started
    await plugins.startup()
    await plugins.shutdown()
    await plugins.shutdown()
    assert seen("mine") == ["start", "stop"]


async def test_hook_call_finished(gateway):
    plugins = gateway(mine=HEARS)
    assert plugins.has_call_finished
    await plugins.call_finished(RECORD)
    assert seen("mine") == ["r1"]
    assert not gateway("plugins.block = ['mine']").has_call_finished


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("[plugin.mine]\nwrod = 'x'\n", "wrod"),
        ("[plugin.mine]\ncount = 'x'\n", "count"),
        ("[plugin.mien]\nword = 'x'\n", "mien.*mine"),
        ("[plugin.plain]\nword = 'x'\n", "plain"),
    ],
)
def test_wrong_settings_stop_the_start(settings, sentence, gateway):
    with pytest.raises(SettingsError, match=sentence):
        gateway(settings, mine=TABLE, plain="")


@pytest.mark.parametrize("returned", ["dict", "'Table'", "Table()"])
def test_settings_must_be_a_typed_table(returned, gateway):
    with pytest.raises(UsageError, match=r"plugin mine \(file .*mine.py\): gw_settings"):
        gateway(mine=TABLE.replace("return Table", f"return {returned}"))


def test_a_plugin_without_settings_may_say_so(gateway):
    assert gateway(mine="@hookimpl\ndef gw_settings():\n    return None\n").table("mine") is None


# --- finding and blocking ----------------------------------------------------------------------------------------


def test_the_list_tells_who_brings_what(gateway):
    listed = {info.name: info for info in gateway("plugins.block = ['other']", mine=VENDOR, other="1/0").list()}
    assert (listed["mine"].tier, listed["mine"].hooks, listed["mine"].vendors) == (
        "own",
        ("gw_register_vendors",),
        ("mine",),
    )
    assert listed["mine"].origin.endswith("plugins.d/mine.py")
    assert (listed["echo"].tier, listed["echo"].origin, listed["echo"].vendors) == ("core", "built in", ("echo",))
    assert len(listed["rows"].vendors) > 20
    assert listed["other"].blocked
    assert not listed["mine"].blocked


def test_blocked_plugins_are_not_even_imported(gateway):
    plugins = gateway("plugins.block = ['bad']", {"TORNADOGW_BLOCK_PLUGINS": "rows, worse"}, bad="1/0", worse="1/0")
    assert set(plugins.register_vendors()) == {"echo"}


def test_a_report_card_that_cannot_be_read_warns(gateway, claim_log, tmp_path, monkeypatch):
    folder = tmp_path / "acme_carded"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "quality.toml").write_text("[suite")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins = gateway(points=[EntryPoint("acme", "acme_carded", "tornadogw")])
    claim_log("tornadogw.plugins", r"plugin acme \(package .*\): its quality.toml cannot be read: ")
    assert [info.card for info in plugins.list() if info.name == "acme"] == [()]


def test_blocking_what_is_not_there_warns(gateway, claim_log):
    claim_log("tornadogw.plugins", r"plugin ecko is blocked, but there is none of that name; .*echo")
    gateway("plugins.block = ['ecko']")


def test_the_folder_is_beside_the_settings_and_may_be_another(tmp_path):
    (tmp_path / "mine").mkdir(mode=0o755)
    (tmp_path / "mine" / "acme.py").write_text(HEAD + VENDOR)
    (tmp_path / "settings.toml").write_text("plugins.folder = 'mine'")
    plugins = load_plugins(load(tmp_path / "settings.toml", tmp_path, {}, {}), {}, points=())
    assert "mine" in plugins.register_vendors()
    (tmp_path / "settings.toml").write_text("plugins.folder = 'gone'")
    with pytest.raises(SettingsError, match="there is no such folder"):
        load_plugins(load(tmp_path / "settings.toml", tmp_path, {}, {}), {}, points=())


def package(name, **attributes):
    """An installed package whose plugin is a module of these attributes."""
    module = SimpleNamespace(**attributes)
    sys.modules[f"tornadogw_plugin_{name}"] = module
    return EntryPoint(name, f"tornadogw_plugin_{name}", "tornadogw")


def test_two_plugins_of_one_name_stop_the_start(gateway):
    with pytest.raises(UsageError, match=r"plugin echo \(built in\) and plugin echo \(file .*\) have the same name"):
        gateway(echo="")


def test_a_class_is_made_once_a_gateway(gateway):
    class Plugin:
        pass

    assert gateway(points=[package("acme", Plugin=Plugin)]) is not None
    point = EntryPoint("acme", "tornadogw_plugin_acme:Plugin", "tornadogw")
    one, two = gateway(points=[point]), gateway(points=[point])
    bodies = [each._manager.get_plugin("acme") for each in (one, two)]
    assert all(type(body) is Plugin for body in bodies)
    assert bodies[0] is not bodies[1]


@pytest.mark.parametrize("body", ["1/0", "import no_such_module", "if:"])
def test_a_plugin_that_cannot_be_loaded_stops_the_start(body, gateway):
    with pytest.raises(UsageError, match=r"plugin mine \(file .*\): cannot be loaded: \w+Error: "):
        gateway(mine=body)


TYPING_ERROR = "@hookimpl\nasync def gw_call_finnished(record): ...\n"


def test_an_unknown_hook_in_a_file_warns(gateway, claim_log):
    claim_log("tornadogw.plugins", "there is no hook gw_call_finnished; did you mean .*gw_call_finished")
    plugins = gateway(mine=TYPING_ERROR + VENDOR)
    assert "mine" in plugins.register_vendors()
    assert plugins.list()[2].hooks == ("gw_register_vendors",)


def test_an_unknown_hook_in_a_package_stops_the_start(gateway):
    space = {}
    exec(HEAD + TYPING_ERROR, space)
    point = package("acme", gw_call_finnished=space["gw_call_finnished"])
    with pytest.raises(
        UsageError, match=r"plugin acme \(package .*\): there is no hook gw_call_finnished; did you mean"
    ):
        gateway(points=[point])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("@hookimpl\ndef gw_startup(): ...\n", "gw_startup must be `async def`"),
        ("@hookimpl\nasync def gw_call_finished(call): ...\n", "argument call is unknown"),
    ],
)
def test_a_hook_of_another_form_stops_the_start_even_in_a_file(body, sentence, gateway):
    with pytest.raises(UsageError, match=sentence):
        gateway(mine=body)


# --- vendors -----------------------------------------------------------------------------------------------------


def test_two_vendors_of_one_name_stop_the_start(gateway):
    plugins = gateway(mine=VENDOR, theirs=VENDOR)
    with pytest.raises(UsageError, match=r"plugin mine \(file .*\): vendor mine is also in plugin theirs \(file .*\)"):
        plugins.register_vendors()


@pytest.mark.parametrize("vendor", ["Vendor()", "None", "Mine", "type('X', (Vendor,), {'name': 'Mine AG'})()"])
def test_what_is_no_vendor_stops_the_start(vendor, gateway):
    with pytest.raises(UsageError, match=r"plugin mine \(file .*\): .* is no "):
        gateway(mine=VENDOR.replace("register(Mine())", f"register({vendor})")).register_vendors()


def test_a_plugin_that_fails_to_register_is_named(gateway):
    with pytest.raises(UsageError, match=r"plugin mine .*: gw_register_vendors failed: ZeroDivisionError: "):
        gateway(mine=VENDOR.replace("register(Mine())", "1/0")).register_vendors()


def test_vendors_are_registered_once_and_nobody_can_change_them(gateway):
    plugins = gateway(mine=VENDOR)
    first = plugins.register_vendors()
    first.clear()
    assert plugins.register_vendors()["mine"] is plugins.register_vendors()["mine"]


# --- start and end -----------------------------------------------------------------------------------------------


async def test_a_start_that_fails_ends_what_was_started(gateway):
    first = HEARS.replace("@hookimpl\nasync def gw_startup", "@hookimpl(tryfirst=True)\nasync def gw_startup")
    plugins = gateway(first=first, second=HEARS.replace('seen.append("start")', "1/0"))
    with pytest.raises(UsageError, match=r"plugin second .*: gw_startup failed: ZeroDivisionError"):
        await plugins.startup()
    assert seen("first") == ["start", "stop"]
    assert seen("second") == []


async def test_a_sentence_of_the_plugin_is_kept(gateway):
    plugins = gateway(mine=HEARS.replace('seen.append("start")', 'raise UsageError("say where")'))
    with pytest.raises(UsageError, match=r"plugin mine \(file .*\): say where$"):
        await plugins.startup()


async def test_a_start_that_hangs_ends(gateway, monkeypatch):
    monkeypatch.setattr(room, "STARTUP_SECONDS", 0.01)
    plugins = gateway(mine=HEARS.replace('seen.append("start")', "await asyncio.Event().wait()"))
    with pytest.raises(UsageError, match=r"gw_startup failed: TimeoutError: took longer than 0.01 s"):
        await plugins.startup()


async def test_a_start_that_is_cancelled_ends_what_was_started(gateway):
    waits = HEARS.replace('seen.append("start")', 'seen.append("wait")\n    await asyncio.Event().wait()')
    plugins = gateway(first=HEARS.replace("@hookimpl\n", "@hookimpl(tryfirst=True)\n"), second=waits)
    starting = asyncio.create_task(plugins.startup())
    while not seen("second"):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert seen("first") == ["start", "stop"]
    assert seen("second") == ["wait"]


async def test_the_last_started_ends_first(gateway):
    sys.modules["tornadogw_plugin_order"] = SimpleNamespace(seen=[])
    text = HEARS.replace("seen.append(", "import tornadogw_plugin_order as order; order.seen.append(__name__[-3:] + ")
    plugins = gateway(one=text, two=text)
    await plugins.startup()
    await plugins.shutdown()
    assert seen("order") == ["twostart", "onestart", "onestop", "twostop"]


async def test_an_end_that_fails_or_hangs_does_not_keep_the_others(gateway, monkeypatch, claim_log):
    monkeypatch.setattr(room, "SHUTDOWN_SECONDS", 0.01)
    claim_log("tornadogw.plugins", r"plugin bad .*: gw_shutdown failed")
    claim_log("tornadogw.plugins", r"plugin slow .*: gw_shutdown failed")
    plugins = gateway(
        bad=HEARS.replace('seen.append("stop")', "1/0"),
        good=HEARS,
        slow=HEARS.replace('seen.append("stop")', "await asyncio.Event().wait()"),
    )
    await plugins.startup()
    await plugins.shutdown()
    assert seen("good") == ["start", "stop"]


# --- finished calls ----------------------------------------------------------------------------------------------


async def test_a_listener_that_fails_or_hangs_does_not_keep_the_others(gateway, monkeypatch, claim_log):
    monkeypatch.setattr(room, "FINISHED_SECONDS", 0.01)
    claim_log("tornadogw.plugins", r"plugin bad .*: gw_call_finished failed")
    claim_log("tornadogw.plugins", r"plugin slow .*: gw_call_finished failed")
    plugins = gateway(
        bad=HEARS.replace("seen.append(record.id)", "1/0"),
        good=HEARS,
        slow=HEARS.replace("seen.append(record.id)", "await asyncio.Event().wait()"),
    )
    await plugins.call_finished(RECORD)
    assert seen("good") == ["r1"]


async def test_a_caller_that_is_cancelled_leaves_nothing_running(gateway):
    plugins = gateway(mine=HEARS.replace("seen.append(record.id)", 'seen.append("wait"); await asyncio.Event().wait()'))
    telling = asyncio.create_task(plugins.call_finished(RECORD))
    while not seen("mine"):
        await asyncio.sleep(0)
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling


async def test_nobody_listens(gateway):
    plugins = gateway(mine=VENDOR)
    assert not plugins.has_call_finished
    await plugins.call_finished(RECORD)
