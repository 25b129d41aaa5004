"""Sequential randomised ranks: each number of a stream against all before it, in memory that does not grow."""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator

import numpy as np

BITS = 24
"""Of a double, from the sign on, that tell numbers apart: its exponent and 12 bits of its fraction, 0.02 % of its size."""
ROOM = 256
"""Places that a table of counts begins with, and grows by at least."""


def key_of(value: float) -> int:
    """A whole number in [0, 2^24) that never falls as the finite ``value`` rises.

    >>> [key_of(v) for v in (-1.0, 0.0, 1.0)] == sorted(key_of(v) for v in (-1.0, 0.0, 1.0))
    True
    >>> key_of(-0.0) == key_of(0.0), key_of(1.0) == key_of(1.0001), key_of(1.0) == key_of(1.001)
    (True, True, False)
    """
    (bits,) = struct.unpack(">Q", struct.pack(">d", value + 0.0))
    return int((bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63)) >> (64 - BITS))


def uniform(seed: int, stream: int, number: int) -> float:
    """A number that looks uniform in [0, 1), of its own for every part of every stream, the same after a restart."""
    drawn = hashlib.blake2b(struct.pack(">QQQ", seed, stream, number), digest_size=8).digest()
    return (int.from_bytes(drawn, "big") >> 11) / (1 << 53)


class Ranks:
    """The numbers that a stream has shown so far, counted by ``key_of``.

    Numbers are told apart to 0.02 % of their size, so that a table has a bounded number of places; those that are not
    count as ties, which are broken at random, so that nothing is lost of what is promised.

    >>> ranks = Ranks((1.0, 2.0, 2.0, 3.0))
    >>> [ranks.p_value(v, 0.5) for v in (0.0, 2.0, 4.0)]
    [0.9, 0.5, 0.1]
    """

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._key_K: list[int] = []
        self._count_K = np.zeros(ROOM, np.int64)
        self.count = 0
        for value in values:
            self.add(value)

    def p_value(self, value: float, u: float) -> float:
        """The smoothed rank of a number among those before it and itself, from above: small where it is large.

        p = (#{earlier > value} + u (#{earlier = value} + 1)) / (n + 1). If the numbers are exchangeable and the u are
        independent and uniform, the p-values of a stream are independent and uniform on (0, 1).

        Args:
            value: finite.
            u: uniform in [0, 1).

        Source: Vovk, Nouretdinov, Gammerman, Testing exchangeability on-line, ICML 2003, theorem 1.
        """
        key = key_of(value)
        place = bisect_left(self._key_K, key)
        equal = int(self._count_K[place]) if self._holds(place, key) else 0
        from_here = int(self._count_K[place : len(self._key_K)].sum())
        return (from_here - equal + u * (equal + 1)) / (self.count + 1)

    def add(self, value: float) -> int:
        """Take a finite number in; returns its key."""
        key = key_of(value)
        self._add(key, 1)
        return key

    def counts(self) -> Iterator[tuple[int, int]]:
        """Every key with its count, ascending."""
        yield from zip(self._key_K, self._count_K[: len(self._key_K)].tolist(), strict=True)

    @classmethod
    def of_counts(cls, counts: Iterable[tuple[int, int]]) -> Ranks:
        """What ``counts`` gave, as it was."""
        ranks = cls()
        for key, times in counts:
            ranks._add(key, times)
        return ranks

    def _add(self, key: int, times: int) -> None:
        place = bisect_left(self._key_K, key)
        if not self._holds(place, key):
            self._make_room(place)
            self._key_K.insert(place, key)
        self._count_K[place] += times
        self.count += times

    def _holds(self, place: int, key: int) -> bool:
        return place < len(self._key_K) and self._key_K[place] == key

    def _make_room(self, place: int) -> None:
        """A zero at a place of the counts."""
        held = len(self._key_K)
        if held == len(self._count_K):
            self._count_K = np.concatenate([self._count_K, np.zeros(max(ROOM, held // 2), np.int64)])
        self._count_K[place + 1 : held + 1] = self._count_K[place:held]
        self._count_K[place] = 0
