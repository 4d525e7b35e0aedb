"""How much a request can cost at most, before anybody has answered it. Pure."""

from __future__ import annotations

from tornadogw.meter import estimate_tokens
from tornadogw.types import Draft, Traits

__all__ = ["FOR_TOOLS", "PER_MESSAGE", "prompt_bound", "prompt_ceiling", "prompt_estimate", "prompt_least"]

PER_MESSAGE = 16
"""Tokens that a chat template may put around one message."""
FOR_TOOLS = 512
"""Tokens of the instructions that vendors put before tools (seen: up to 350 beyond the bytes that were sent)."""

SPARING = 2
"""How much better than estimated a tokenizer may do over a whole prompt: 8 plain characters a token, 2 others."""


def prompt_bound(draft: Draft, traits: Traits) -> int:
    """Tokens that are held for the prompt: UTF-8 bytes / 2 + 16 per message + the profile's figures for images and
    for the call itself.
    """
    return -(-draft.prompt_bytes // 2) + _around(draft, traits)


def prompt_ceiling(draft: Draft, traits: Traits) -> int:
    """Tokens that an upstream can honestly report for the prompt: a byte each, templates and images."""
    return draft.prompt_bytes + _around(draft, traits)


def _around(draft: Draft, traits: Traits) -> int:
    """What the upstream counts beside the text."""
    tools = FOR_TOOLS if "tools" in draft.needs else 0
    return PER_MESSAGE * draft.message_count + tools + draft.images * traits.image_tokens + traits.template_tokens


def prompt_estimate(draft: Draft) -> int:
    """Tokens that the prompt probably has, for upstreams that report no usage; a token array counts itself."""
    total = 0
    for prompt in draft.prompts:
        total += estimate_tokens(prompt) if isinstance(prompt, str) else len(prompt)
    for message in draft.messages:
        content = message.get("content")
        if isinstance(content, str):
            total += estimate_tokens(content)
        elif isinstance(content, list):
            total += sum(estimate_tokens(part["text"]) for part in content if part["type"] == "text")
    return total


def prompt_least(draft: Draft) -> int:
    """Tokens that the longest prompt has at least: whoever may fit into a context is not kept out of it."""
    if not draft.prompts:
        return prompt_estimate(draft) // SPARING
    return max(
        estimate_tokens(prompt) // SPARING if isinstance(prompt, str) else len(prompt) for prompt in draft.prompts
    )
