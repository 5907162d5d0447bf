"""A few at once, of each call the newest, and no slot is ever lost."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.advice.slots import Slots
from tavs.events import CallId

CALLS = [CallId(f"0192f0c1-0000-7000-8000-00000000000{number}") for number in range(4)]


class User:
    """Takes a slot and keeps it until told."""

    def __init__(self, slots: Slots, call: CallId) -> None:
        self.done = asyncio.Event()
        self.has_slot: bool | None = None
        self.task = asyncio.create_task(self._use(slots, call))

    async def _use(self, slots: Slots, call: CallId) -> None:
        try:
            async with slots.taken(call) as is_mine:
                self.has_slot = is_mine
                if is_mine:
                    await self.done.wait()
        finally:
            self.has_slot = False


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def is_whole(slots: Slots, count: int) -> bool:
    """Whether that many, and no more, can be taken."""
    users = [User(slots, CallId(f"0192f0c1-0000-7000-8000-0000000001{number:02}")) for number in range(count + 1)]
    await settled()
    taken = [user.has_slot for user in users]
    for user in users:
        user.done.set()
    await asyncio.gather(*(user.task for user in users))
    return [True] * count + [None] == taken


def test_the_newest_query_of_a_call_waits_in_the_place_of_the_older_one() -> None:
    async def queue() -> None:
        slots = Slots(1)
        busy, older, other = User(slots, CALLS[0]), User(slots, CALLS[1]), User(slots, CALLS[2])
        await settled()
        newer = User(slots, CALLS[1])
        await settled()
        assert (False, None, None) == (older.has_slot, other.has_slot, newer.has_slot)
        busy.done.set()
        await settled()
        assert (True, None) == (newer.has_slot, other.has_slot)
        newer.done.set()
        other.done.set()
        await settled()
        assert await is_whole(slots, 1)

    asyncio.run(queue())


def test_a_slot_that_comes_when_nobody_wants_it_any_more_goes_to_the_next() -> None:
    async def queue() -> None:
        slots = Slots(1)
        busy, late, other = User(slots, CALLS[0]), User(slots, CALLS[1]), User(slots, CALLS[2])
        await settled()
        busy.done.set()
        await asyncio.sleep(0)  # the slot is handed to `late`, which has not woken up yet
        late.task.cancel()
        await settled()
        assert (False, True) == (late.has_slot, other.has_slot)
        other.done.set()
        await settled()
        assert await is_whole(slots, 1)

    asyncio.run(queue())


def test_one_that_gives_up_in_the_moment_it_is_replaced_or_served_takes_nothing_with_it() -> None:
    async def queue() -> None:
        slots = Slots(1)
        busy, late = User(slots, CALLS[0]), User(slots, CALLS[1])
        await settled()
        late.task.cancel()
        newer = User(slots, CALLS[1])
        busy.done.set()
        await settled()
        assert newer.has_slot
        newer.done.set()
        await settled()
        assert await is_whole(slots, 1)

    asyncio.run(queue())


@settings(deadline=None)
@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(["take", "done", "cancel", "step"]), st.integers(0, 30)), max_size=60),
)
def test_whatever_order_they_come_and_go_in_no_slot_is_lost_and_none_is_given_twice(
    count: int, steps: list[tuple[str, int]]
) -> None:
    async def queue() -> None:
        slots, users = Slots(count), [User(Slots(1), CALLS[0])]
        for step, number in steps:
            match step:
                case "take":
                    users.append(User(slots, CALLS[number % len(CALLS)]))
                case "done":
                    users[number % len(users)].done.set()
                case "cancel":
                    users[number % len(users)].task.cancel()
                case "step":
                    await asyncio.sleep(0)
            assert count >= sum(user.has_slot is True for user in users[1:])
        for user in users:
            user.done.set()
        await asyncio.gather(*(user.task for user in users), return_exceptions=True)
        assert await is_whole(slots, count)

    asyncio.run(queue())
