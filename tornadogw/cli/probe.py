"""Asks each upstream for one token, with each of its keys and for each of its models: is it there, are we let in?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tornadogw.catalogue import Catalogue
from tornadogw.probe import Prober
from tornadogw.settings.tables import Defaults
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport
from tornadogw.trial import AT_ONCE, Outcome, Trial, questions

__all__ = ["AT_ONCE", "Outcome", "probe"]


async def probe(catalogue: Catalogue, defaults: Defaults) -> Sequence[Outcome]:
    """One outcome a key of each upstream that a model uses, and one for each further model of the upstream."""
    transport = Transport()
    tokens = Tokens(transport)
    trial = Trial(Prober(transport, tokens, defaults))
    await transport.open()
    try:
        told = await asyncio.gather(*(trial.upstream(asked) for asked in questions(catalogue).values()))
    finally:
        await tokens.close()
        await transport.close()
    return [outcome for outcomes in told for outcome in outcomes]
