"""What must not be read by everybody: keys in anything, and who the upstream is in what clients see. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["LONGEST", "conceal", "mask"]

LONGEST = 500
"""Characters of an upstream's words that a client reads (contract.md, errors)."""

MOST_READ = 2000
"""Characters that are looked at: an error page can be long."""

NO_LETTER_BEFORE = r"(?<![A-Za-z0-9])"
"""Instead of a word border, which Chinese text beside a key would hide."""

NO_ID_BEFORE = NO_LETTER_BEFORE + r"(?<!req[-_])"

SECRETS = [
    # an address with a user and password in it
    (re.compile(r"(?i)([a-z][a-z0-9+.-]{1,20}://)[^\s/@\"'<>]{1,300}@"), r"\1***@"),
    # an authorization header, wherever it is quoted
    (re.compile(r"(?i)" + NO_LETTER_BEFORE + r"(bearer|basic)\s+[A-Za-z0-9._~+/=*-]{4,}"), r"\1 ***"),
    # key=..., "x-api-key": "...", password: ...
    (
        re.compile(
            r"(?i)((?:api[-_ ]?key|access[-_]?token|auth[-_]?token|client[-_]?secret|secret|password|authorization|"
            r"(?<=[?&])key|(?<=[?&])token|(?<=[?&])sig(?:nature)?)[\"']?\s*[:=]\s*[\"']?)"
            r"(?!(?:bearer|basic)\s)[^\s\"',;&)}\]]{3,}"
        ),
        r"\1***",
    ),
    # keys by their usual beginnings
    (re.compile(NO_LETTER_BEFORE + r"sk-[A-Za-z0-9_.*-]{2,}[A-Za-z0-9_*-]"), "sk-***"),
    (re.compile(NO_LETTER_BEFORE + r"AIza[A-Za-z0-9_-]{20,}"), "AIza***"),
    (re.compile(NO_LETTER_BEFORE + r"ya29\.[A-Za-z0-9_.-]{4,}"), "ya29.***"),
    (re.compile(NO_LETTER_BEFORE + r"(?:AKIA|ASIA)[A-Z0-9]{12,}"), "AKIA***"),
    (re.compile(NO_LETTER_BEFORE + r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]{8,}"), "eyJ***"),
    (re.compile(NO_LETTER_BEFORE + r"(?!req[-_])([a-z]{2,5}[-_])[A-Za-z0-9]{28,}"), r"\1***"),
]

WHEREABOUTS = [
    # addresses, with or without a scheme
    re.compile(r"(?i)" + NO_LETTER_BEFORE + r"[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>)\]]+"),
    re.compile(r"(?i)" + NO_LETTER_BEFORE + r"[a-z0-9._%+-]{1,64}+@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}"),
    re.compile(
        r"(?i)" + NO_LETTER_BEFORE + r"(?:[a-z0-9][a-z0-9-]{0,62}+\.){1,5}"
        r"(?:com|cn|ai|net|io|org|dev|cloud|app|xyz|local|internal)(?![a-z0-9-])(?::\d+)?(?:/[^\s\"'<>)\]]*)?"
    ),
    re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])"),
    # organisations, projects, accounts
    re.compile(NO_LETTER_BEFORE + r"(?:org-|(?:org|proj|acct|user)[-_](?=[A-Za-z]*\d))[A-Za-z0-9]{4,}"),
    re.compile(NO_LETTER_BEFORE + r"arn:[^\s\"']+"),
    re.compile(NO_LETTER_BEFORE + r"projects/[^\s/\"']+"),
    re.compile(NO_LETTER_BEFORE + r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    # a key of no usual form: long, of small and capital letters and digits
    re.compile(NO_ID_BEFORE + r"(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[A-Z])(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{24,}"),
    re.compile(NO_ID_BEFORE + r"(?=[A-Za-z]*\d)[A-Za-z0-9]{32,}"),
]

REQUEST_ID = re.compile(NO_LETTER_BEFORE + r"(?:req|request)[-_][A-Za-z0-9-]{6,}")


def conceal(text: str) -> str:
    """`text` without keys, tokens and passwords; for log lines, which may name upstreams and addresses."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def mask(text: str, names: Iterable[str] = (), *, request_ids: bool = False) -> str:
    """An upstream's words as a client may read them: one line of at most 500 characters, valid Unicode.

    Keys, addresses, organisations and `names` (of upstreams and their vendors) are masked; with `request_ids` the
    upstream's ids of the request too.
    """
    text = " ".join(text[:MOST_READ].encode("utf-8", "replace").decode("utf-8").split())
    text = conceal(text)
    for pattern in WHEREABOUTS:
        text = pattern.sub("***", text)
    if request_ids:
        text = REQUEST_ID.sub("***", text)
    if known := sorted(filter(None, names), key=len, reverse=True):
        either = "|".join(map(re.escape, known))
        text = re.sub(rf"(?i){NO_LETTER_BEFORE}(?:{either})(?![A-Za-z0-9])", "upstream", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
