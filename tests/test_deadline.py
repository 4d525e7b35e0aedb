from __future__ import annotations

import asyncio

import pytest

from tornadogw.deadline import Deadline


def in_(seconds):
    return asyncio.get_running_loop().time() + seconds


async def forever():
    await asyncio.Event().wait()


async def test_what_takes_too_long_is_cut():
    began = in_(0)
    with pytest.raises(TimeoutError), Deadline(in_(0.02)):
        await forever()
    assert 0.018 < in_(0) - began < 20
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("when", [-1, 0])
async def test_a_moment_that_is_over_cuts_at_the_next_wait(when):
    with pytest.raises(TimeoutError), Deadline(in_(when)):
        await forever()


async def test_what_is_done_in_time_is_left_alone():
    timers = asyncio.get_running_loop()._scheduled
    before = list(timers)
    with Deadline(in_(25)):
        assert [each for each in timers if each not in before]
        await asyncio.sleep(0)
    assert not [each for each in timers if each not in before and not each.cancelled()], "the timer is gone, too"


async def test_a_limit_that_moves_away_holds():
    began = in_(0)
    with pytest.raises(TimeoutError), Deadline(in_(0.02)) as deadline:
        deadline.after(0.06)
        await forever()
    assert in_(0) - began > 0.058


async def test_a_limit_that_comes_nearer_holds():
    began = in_(0)
    with pytest.raises(TimeoutError), Deadline(in_(60)) as deadline:
        deadline.after(0.02)
        await forever()
    assert in_(0) - began < 20


@pytest.mark.parametrize("first", [None, 0.01])
async def test_without_a_limit_there_is_time(first):
    with pytest.raises(TimeoutError), Deadline(None if first is None else in_(first)) as deadline:
        deadline.move(None)
        await asyncio.sleep(0.03)
        deadline.after(0.01)
        await forever()


async def test_who_is_cancelled_by_somebody_else_stays_so():
    async def work():
        with Deadline(in_(60)):
            await forever()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_cancelled_and_too_late_is_cancelled():
    async def work():
        with Deadline(in_(0)) as deadline:
            try:
                await forever()
            finally:
                asyncio.current_task().cancel()
                deadline.after(0)  # too late to matter

    task = asyncio.create_task(work())
    await asyncio.wait({task})
    assert task.cancelled()


async def test_another_error_passes_and_the_task_lives_on():
    with pytest.raises(KeyError), Deadline(in_(0.01)):
        try:
            await forever()
        except asyncio.CancelledError:
            raise KeyError from None
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_the_inner_one_of_two_is_told_apart():
    with Deadline(in_(60)):
        with pytest.raises(TimeoutError), Deadline(in_(0.01)):
            await forever()
        await asyncio.sleep(0)


async def test_the_outer_one_of_two_passes_through_the_inner():
    inner = Deadline(in_(60))
    with pytest.raises(TimeoutError), Deadline(in_(0.01)), inner:
        try:
            await forever()
        except asyncio.CancelledError as cut:
            seen = cut
            raise
    assert isinstance(seen, asyncio.CancelledError)


async def test_a_deadline_is_for_a_task():
    raised = asyncio.get_running_loop().create_future()

    def outside():
        try:
            with Deadline(None):
                raised.set_result(None)
        except RuntimeError as error:
            raised.set_result(error)

    asyncio.get_running_loop().call_soon(outside)
    assert isinstance(await raised, RuntimeError)
