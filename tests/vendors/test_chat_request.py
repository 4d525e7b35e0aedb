"""Requests: what a call becomes under each deviation that a profile can name."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.vendors.oracle import ENGINES
from tornadogw.errors import Cannot
from tornadogw.types import Call, Credential, Draft
from tornadogw.vendors.chat_request import write
from tornadogw.vendors.rows import Auth, Form, Prefill, Profile

HELLO = [{"role": "user", "content": "hi"}]
KEY = Credential("acme/0", "sk-secret")


def call(params=None, *, mode="chat", model="m", prompts=("Once",), **rest: Any) -> Call:
    own = {key: rest.pop(key) for key in ("max_tokens", "temperature") if key in rest}
    draft = Draft(mode, model, HELLO if mode == "chat" else (), prompts if mode != "chat" else (), params or {}, **own)
    given = {"max_tokens": own.get("max_tokens") or 1000, "temperature": own.get("temperature")}
    return Call("r", draft, model, **({"base_url": "http://a/v1"} | given | rest))


def body(profile: Profile, call: Call) -> dict[str, Any]:
    return json.loads(write(profile, call, KEY).body)


def test_a_plain_call():
    request = write(Profile(base_url="http://own"), call({"top_p": 0.5}, temperature=0.7), KEY)
    assert json.loads(request.body) == {
        "model": "m",
        "messages": HELLO,
        "max_tokens": 1000,
        "temperature": 0.7,
        "top_p": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert request.url == "http://a/v1/chat/completions"
    assert request.method == "POST"
    assert request.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "authorization": "Bearer sk-secret",
    }
    assert request.dropped == ()
    assert "secret" not in repr(request)


def test_the_address_falls_back_to_the_rows_and_a_slash_at_its_end_is_none():
    assert write(Profile(base_url="http://own/"), call(base_url=""), KEY).url == "http://own/chat/completions"
    with pytest.raises(Cannot, match="base_url"):
        write(Profile(), call(base_url=""), KEY)
    with pytest.raises(Cannot, match="base_url"):
        write(Profile(), call(base_url="http://[broken"), KEY)


def test_json_is_asked_for_without_stream_options():
    written = write(Profile(), call(stream=False), Credential("none"))
    assert "stream_options" not in json.loads(written.body)
    assert json.loads(written.body)["stream"] is False
    assert written.headers["accept"] == "application/json"
    assert "authorization" not in written.headers


def test_usage_is_not_asked_for_where_the_question_is_refused():
    assert "stream_options" not in body(Profile(stream_usage=False), call())


def test_names_values_and_ranges():
    profile = Profile(
        max_tokens="max_completion_tokens",
        rename={"seed": "random_seed"},
        values={"tool_choice": {"required": "any"}},
        ranges={"temperature": (0.01, 1.0), "top_p": (0, 1)},
        body={"safe_prompt": True, "top_k": 5},
    )
    written = body(profile, call({"seed": 7, "tool_choice": "required", "top_k": 9, "top_p": True}, temperature=0.0))
    assert written["max_completion_tokens"] == 1000
    assert "max_tokens" not in written
    assert (written["random_seed"], written["tool_choice"], written["temperature"]) == (7, "any", 0.01)
    assert (written["safe_prompt"], written["top_k"], written["top_p"]) == (True, 9, True)
    named = {"type": "function", "function": {"name": "f"}}
    assert body(profile, call({"tool_choice": named}))["tool_choice"] == named
    assert body(profile, call({"tool_choice": "auto"}))["tool_choice"] == "auto"


def test_what_is_dropped_is_told_unless_it_changes_nothing():
    profile = Profile(drop=["user", "logprobs", "temperature"], omit_values={"tool_choice": ["auto", "required"]})
    asked = {"user": "u", "logprobs": False, "tool_choice": "auto"}
    request = write(profile, call(asked, temperature=0.2), KEY)
    assert set(json.loads(request.body)) == {"model", "messages", "max_tokens", "stream", "stream_options"}
    assert request.dropped == ("temperature", "user")
    assert write(profile, call({"tool_choice": "required"}), KEY).dropped == ("tool_choice",)


def test_a_default_of_ours_is_dropped_without_a_word():
    ours = call(temperature=None)
    assert (
        write(Profile(drop=["temperature"]), Call("r", ours.draft, "m", "http://a", temperature=0.7), KEY).dropped == ()
    )


def test_what_is_refused_is_for_another_route():
    profile = Profile(
        refuse=["n", "tools"], refuse_values={"response_format": ["json_schema"], "tool_choice": ["required"]}
    )
    assert "n" not in body(profile, call({"n": 1, "tools": []}))
    for params, name in (
        ({"n": 2}, "n"),
        ({"tools": [{}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
    ):
        with pytest.raises(Cannot) as cannot:
            write(profile, call(params), KEY)
        assert cannot.value.param == name
    assert body(profile, call({"response_format": {"type": "json_object"}}))["response_format"] == {
        "type": "json_object"
    }


def test_a_vendors_own_tools_are_for_another_route():
    profile = Profile(tool_types=["function"])
    ours = [{"type": "function", "function": {"name": "f"}}, {"function": {"name": "g"}}]
    assert body(profile, call({"tools": ours}))["tools"] == ours
    with pytest.raises(Cannot) as cannot:
        write(profile, call({"tools": [*ours, {"type": "web_search"}]}), KEY)
    assert cannot.value.param == "tools[2].type"
    assert body(Profile(), call({"tools": [{"type": "web_search"}]}))["tools"] == [{"type": "web_search"}]
    for odd in (7, "ab", [7]):  # legacy completion does not look at it
        assert body(profile, call({"tools": odd}))["tools"] == odd


def test_a_sentence_is_no_parameter():
    asked = {"incorrect api key provided: x": 1, "a b": 2, "fine-1.x:y": 3, "": 4, "é": 5}
    request = write(Profile(), call(asked), KEY)
    assert set(json.loads(request.body)) & set(asked) == {"fine-1.x:y"}
    assert request.dropped == ("incorrect api key provided: x", "a b", "", "é")


def test_invented_parameters_leave_the_record_small():
    many = {f"made up {number}": 1 for number in range(100_000)}
    assert write(Profile(), call(many), KEY).dropped == tuple(many)[:64]
    assert write(Profile(drop=["user"]), call({"x" * 1000: 1, "user": "u"}), KEY).dropped == ("x" * 64, "user")


def test_effort_is_what_the_vendor_calls_it():
    profile = Profile(effort={"none": {"thinking": {"type": "disabled"}}, "*": {"thinking": {"type": "enabled"}}})
    assert body(profile, call({"reasoning_effort": "none"}))["thinking"] == {"type": "disabled"}
    assert body(profile, call({"reasoning_effort": "high"}))["thinking"] == {"type": "enabled"}
    assert body(Profile(), call({"reasoning_effort": "high"}))["reasoning_effort"] == "high"
    nothing = write(Profile(effort={"*": {}}), call({"reasoning_effort": "high"}), KEY)
    assert nothing.dropped == ("reasoning_effort",)
    only_none = Profile(effort={"none": {"x": 1}})
    assert body(only_none, call({"reasoning_effort": ["odd"]}))["reasoning_effort"] == ["odd"]


def test_an_answer_that_is_gone_on_with():
    begun = [*HELLO, {"role": "assistant", "content": "Once"}]
    going_on = call(continues=True)
    going_on = msgspec.structs.replace(going_on, draft=msgspec.structs.replace(going_on.draft, messages=begun))
    prefill = Prefill(answers="rest", message={"prefix": True}, body={"go_on": 1}, url="{root}/beta/chat")
    request = write(Profile(prefill=prefill), going_on, KEY)
    asked = json.loads(request.body)
    assert asked["messages"] == [*HELLO, {"role": "assistant", "content": "Once", "prefix": True}]
    assert (asked["go_on"], request.url) == (1, "http://a/beta/chat")
    for profile, what in ((Profile(), going_on), (Profile(prefill=prefill), call(continues=True))):
        with pytest.raises(Cannot, match="messages"):
            write(profile, what, KEY)
    assert "go_on" not in body(Profile(prefill=prefill), call())


def test_completion_at_its_own_endpoint():
    profile = Profile(completion="native", token_prompts=True, max_tokens="max_completion_tokens")
    request = write(profile, call({"echo": True}, mode="completion"), KEY)
    assert request.url == "http://a/v1/completions"
    written = json.loads(request.body)
    assert (written["prompt"], written["max_tokens"], written["echo"]) == ("Once", 1000, True)
    assert "messages" not in written
    assert body(profile, call(mode="completion", prompts=("a", "b")))["prompt"] == ["a", "b"]
    assert body(profile, call(mode="completion", prompts=([1, 2],)))["prompt"] == [1, 2]
    with pytest.raises(Cannot, match="tokens"):
        write(Profile(completion="native"), call(mode="completion", prompts=([1, 2],)), KEY)


def test_completion_without_its_endpoint_is_not_for_the_vendor():
    with pytest.raises(Cannot, match="no completion endpoint"):
        write(Profile(), call(mode="completion"), KEY)


def test_a_model_that_only_completes_does_not_chat():
    with pytest.raises(Cannot, match="does not chat") as cannot:
        write(Profile(completion="only"), call(), KEY)
    assert cannot.value.param == "model"
    assert "prompt" in body(Profile(completion="only"), call(mode="completion"))


def test_addresses_and_keys_are_data():
    profile = Profile(
        url="{base}/d/{model}/chat?v={api_version}",
        options={"api_version": "2024-10-21"},
        forms={
            "new": Form(url="{base}/new/{region}"),
            "hosted": Form(hosts=["*.acme.test"], options={"api_version": "1"}),
        },
        auth=Auth(header="Api-Key", prefix=""),
        auths={"bearer": Auth()},
        headers={"X-Org": "{org}", "X-Always": "yes"},
    )
    request = write(profile, call(model="a/b c"), KEY)
    assert request.url == "http://a/v1/d/a%2Fb%20c/chat?v=2024-10-21"
    assert request.headers["api-key"] == "sk-secret"
    assert request.headers["x-always"] == "yes"
    assert "x-org" not in request.headers
    chosen = write(profile, call(options={"form": "new", "region": "eu&x", "auth": "bearer", "org": "o"}), KEY)
    assert chosen.url == "http://a/v1/new/eu%26x"
    assert (chosen.headers["authorization"], chosen.headers["x-org"]) == ("Bearer sk-secret", "o")
    assert write(profile, call(base_url="https://r.acme.test"), KEY).url == "https://r.acme.test/d/m/chat?v=1"
    for options, name in (({"form": "old"}, "options.form"), ({"form": "new"}, "options.region")):
        with pytest.raises(Cannot) as cannot:
            write(profile, call(options=options), KEY)
        assert cannot.value.param == name


@pytest.mark.parametrize("value", [2**70, "\ud800"])
def test_what_json_cannot_carry_is_refused(value):
    with pytest.raises(Cannot, match="body"):
        write(Profile(), call({"seed": value}), KEY)


# --- what the rows make of it ----------------------------------------------------------------------------------------


def written(vendor: str, call: Call) -> tuple[dict[str, Any], tuple[str, ...]]:
    request = ENGINES[vendor].request(call, KEY, 0.0)
    return json.loads(request.body), request.dropped


def test_reasoning_models_take_no_sampling_and_their_own_limit():
    told, dropped = written("openai", call({"top_p": 1, "seed": 2}, model="gpt-5-mini", temperature=0.2))
    assert told["max_completion_tokens"] == 1000
    assert told["seed"] == 2
    assert dropped == ("temperature", "top_p")
    told, dropped = written("openai", call(model="gpt-5-chat-latest", temperature=0.2))
    assert (told["temperature"], dropped) == (0.2, ())


def test_a_named_deployment_says_its_family():
    told, _ = written("azure", call(model="prod", options={"family": "o3-mini"}, base_url="https://r.openai.azure.com"))
    assert "max_completion_tokens" in told
    assert written("azure", call(model="prod", base_url="https://r.openai.azure.com"))[0]["max_tokens"] == 1000


@pytest.mark.parametrize(
    ("vendor", "params", "right"),
    [
        ("mistral", {"seed": 1, "tool_choice": "required"}, {"random_seed": 1, "tool_choice": "any"}),
        ("openrouter", {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ("qwen", {"reasoning_effort": "none"}, {"enable_thinking": False}),
        ("zhipu", {"reasoning_effort": "high"}, {"reasoning_effort": "high", "thinking": {"type": "enabled"}}),
        ("deepseek", {"reasoning_effort": "high", "n": 1}, {"reasoning_effort": "high"}),
    ],
)
def test_vendors_words(vendor, params, right):
    told, dropped = written(vendor, call(params))
    common = {"model", "messages", "max_tokens", "stream", "stream_options"}
    assert {key: value for key, value in told.items() if key not in common} == right
    assert dropped == ()


@pytest.mark.parametrize("vendor", sorted(ENGINES))
def test_no_row_lets_the_client_choose_another_or_dearer_product(vendor):
    asked = {
        "models": ["dear"],
        "route": "fallback",
        "provider": {"order": ["dear"]},
        "plugins": [{"id": "web"}],
        "transforms": ["middle-out"],
        "service_tier": "priority",
        "store": True,
        "web_search_options": {},
        "enable_search": True,
        "search_parameters": {"mode": "on"},
        "n_predict": 9,
    }
    told, dropped = written(vendor, call(asked, base_url="https://a.example/v1"))
    assert not set(told) & set(asked)
    assert set(dropped) == set(asked)
    with pytest.raises(Cannot):
        written(vendor, call({"tools": [{"type": "web_search"}]}, base_url="https://a.example/v1"))


@pytest.mark.parametrize(
    ("vendor", "name"),
    [
        ("openai", "audio"),
        ("azure", "audio"),
        ("azure", "data_sources"),
        ("qwen", "enable_code_interpreter"),
        ("perplexity", "search_type"),
        ("xai", "deferred"),
        ("groq", "compound_custom"),
        ("together", "safety_model"),
        ("llamacpp", "n_cmpl"),
    ],
)
def test_rows_drop_what_costs_extra_there(vendor, name):
    assert written(vendor, call({name: {"a": 1}}, base_url="https://a.example/v1"))[1] == (name,)


def test_the_usual_tier_is_no_news():
    told, dropped = written("openai", call({"service_tier": "auto", "store": False, "modalities": ["text"]}))
    assert not {"service_tier", "store", "modalities"} & set(told)
    assert dropped == ()
