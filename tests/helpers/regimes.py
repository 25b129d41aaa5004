"""Splits changed under a running program."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adshift.data.splits import Split
from adshift.data.target_split import split_in_domains
from adshift.run import division


def change_split(monkeypatch: pytest.MonkeyPatch, change: Callable[[Split], Split]) -> None:
    monkeypatch.setattr(division, "split_in_domains", lambda *args: change(split_in_domains(*args)))
