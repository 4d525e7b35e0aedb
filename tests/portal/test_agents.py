"""Browsers by name."""

from __future__ import annotations

import pytest

from tornadogw.portal.agents import agent_name

MOZILLA = "Mozilla/5.0"
LIKE = "(KHTML, like Gecko)"
CHROME = f"AppleWebKit/537.36 {LIKE} Chrome/141.0.0.0"
PHONE = f"{MOZILLA} (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 {LIKE}"
MAC = f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 {LIKE}"
GALAXY = f"{MOZILLA} (Linux; Android 14; SM-S928B) AppleWebKit/537.36 {LIKE}"
HARMONY = f"{MOZILLA} (Phone; OpenHarmony 5.0) {CHROME} Safari/537.36 ArkWeb/4.1.6.1"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "Chrome · Windows"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/141.0.0.0", "Edge · Windows"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 OPR/121.0.0.0", "Opera · Windows"),
        (f"{MOZILLA} (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox · Linux"),
        (f"{MOZILLA} (X11; Linux x86_64) {CHROME.replace('Chrome', 'HeadlessChrome')} Safari/537.36", "Chrome · Linux"),
        (f"{MOZILLA} (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "Chrome · ChromeOS"),
        (f"{MOZILLA} (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "Chrome · Android"),
        (f"{GALAXY} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "Samsung Internet · Android"),
        (f"{MAC} Version/18.6 Safari/605.1.15", "Safari · macOS"),
        (f"{PHONE} Version/18.6 Mobile/15E148 Safari/604.1", "Safari · iPhone"),
        (f"{PHONE} Mobile/15E148 MicroMessenger/8.0.61(0x18003d28) NetType/WIFI Language/zh_CN", "WeChat · iPhone"),
        (f"{HARMONY} Mobile HuaweiBrowser/5.1.5.313", "Huawei Browser · HarmonyOS"),
        ("Firefox/1", "Firefox"),
        ("curl/8.14.1", "curl/8.14.1"),
        ("my-tool (Windows)", "my-tool (Windows)"),
        ("", ""),
    ],
)
def test_agent_name(agent, name) -> None:
    assert agent_name(agent) == name
