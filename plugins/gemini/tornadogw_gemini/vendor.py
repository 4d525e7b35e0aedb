"""The two vendors: one body, two addresses, two ways to say who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
from typing_extensions import override

from tornadogw import (
    Call,
    Cannot,
    Credential,
    Event,
    Failure,
    Fetch,
    Frame,
    Refreshed,
    Traits,
    Unreadable,
    UpstreamRequest,
    Vendor,
)

from . import failures, reading, writing
from .service_account import is_service_account, read_token, token_request
from .thinking import FIRST_WITH_BUDGET, FIRST_WITH_LEVEL, generation

__all__ = ["Gemini", "Vertex"]

API_KEYS = ("AIza", "AQ.")
"""How the vendor's API keys begin; every other secret is a token."""
IMAGE_TOKENS = 4128
"""16 tiles of 258: the most that an image is cut into."""


class Gemini(Vendor):
    """`POST {base_url}/v1beta/models/MODEL:generateContent`.

    Options of an upstream: `api_version`, and `safety_settings` in the vendor's own form.
    """

    name = "gemini"
    base_url = "https://generativelanguage.googleapis.com"
    api_version = "v1beta"
    framing = "json-array"
    """Of a stream that is not asked for as server-sent events."""
    addresses = False
    """Whether the vendor fetches http(s) addresses itself."""

    @override
    def traits(self, model: str) -> Traits:
        """From generation 3 on the vendor advises against any temperature but its own."""
        made = generation(model)
        return Traits(
            pace="reasoning" if made >= FIRST_WITH_BUDGET else "",
            temperature=made < FIRST_WITH_LEVEL,
            image_tokens=IMAGE_TOKENS,
            image_urls=self.addresses,
        )

    @override
    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        body, dropped = writing.body(call, addresses=self.addresses)
        version = str(call.options.get("api_version", self.api_version))
        method = "streamGenerateContent?alt=sse" if call.stream else "generateContent"
        url = f"{self.origin(call)}/{version}/{self.path(call, credential)}:{method}"
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if call.stream else "application/json",
            **self.authorization(credential),
        }
        return UpstreamRequest(url, headers, body, dropped=dropped)

    def origin(self, call: Call) -> str:
        """The address without path."""
        return call.base_url.rstrip("/")

    def path(self, call: Call, credential: Credential) -> str:
        """Where the model is."""
        model = quote(call.model, safe="/:@")
        return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"

    def authorization(self, credential: Credential) -> dict[str, str]:
        """The header that says who asks. Raises Cannot for a key file: it buys tokens, and stays here."""
        if is_service_account(credential.secret):
            raise Cannot("upstreams.keys", "a service account's key file is not sent as it is")
        return {"x-goog-api-key": credential.secret} if credential.secret else {}

    @override
    def memo(self, call: Call) -> reading.Notes:
        return reading.Notes(call)

    @override
    def read(self, frame: Frame, memo: reading.Notes) -> Sequence[Event | Failure]:
        try:
            said: Any = orjson.loads(frame.data)
        except ValueError as error:
            raise Unreadable(f"no JSON: {error}") from error
        if not isinstance(said, dict):
            raise Unreadable("no JSON object")
        return reading.read(said, memo)

    @override
    def end(self, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.end(memo)

    @override
    def read_whole(self, body: bytes, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read_whole(body, memo)

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
        return failures.from_answer(status, headers, body, now)


class Vertex(Gemini):
    """`POST {base_url}/v1beta1/projects/PROJECT/locations/LOCATION/publishers/google/models/MODEL:generateContent`.

    Options of an upstream: `project` (needed but with an API key), `location` (default `global`), and those of Gemini.
    """

    name = "vertex"
    base_url = "https://aiplatform.googleapis.com"
    api_version = "v1beta1"
    addresses = True

    @override
    def origin(self, call: Call) -> str:
        """The place's own address, unless the operator set another."""
        origin, location = super().origin(call), self.location(call)
        if origin != self.base_url or location == "global":
            return origin
        if location in ("us", "eu"):
            return f"https://aiplatform.{location}.rep.googleapis.com"
        return f"https://{location}-aiplatform.googleapis.com"

    @override
    def path(self, call: Call, credential: Credential) -> str:
        model = quote(call.model, safe="/:@")
        if model.startswith("projects/"):
            return model
        if not model.startswith(("publishers/", "models/")):
            publisher, _, name = model.rpartition("/")
            model = f"publishers/{publisher or 'google'}/models/{name}"
        if project := call.options.get("project"):
            return f"projects/{quote(str(project), safe=':')}/locations/{self.location(call)}/{model}"
        if credential.secret.startswith(API_KEYS):
            return model
        raise Cannot("options.project", "the upstream needs a project")

    @staticmethod
    def location(call: Call) -> str:
        """Where the model runs."""
        return quote(str(call.options.get("location", "global")), safe="")

    @override
    def authorization(self, credential: Credential) -> dict[str, str]:
        headers = super().authorization(credential)
        if not headers or credential.secret.startswith(API_KEYS):
            return headers
        return {"authorization": f"Bearer {credential.secret}"}

    @override
    def expires(self, credential: Credential) -> bool:
        return is_service_account(credential.secret)

    @override
    async def refresh(self, http: Fetch, credential: Credential, now: float) -> Refreshed | Failure:
        request = token_request(credential.secret, now)
        return request if isinstance(request, Failure) else read_token(await http(request))
