"""Which browser somebody is logged in with, in words: `Firefox · Windows`, from its User-Agent header."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["agent_name"]

# The first that is found: what others are made of comes after them, and so does what others claim to be.
_BROWSERS: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(token), name)
    for token, name in (
        (r"MicroMessenger/", "WeChat"),
        (r"\bDingTalk/", "DingTalk"),
        (r"\bLark/|\bFeishu/", "Feishu"),
        (r"\bEdg(e|A|iOS)?/", "Edge"),
        (r"\b(OPR|OPT|Opera)/", "Opera"),
        (r"\bSamsungBrowser/", "Samsung Internet"),
        (r"\bHuaweiBrowser/", "Huawei Browser"),
        (r"\bMiuiBrowser/", "Mi Browser"),
        (r"\b(U|UC)Browser/", "UC Browser"),
        (r"\bM?QQBrowser/", "QQ Browser"),
        (r"\bVivaldi/", "Vivaldi"),
        (r"\bYaBrowser/", "Yandex Browser"),
        (r"\b(Firefox|FxiOS)/", "Firefox"),
        (r"\b(Headless)?(Chrome|CriOS|Chromium)/", "Chrome"),
        (r"\bVersion/[\d.]+.* Safari/", "Safari"),
    )
)
_SYSTEMS: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(token), name)
    for token, name in (
        (r"\biPhone\b", "iPhone"),
        (r"\biPad\b", "iPad"),
        (r"\bOpenHarmony\b|\bHarmonyOS\b", "HarmonyOS"),
        (r"\bAndroid\b", "Android"),
        (r"\bWindows\b", "Windows"),
        (r"\bMac OS X\b|\bMacintosh\b", "macOS"),
        (r"\bCrOS\b", "ChromeOS"),
        (r"\bLinux\b", "Linux"),
    )
)


def agent_name(agent: str) -> str:
    """Browser and system that a User-Agent header names; the header itself where no browser is known."""
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    return f"{browser} · {system}" if browser and system else browser or agent


def _first(table: Sequence[tuple[re.Pattern[str], str]], agent: str) -> str:
    return next((name for pattern, name in table if pattern.search(agent)), "")
