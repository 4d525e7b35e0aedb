"""One worker's place."""

from __future__ import annotations

import time
from unittest.mock import Mock

import pytest

from tests.ports import free_ports
from tornadogw.server import slot as room
from tornadogw.server.slot import Slot
from tornadogw.server.sockets import claim, close, listening


def died(slot, lived):
    """Its worker has died after so many seconds of answering; None: before it answered."""
    return slot.failed(Mock(answers_since=None if lived is None else time.monotonic() - lived))


def test_the_first_restart_is_at_once_and_the_waits_grow_to_a_limit():
    slot, waits, before = Slot(0), [], 0.0
    for _ in range(10):
        before = time.monotonic()
        waits.append(died(slot, None))
    assert waits == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert before + 30 <= slot.due <= time.monotonic() + 30


def test_who_has_answered_for_a_while_is_not_blamed():
    slot = Slot(0)
    assert [died(slot, 1), died(slot, 1), slot.failed(None)] == [0.0, 0.5, 1.0]
    assert died(slot, room.STEADY) == 0.0


def test_who_follows_takes_the_place():
    slot = Slot(0)
    former, new = Mock(ready=None), Mock(ready="ready")
    assert slot.empty
    slot.worker, slot.following = former, new
    assert not slot.answers
    assert slot.promote() is former
    assert (slot.worker, slot.following, slot.answers, slot.empty) == (new, None, True, False)


def test_sockets_are_kept_until_nobody_is_to_connect():
    with claim("127.0.0.1", 0) as place:
        slot = Slot(0)
        sockets = slot.prepare(place)
        assert slot.prepare(place) is sockets
        slot.close()
        assert sockets[0].fileno() == -1
        assert slot.prepare(place)[0].fileno() > 0
        slot.close()


def test_its_figures_have_an_address_of_their_own_while_somebody_works_here():
    [free] = listening("127.0.0.1", free_ports())
    address = free.getsockname()
    slot = Slot(1, address)
    with pytest.raises(OSError, match="in use"):
        slot.prepare_metrics()
    free.close()
    sockets = slot.prepare_metrics()
    assert (sockets[0].getsockname(), slot.prepare_metrics()) == (address, sockets)
    slot.close()
    assert sockets[0].fileno() == -1
    close(listening(*address))
    assert Slot(2).prepare_metrics() == ()
