"""Signatures of ID tokens, by joserfc: for who has the extra `oidc`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from tornadogw.errors import Unreadable

__all__ = ["ALGORITHMS", "SigningKeys"]

ALGORITHMS = ("RS256", "ES256")
"""What is believed: public keys only. `none` is no signature, and with `HS256` a public key would be a password."""
MOST = 100
"""Keys of a provider that are looked at."""
_SMALLEST = 342
"""Characters of an RSA key's modulus in Base64: 2048 bits (RFC 7518, 3.3)."""


class SigningKeys:
    """The keys of a provider, as its JWKS document has them. What is no key for `ALGORITHMS` is left out."""

    def __init__(self, document: bytes) -> None:
        """Raises `Unreadable`."""
        try:
            listed = json.loads(document)["keys"]
            keys: list[Key] = [key for each in listed[:MOST] if (key := _key(each)) is not None]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unreadable("the provider's keys cannot be read") from None
        self._keys = KeySet(keys)

    def claims(self, token: str) -> Mapping[str, Any] | None:
        """What a token says that one of these keys has signed; None: its key is unknown. Raises `Unreadable`."""
        try:
            return dict(jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims)
        except InvalidKeyIdError:
            return None
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            # the class alone: its words may have some of the token
            raise Unreadable(f"the token's signature is not good: {type(error).__name__}") from None


def _key(listed: Any) -> RSAKey | ECKey | None:
    if not isinstance(listed, dict) or listed.get("use", "sig") != "sig":
        return None
    if listed.get("alg", ALGORITHMS[0]) not in ALGORITHMS:
        return None
    try:
        if listed["kty"] == "RSA":
            return RSAKey.import_key(dict(listed)) if len(listed["n"]) >= _SMALLEST else None
        return ECKey.import_key(dict(listed)) if listed["kty"] == "EC" and listed["crv"] == "P-256" else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
