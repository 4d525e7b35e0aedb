"""Recordings are found where the variable says, else beside the checkout, and read as they stand."""

from __future__ import annotations

import base64
import json

import pytest

from tornadogw.testing.recordings import (
    VARIABLE,
    MissingRecordings,
    find_recordings,
    load_recordings,
    needed_recordings,
)


def write(folder, vendor, name, response, **rest):
    file = folder / "recorded" / vendor / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    request = {"method": "POST", "path": "/v1/x", "headers": {"A": "b"}, "body": {"model": "m"}}
    file.write_text(json.dumps({"vendor": vendor, "request": request, "response": response, **rest}))


@pytest.fixture
def shared(tmp_path):
    write(tmp_path / "shared", "acme", "01-json", {"status": 200, "headers": {"X-Y": "1"}, "body": "{}"}, tags=["json"])
    binary = {"status": 429, "headers": None, "body_base64": base64.b64encode(b"\x00\xff").decode()}
    write(tmp_path / "shared", "acme", "02-binary", binary, model="m", fidelity="bytes")
    write(tmp_path / "shared", "other", "01-json", {"status": 200, "body": {"a": 1}})
    return tmp_path / "shared"


def test_they_are_found_beside_the_checkout(shared, tmp_path):
    assert find_recordings(tmp_path / "checkout", {}) == shared / "recorded"


@pytest.mark.parametrize("inner", ["", "recorded"])
def test_the_variable_decides(shared, tmp_path, inner):
    elsewhere = tmp_path / "a" / "b" / "checkout"
    assert find_recordings(elsewhere, {VARIABLE: str(shared / inner)}) == shared / "recorded"


def test_their_absence_is_told(tmp_path):
    with pytest.raises(MissingRecordings, match=VARIABLE):
        find_recordings(tmp_path / "checkout", {})
    with pytest.raises(MissingRecordings, match="nowhere"):
        find_recordings(tmp_path, {VARIABLE: str(tmp_path / "nowhere")})


def test_a_test_that_needs_them_is_skipped_without_and_fails_in_ci(shared, tmp_path, monkeypatch):
    file = tmp_path / "checkout" / "plugins" / "acme" / "test_acme.py"
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("CI", raising=False)
    assert [each.name for each in needed_recordings(file, ["acme"])] == ["01-json", "02-binary"]
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(pytest.skip.Exception, match="nowhere"):
        needed_recordings(file, ["acme"])
    monkeypatch.setenv("CI", "true")
    with pytest.raises(MissingRecordings, match="nowhere"):
        needed_recordings(file, ["acme"])


def test_they_are_read_as_they_stand(shared):
    first, second, third = load_recordings(shared / "recorded")
    assert [str(one) for one in (first, second, third)] == ["acme/01-json", "acme/02-binary", "other/01-json"]
    assert (first.status, first.headers, first.body, first.tags) == (200, {"x-y": "1"}, b"{}", {"json"})
    assert (first.method, first.path, first.request_headers, first.request) == (
        "POST",
        "/v1/x",
        {"A": "b"},
        {"model": "m"},
    )
    assert (second.body, second.headers, second.model, second.fidelity) == (b"\x00\xff", {}, "m", "bytes")
    assert json.loads(third.body) == {"a": 1}


def test_only_the_wanted_vendors_are_read(shared):
    assert [one.vendor for one in load_recordings(shared / "recorded", ["other", "missing"])] == ["other"]
