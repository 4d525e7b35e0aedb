"""Requests are signed as the vendor's own client signs them."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from tornadogw_bedrock import Bedrock
from tornadogw_bedrock.signing import Keys, keys_in, sign

from tornadogw import Call, Cannot, Credential, Draft

ACCESS, SECRET = "AKIDEXAMPLE0123456789", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MODELS = st.text(alphabet="abcXYZ019.-_:/ ~%é", min_size=1, max_size=60).filter(lambda name: name.strip("."))


@given(MODELS, st.binary(max_size=60), st.sampled_from(["", "c2Vzc2lvbg=="]), st.integers(10**9, 2 * 10**9))
def test_the_vendors_own_signer_says_the_same(model, body, session, now):
    url = f"https://bedrock-runtime.eu-west-1.amazonaws.com/model/{quote(model, safe='')}/converse"
    ours = sign(Keys(ACCESS, SECRET, session), url, {"content-type": "application/json"}, body, "eu-west-1", now)

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(now, UTC)

        @classmethod
        def utcnow(cls):
            return datetime.fromtimestamp(now, UTC).replace(tzinfo=None)

    request = AWSRequest("POST", url, headers={"content-type": "application/json"}, data=body)
    signer = botocore.auth.SigV4Auth(Credentials(ACCESS, SECRET, session or None), "bedrock", "eu-west-1")
    moment = datetime.fromtimestamp(now, UTC)
    with (
        patch("botocore.auth.get_current_datetime", lambda *_, **__: moment.replace(tzinfo=None), create=True),
        patch("botocore.auth.datetime", type("M", (), {"datetime": Clock}), create=True),
    ):
        signer.add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    for name in ("authorization", "x-amz-date", "x-amz-security-token"):
        assert ours.get(name) == theirs.get(name), name


@pytest.mark.parametrize(
    ("credential", "keys"),
    [
        (f"{ACCESS}:{SECRET}", Keys(ACCESS, SECRET, "")),
        (f"{ACCESS}:{SECRET}:se==:ion", Keys(ACCESS, SECRET, "se==:ion")),
        ("ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl", None),
        ("bedrock-api-key-YmVk", None),
        ("", None),
    ],
)
def test_forms_of_a_key(credential, keys):
    assert keys_in(credential) == keys


def request(secret, base="", **options):
    draft = Draft("chat", "m", ({"role": "user", "content": "hi"},))
    call = Call("r", draft, "arn:aws:bedrock:x/y:0", base or Bedrock.base_url, options)
    return Bedrock().request(call, Credential("a#1", secret), 1.8e9)


def test_a_bearer_key_is_sent_as_it_is():
    sent = request("ABSKkey", region="eu-central-1")
    assert sent.headers["authorization"] == "Bearer ABSKkey"
    assert sent.url == (
        "https://bedrock-runtime.eu-central-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Ax%2Fy%3A0/converse-stream"
    )


def test_the_region_is_the_options_or_the_addresss():
    assert "/us-east-1/bedrock/" in request(f"{ACCESS}:{SECRET}").headers["authorization"]
    own = request(f"{ACCESS}:{SECRET}", "https://proxy.example", region="eu-west-3")
    assert own.url.startswith("https://proxy.example/model/")
    assert "/eu-west-3/bedrock/" in own.headers["authorization"]
    assert SECRET not in str(own.headers)
    with pytest.raises(Cannot) as refused:
        request(f"{ACCESS}:{SECRET}", "https://proxy.example")
    assert refused.value.param == "options.region"
