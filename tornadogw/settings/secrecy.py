"""Secrets in settings: a reference becomes the secret only where it is used, and nothing that prints shows one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tornadogw.errors import SettingsError

__all__ = ["MASK", "is_reference", "mask", "resolve_secret"]

MASK = "****"

# Names whose values are secret wherever they stand: our own tables, an upstream's `options`, a plugin's table.
_SECRET = re.compile(
    r"secret|passw|credential|private_key|apikey|authorization|(^|_)(token|keys?|cookie|dsn)$", re.IGNORECASE
)
_USER_INFO = re.compile(r"(://).*@", re.DOTALL)
_VARIABLE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_QUERY = re.compile(r"([?&;][^=&]*(?:passw|token|secret|propert|key)[^=&]*=)[^&]*", re.IGNORECASE)


def is_reference(text: str) -> bool:
    """Whether `text` says where a secret is, rather than being one."""
    return text.startswith("file:/") or _VARIABLE.fullmatch(text) is not None


def resolve_secret(ref: str, environ: Mapping[str, str]) -> str:
    """The secret behind `env:NAME` or `file:/path`; anything else is the secret itself.

    Raises `SettingsError`, in words that hold the reference and never the secret.
    """
    if ref.startswith("env:"):
        return _variable(ref, environ)
    if ref.startswith("file:"):
        return _file(ref)
    if not ref:
        raise SettingsError("a key is empty: write `env:NAME`, `file:/path` or the key itself")
    return ref


def _variable(ref: str, environ: Mapping[str, str]) -> str:
    if not is_reference(ref):  # perhaps the secret itself was pasted behind `env:`, so it is not repeated here
        raise SettingsError("`env:` must be followed by the name of an environment variable")
    if not environ.get(ref[4:]):
        raise SettingsError(f"`{ref}`: the environment variable {ref[4:]} is not set")
    return environ[ref[4:]]


def _file(ref: str) -> str:
    if not is_reference(ref):
        raise SettingsError("`file:` must be followed by an absolute path, such as `file:/run/secrets/name`")
    path = Path(ref[5:])
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SettingsError(f"`{ref}`: the file cannot be read ({reason})") from None
    if not secret:
        raise SettingsError(f"`{ref}`: the file is empty")
    return secret


def mask(name: str, value: Any) -> Any:
    """`value` of the setting `name` as anybody may read it. References stay, secrets and passwords in URLs go."""
    if isinstance(value, Mapping):
        return {key: mask(str(key) if not _is_secret(name) else name, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask(name, inner) for inner in value]
    if isinstance(value, str):
        return _mask_text(name, value)
    return MASK if _is_secret(name) and isinstance(value, int | float) and not isinstance(value, bool) else value


def _mask_text(name: str, text: str) -> str:
    if not text or is_reference(text):
        return text
    if _is_secret(name):
        return MASK
    return _QUERY.sub(rf"\1{MASK}", _USER_INFO.sub(rf"\1{MASK}@", text))


def _is_secret(name: str) -> bool:
    return _SECRET.search(name.replace("-", "_")) is not None
