"""The remedies that messages name, and programs that stop where the mistakes are behind them."""

from __future__ import annotations

import importlib
import re

import pytest

REACHED = 77
"""Status of a program that was stopped before its fit, or before its scores."""
WORDS = ("less", "more")


def remedies_of(message: str) -> list[list[str]]:
    """The overrides that a message offers, each a list that is given together.

    ``use K=a, b or c, or L=d`` are four; ``use K=a L=b`` is one; capitals stand for what only the user knows.
    """
    found = []
    for part in re.split(r", or |(?<=[a-z]) or (?=[a-z._]+=)", message.partition("; ")[2]):
        together = re.findall(r"(?<![\w.])([a-z_]+(?:\.[a-z_]+)*=(?:\[[^\]]*\]|[a-z0-9_|.]+))(?=[ ,;)]|$)", part)
        if not together or re.search(r"=[A-Z]", part):
            continue
        if len(together) > 1:
            found.append(together)
            continue
        key, _, first = together[0].partition("=")
        listed = re.search(rf"{re.escape(together[0])}((?:, \w+)*) or (\w+)", part)
        more = [] if listed is None else [*listed[1].split(", ")[1:], listed[2]]
        found += [[f"{key}={value}"] for one in (first, *more) if one not in WORDS for value in one.split("|")]
    return found


def stop_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let programs end with ``REACHED`` where their mistakes are behind them."""

    def stop(*_: object, **__: object) -> None:
        raise SystemExit(REACHED)

    importlib.import_module("adshift.run.finish")  # what imports these by name does so now, and keeps them
    monkeypatch.setattr("adshift.stages.fit.fit", stop)
    monkeypatch.setattr("adshift.run.finish.finish", stop)
    monkeypatch.setattr("adshift.stress.job._cells", stop)
