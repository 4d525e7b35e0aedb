"""What the echo decides to say."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.types import Call, Draft, Usage
from tornadogw.vendors.echo_plan import LONGEST_TOKEN, MOST_TOKENS, Choice, Invocation, plan, tokens

TOOLS = [
    {"type": "function", "function": {"name": "look", "parameters": {"properties": {"q": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "add"}},
]


def decide(content, *, max_tokens=1000, role="user", before=(), **params):
    messages = [*before, {"role": role, "content": content}]
    return plan(call(Draft(mode="chat", model="echo", messages=messages, params=params), max_tokens))


def complete(*prompts, max_tokens=1000, **params):
    return plan(call(Draft(mode="completion", model="echo", prompts=prompts, params=params), max_tokens))


def call(draft, max_tokens):
    return Call(id="r", draft=draft, model="echo", base_url="", max_tokens=max_tokens)


def text(planned, choice=0) -> str:
    return "".join(planned.choices[choice].text)


def arguments(tool) -> str:
    return "".join(tool.arguments)


@given(st.text())
def test_tokens_concatenate_to_the_text_and_are_short(given):
    pieces = tokens(given)
    assert "".join(pieces) == given
    assert all(0 < len(piece) <= 2 * LONGEST_TOKEN for piece in pieces)


def test_tokens_are_words_and_characters():
    assert tokens("one two\n三四 x" + "y" * 100) == ("one ", "two\n", "三", "四 ", "x" + "y" * 63, "y" * 37)
    assert len(tokens("a " * 9999)) == MOST_TOKENS


@given(st.text(), st.integers(1, 50))
def test_the_limit_holds_and_usage_is_what_was_said(content, limit):
    planned = decide(f"think: {content}", max_tokens=limit)
    assert planned.usage.completion == planned.choices[0].spent <= limit
    assert planned.usage.reasoning == len(planned.choices[0].reasoning)


def test_max_tokens_cuts_in_order():
    assert decide("a b c", max_tokens=2).choices[0] == Choice(text=("a ", "b "), finish="length")
    assert decide("a b c", max_tokens=3).choices[0].finish == "stop"
    thinking = decide("think: a b c\nd", max_tokens=3).choices[0]
    assert thinking == Choice(reasoning=("a ", "b ", "c"), finish="length")
    calling = decide("call add {}\ncall add {}", max_tokens=3, tools=TOOLS).choices[0]
    assert calling == Choice(tools=(Invocation("add", ("{}",)), Invocation("add", ())), finish="length")


def test_nothing_asked_for_makes_the_answer_large():
    assert decide("a " * 50000, max_tokens=10**9).choices[0].spent < MOST_TOKENS
    assert len(text(decide("a" * (1 << 20), max_tokens=10**9))) <= MOST_TOKENS * 2 * LONGEST_TOKEN


@pytest.mark.parametrize(("stop", "left"), [("c", "a b "), (["x", "b"], "a "), ("", "a b c"), ([], "a b c"), ("a", "")])
def test_stop(stop, left):
    planned = decide("a b c", stop=stop)
    assert (text(planned), planned.choices[0].finish) == (left, "stop")


def test_parts_read_as_text():
    parts = [{"type": "text", "text": "look:"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "file"}]
    assert text(decide(parts)) == "look:\n[image]\n[file]"
    assert text(decide(None)) == ""


def test_reasoning_when_asked_for():
    assert "".join(decide("hi", reasoning_effort="low").choices[0].reasoning).startswith("The last message has 2 ")
    assert decide("hi", reasoning_effort="none").choices[0].reasoning == ()
    only = decide("think: deep").choices[0]
    assert (only.reasoning, only.text) == (("deep",), ("deep",))


# --- tools ----------------------------------------------------------------------------------------------------------


def test_calls_by_line():
    planned = decide('please\ncall look {"q": "x"}\ncall add\n', tools=TOOLS).choices[0]
    assert [(tool.name, arguments(tool)) for tool in planned.tools] == [("look", '{"q": "x"}'), ("add", "{}")]
    assert (planned.text, planned.finish) == ((), "tool_calls")


@pytest.mark.parametrize("params", [{}, {"tools": TOOLS, "tool_choice": "none"}])
def test_no_tools_no_calls(params):
    assert text(decide("call look {}", **params)) == "call look {}"


@pytest.mark.parametrize("line", ["call other {}", "call look {broken}", "recall look {}", "call look {} now"])
def test_what_is_no_call_is_text(line):
    assert text(decide(line, tools=TOOLS)) == line


def test_parallel_calls_can_be_forbidden():
    assert len(decide("call add\ncall add", tools=TOOLS, parallel_tool_calls=False).choices[0].tools) == 1


@pytest.mark.parametrize(
    ("choice", "name"), [("required", "look"), ({"type": "function", "function": {"name": "add"}}, "add")]
)
def test_an_insisted_tool_is_called(choice, name):
    (tool,) = decide("hi", tools=TOOLS, tool_choice=choice).choices[0].tools
    assert (tool.name, orjson.loads(arguments(tool))) == (name, {"q": "hi"} if name == "look" else {})


def test_a_tools_result_is_said():
    before = [{"role": "user", "content": "call add"}]
    assert text(decide("call add", role="tool", before=before, tools=TOOLS)) == "call add"


@pytest.mark.parametrize("tools", [[{}], [{"function": 1}], [{"function": {"name": ["x"]}}]])
def test_odd_tools_are_no_tools(tools):
    assert text(decide("call x", tools=tools, tool_choice="required")) == "call x"


# --- forms ----------------------------------------------------------------------------------------------------------


def test_json_object():
    form = {"type": "json_object"}
    assert text(decide(' {"a": 1}', response_format=form)) == ' {"a": 1}'
    assert text(decide("hi", response_format=form)) == '{"echo":"hi"}'
    assert text(decide("{hi}", response_format=form)) == '{"echo":"{hi}"}'
    deep = '{"a":' * 500 + "1" + "}" * 500
    assert text(decide(deep, response_format=form)) == deep
    assert text(decide("hi", response_format={"type": "text"})) == "hi"


def test_json_schema():
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert orjson.loads(text(decide("Ann", response_format=form))) == {"name": "Ann", "age": 1}
    assert text(decide("Ann", response_format={"type": "json_schema"})) == '{"echo":"Ann"}'


# --- completion and usage -------------------------------------------------------------------------------------------


def test_completion_choices():
    planned = complete("a b", "c", n=2)
    assert [text(planned, index) for index in range(4)] == ["a b", "a b", "c", "c"]
    assert planned.usage == Usage(prompt=2, completion=6)
    assert text(complete("a", echo=True)) == "aa"
    assert text(complete([1, 22])) == "1 22"
    assert complete([1, 22]).usage.prompt == 2
    assert "slow" in complete("echo:slow 5\na").directions


def test_prompt_tokens_count_everything_that_is_sent():
    system = {"role": "system", "content": "12345"}
    used = {"role": "assistant", "content": None, "tool_calls": [{"id": "12"}]}
    assert decide("12345678").usage.prompt == 2
    assert decide("", before=[]).usage.prompt == 1
    assert decide("1", before=[system]).usage.prompt == 3
    assert decide("1", before=[used]).usage.prompt == 1 + 4
    assert decide("1", tools=[{"a": "b"}]).usage.prompt == 1 + 3


def test_directions():
    directions = decide("echo:error 429 retry-after=2\necho:\necho:slow x\nhi").directions
    assert directions.number("error", 500, 599) == 429
    assert directions.number("slow", 7, 99) == 7
    assert directions.number("absent", 8, 99) == 8
    assert directions.named("error", "retry-after") == "2"
    assert directions.named("error", "code") == ""
    assert ("" in directions, "hi" in directions) == (True, False)
    assert text(decide("hi echo:slow 5")) == "hi echo:slow 5"
