"""Memory that threads share."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from adshift.system.room import Room


def test_what_threads_have_at_once_never_exceeds_the_room_and_all_get_their_turn() -> None:
    room, have, most, mutex = Room(10), [0], [0], threading.Lock()

    def work(wanted: int) -> int:
        with room.taken(wanted):
            with mutex:
                have[0] += min(wanted, 10)
                most[0] = max(most[0], have[0])
            time.sleep(0.001)
            with mutex:
                have[0] -= min(wanted, 10)
        return wanted

    wishes = [1, 4, 3, 10, 25, 2, 7] * 8  # 25 is more than there is: it goes alone
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, wishes)) == wishes
    assert 5 < most[0] <= 10


def test_an_error_gives_the_room_back() -> None:
    room = Room(10)
    for _ in range(3):
        with pytest.raises(KeyError), room.taken(10):
            raise KeyError

    def have_all() -> None:
        with room.taken(10):
            had.append(True)

    had: list[bool] = []
    other = threading.Thread(target=have_all, daemon=True)
    other.start()
    other.join(10)
    assert had == [True]
