"""Thought signatures survive a tool loop: through clients that keep unknown fields, and through those that do not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornadogw_gemini import Gemini
from tornadogw_gemini.signatures import SKIP, made_up, split, tool_call_id

from tornadogw import Call, Credential, Draft, Extra, ToolCall
from tornadogw.testing import read_all

VENDOR = Gemini()
USER = {"role": "user", "content": "hi"}
SIGNED = "CuACAXLI2nzhub94iTgphfrBnaQV13Wv0+kRJj+l9jEDfxsyNg9e/nhxRfj4cued3Mgvv1CR9vkpfDVA=="


def answer(*parts):
    """The assistant's message that a client keeps."""
    said = {"responseId": "r", "candidates": [{"content": {"parts": list(parts)}, "finishReason": "STOP"}]}
    call = Call(id="q", draft=Draft(mode="chat", model="m"), model="m", base_url="")
    message = {"role": "assistant", "content": "", "tool_calls": []}
    for event in read_all(VENDOR, call, [json.dumps(said).encode()]):
        if isinstance(event, ToolCall):
            function = {"name": event.name, "arguments": event.arguments}
            message["tool_calls"].append({**event.extras, "id": event.id, "type": "function", "function": function})
        elif isinstance(event, Extra) and event.place == "message":
            message[event.key] = event.value
        elif hasattr(event, "text"):
            message["content"] += event.text
    return message


def forgetful(message):
    """As most clients send it back: without what they do not know."""
    kept = {key: message[key] for key in ("role", "content", "tool_calls")}
    calls = [{key: call[key] for key in ("id", "type", "function")} for call in message["tool_calls"]]
    return {**kept, "tool_calls": calls}


def sent_back(message, model="gemini-3-pro-preview"):
    """(parts of the model's turn, parts of the tools' answers) in the next request."""
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "ok"} for call in message["tool_calls"]]
    draft = Draft(mode="chat", model="m", messages=(USER, message, *results))
    call = Call(id="q", draft=draft, model=model, base_url="https://x")
    turns = json.loads(VENDOR.request(call, Credential("k"), 0.0).body)["contents"]
    return turns[1]["parts"], turns[2]["parts"]


@pytest.mark.parametrize("signature", [SIGNED, "ab-_cd", "signature_REDACTED_1", "plain", "A+/="])
@pytest.mark.parametrize("client", [forgetful, dict])
@pytest.mark.parametrize("own", [{}, {"id": "8xju7mua"}])
def test_a_signature_comes_back_unchanged(signature, client, own):
    part = {"functionCall": {"name": "f", "args": {"a": 1}, **own}, "thoughtSignature": signature}
    message = client(answer(part, {"functionCall": {"name": "g", "args": {}}}))
    (first, second), results = sent_back(message)
    assert first == {"functionCall": {"name": "f", "args": {"a": 1}, **own}, "thoughtSignature": signature}
    assert second == {"functionCall": {"name": "g", "args": {}}}
    assert [each["functionResponse"]["name"] for each in results] == ["f", "g"]
    assert results[0]["functionResponse"].get("id") == own.get("id")


def test_a_client_that_drops_fields_keeps_nothing_else():
    message = forgetful(answer({"functionCall": {"name": "f"}, "thoughtSignature": SIGNED}))
    assert "extra_content" not in json.dumps(message)


def test_a_signature_that_no_id_can_hold_is_in_the_field():
    part = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "not base64!"}
    message = answer(part)
    assert message["tool_calls"][0]["id"].isascii()
    assert sent_back(message)[0] == [part]
    assert sent_back(forgetful(message))[0][0]["thoughtSignature"] == SKIP


def test_the_signature_of_a_text():
    message = answer({"text": "Hi"}, {"text": "", "thoughtSignature": SIGNED})
    assert message["extra_content"] == {"google": {"thought_signature": SIGNED}}
    draft = Draft(mode="chat", model="m", messages=(USER, {k: v for k, v in message.items() if v}, USER))
    request = VENDOR.request(Call(id="q", draft=draft, model="m", base_url=""), Credential("k"), 0.0)
    assert json.loads(request.body)["contents"][1]["parts"] == [{"text": "Hi", "thoughtSignature": SIGNED}]
    assert request.dropped == ()


def test_calls_of_other_models_get_the_documented_word():
    calls = [{"id": f"toolu_{name}", "function": {"name": name, "arguments": "{}"}} for name in "fg"]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    first, second = sent_back(message)[0]
    assert (first["thoughtSignature"], "thoughtSignature" in second) == (SKIP, False)
    assert all("thoughtSignature" not in part for part in sent_back(message, "gemini-2.5-flash")[0])


@given(st.text(alphabet="ABCxyz019+/-_=", max_size=40), st.text(alphabet="abc_-", min_size=1, max_size=8))
def test_any_signature_in_an_id_is_found_or_was_never_there(signature, own):
    shown = tool_call_id(own, signature)
    found = split(shown)
    if shown == own:
        assert found == (own, "")
    else:
        assert found == (own, signature)
        assert shown.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=60))
def test_any_id_can_be_split(shown):
    own, signature = split(shown)
    assert isinstance(own, str)
    assert isinstance(signature, str)


def test_made_up_ids_are_known_again():
    assert split(made_up("r", 0, 1)) == ("", "")
    assert made_up("r", 0, 1) == made_up("r", 0, 1) != made_up("r", 1, 0)
