"""The store: each piece of work once, whole or not at all, for several processes, within its limit."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, one_line, run_cell

from adshift.data.sample_keys import sample_hashes, sample_list
from adshift.data.samples import index_category
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain, domain_parts
from adshift.store.entries import META
from adshift.store.file_hashes import FileHashes
from adshift.store.store import AnyStore, NoStore, Store, key_hash


def put(store: AnyStore, key: str, text: str = "made", kind: str = "work") -> str:
    """Fetch an entry whose making writes ``text``."""
    return store.fetch(kind, {"key": key}, lambda f, _: _write(f, text), lambda f: (f / "text").read_text())


def _write(folder: Path, text: str) -> None:
    (folder / "text").write_text(text)


def entries(root: Path) -> list[Path]:
    return sorted(meta.parent for meta in root.glob(f"*/*/{META}"))


def test_work_is_done_once_and_shared_by_other_objects(tmp_path: Path) -> None:
    store = Store(str(tmp_path), 1.0)
    assert [put(store, "a", "first"), put(store, "a", "second"), put(store, "b", "third")] == [
        "first",
        "first",
        "third",
    ]
    assert (store.made["work"], store.reused["work"]) == (2, 1)
    other = Store(str(tmp_path), 1.0)
    assert put(other, "a", "again") == "first"
    assert (dict(other.made), dict(other.reused)) == ({}, {"work": 1})
    assert put(other, "a", "of another kind", kind="other") == "of another kind"


def test_without_a_store_nothing_is_kept() -> None:
    store = NoStore()
    folders: list[Path] = []

    def read(folder: Path) -> str:
        folders.append(folder)
        return (folder / "text").read_text()

    assert store.fetch("work", {"key": "a"}, lambda folder, _: _write(folder, "first"), read) == "first"
    assert store.fetch("work", {"key": "a"}, lambda folder, _: _write(folder, "second"), read) == "second"
    assert not any(folder.exists() for folder in folders)
    assert (store.made["work"], store.reused["work"]) == (2, 0)


def test_a_present_entry_that_is_not_enough_is_given_to_the_making_of_the_next(tmp_path: Path) -> None:
    store = Store(str(tmp_path), 1.0)

    def grown(wanted: int) -> str:
        def make(folder: Path, present: Path | None) -> None:
            have = (present / "text").read_text() if present else ""
            _write(folder, have + "x" * (wanted - len(have)))

        def read(folder: Path) -> str:
            return (folder / "text").read_text()

        return store.fetch("orders", {}, make, read, enough=lambda folder: len(read(folder)) >= wanted)

    assert [len(grown(n)) for n in (2, 5, 3)] == [2, 5, 5]
    assert (store.made["orders"], store.reused["orders"]) == (2, 1)


def test_the_least_recently_used_goes_first_and_what_is_read_stays(tmp_path: Path) -> None:
    store = Store(str(tmp_path), 2.5e-6)  # 2,500 bytes
    put(store, "a", "a" * 1000)
    put(store, "b", "b" * 1000)
    for at, key in ((1000, "b"), (2000, "a")):
        os.utime(tmp_path / "work" / key_hash("work", {"key": key}) / META, (at, at))
    put(store, "c", "c" * 1000)
    assert put(store, "a", "new") == "a" * 1000
    assert put(store, "b", "new") == "new"
    held: list[int] = []

    def read_while_another_evicts(folder: Path) -> None:
        put(Store(str(tmp_path), 1e-9), "d", "d")
        held.append(len((folder / "text").read_text()))

    store.fetch("work", {"key": "c"}, lambda f, _: _write(f, "c" * 1000), read_while_another_evicts)
    assert held == [1000]


@pytest.mark.parametrize(
    "damage", ["shorter", "other bytes", "missing", "no meta", "meta is no object", "no checksums"]
)
def test_a_damaged_entry_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    """And a line tells it; the next job takes what was made then."""
    put(Store(str(tmp_path), 1.0), "a", "whole")
    (folder,) = entries(tmp_path)
    if damage == "shorter":
        (folder / "text").write_text("who")
    elif damage == "other bytes":
        before = (folder / "text").stat()
        (folder / "text").write_text("whale")
        os.utime(folder / "text", ns=(before.st_atime_ns, before.st_mtime_ns))
    elif damage == "missing":
        (folder / "text").unlink()
    elif damage == "no meta":
        (folder / META).unlink()
    elif damage == "no checksums":
        (folder / META).write_text(json.dumps({"files": {"text": 5}, "bytes": 5}))
    else:
        (folder / META).write_text("[]")
    assert put(Store(str(tmp_path), 1.0), "a", "made anew") == "made anew"
    assert one_line(capsys.readouterr().err).startswith(f"adshift: the store's entry {folder} is broken (")
    assert put(Store(str(tmp_path), 1.0), "a", "a third time") == "made anew"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("where", ["read", "enough"])
def test_an_entry_that_parses_no_more_is_made_again_from_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    """Though its bytes are what was written, so that no checksum tells."""
    given: list[Path | None] = []

    def numbers(text: str) -> int:
        def make(folder: Path, present: Path | None) -> None:
            given.append(present)
            _write(folder, text)

        def parsed(folder: Path) -> int:
            return int((folder / "text").read_text())

        store = Store(str(tmp_path), 1.0)
        return store.fetch(
            "work", {}, make, parsed, **({"enough": lambda f: parsed(f) > 0} if where == "enough" else {})
        )

    Store(str(tmp_path), 1.0).fetch("work", {}, lambda folder, _: _write(folder, "no number"), lambda _: None)
    assert (numbers("1"), given) == (1, [None])
    assert "invalid literal for int" in one_line(capsys.readouterr().err)
    with pytest.raises(ValueError, match="invalid literal"):  # a fault of what makes it is no fault of the entry
        Store(str(tmp_path), 1.0).fetch("other", {}, lambda folder, _: _write(folder, "none"), lambda f: int("none"))


def test_what_an_entry_leads_to_that_cannot_be_written_does_not_make_it_again(tmp_path: Path) -> None:
    put(Store(str(tmp_path), 1.0), "a")

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Store(str(tmp_path), 1.0).fetch("work", {"key": "a"}, lambda *_: pytest.fail("made"), full)


def _die_while_making(root: str) -> None:
    def make(folder: Path, _: Path | None) -> None:
        _write(folder, "half")
        os.kill(os.getpid(), signal.SIGKILL)

    Store(root, 1.0).fetch("work", {"key": "a"}, make, lambda folder: None)


def _make_slowly(root: str, log: str) -> None:
    def make(folder: Path, _: Path | None) -> None:
        with Path(log).open("a") as handle:
            handle.write("made\n")
        time.sleep(0.3)
        _write(folder, "slow")

    assert Store(root, 1.0).fetch("work", {"key": "a"}, make, lambda f: (f / "text").read_text()) == "slow"


def test_a_killed_job_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    job = multiprocessing.get_context("spawn").Process(target=_die_while_making, args=(str(tmp_path),))
    job.start()
    job.join()
    assert job.exitcode == -signal.SIGKILL
    assert entries(tmp_path) == []
    assert len(list((tmp_path / "partial").iterdir())) == 1
    assert put(Store(str(tmp_path), 1.0), "b") == "made"
    assert list((tmp_path / "partial").iterdir()) == []  # swept up by the next job
    assert put(Store(str(tmp_path), 1.0), "a") == "made"


def test_concurrent_jobs_make_an_entry_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    jobs = [context.Process(target=_make_slowly, args=(str(tmp_path / "store"), str(log))) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4
    assert log.read_text() == "made\n"


def test_a_store_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdshiftError, match=r"store\.root=.*file cannot be used .*store=off"):
        put(Store(str(tmp_path / "file"), 1.0), "a")
    with pytest.raises(AdshiftError, match=r"store\.limit_gb=0 must be > 0"):
        Store(str(tmp_path), 0)

    def full(folder: Path, _: Path | None) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(AdshiftError, match=r"store\.root=.* cannot be written \(No space left on device\)"):
        Store(str(tmp_path), 1.0).fetch("work", {}, full, lambda f: None)
    assert list((tmp_path / "partial").iterdir()) == []


def test_any_change_of_samples_or_domain_is_another_key(tiny: Path) -> None:
    found = index_category(tiny, "plate").test_anomalous
    sha256 = sample_hashes(FileHashes(), tiny, found)
    base = key_hash("images", {"samples": sample_list(found, sha256)})
    first, *rest = found
    others = [found[::-1], rest, [replace(first, defect="other"), *rest], [replace(first, mask=None), *rest]]
    assert len({base, *(key_hash("images", {"samples": sample_list(o, sha256)}) for o in others)}) == 5
    for file in (first.path, str(first.mask)):
        assert sample_list(found, sha256) != sample_list(found, sha256 | {file: "another"})

    one = Domain("x", True, True, True, 1.0, 3)
    assert domain_parts(one) == domain_parts(replace(one, name="y"))
    different = [replace(one, geometric=False), replace(one, illumination=False), replace(one, photometric=False)]
    different += [replace(one, severity=0.5), replace(one, seed=4), Domain()]
    assert len({json.dumps(domain_parts(d)) for d in (one, *different)}) == 7
    assert domain_parts(Domain(seed=5, name="z")) is None
    assert domain_parts(replace(one, severity=0.0)) is None


def figures(result: dict[str, Any]) -> str:
    return json.dumps([result["metrics"], result["threshold"], result["pixel_threshold"], result["warnings"]])


@pytest.mark.parametrize("method", ["patchcore", "padim"])
def test_figures_do_not_depend_on_the_store_and_regimes_share_the_model(
    tiny: Path, tmp_path: Path, method: str
) -> None:
    overrides = [o for o in tiny_overrides(tiny) if method == "patchcore" or not o.startswith("coreset")]
    cell = [*overrides, f"method={method}", "domain=shift"]
    shared = f"store.root={tmp_path / 'store'}"
    alone = run_cell(tmp_path / "off", *cell, "store=off", "adaptation=threshold")
    first = run_cell(tmp_path / "none", *cell, shared, "adaptation=none")
    second = run_cell(tmp_path / "threshold", *cell, shared, "adaptation=threshold")
    third = run_cell(tmp_path / "again", *cell, shared, "adaptation=threshold")
    assert figures(alone) == figures(second) == figures(third) != figures(first)
    assert first["store"]["made"]["models"] == 1
    assert "models" not in second["store"]["made"]
    assert second["store"]["made"]["scores"] == 1  # the shifted calibration images
    assert second["store"]["reused"]["scores"] == 1  # the test images
    assert third["store"]["made"] == {}
    assert (tmp_path / "off" / "scores.csv").read_bytes() == (tmp_path / "again" / "scores.csv").read_bytes()
    assert third["timing"]["fit"] == first["timing"]["fit"] > 0  # what the fit costs, wherever it was done


@pytest.mark.parametrize("order", [("0.1", "0.4", "1.0"), ("1.0", "0.4", "0.1")])
def test_coreset_ratios_share_one_greedy_order(tiny: Path, tmp_path: Path, order: tuple[str, ...]) -> None:
    made = []
    for ratio in order:
        cell = [*tiny_overrides(tiny), f"coreset_ratio={ratio}"]
        together = run_cell(tmp_path / ratio, *cell, f"store.root={tmp_path / 'store'}")
        apart = run_cell(tmp_path / f"{ratio}_off", *cell, "store=off")
        assert figures(together) == figures(apart)
        assert (tmp_path / ratio / "scores.csv").read_bytes() == (tmp_path / f"{ratio}_off" / "scores.csv").read_bytes()
        made.append(together["store"]["made"])
    assert [m.get("embeddings", 0) for m in made] == [3, 0, 0]  # train, calibration, test
    assert [m.get("orders", 0) for m in made] == ([1, 1, 1] if order[0] == "0.1" else [1, 0, 0])


def test_crossfitted_thresholds_and_evaluations_use_the_store(tiny: Path, tmp_path: Path) -> None:
    shared = f"store.root={tmp_path / 'store'}"
    cell = [*tiny_overrides(tiny), "split=official", "crossfit=3", "threshold=quantile"]
    first = run_cell(tmp_path / "a", *cell, shared)
    assert first["store"]["made"]["models"] == 4
    again = run_cell(tmp_path / "b", *cell, shared)
    assert again["store"]["made"] == {}
    assert figures(first) == figures(again) == figures(run_cell(tmp_path / "c", *cell, "store=off"))
    done = run_cell(tmp_path / "e", f"run={tmp_path / 'a'}", shared, script="evaluate.py")
    assert done["store"]["made"] == {}
    assert figures(done) == figures(first)


def test_original_resolution_and_unified_runs_come_back_whole(tiny: Path, tmp_path: Path) -> None:
    shared = f"store.root={tmp_path / 'store'}"
    pooled = ["data=unified", f"data.root={tiny}", "data.source=folder", "data.categories=[plate,strip]"]
    cell = [*pooled, *tiny_overrides(tiny)[3:], "image_size=32", "metrics.resolution=original"]
    first = run_cell(tmp_path / "a", *cell, shared)
    again = run_cell(tmp_path / "b", *cell, shared)
    assert again["store"]["made"] == {}
    assert (figures(first), first["unified"]) == (figures(again), again["unified"])


def test_a_bad_store_value_ends_in_one_line(tiny: Path, tmp_path: Path) -> None:
    done = invoke("train.py", *tiny_overrides(tiny), "store.limit_gb=-1", f"hydra.run.dir={tmp_path}")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "store.limit_gb=-1" in done.err
