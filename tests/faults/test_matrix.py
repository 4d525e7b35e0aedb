"""Each fault, for each client, in each place, in each dialect: what the client reads, who is asked, who pays."""

from __future__ import annotations

import pytest

from tests.faults.matrix import groups
from tests.faults.voices import Chat

MOST = 20
"""Lines that tell enough."""


@pytest.mark.parametrize("group", groups(Chat))
def test_faults(on_stage, group, claim_log):
    threaded, stage, cells = on_stage
    if group in ("401", "402") or (group == "403" and stage.dialect in ("anthropic", "gemini")):
        claim_log("tornadogw.health", "is disabled")
    wrong = threaded.call(stage.judge(cells[group]), timeout=100)
    assert not wrong, f"{len(wrong)} of {len(cells[group])}:\n" + "\n".join(wrong[:MOST])
