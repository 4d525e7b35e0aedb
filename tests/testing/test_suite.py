"""The suite itself: it finds recordings, keeps promises, reports, and runs under pytest."""

from __future__ import annotations

import json

import pytest

from tests.testing.toy import Toy, ToySuite, sse
from tornadogw.testing import RULES, MissingRecordings
from tornadogw.testing.suite import EXEMPT


def suite(**changes):
    return type("Suite", (ToySuite,), changes)


def quality(folder, **changed):
    states = {**dict.fromkeys(RULES, "done"), **changed}
    path = folder / "quality.toml"
    path.write_text("[suite]\n" + "\n".join(f"{rule} = {json.dumps(state)}" for rule, state in states.items()))
    return path


def test_each_rule_is_a_test_under_its_name():
    for rule, meaning in RULES.items():
        assert getattr(ToySuite, f"test_{rule}").__doc__ == meaning


def test_a_failing_rule_says_what_and_why():
    with pytest.raises(AssertionError, match=r"toy: requests: what is sent equals.*\n- no request to compare with"):
        suite(goldens=())().test_requests()
    suite()().test_requests()


def test_exempt_rules_are_no_tests_but_stand_in_the_report(tmp_path):
    kind = suite(opaque=(), quality=quality(tmp_path, extras="exempt: it has none"))
    assert kind.test_extras is None
    assert callable(kind.test_requests)
    (line,) = [line for line in kind().card() if line.state != "passed"]
    assert (line.rule, line.state, line.reasons) == ("extras", "exempt", ("it has none",))
    kind().test_promises()


@pytest.mark.parametrize("state", ["todo", "exempt", EXEMPT, "exempt:no"])
def test_a_promise_is_done_or_exempt_with_a_reason(state, tmp_path):
    with pytest.raises(AssertionError, match=r"quality\.toml"):
        suite(quality=quality(tmp_path, extras=state))().test_promises()


def test_a_promise_for_each_rule_and_no_other(tmp_path):
    path = quality(tmp_path)
    suite(quality=path)().test_promises()
    path.write_text(path.read_text().replace("splits", "splints"))
    with pytest.raises(AssertionError, match="one line for each rule"):
        suite(quality=path)().test_promises()


def recording(folder, name, answer, **request):
    exchange = {
        "vendor": "toy",
        "model": "toy-1",
        "tags": ["stream"],
        "request": {"method": "POST", "path": "/talk", **request},
        "response": {"status": 200, "body": answer.decode()},
    }
    (folder / "recorded/toy").mkdir(parents=True, exist_ok=True)
    (folder / f"recorded/toy/{name}.json").write_text(json.dumps(exchange))


def test_recordings_are_answers_and_goldens(tmp_path, monkeypatch):
    monkeypatch.setenv("TORNADOGW_RECORDINGS", str(tmp_path))
    body = {"model": "toy-1", "limit": 5, "stream": False, "turns": [{"by": "user", "text": "Hey"}]}
    recording(tmp_path, "01-stream", ToySuite.samples["hello"], body=body)
    recording(tmp_path, "02-bad", sse({"word": "cut"}))
    asked = {"messages": [{"role": "user", "content": "Hey"}], "max_tokens": 5}
    kind = suite(folders=("toy",), asked={"01-stream": asked}, goldens=(), samples={}, whole={}, exempt={"json": "no"})
    assert {line.rule for line in kind().card() if line.state == "failed"} == set()  # a cut answer may be recorded
    assert [golden.name for golden, _ in kind().requests] == ["01-stream"]
    assert [each.name for each in suite(folders=("toy",), skip={"02-bad": "cut"})().recordings] == ["01-stream"]
    other = suite(folders=("toy",), asked={"01-stream": {**asked, "max_tokens": 6}}, goldens=())()
    assert other.look("requests").reasons == ("01-stream: limit is 6, not 5",)


def test_missing_recordings_are_not_hidden(tmp_path, monkeypatch):
    monkeypatch.setenv("TORNADOGW_RECORDINGS", str(tmp_path))
    with pytest.raises(MissingRecordings):
        suite(folders=("toy",))().card()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(MissingRecordings):
        suite(folders=("toy",))().test_form()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="TORNADOGW_RECORDINGS"):
        suite(folders=("toy",))().test_form()


def test_the_vendors_own_error_becomes_a_reason():
    class Raising(Toy):
        def memo(self, call):
            raise KeyError("x")

    (reason,) = suite(vendor=Raising())().look("form").reasons
    assert reason.startswith("raises KeyError: 'x' (")
