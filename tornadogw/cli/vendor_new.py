"""The package that `tornadogw vendor new` writes: it installs, and its suite fails only where its author has work."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path

from tornadogw.errors import UsageError

__all__ = ["write_package"]

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40
FILES = {
    "setup.py": "setup.py.txt",
    "README.md": "README.md.txt",
    "@module@/quality.toml": "quality.toml.txt",
    "@module@/__init__.py": "__init__.py.txt",
    "@module@/vendor.py": "vendor.py.txt",
    "@module@/py.typed": "",
    "tests/test_suite.py": "test_suite.py.txt",
}
"""Where each template goes."""


def write_package(name: str, into: Path) -> tuple[Path, list[str]]:
    """Write `into/tornadogw-NAME`; gives the folder and its files. Overwrites nothing. Raises UsageError."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(f"{name!r} is no name for a vendor: small letters and digits, perhaps with `-` between them.")
    spoken = "".join(part.title() for part in name.split("-"))
    if keyword.iskeyword(spoken):
        raise UsageError(f"{name!r} is a word of Python: choose another name.")
    folder = into / f"tornadogw-{name}"
    if folder.exists():
        raise UsageError(f"{folder} is there already, and nothing is overwritten.")
    words = {
        "@name@": name,
        "@NAME@": name.upper().replace("-", "_"),
        "@Name@": name.title(),
        "@Class@": spoken,
        "@module@": f"tornadogw_{name.replace('-', '_')}",
    }
    templates = files("tornadogw") / "data" / "vendor_package"
    written = []
    try:
        for place, template in FILES.items():
            path = folder / _filled(place, words)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = (templates / template).read_text(encoding="utf-8") if template else ""
            path.write_text(_filled(text, words), encoding="utf-8")
            written.append(path.relative_to(folder).as_posix())
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from error
    return folder, written


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda found: words[found[0]], text)
