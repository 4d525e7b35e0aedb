from __future__ import annotations

import pytest

from tornadogw.errors import SettingsError
from tornadogw.settings.layers import Leaf, concatenated, grow, leaves, origins, overlay, plain, under

RAW = {"server": {"port": 1, "hosts": ["a"]}, "models": [{"name": "m", "routes": [{"upstream": "u"}]}], "empty": []}


def tree(raw, place="p"):
    return grow(raw, lambda key: f"{place}:{key}")


def test_a_tree_gives_its_values_back():
    assert plain(tree(RAW)) == RAW


def test_every_value_knows_its_origin():
    assert {key: leaf.origin for key, leaf in leaves(tree(RAW))} == {
        key: f"p:{key}"
        for key in ("server.port", "server.hosts", "models[0].name", "models[0].routes[0].upstream", "empty")
    }


def test_tables_and_lists_stand_where_their_first_value_does():
    found = origins(tree(RAW))
    assert found["server"] == found["server.port"] == "p:server.port"
    assert found["models"] == found["models[0]"] == "p:models[0].name"
    assert found["models[0].routes"] == found["models[0].routes[0]"] == "p:models[0].routes[0].upstream"
    assert "nothing" not in found


def test_a_leaf_does_not_show_its_value():
    assert "sk-1" not in repr(Leaf("sk-1", "file:1"))


def test_the_upper_layer_wins_value_by_value():
    merged = overlay(tree({"a": {"x": 1, "y": 2}, "l": [1, 2]}, "low"), tree({"a": {"y": 3}, "l": [9]}, "high"))
    assert plain(merged) == {"a": {"x": 1, "y": 3}, "l": [9]}
    assert origins(merged)["a.x"] == "low:a.x"
    assert origins(merged)["a.y"] == "high:a.y"


def test_layers_are_left_as_they_are():
    low, high = tree({"a": {"x": 1}}), tree({"a": {"x": 2}})
    overlay(low, high)
    concatenated(low, tree({"b": 1}))
    assert plain(low) == {"a": {"x": 1}}


def test_entries_of_the_lower_layer_stay_unless_their_name_is_taken():
    upper, lower = (
        tree({"m": [{"name": "a", "v": 1}]}, "file"),
        tree({"m": [{"name": "a", "v": 2}, {"name": "b"}]}, "db"),
    )
    merged = under(upper, lower, ("m",))
    assert plain(merged) == {"m": [{"name": "a", "v": 1}, {"name": "b"}]}
    assert origins(merged)["m[0].v"] == "file:m[0].v"
    assert plain(under({}, lower, ("m",))) == plain(lower)
    assert plain(under(upper, {}, ("m",))) == plain(upper)


def test_files_side_by_side():
    one, two = tree({"a": {"x": 1}, "m": [{"n": 1}]}), tree({"a": {"y": 2}, "m": [{"n": 2}], "b": {"z": 3}})
    assert plain(concatenated(one, two)) == {"a": {"x": 1, "y": 2}, "m": [{"n": 1}, {"n": 2}], "b": {"z": 3}}


@pytest.mark.parametrize("second", [1, 2, [1], {"y": 1}])
def test_a_value_in_two_files_names_both(second):
    with pytest.raises(SettingsError) as caught:
        concatenated(tree({"a": {"x": 1}}, "one.toml"), tree({"a": {"x": second}}, "two.toml"))
    assert "a.x is set twice: in one.toml:a.x and in two.toml:a.x" in str(caught.value)
