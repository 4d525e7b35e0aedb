"""A call to the bytes of a chat-dialect request, by the profile's data. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import UnsetType

from tornadogw.errors import Cannot
from tornadogw.jsontext import dumps
from tornadogw.types import Call, Credential, UpstreamRequest
from tornadogw.vendors.chat_messages import rewrite
from tornadogw.vendors.rows import Form, Profile

__all__ = ["write"]

_PLACE = re.compile(r"\{(\w+)\}")
_VERSION = re.compile(r"/(?:v\d+|beta)$", re.ASCII)
_NAME = re.compile(r"[\w.:-]{1,64}", re.ASCII)
"""What a parameter can be called. Vendors name unknown ones in their errors: a sentence must not get there."""
_MOST_DROPPED = 64
_LONGEST_DROPPED = 64
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "logprobs": (False,),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("auto",),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "stop": ([],),
    "response_format": ({"type": "text"},),
    "parallel_tool_calls": (True,),
    "service_tier": ("auto",),
    "store": (False,),
    "modalities": (["text"],),
}
"""Values that change nothing: leaving them out needs no word to anybody."""
_NO_FORM = Form()


def write(profile: Profile, call: Call, credential: Credential) -> UpstreamRequest:
    """The request for one call.

    :raises Cannot: another route must serve this call; names the parameter.
    """
    native = call.draft.mode == "completion"
    if native and profile.completion == "chat":
        raise Cannot("prompt", "the model chats and has no completion endpoint")
    if not native and profile.completion == "only":
        raise Cannot("model", "the model completes prompts and does not chat")
    dropped: list[str] = []
    body: dict[str, Any] = {"model": call.model}
    body |= _prompt(profile, call) if native else {"messages": _messages(profile, call)}
    body["max_tokens" if native else profile.max_tokens] = call.max_tokens
    body |= _temperature(profile, call, dropped)
    body |= _params(profile, call, dropped)
    body["stream"] = call.stream
    if call.stream and profile.stream_usage:
        body["stream_options"] = {"include_usage": True}
    if call.draft.params.get("n", 1) != 1:
        body |= {name: _clamped(body[name], span) for name, span in profile.ranges_several.items() if name in body}
    if call.continues and not native:
        body |= profile.prefill.body
    for key, value in (profile.body if call.stream else {**profile.body, **profile.whole_body}).items():
        body.setdefault(key, value)
    return UpstreamRequest(
        url=_url(profile, call, native=native),
        headers=_headers(profile, call, credential),
        body=_json(body),
        dropped=_told(dropped),
    )


# --- body ------------------------------------------------------------------------------------------------------------


def _prompt(profile: Profile, call: Call) -> dict[str, Any]:
    prompts = call.draft.prompts
    if not profile.token_prompts and not all(isinstance(prompt, str) for prompt in prompts):
        raise Cannot("prompt", "takes text, not tokens")
    return {"prompt": prompts[0] if len(prompts) == 1 else list(prompts)}


def _messages(profile: Profile, call: Call) -> list[Any]:
    messages = list(rewrite(call.draft.messages, profile))
    if call.continues:
        if not profile.prefill.answers or messages[-1].get("role") != "assistant":
            raise Cannot("messages", "the model does not go on with an answer")
        messages[-1] = {**messages[-1], **profile.prefill.message}
    return messages


def _temperature(profile: Profile, call: Call, dropped: list[str]) -> dict[str, Any]:
    if call.temperature is None:
        return {}
    if "temperature" in profile.drop:
        if call.draft.temperature is not None:
            dropped.append("temperature")
        return {}
    return {"temperature": _clamped(call.temperature, profile.ranges.get("temperature"))}


def _params(profile: Profile, call: Call, dropped: list[str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in call.draft.params.items():
        neutral = value in _NEUTRAL.get(name, ())
        word = _word(value)
        if name in profile.refuse or word in profile.refuse_values.get(name, ()):
            if not neutral:
                raise Cannot(name, "not taken here")
        elif not neutral and any(call.draft.params.get(other) for other in profile.refuse_beside.get(name, ())):
            raise Cannot(name, f"not taken here beside {' or '.join(profile.refuse_beside[name])}")
        elif name in profile.drop or not _NAME.fullmatch(name) or word in profile.omit_values.get(name, ()):
            if not neutral:
                dropped.append(name)
        elif name == "tools":
            body["tools"] = _tools(profile, value)
        elif name == "reasoning_effort" and (stands := _effort(profile, value)) is not None:
            body |= stands
            if not stands:
                dropped.append(name)
        else:
            body[profile.rename.get(name, name)] = _value(profile, name, value)
    return body


def _tools(profile: Profile, tools: Any) -> Any:
    """The tools as they are, unless one is the vendor's own, which its price does not cover."""
    for index, tool in enumerate(tools if profile.tool_types and isinstance(tools, list) else ()):
        if isinstance(tool, Mapping) and tool.get("type", "function") not in profile.tool_types:
            raise Cannot(f"tools[{index}].type", "not a kind of tool that is taken here")
    if not profile.tool_nulls and isinstance(tools, list):
        return [_without_nulls(tool) for tool in tools]
    return tools


