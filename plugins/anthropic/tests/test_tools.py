"""Tools, and the choice among them."""

from __future__ import annotations

import pytest

from tornadogw import Cannot

from .asking import body, write

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}


def tool(name="f", **function):
    return {"type": "function", "function": {"name": name, **function}}


def test_tools():
    marked = {**tool("g", strict=True), "cache_control": {"type": "ephemeral"}}
    sent = body(tools=[tool(description="d", parameters=SCHEMA), marked])
    assert sent["tools"] == [
        {"name": "f", "description": "d", "input_schema": SCHEMA},
        {
            "name": "g",
            "input_schema": {"type": "object", "properties": {}},
            "strict": True,
            "cache_control": {"type": "ephemeral"},
        },
    ]
    assert "tool_choice" not in sent
    assert body(functions=[{"name": "f"}])["tools"][0]["name"] == "f"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "g"}}, {"type": "tool", "name": "g"}),
        ({"name": "g"}, {"type": "tool", "name": "g"}),
    ],
)
def test_the_choice(asked, sent):
    assert body(tools=[tool(), tool("g")], tool_choice=asked)["tool_choice"] == sent


def test_allowed_tools_are_sent_alone():
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [tool("g")]}}
    sent = body(tools=[tool(), tool("g")], tool_choice=allowed)
    assert ([each["name"] for each in sent["tools"]], sent["tool_choice"]) == (["g"], {"type": "any"})


def test_one_at_a_time():
    sent = body(tools=[tool()], parallel_tool_calls=False)
    assert sent["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert body(tools=[tool()], tool_choice="none", parallel_tool_calls=False)["tool_choice"] == {"type": "none"}
    assert write(parallel_tool_calls=False).dropped == ()


def test_the_vendors_own_tools_are_the_operators_to_allow():
    own = {"type": "web_search_20260209", "name": "web_search"}
    with pytest.raises(Cannot) as refused:
        write(tools=[own])
    assert refused.value.param == "tools[0].type"
    assert body(tools=[own], options={"tool_types": ["web_search_20260209"]})["tools"] == [own]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"functions": [1]}, "functions[0]"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": "often"}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": {"name": "g"}}, "tool_choice"),
        ({"tools": [tool()], "function_call": {"name": "g"}}, "function_call"),
        ({"tools": [tool()], "tool_choice": {"type": "allowed_tools", "allowed_tools": 1}}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": "required", "model": "claude-fable-5"}, "tool_choice"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(params, param):
    with pytest.raises(Cannot) as refused:
        write(**params)
    assert refused.value.param == param
