"""What the echo will answer, out of what it was asked. Pure and deterministic: no clock, no chance.

Whatever is asked, the plan stays small: at most `MOST_TOKENS` a choice, each of at most `LONGEST_TOKEN` characters and
as many blanks. docs/echo.md tells users the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from tornadogw.jsontext import dumps
from tornadogw.types import Call, Usage, Value
from tornadogw.vendors.echo_sample import sample

__all__ = ["MOST_TOKENS", "Choice", "Directions", "Invocation", "Plan", "plan", "tokens"]

MOST_TOKENS = 4096
LONGEST_TOKEN = 64
BYTES_PER_TOKEN = 4
"""Of the prompt. What the echo says itself is counted word by word."""

_UNSPACED = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
"""Scripts in which words have no blanks between them: every character is a token."""
_BLANKS = rf"\s{{0,{LONGEST_TOKEN}}}"
_TOKEN = re.compile(rf"[{_UNSPACED}]{_BLANKS}|[^\s{_UNSPACED}]{{1,{LONGEST_TOKEN}}}{_BLANKS}|\s{{1,{LONGEST_TOKEN}}}")
_INVOCATION = re.compile(r"call +([\w.-]+)(?: +(\{.*\}))? *")
_MOST_STOPS = 16


class Invocation(Value, frozen=True):
    """One tool call, its arguments in the pieces in which a stream gives them."""

    name: str
    arguments: tuple[str, ...]


class Choice(Value, frozen=True):
    """One choice of the answer, in the pieces in which a stream gives them."""

    reasoning: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    tools: tuple[Invocation, ...] = ()
    finish: str = "stop"

    @property
    def spent(self) -> int:
        """Tokens: a piece is one, and so is the name of a tool."""
        return len(self.reasoning) + len(self.text) + sum(1 + len(tool.arguments) for tool in self.tools)


class Directions(Value, frozen=True):
    """What the lines `echo:WORD ...` at the head of a message ask for: each word with its arguments."""

    words: Mapping[str, tuple[str, ...]] = {}

    def __contains__(self, word: str) -> bool:
        return word in self.words

    def number(self, word: str, default: int, most: int) -> int:
        """The first argument if it is a whole number, `most` at most."""
        first = next(iter(self.words.get(word, ())), "")
        return min(int(first[:9]), most) if first.isdecimal() else default

    def named(self, word: str, name: str) -> str:
        """The value of an argument `name=value`."""
        found = (item.removeprefix(f"{name}=") for item in self.words.get(word, ()) if item.startswith(f"{name}="))
        return next(found, "")


class Plan(Value, frozen=True):
    """The whole answer."""

    choices: tuple[Choice, ...]
    usage: Usage
    directions: Directions


def plan(call: Call) -> Plan:
    """The answer to `call`."""
    directions, choices = _completions(call) if call.draft.mode == "completion" else _chat(call)
    choices = [choice for choice in choices for _ in range(call.draft.params.get("n", 1))]
    usage = Usage(
        prompt=max(1, _prompt_tokens(call)),
        completion=sum(choice.spent for choice in choices),
        reasoning=sum(len(choice.reasoning) for choice in choices),
    )
    return Plan(tuple(choices), usage, directions)


def tokens(text: str, most: int = MOST_TOKENS) -> tuple[str, ...]:
    """The first `most` tokens of the text; all of them concatenate to it."""
    return tuple(match[0] for match in islice(_TOKEN.finditer(text), most))


def _completions(call: Call) -> tuple[Directions, list[Choice]]:
    """A choice for each prompt; the first prompt may have directions, for all of them."""
    draft = call.draft
    directed = [_directed(_as_text(prompt)) for prompt in draft.prompts]
    said = [asked + asked if draft.params.get("echo") else asked for _, asked in directed]
    return directed[0][0], [_limited(Choice(text=_stopped(text, draft.params)), call.max_tokens) for text in said]


def _chat(call: Call) -> tuple[Directions, list[Choice]]:
    params, last = call.draft.params, call.draft.messages[-1]
    directions, asked = _directed(_content(last))
    thought, asked = _thought(asked, params)
    tools = _invocations(asked, params, requested=last.get("role") != "tool")
    text = () if tools else _stopped(_in_form(asked, params), params)
    choice = Choice(tokens(thought), text, tools, "tool_calls" if tools else "stop")
    return directions, [_limited(choice, call.max_tokens)]


# --- what was asked --------------------------------------------------------------------------------------------------


def _content(message: Mapping[str, Any]) -> str:
    """The text of a message; an image reads as `[image]`."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(_part(part) for part in content or ())