def _without_nulls(tool: Any) -> Any:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or None not in function.values():
        return tool
    return {**tool, "function": {name: value for name, value in function.items() if value is not None}}


def _told(dropped: list[str]) -> tuple[str, ...]:
    """The names for the record, however many and long ones a client invents."""
    return tuple(dict.fromkeys(name[:_LONGEST_DROPPED] for name in dropped))[:_MOST_DROPPED]


def _effort(profile: Profile, value: Any) -> Mapping[str, Any] | None:
    """What stands for an effort; None: the effort itself."""
    if isinstance(value, str) and value in profile.effort:
        return profile.effort[value]
    return profile.effort.get("*")


def _value(profile: Profile, name: str, value: Any) -> Any:
    other = profile.values.get(name)
    if other and isinstance(value, str):
        return other.get(value, value)
    return _clamped(value, profile.ranges.get(name))


def _clamped(value: Any, span: tuple[float, float] | None) -> Any:
    if span is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    least, most = span
    return min(max(value, least), most)


def _word(value: Any) -> str:
    """What value tables compare: the value itself, or the `type` of an object."""
    if isinstance(value, Mapping):
        value = value.get("type")
    return value if isinstance(value, str) else ""


def _json(body: Mapping[str, Any]) -> bytes:
    try:
        return dumps(body)
    except TypeError as error:  # an integer beyond 64 bits, a lone surrogate
        raise Cannot("body", str(error)) from error


# --- address and headers ---------------------------------------------------------------------------------------------


def _url(profile: Profile, call: Call, *, native: bool) -> str:
    base = (call.base_url or profile.base_url).rstrip("/")
    if not base:
        raise Cannot("base_url", "the upstream needs its address")
    form = _form(profile, call, base)
    own, general = (form.completion_url, profile.completion_url) if native else (form.url, profile.url)
    template = general if isinstance(own, UnsetType) else own
    if call.continues and not native:
        template = profile.prefill.url or template
    texts = {**profile.options, **form.options, **_texts(call.options)}
    return _address(template, base, call.model, tuple(texts.items()))


@lru_cache(maxsize=1024)
def _address(template: str, base: str, model: str, texts: tuple[tuple[str, str], ...]) -> str:
    """One model of one upstream is asked at one address."""
    filled = {name: quote(text, safe="") for name, text in texts}
    filled |= {"base": base, "root": _VERSION.sub("", base), "model": quote(model, safe="")}
    missing = [name for name in _PLACE.findall(template) if name not in filled]
    if missing:
        raise Cannot(f"options.{missing[0]}", "the upstream's settings must have it")
    return _fill(template, filled)


def _form(profile: Profile, call: Call, base: str) -> Form:
    chosen = call.options.get("form")
    if chosen is not None:
        if str(chosen) not in profile.forms:
            raise Cannot("options.form", f"must be one of: {', '.join(sorted(profile.forms))}")
        return profile.forms[str(chosen)]
    host = _host(base)
    by_host = (form for form in profile.forms.values() if any(fnmatchcase(host, pattern) for pattern in form.hosts))
    return next(by_host, _NO_FORM)


@lru_cache(maxsize=256)
def _host(base: str) -> str:
    try:
        return urlsplit(base).hostname or ""
    except ValueError as error:
        raise Cannot("base_url", str(error)) from error


def _headers(profile: Profile, call: Call, credential: Credential) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream" if call.stream else "application/json",
    }
    options = {**profile.options, **_texts(call.options)}
    for name, template in profile.headers.items():
        if all(place in options for place in _PLACE.findall(template)):
            headers[name.lower()] = _fill(template, options)
    if credential.secret:
        auth = profile.auths.get(str(call.options.get("auth")), profile.auth)
        headers[auth.header.lower()] = auth.prefix + credential.secret
    return headers


def _texts(options: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in options.items() if isinstance(value, str | int)}


def _fill(template: str, texts: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: texts[place[1]], template)
