"""What pages are made of: every word in both languages, and files that may be kept for ever."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from tornadogw import portal
from tornadogw.portal.pages import Pages, words

FOLDER = Path(portal.__file__).parent
SAID = re.compile(r"_\('((?:[^'\\]|\\.)*)'\)")
NAMES = {"array", "string", "int", "float", "bool", "HTTP", "OpenAPI", "auto", "English", "中文"}
SAID_IN_CODE = re.compile(r"\bsay\(\s*\"((?:[^\"\\]|\\.)*)\"")


def said():
    """Every string of the templates and of the code beside them that is for people."""
    for room in FOLDER.glob("*.py"):
        yield from SAID_IN_CODE.findall(room.read_text("utf-8"))
    for template in FOLDER.glob("templates/*.html"):
        yield from (each.replace("\\'", "'") for each in SAID.findall(template.read_text("utf-8")))


def test_no_string_is_missing_in_chinese_and_none_is_left_over():
    assert set(said()) == set(words())


def test_no_string_has_two_translations():
    """Which of them counted would be chance."""
    files = [file.read_text("utf-8").splitlines() for file in FOLDER.glob("locale/*.csv")]
    lines = [row[0] for file in files for row in csv.reader(file)]
    assert sorted(lines) == sorted(set(lines))


def test_translations_take_the_same_values():
    for english, chinese in words().items():
        assert re.findall("%[ds]", english) == re.findall("%[ds]", chinese), english
        assert chinese
        assert chinese == chinese.strip()


def test_templates_hold_no_words_outside_of_what_is_translated():
    """Names of programs, parameters and code stand as they are; sentences do not."""
    kept = re.compile(r"<(pre|code|h3)\b.*?</\1>|{[%{].*?[%}]}|<[^>]*>|&\w+;", re.DOTALL)
    for template in FOLDER.glob("templates/*.html"):
        left = kept.sub(" ", template.read_text("utf-8"))
        found = set(re.findall(r"[A-Za-z一-鿿]{3,}", left))
        assert found <= NAMES, template.name


def test_a_locale_translates_into_its_own_language():
    pages = Pages()
    assert pages.locale("zh").translate("Models") == "模型"
    assert pages.locale("en").translate("Models") == "Models"


def test_a_files_address_has_its_digest():
    pages = Pages()
    address = pages.address("style.css")
    assert re.fullmatch(r"/static/style\.[0-9a-f]{16}\.css", address)
    asset = pages.asset(address)
    assert asset.body == (FOLDER / "static/style.css").read_bytes()
    assert asset.type.startswith("text/css")
    assert pages.asset("/static/style.0000000000000000.css") is None


def test_templates_have_no_script_and_no_style_of_their_own():
    """The content security policy would not let them run."""
    inline = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)|javascript:|\braw ")
    for template in FOLDER.glob("templates/*.html"):
        assert not inline.search(template.read_text("utf-8")), template.name
