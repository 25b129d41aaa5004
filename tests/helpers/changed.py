"""Every single value of a result.json changed once, to each value of a fixed list, and what its readers make of it."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from adshift.report import compare, console, seeds

GONE = object()
"""The value is taken away, with its key."""
DEEP: list[Any] = []
for _ in range(100):
    DEEP = [DEEP]
VALUES: dict[str, Any] = {
    "gone": GONE, "null": None, "true": True, "zero": 0, "negative": -1, "fraction": -0.5, "two": 2.5, "text": "text",
    "empty text": "", "command": "\x1b[2Jx\ny", "half a character": "\ud800", "list": [], "list of null": [None],
    "pair": ["a", 1], "object": {}, "nested": {"x": {"y": [1]}}, "deep": DEEP, "400 digits": 10**400, "65 bits": 2**64,
    "largest float": 1.7e308, "smallest float": 5e-324, "infinite": float("inf"), "no number": float("nan"),
}  # fmt: skip
EVERY = os.environ.get("ADSHIFT_CHANGES") == "all"
Place = tuple[str | int, ...]
Case = tuple[Place, str]
"""Where a value is changed, and the name of what it becomes."""
Program = Callable[[Path, Path, Path], int]


def places(node: Any, at: Place = ()) -> Iterator[Place]:
    """The way to every value of a document, leaves and containers, the document itself left out."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield (*at, key)
        yield from places(value, (*at, key))


def changed(document: dict[str, Any], at: Place, value: Any) -> dict[str, Any]:
    """A copy of the document with one value replaced, or taken away."""
    found = copy.deepcopy(document)
    held: Any = found
    for key in at[:-1]:
        held = held[key]
    if value is GONE:
        del held[at[-1]]
    else:
        held[at[-1]] = value
    return found


def _texts(*arguments: Path | str) -> list[str]:
    return list(map(str, arguments))


PROGRAMS: dict[str, Program] = {
    "console": lambda run, none, clean: console.main(_texts(run, none, clean)),
    "compare": lambda run, none, clean: compare.main(_texts(run, clean)),
    "compare with": lambda run, none, clean: compare.main(_texts(clean, run)),
    "recovered": lambda run, none, clean: compare.main(_texts(run, none, clean, "--recovered")),
    "recovered from": lambda run, none, clean: compare.main(_texts(none, run, clean, "--recovered")),
    "recovered of": lambda run, none, clean: compare.main(_texts(none, clean, run, "--recovered")),
    "seeds": lambda run, none, clean: seeds.main(_texts(run, none, clean)),
}


def outcome(program: Program, run: Path, others: Sequence[Path]) -> str:
    """``figures``, ``left out`` or ``refused``; AssertionError for any other end, and an exception is a traceback."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = program(run, *others)
    said = err.getvalue()
    assert not any(not c.isprintable() and c != "\n" for c in out.getvalue() + said), (out.getvalue(), said)
    if code == 2:
        assert said.startswith("adshift: "), said
        assert said.count("\n") == 1, said
        assert not out.getvalue()
        return "refused"
    assert code == 0, (code, said)
    words = out.getvalue().lower().replace("[", " ").replace(",", " ").split()
    assert "nan" not in words, out.getvalue()
    assert "inf" not in words, out.getvalue()
    if said:
        assert said.startswith(f"left out: {run}"), said
        assert said.count("\n") == 1, said
        return "left out"
    return "figures"


def cases_of(path: Path, sample: int) -> list[Case]:
    """Changes of a result.json in a drawn order: ``sample`` of them, or all where ``EVERY``."""
    found = list(itertools.product(places(json.loads(path.read_text(encoding="utf-8"))), VALUES))
    return random.Random(0).sample(found, len(found) if EVERY else sample)


def made(path: Path, cases: Sequence[Case]) -> Iterator[str]:
    """Each change in turn stands in the file, under its name; then the file is as it was."""
    kept = path.read_text(encoding="utf-8")
    document = json.loads(kept)
    try:
        for at, name in cases:
            path.write_text(json.dumps(changed(document, at, VALUES[name])), encoding="utf-8")
            yield f"{'.'.join(map(str, at))} -> {name}"
    finally:
        path.write_text(kept, encoding="utf-8")


def tried(path: Path, cases: Sequence[Case], others: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Each change of a run's result.json through each program: the program's name and its outcome.

    Args:
        path: the result.json, which is written to and left as it was.
        cases: what is changed, and the name of the value that it becomes.
        others: two more finished runs that the programs are given beside it.
    """
    for change in made(path, cases):
        for program, call in PROGRAMS.items():
            with telling(f"{program}, {change}"):
                found = outcome(call, path.parent, others)
            yield program, found


@contextlib.contextmanager
def telling(what: str) -> Iterator[None]:
    """An exception within tells what it was about."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error
