"""A real change of light on a line: parts until the alarm, what it says, and the realised rate after its repair.

    python benchmarks/watch_real.py lamps --shared ../shared --out outputs/watch_lamps
    python benchmarks/watch_real.py elpv --out outputs/watch_elpv        # pip install elpv-dataset

A model is fitted on the first domain as ``train.py`` does it. The folder then gets 100 good test images of that domain,
none of which the model has seen, and after them good ones of the second domain, each in a seeded order; ``adshift.watch``
judges them one by one, sounds its alarm, collects 40 photographs and calibrates a copy anew (repair=threshold auto=true),
which judges what is left.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from watch_job import watch

from adshift.calibration.binomial import binomial_interval
from adshift.watch.book import Book
from adshift.watch.database import NAME

REPO = Path(__file__).resolve().parents[1]
BEFORE = 100


def fit(out: Path, words: Sequence[str]) -> Path:
    """The run, fitted once."""
    run = out / "run"
    if not (run / "result.json").is_file():
        command = [sys.executable, "train.py", *words, f"hydra.run.dir={run.resolve()}", "metrics.latency=false"]
        subprocess.run(command, cwd=REPO, check=True, env={**os.environ, "PYTHONPATH": str(REPO)})
    return run


def fill(source: Path, before: Sequence[Path], after: Sequence[Path], seed: int) -> None:
    """Copies in the order of arrival, a second apart."""
    source.mkdir(parents=True)
    rng = random.Random(seed)
    order = [*rng.sample(list(before), len(before)), *rng.sample(list(after), len(after))]
    for i, path in enumerate(order):
        place = source / f"{i:05}_{path.stem}{path.suffix}"
        shutil.copyfile(path, place)
        os.utime(place, ns=(10**18 + i * 10**9,) * 2)


def tell(out: Path) -> None:
    """What came of it."""
    book = Book(out / NAME)
    for epoch in book.epochs():
        parts = list(book.parts("epoch = ? AND score IS NOT NULL", (epoch.epoch,)))
        for name, some in (
            ("before", [p for p in parts if p.number <= BEFORE]),
            ("after", [p for p in parts if p.number > BEFORE]),
        ):
            called = sum(bool(p.decision) for p in some)
            if some:
                low, high = binomial_interval(called, len(some))
                print(
                    f"epoch {epoch.epoch} ({epoch.why}), {name} the change: {called} of {len(some)} good parts called "
                    f"anomalous, {called / len(some):.1%} [{low:.1%}, {high:.1%}]; promised {epoch.promised:.1%}"
                )
    for alarm in book.alarms():
        place = f"part {alarm.number} ({alarm.number - BEFORE} after the change), since about {alarm.since}"
        print(f"alarm {alarm.alarm} at {place}")
        print(f"  streams: {', '.join(alarm.streams)}")
        for line in alarm.told["words"]:
            print(f"  {line}")
    book.close()


def main() -> None:
    """One data set."""
    parser = argparse.ArgumentParser(description="a real change of light on a line")
    parser.add_argument("data", choices=("lamps", "elpv"))
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--back", action="store_true", help="the other way round")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--photographs", type=int, default=40)
    parser.add_argument("--delta", type=float, default=0.01)
    chosen = parser.parse_args()
    weights = (chosen.shared / "weights" / "resnet18_imagenet.safetensors").resolve()
    common = ["method=patchcore", "split=standard", "backbone=resnet18", f"backbone.weights={weights}"]
    if chosen.data == "lamps":
        root = (chosen.shared / "data" / "two_lamps").resolve()
        first, second = ("lamp_b", "lamp_a") if chosen.back else ("lamp_a", "lamp_b")
        words = [
            "data=lamps",
            f"data.root={root}",
            "data.category=aircraft_glass",
            f"data.domain={first}",
            f"domain={first}",
        ]
    else:
        first, second = ("poly", "mono") if chosen.back else ("mono", "poly")
        words = ["data=elpv", f"data.domain={first}", f"domain={first}", "coreset_ratio=0.01"]
    run = fit(chosen.out, [*common, *words])
    before, after = good_tests(run, first), good_tests(run, second)
    source, out = chosen.out / f"camera_{chosen.seed}", chosen.out / f"watch_{chosen.seed}"
    for folder in (source, out):
        shutil.rmtree(folder, ignore_errors=True)
    fill(source, random.Random(chosen.seed).sample(before, BEFORE), after, chosen.seed)
    drift = {"delta": chosen.delta}
    watch(run, source, out, pictures="none", repair="threshold", auto=True, photographs=chosen.photographs, drift=drift)
    tell(out)


def good_tests(run: Path, domain: str) -> list[Path]:
    """The good test images of a domain that the run's model has not seen."""
    from adshift.run.evaluate import opened

    cell, _ = opened(
        {"run": str(run), "data_root": None, "save_maps": False, "store": {"_target_": "adshift.store.NoStore"},
         "domain": {"_target_": "adshift.shift.named.Named", "name": domain}}
    )  # fmt: skip
    return [cell.plan.root / sample.place for sample in cell.split.test if sample.label == 0]


if __name__ == "__main__":
    main()
