"""Every remedy that a message names works for the very configuration: each is applied, and the mistake goes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import invoke, one_line, run_cell
from helpers.remedies import REACHED, remedies_of, stop_early


@dataclass(frozen=True)
class Mistake:
    """A program with a mistake, and how many remedies of the kind KEY=VALUE its message names."""

    name: str
    overrides: tuple[str, ...]
    remedies: int
    program: str = "train.py"


SPLIT_ON = ("split=standard", "threshold=conformal")
MISTAKES = [
    Mistake("few of a small split", ("adaptation=few", "few.k=9", *SPLIT_ON), 1),
    Mistake("few of a small study split", ("adaptation=few", "few.k=9", "split=study", "threshold=conformal"), 1),
    Mistake("few without calibration", ("adaptation=few", "few.k=2", "split=official", "threshold=conformal"), 1),
    Mistake(
        "few, cross-fitted", ("adaptation=few", "few.k=2", "split=official", "crossfit=2", "threshold=conformal"), 1
    ),
    Mistake("few with labels", ("adaptation=few", "few.k=2", "split=standard", "threshold=f1"), 4),
    Mistake("few with labels, official", ("adaptation=few", "few.k=2", "split=study"), 4),
    Mistake("robust and few of a small split", ("adaptation=robust_few", "robust.copies=1", "few.k=9", *SPLIT_ON), 1),
    Mistake("no anomaly calibrates", ("split=standard", "threshold=f1"), 5),
    Mistake("no anomaly calibrates, one there", ("split=standard", "threshold=f1", "data.category=rare"), 4),
    Mistake("study without anomalies to lend", ("data.category=rare",), 4),
    Mistake("study without anomalies", ("data.category=good",), 4),
    Mistake("cross-fitted with labels", ("split=official", "crossfit=2", "threshold=f1"), 5),
    Mistake("cross-fitted beside a calibration role", ("crossfit=2", "threshold=sigma", "split=standard"), 2),
    Mistake("more folds than images", ("split=official", "crossfit=99", "threshold=sigma"), 1),
    Mistake("folds of one image", ("split=official", "crossfit=2", "threshold=sigma", "data.category=one"), 1),
    Mistake("one image", ("data.category=one",), 1),
    Mistake("one to calibrate", ("data.category=two", "threshold=sigma", "split=standard"), 1),
    Mistake("image_size", ("image_size=9",), 0),
    Mistake("stress with too many folds", ("folds=20", "severities=[0]"), 1, "adshift/stress/__main__.py"),
    Mistake("a new fit", ("adaptation=full", "domain=shift"), 2, "evaluate.py"),
    Mistake("too few to repair", ("adaptation=few", "few.k=9"), 1, "evaluate.py"),
    Mistake("few with labels, finished", ("adaptation=few", "few.k=2", "threshold=f1"), 4, "evaluate.py"),
    Mistake("labels, finished", ("threshold=f1",), 4, "evaluate.py"),
]


def test_remedies_are_read_off_a_message() -> None:
    assert remedies_of("x=1 is wrong; use k=a, b or c, which suit, or l.m=2") == [["k=a"], ["k=b"], ["k=c"], ["l.m=2"]]
    assert remedies_of("x=1 is wrong; use k=a l=0, which keeps some") == [["k=a", "l=0"]]
    assert remedies_of("x; use k=4 or less, or give more") == [["k=4"]]
    assert remedies_of("x; say where: data_root=FOLDER, or k=a|b here") == [["k=a"], ["k=b"]]
    assert remedies_of("x; use k=0, for none, or photographs: domain=photos domain.root=FOLDER") == [["k=0"]]
    assert remedies_of("k=2 must be one; write k=[a,b]") == [["k=[a,b]"]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Categories of several kinds: with many defects, with one, with none; of one good image, of two."""
    here = tmp_path_factory.mktemp("remedies")
    draw_category(here, "plate", train=15, good=4, defective=8)
    draw_category(here, "rare", train=15, good=4, defective=2)
    shutil.rmtree(here / "rare" / "test" / "dent")
    for name, count in (("good", 15), ("one", 1), ("two", 2)):
        draw_category(here, name, train=count, good=4, defective=0)
    return here


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    run_cell(folder, *tiny_overrides(root), *SPLIT_ON, "image_size=32", "logger=none")
    return folder


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_every_remedy_works(
    mistake: Mistake, root: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mistake.program == "train.py":
        base = [*tiny_overrides(root), "image_size=32", "logger=none"]
    else:
        base = [f"run={request.getfixturevalue('run')}"]
    stop_early(monkeypatch)

    def attempt(*overrides: str) -> tuple[int, str]:
        keys = {override.partition("=")[0] for override in overrides}
        given = [word for word in base if word.partition("=")[0] not in keys]
        done = invoke(mistake.program, *given, *overrides, f"hydra.run.dir={tmp_path / 'out'}")
        return done.code, done.err

    code, said = attempt(*mistake.overrides)
    assert code == 2, said
    remedies = remedies_of(one_line(said))
    assert len(remedies) >= mistake.remedies, said
    for remedy in remedies:
        if "use train.py " + " ".join(remedy) in said:
            continue  # another program
        assert not set(remedy) <= set(mistake.overrides), f"in force already: {remedy} in {said}"
        keys = {override.partition("=")[0] for override in remedy}
        mended = [override for override in mistake.overrides if override.partition("=")[0] not in keys]
        code, after = attempt(*mended, *remedy)
        assert code == REACHED, f"{remedy}, of {said.strip()}, leads to {after}"
