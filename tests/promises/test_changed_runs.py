"""A result.json with one value changed, under a run's model: each program that takes the run has its line, or its result.

``ADSHIFT_CHANGES=all`` makes every change, and whole programs of a sample; ``-s`` shows the counts.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from helpers.changed import EVERY, VALUES, Case, cases_of, made, telling
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import one_line, run_cell
from helpers.readers import WHOLE, read, readers, run_whole

MENDED: list[Case] = [
    (("config", "backbone"), "list of null"), (("config", "backbone", "weights"), "gone"),
    (("config", "backbone", "architecture"), "gone"), (("config", "method", "coreset_ratio"), "gone"),
    (("config", "store", "root"), "half a character"),
]  # fmt: skip
"""Each gave a traceback once."""
SAMPLE = 24
WHOLE_SAMPLE = 10


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, which each test leaves as it was; its images lie beside it."""
    base = tmp_path_factory.mktemp("changed")
    draw_category(base / "images", "plate", train=12, good=10, defective=4, seed=1)
    overrides = [word for word in tiny_overrides(base / "images") if not word.startswith("backbone")]
    run_cell(base / "run", *overrides, "backbone=small", "coreset_ratio=0.01", "split=standard")
    return base / "run"


@pytest.fixture
def good(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photographs; a store of a changed name goes where nobody looks."""
    monkeypatch.chdir(tmp_path)
    return run.parent / "images" / "plate" / "test" / "good"


def test_one_changed_value_never_gives_a_program_a_traceback(run: Path, good: Path, tmp_path: Path) -> None:
    """Up to where its work begins: a run of a change that is let through there is one that it can work on."""
    programs = readers(good, tmp_path)
    path = run / "result.json"
    cases = [*([] if EVERY else MENDED), *cases_of(path, SAMPLE)]
    found: Counter[tuple[str, str]] = Counter()
    for done, change in enumerate(made(path, cases)):
        if EVERY and done % 200 == 0:
            print(f"{done} of {len(cases)} changes", flush=True)
        for program, reader in programs.items():
            end = read(reader, run)
            found[program, end] += 1
            if end not in ("read", "refused"):
                print(f"{program}, {change}: {end}", flush=True)
    print(f"\n{len(cases)} changes, {found.total()} ends: {dict(sorted(found.items()))}")
    assert found.total() == len(cases) * len(programs)
    assert {end for _, end in found} == {"read", "refused"}


@pytest.mark.skipif(not EVERY, reason="a change takes ten seconds; ADSHIFT_CHANGES=all makes a sample of them")
def test_whole_programs_end_well_on_a_changed_value_that_they_read(run: Path, good: Path, tmp_path: Path) -> None:
    """A sample of the changes of the configuration that the shape lets through, which are those that work is done by."""
    programs, path = readers(good, tmp_path), run / "result.json"
    cases = [case for case in cases_of(path, len(VALUES) * 100) if case[0][0] == "config"]
    found: Counter[tuple[str, int]] = Counter()
    changes = made(path, cases)
    for change in changes:
        if read(programs["trackers"], run) == "refused":
            continue
        for program in WHOLE:
            with telling(f"{program}, {change}"):
                done = run_whole(program, run, good, tmp_path / program)
                assert done.code in (0, 2), done.err
                assert "Traceback" not in done.err
                assert done.code == 0 or one_line(done.err)
            found[program, done.code] += 1
        if found.total() == WHOLE_SAMPLE * len(WHOLE):
            changes.close()
    print(f"\n{WHOLE_SAMPLE} changes, {found.total()} ends: {dict(sorted(found.items()))}")
    assert found.total() == WHOLE_SAMPLE * len(WHOLE)