def _part(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else f"[{str(part.get('type')).removesuffix('_url')}]"


def _as_text(prompt: str | Sequence[int]) -> str:
    return prompt if isinstance(prompt, str) else " ".join(map(str, prompt[:MOST_TOKENS]))


def _directed(text: str) -> tuple[Directions, str]:
    """The directions at the head of the text, and the rest of it."""
    words: dict[str, tuple[str, ...]] = {}
    while text.startswith("echo:"):
        line, _, text = text.partition("\n")
        word, *arguments = line.removeprefix("echo:").split() or [""]
        words[word] = tuple(arguments)
    return Directions(words), text


def _thought(text: str, params: Mapping[str, Any]) -> tuple[str, str]:
    """Reasoning, and what is left to answer: a first line `think: ...`, or a sentence if an effort was asked for."""
    if text.startswith("think:"):
        line, _, rest = text.partition("\n")
        thought = line.removeprefix("think:").strip()
        return thought, rest or thought
    if params.get("reasoning_effort", "none") != "none":
        return f"The last message has {len(text)} characters. I say them again.", text
    return "", text


def _prompt_tokens(call: Call) -> int:
    draft = call.draft
    if draft.mode == "completion":
        return sum(_size(prompt) if isinstance(prompt, str) else len(prompt) for prompt in draft.prompts)
    total = sum(_size(_content(message)) + _json_size(message.get("tool_calls")) for message in draft.messages)
    return total + _json_size(draft.params.get("tools"))


def _size(text: str) -> int:
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def _json_size(value: Any) -> int:
    return -(-len(dumps(value)) // BYTES_PER_TOKEN) if value else 0


# --- tools -----------------------------------------------------------------------------------------------------------


def _invocations(text: str, params: Mapping[str, Any], *, requested: bool) -> tuple[Invocation, ...]:
    """Lines `call NAME {json}` if the message may request; without one, the tool that `tool_choice` insists on."""
    tools = {name: tool for tool in params.get("tools", ()) if isinstance(name := _function(tool).get("name"), str)}
    choice = params.get("tool_choice", "auto")
    if not tools or choice == "none":
        return ()
    most = 1 if params.get("parallel_tool_calls") is False else MOST_TOKENS
    found = tuple(islice(_called(text, tools), most)) if requested else ()
    if not found and (name := _insisted(choice, tools)):
        arguments = dumps(sample(_function(tools[name]).get("parameters"), text)).decode()
        return (Invocation(name, tokens(arguments)),)
    return found


def _called(text: str, tools: Mapping[str, Any]) -> Iterator[Invocation]:
    for line in text.split("\n"):
        match = _INVOCATION.fullmatch(line)
        if match and match[1] in tools and _is_json(arguments := match[2] or "{}"):
            yield Invocation(match[1], tokens(arguments))


def _insisted(choice: Any, tools: Mapping[str, Any]) -> str:
    """The tool that must be called, if any; `required` takes the first."""
    if choice == "required":
        return next(iter(tools))
    name = _function(choice).get("name") if isinstance(choice, dict) else ""
    return name if isinstance(name, str) and name in tools else ""


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = tool.get("function")
    return inner if isinstance(inner, dict) else {}


# --- the answer ------------------------------------------------------------------------------------------------------


def _in_form(text: str, params: Mapping[str, Any]) -> str:
    """The text in the `response_format`: an object stays as it is, from other texts one is made."""
    form = params.get("response_format", {})
    if form.get("type") not in ("json_object", "json_schema"):
        return text
    schema = form.get("json_schema")
    if isinstance(schema, dict) and isinstance(schema.get("schema"), dict):
        return dumps(sample(schema["schema"], text)).decode()
    if text.lstrip().startswith("{") and _is_json(text):
        return text
    return dumps({"echo": text}).decode()


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _stopped(text: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    """The tokens of the text before the first stop sequence in it."""
    stop = params.get("stop", ())
    text = text[: 2 * LONGEST_TOKEN * MOST_TOKENS]
    for sequence in [stop] if isinstance(stop, str) else stop[:_MOST_STOPS]:
        if sequence:
            text = text.partition(sequence)[0]
    return tokens(text)


def _limited(choice: Choice, limit: int) -> Choice:
    """The choice within `limit` tokens, and within the echo's own limit."""
    limit = min(limit, MOST_TOKENS - 1)
    if choice.spent <= limit:
        return choice
    reasoning = choice.reasoning[:limit]
    left = limit - len(reasoning)
    text = choice.text[:left]
    left -= len(text)
    tools: list[Invocation] = []
    for tool in choice.tools:
        if left <= 0:
            break
        tools.append(Invocation(tool.name, tool.arguments[: left - 1]))
        left -= 1 + len(tools[-1].arguments)
    return Choice(reasoning, text, tuple(tools), "length")
