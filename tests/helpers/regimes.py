"""Splits changed under a running program."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adshift.data.lighting import split_in_light
from adshift.data.splits import Split
from adshift.run import division


def change_split(monkeypatch: pytest.MonkeyPatch, change: Callable[[Split], Split]) -> None:
    monkeypatch.setattr(division, "split_in_light", lambda *args: change(split_in_light(*args)))
