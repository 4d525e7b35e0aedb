"""The rules are named once and explained in a sentence."""

from __future__ import annotations

from pathlib import Path

from tornadogw.testing import RULES

PAGE = (Path(__file__).parents[2] / "docs/writing-a-vendor.md").read_text(encoding="utf-8")


def test_each_rule_has_one_sentence_and_stands_in_the_tutorial():
    for rule, meaning in RULES.items():
        assert meaning[0].islower()
        assert not meaning.endswith(".")
        assert f"| `{rule}` | {meaning} |" in PAGE
