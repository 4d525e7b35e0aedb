"""How much a model thinks: a budget of tokens in generation 2.5, a level from 3 on, nothing before. All by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tornadogw import Cannot

__all__ = ["generation", "thinking_config"]

_NAME = re.compile(r"gemini-(?:[a-z]+-)*(\d{1,3})(?:\.(\d{1,3}))?(?![\d.])")
_NEWEST = re.compile(r"gemini-(?:[a-z]+-)+latest")
_MUTE = re.compile(r"-(?:image|tts|audio|live|native-audio|robotics|computer-use)(?:-|$)|robotics")
"""Models of generation 2.5 that make or hear other things and take no thinking configuration."""
FIRST_WITH_BUDGET, FIRST_WITH_LEVEL, FIRST_WITH_XHIGH, LATEST = (2, 5), (3, 0), (3, 5), (99, 0)

BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}
"""Tokens, as the vendor's own OpenAI endpoint maps them."""
PRO_BUDGETS = {**BUDGETS, "none": 128, "xhigh": 32768}
"""The pro model cannot stop thinking, and may think longer."""
LEVELS = {"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "XHIGH"}
PRO_LEVELS = {**LEVELS, "none": "LOW", "minimal": "LOW"}


def generation(model: str) -> tuple[int, int]:
    """(major, minor) of a model's name; (0, 0) for one that does not tell."""
    name = model.lower()
    if (found := _NAME.search(name)) is not None:
        return int(found[1]), int(found[2] or 0)
    return LATEST if _NEWEST.search(name) else (0, 0)


def thinking_config(model: str, params: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    """`thinkingConfig` for what the client asked; empty: the model has none. Raises Cannot for an unknown effort."""
    own = _own(params, dropped)
    if not _thinks(model):
        dropped += [name for name in ("reasoning_effort", "thinking") if name in params]
        if own:
            dropped.append("extra_body.google.thinking_config")
        return {}
    config: dict[str, Any] = {"includeThoughts": True}
    if (effort := params.get("reasoning_effort")) is not None:
        config |= _effort(model, effort, dropped)
    if (asked := params.get("thinking")) is not None:
        config |= _anthropic_form(model, asked, dropped)
    config |= own
    if config.get("thinkingBudget") == 0:
        del config["includeThoughts"]
    return config


def _thinks(model: str) -> bool:
    made = generation(model)
    return made >= FIRST_WITH_LEVEL or (made >= FIRST_WITH_BUDGET and not _MUTE.search(model.lower()))


def _effort(model: str, effort: Any, dropped: list[str]) -> dict[str, Any]:
    """A model that cannot go so low, or so high, does its least, or most, and the client is told."""
    if not isinstance(effort, str) or effort not in LEVELS:
        raise Cannot("reasoning_effort", "must be one of " + ", ".join(LEVELS))
    made, pro = generation(model), "pro" in re.split(r"[-/]", model.lower())
    if made < FIRST_WITH_LEVEL:
        if pro and effort == "none":
            dropped.append("reasoning_effort")
        return {"thinkingBudget": (PRO_BUDGETS if pro else BUDGETS)[effort]}
    level = (PRO_LEVELS if pro else LEVELS)[effort]
    if level == "MEDIUM" and pro and made == FIRST_WITH_LEVEL:
        level = "HIGH"  # the first pro model of this generation has two levels
    elif level == "XHIGH" and made < FIRST_WITH_XHIGH:
        level = "HIGH"
    elif effort != "none":
        return {"thinkingLevel": level}
    dropped.append("reasoning_effort")
    return {"thinkingLevel": level}


def _anthropic_form(model: str, asked: Any, dropped: list[str]) -> dict[str, Any]:
    """`thinking` as clients of another vendor send it: `{"type": "enabled", "budget_tokens": 2000}`."""
    kind, budget = (asked.get("type"), asked.get("budget_tokens")) if isinstance(asked, dict) else (None, None)
    if kind == "disabled":
        told: list[str] = []
        config = _effort(model, "none", told)
        dropped += ["thinking"] * bool(told)
        return config
    if kind == "enabled" and type(budget) is int and budget >= 0:
        return {"thinkingBudget": budget}
    dropped.append("thinking")
    return {}


def _own(params: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    """`extra_body.google.thinking_config`, the vendor's own words; everything else in there is left out and told."""
    body = params.get("extra_body")
    if not isinstance(body, dict):
        if body is not None:
            dropped.append("extra_body")
        return {}
    dropped += [f"extra_body.{name}" for name in body if name != "google"]
    google = body.get("google")
    if not isinstance(google, dict):
        return {}
    dropped += [f"extra_body.google.{name}" for name in google if name != "thinking_config"]
    config = google.get("thinking_config")
    if not isinstance(config, dict):
        return {}
    given: dict[str, Any] = {}
    for name, ours, kind in (
        ("thinking_budget", "thinkingBudget", int),
        ("thinking_level", "thinkingLevel", str),
        ("include_thoughts", "includeThoughts", bool),
    ):
        value = config.get(name, config.get(ours))
        if type(value) is kind:
            given[ours] = value.upper() if isinstance(value, str) else value
    return given
