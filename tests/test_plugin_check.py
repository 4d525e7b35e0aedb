"""Every way to write a hook wrongly is told in a sentence; every right way passes."""

from __future__ import annotations

import functools

import pluggy
import pytest

from tornadogw import hookimpl
from tornadogw.plugin_check import check, specifications


def complaints(**attributes):
    plugin = type("Plugin", (), {name: staticmethod(function) for name, function in attributes.items()})()
    return list(check(plugin, pluggy.PluginManager("tornadogw").parse_hookimpl_opts))


def wraps(function):
    @functools.wraps(function)
    async def wrapper(*args):
        return await function(*args)

    return wrapper


@hookimpl
def gw_settings():
    return None


@hookimpl
def gw_register_vendors(register):
    return None


@hookimpl
async def gw_startup():
    return None


@hookimpl
@wraps
async def gw_call_finished(record):
    return None


@hookimpl(specname="gw_shutdown")
async def close(settings):
    return None


@hookimpl(optionalhook=True)
def gw_of_a_newer_gateway(anything):
    return None


def test_right_ways_pass():
    right = [gw_settings, gw_register_vendors, gw_startup, gw_call_finished, close, gw_of_a_newer_gateway]
    assert complaints(**{function.__name__: function for function in right}) == []


def test_methods_and_classes_pass():
    class Plugin:
        gw_note = "no function"

        @hookimpl
        async def gw_startup(self, settings):
            return None

        @property
        def gw_trap(self):
            raise AssertionError("looked at")

    assert list(check(Plugin(), pluggy.PluginManager("tornadogw").parse_hookimpl_opts)) == []


def test_every_hook_is_specified():
    assert set(specifications()) >= {
        "gw_settings",
        "gw_register_vendors",
        "gw_startup",
        "gw_shutdown",
        "gw_call_finished",
    }


@hookimpl
def gw_startupp():
    return None


def gw_shutdown():
    return None


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (gw_startupp, "there is no hook gw_startupp; did you mean"),
        (gw_shutdown, "gw_shutdown is not marked with @hookimpl"),
    ],
)
def test_what_nobody_would_call(function, sentence):
    (complaint,) = complaints(**{function.__name__: function})
    assert complaint.text.startswith(sentence)
    assert complaint.unknown


def marked(source, name, **options):
    """A hook as a plugin's author may write it."""
    space: dict = {}
    exec(source, space)
    return {name: hookimpl(space[name], **options)}


@pytest.mark.parametrize(
    ("source", "name", "sentence"),
    [
        ("def gw_startup(): ...", "gw_startup", "gw_startup must be `async def`"),
        ("async def gw_startup(): yield", "gw_startup", "gw_startup must be `async def` and must not yield"),
        ("async def gw_settings(): ...", "gw_settings", "gw_settings must be a plain `def`"),
        ("def gw_settings(): yield", "gw_settings", "gw_settings must be a plain `def` and must not yield"),
        (
            "async def gw_call_finished(call): ...",
            "gw_call_finished",
            "gw_call_finished: argument call is unknown: it is called with record",
        ),
        (
            "def gw_settings(config): ...",
            "gw_settings",
            "gw_settings: argument config is unknown: it is called without arguments",
        ),
        (
            "async def gw_startup(settings=None): ...",
            "gw_startup",
            "gw_startup: argument settings has a default, which would always be taken",
        ),
        ("async def gw_startup(*, settings): ...", "gw_startup", "gw_startup: argument settings must be a plain one"),
        ("async def gw_startup(*settings): ...", "gw_startup", "gw_startup: argument settings must be a plain one"),
        ("async def gw_startup(**kwargs): ...", "gw_startup", "gw_startup: argument kwargs is unknown"),
    ],
)
def test_what_would_be_called_wrongly(source, name, sentence):
    (complaint,) = complaints(**marked(source, name))
    assert complaint.text.startswith(sentence)
    assert not complaint.unknown


def test_wrappers_have_no_place():
    texts = [each.text for each in complaints(**marked("def gw_settings(): yield", "gw_settings", wrapper=True))]
    assert "gw_settings cannot be a wrapper" in texts
