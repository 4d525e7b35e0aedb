"""The hooks as they are specified: prefix, words on each argument, known to pluggy."""

from __future__ import annotations

import inspect

import pluggy
import pytest

from tornadogw import hookspecs

HOOKS = {name: value for name, value in vars(hookspecs).items() if name.startswith("gw_")}


def test_pluggy_knows_them():
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    assert {name for name in vars(manager.hook) if name.startswith("gw_")} == HOOKS.keys()


@pytest.mark.parametrize("name", HOOKS)
def test_each_argument_is_explained_and_typed(name):
    text = inspect.getdoc(HOOKS[name])
    for argument, parameter in inspect.signature(HOOKS[name]).parameters.items():
        assert f":param {argument}:" in text
        assert parameter.annotation is not inspect.Parameter.empty
        assert parameter.default is inspect.Parameter.empty


def test_nothing_else_is_specified():
    for name, value in vars(hookspecs).items():
        if inspect.isfunction(value) and value.__module__ == hookspecs.__name__:
            assert name in HOOKS
