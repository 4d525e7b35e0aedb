"""Which language a reader gets."""

from __future__ import annotations

import pytest

from tornadogw.cli.language import both, environment_language, pick


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "ZH_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "en_US", "LC_ALL": "zh_CN"}, "zh"),
        ({"LANG": "zh_CN", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_locale_decides(environ, language):
    assert environment_language(environ) == language


@pytest.mark.parametrize(("locale", "text"), [("zh_CN", "启动"), ("en_US", "Start")])
def test_a_text_in_both(locale, text, monkeypatch):
    monkeypatch.setenv("LC_ALL", locale)
    assert pick(both("启动", "Start")) == text


def test_a_text_in_one():
    assert pick("plain") == "plain"
    assert pick(None) is None
