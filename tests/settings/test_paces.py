from __future__ import annotations

from tornadogw.settings.paces import STANDARD, pace_timeouts
from tornadogw.settings.tables import Timeouts


def test_deadlines_are_those_of_the_design():
    assert pace_timeouts() == {
        STANDARD: Timeouts(connect=5, first_event=12, idle=25, total=600),
        "reasoning": Timeouts(connect=5, first_event=60, idle=60, total=600),
        "self-hosted": Timeouts(connect=5, first_event=300, idle=25, total=600),
    }
