"""Real domains of a data set: lamps and materials as source and target of every regime, and cells that are neither nor."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers.inprocess import invoke, run_cell
from helpers.layouts import make_elpv, make_lamps

from adshift.data.layouts import elpv
from adshift.data.layouts.by_name import layout_of
from adshift.errors import AdshiftError

QUICK = (
    "backbone=small", "image_size=64", "metrics.bootstrap=20", "metrics.latency=false", "data.num_workers=0", "logger=none",
    "coreset_ratio=0.1", "split=standard",
)  # fmt: skip


@pytest.fixture(scope="module")
def lamps(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("lamps") / "two"
    make_lamps(root)
    return ["data=lamps", f"data.root={root}", "data.category=plate", *QUICK]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("elpv") / "data"
    make_elpv(root)
    return ["data=elpv", f"data.root={root}", *QUICK]


def rows(folder: Path, role: str) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(newline="") as handle:
        return [row for row in csv.DictReader(handle) if row["role"] == role]


def lamp_of(folder: Path, role: str) -> set[str]:
    return {row["path"].split("/")[0] for row in rows(folder, role)}


def fitted_lamps(folder: Path) -> set[str]:
    held = json.loads((folder / "fitted.json").read_text())["images"]
    return {image["path"].split("/")[0] for image in held if image["role"] == "train"}


@pytest.mark.parametrize(
    ("regime", "fitted", "calibrated", "counts"),
    [
        ("none", "lamp_a", "lamp_a", (8, 2)),
        ("threshold", "lamp_a", "lamp_b", (8, 10)),
        ("few", "lamp_a", "lamp_b", (8, 8)),
        ("full", "lamp_b", "lamp_b", (8, 2)),
        ("normalise", "lamp_a", "lamp_a", (8, 2)),
        ("robust", "lamp_a", "lamp_a", (8, 2)),
        ("test_time", "lamp_a", "lamp_a", (8, 2)),
    ],
)
def test_every_regime_takes_its_roles_from_source_and_target(
    lamps: list[str], tmp_path: Path, regime: str, fitted: str, calibrated: str, counts: tuple[int, int]
) -> None:
    more = [o for o in ("robust.copies=1",) if regime == "robust"]
    result = run_cell(tmp_path, *lamps, "data.domain=lamp_a", "domain=lamp_b", f"adaptation={regime}", *more)
    held = result["counts"]["plate"]
    assert (held["train"], held["calibration_normal"]) == counts
    assert (held["test_normal"], held["test_anomalous"]) == (3, 4)
    assert (fitted_lamps(tmp_path), lamp_of(tmp_path, "calibration"), lamp_of(tmp_path, "test")) == (
        {fitted}, {calibrated}, {"lamp_b"},
    )  # fmt: skip
    seen = {"threshold": 10, "few": 8, "full": 10}.get(regime, 0) + 7 * (regime == "test_time")
    assert result["adaptation"]["target_images"] == seen
    assert result["config"]["domain"] == {"_target_": "adshift.shift.named.Named", "name": "lamp_b"}


def test_the_other_direction_is_a_key(lamps: list[str], tmp_path: Path) -> None:
    run_cell(tmp_path, *lamps, "data.domain=lamp_b", "domain=lamp_a")
    assert (fitted_lamps(tmp_path), lamp_of(tmp_path, "test")) == ({"lamp_b"}, {"lamp_a"})


def test_the_source_is_what_is_clean_and_what_is_shifted(lamps: list[str], tmp_path: Path) -> None:
    named = run_cell(tmp_path / "named", *lamps, "data.domain=lamp_b", "domain=lamp_b", "adaptation=threshold")
    clean = run_cell(tmp_path / "clean", *lamps, "data.domain=lamp_b", "adaptation=threshold")
    assert named["metrics"] == clean["metrics"]
    assert named["threshold"] == clean["threshold"]
    run_cell(tmp_path / "shift", *lamps, "data.domain=lamp_b", "domain=shift", "adaptation=full")
    for role in ("calibration", "test"):
        assert lamp_of(tmp_path / "shift", role) == {"lamp_b"}


def test_all_domains_are_tested_together_and_no_image_has_two_roles(lamps: list[str], tmp_path: Path) -> None:
    result = run_cell(tmp_path, *lamps, "data.domain=lamp_a", "domain=all", "adaptation=threshold")
    held = result["counts"]["plate"]
    assert (held["calibration_normal"], held["test_normal"], held["test_anomalous"]) == (12, 6, 8)
    fitted = json.loads((tmp_path / "fitted.json").read_text())["images"]
    taken = [image["path"] for image in fitted] + [row["path"] for row in rows(tmp_path, "test")]
    assert len(set(taken)) == len(taken)
    assert any("its test images are of 2 domains (lamp_a, lamp_b)" in line for line in result["warnings"])


@pytest.mark.parametrize("split", ["study", "standard"])
def test_a_finished_run_goes_to_the_other_lamp_as_a_fit_would(lamps: list[str], tmp_path: Path, split: str) -> None:
    source = [*(o for o in lamps if o != "split=standard"), f"split={split}", "data.domain=lamp_a"]
    run_cell(tmp_path / "run", *source)
    for regime in ("none", "threshold", "few"):
        rule = ["threshold=conformal"] if regime == "few" else []
        asked = ["domain=lamp_b", f"adaptation={regime}", *rule]
        trained = run_cell(tmp_path / f"fit_{regime}", *source, *asked)
        moved = run_cell(tmp_path / regime, f"run={tmp_path / 'run'}", *asked, "logger=none", script="evaluate.py")
        for part in ("metrics", "threshold", "counts"):
            assert moved[part] == trained[part], regime
    done = invoke("evaluate.py", f"run={tmp_path / 'run'}", "domain=lamp_c", f"hydra.run.dir={tmp_path / 'out'}")
    assert done.code == 2
    assert "domain=lamp_c is none of the domains of category=plate; choose one of: lamp_a, lamp_b, all" in done.err


def test_a_run_fitted_in_the_target_is_evaluated_back_in_the_source(lamps: list[str], tmp_path: Path) -> None:
    run_cell(tmp_path / "run", *lamps, "data.domain=lamp_a", "domain=lamp_b", "adaptation=full")
    back = run_cell(tmp_path / "back", f"run={tmp_path / 'run'}", "domain=lamp_a", "adaptation=none", "logger=none",
                    script="evaluate.py")  # fmt: skip
    assert (fitted_lamps(tmp_path / "back"), lamp_of(tmp_path / "back", "test")) == ({"lamp_b"}, {"lamp_a"})
    assert lamp_of(tmp_path / "back", "calibration") == {"lamp_b"}
    assert back["metrics"]["macro"]["recall"] is not None


def test_a_sweep_over_domains(lamps: list[str], tmp_path: Path) -> None:
    done = invoke("train.py", "-m", *lamps, "data.domain=lamp_a", "domain=lamp_a,lamp_b", f"hydra.sweep.dir={tmp_path}")
    assert done.code == 0, done.err
    assert [lamp_of(tmp_path / str(i), "test") for i in range(2)] == [{"lamp_a"}, {"lamp_b"}]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            [],
            "has images to train on in 2 domains (lamp_a, lamp_b); say in which a model is fitted: data.domain=lamp_a",
        ),
        (
            ["data.domain=lamp_c"],
            "data.domain=lamp_c is no domain that category=plate has images to train on in; choose one",
        ),
        (
            ["data.domain=lamp_a", "data.category=bolt"],
            "holds no folder bolt; data.root must hold LAMP/CATEGORY/train/good",
        ),
    ],
)
def test_what_a_folder_of_lamps_does_not_tell_is_asked_for(
    lamps: list[str], tmp_path: Path, more: list[str], said: str
) -> None:
    done = invoke("train.py", *lamps, *more, f"hydra.run.dir={tmp_path / 'out'}")
    assert done.code == 2
    assert said in done.err


def test_cells_are_divided_by_material_and_what_is_uncertain_counts_in_no_figure(
    cells: list[str], tmp_path: Path
) -> None:
    result = run_cell(tmp_path, *cells, "domain=poly")
    assert result["counts"]["solar_cells"] == {
        "train": 11, "calibration_normal": 3, "calibration_anomalous": 0, "test_normal": 6, "test_anomalous": 6,
    }  # fmt: skip
    told = result["uncertain"]["solar_cells"]
    assert {group: held["images"] for group, held in told.items()} == {"uncertain_33": 4, "uncertain_67": 2}
    uncertain = rows(tmp_path, "uncertain")
    assert {row["label"] for row in uncertain} == {""}
    for group, held in told.items():
        called = [int(row["decision"]) for row in uncertain if row["defect"] == group]
        assert (held["called_anomalous"], held["rate"]) == (sum(called), sum(called) / len(called))
        assert held["rate_exact_ci"][0] <= held["rate"] <= held["rate_exact_ci"][1]
    tested = rows(tmp_path, "test")
    figures = result["metrics"]["categories"]["solar_cells"]
    good = [int(row["decision"]) for row in tested if row["label"] == "0"]
    bad = [int(row["decision"]) for row in tested if row["label"] == "1"]
    assert (len(good), len(bad)) == (6, 6)
    assert figures["false_alarm_rate"] == pytest.approx(sum(good) / 6)
    assert figures["recall"] == pytest.approx(sum(bad) / 6)
    assert [figures[name] for name in ("pixel_auroc", "pro_030", "pixel_f1")] == [None] * 3
    assert any("no mask" in line for line in result["warnings"])


def test_the_licence_and_the_uncertain_are_printed(cells: list[str], tmp_path: Path) -> None:
    done = invoke("train.py", *cells, f"hydra.run.dir={tmp_path}")
    assert "CC BY-NC-SA 4.0" in done.out
    assert "solar_cells, uncertain_33: " in done.out
    assert "% of 4 called anomalous (in no figure above)" in done.out


def test_a_seeded_shuffle_trains_on_seven_tenths_of_each_material(cells: list[str]) -> None:
    root = Path(next(o for o in cells if o.startswith("data.root=")).partition("=")[2])
    index = elpv.find(root, "solar_cells")
    assert Counter(s.domain for s in index.train_good) == {"mono": 14, "poly": 14}
    assert Counter(s.domain for s in index.test_good) == {"mono": 6, "poly": 6}
    assert not {s.path for s in index.train_good} & {s.path for s in index.test_good}
    assert Counter((s.domain, s.defect) for s in index.uncertain) == {
        ("mono", "uncertain_33"): 4, ("poly", "uncertain_33"): 4, ("mono", "uncertain_67"): 2, ("poly", "uncertain_67"): 2,
    }  # fmt: skip
    first = sorted(f"images/cell{i:04}.png" for i in range(1, 21))
    assert {s.path for s in (*index.train_good, *index.test_good) if s.domain == "mono"} == set(first)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cell0001.png  0.0", "cell0001.png  0.5", "cannot be read as ELPV's labels"),
        ("cell0001.png  0.0  mono", "cell0001.png  0.0  amorphous", "is of amorphous, neither of mono nor of poly"),
        ("cell0001.png  0.0", "cell9999.png  0.0", "cell0001.png is in no row of labels.csv"),
        ("cell0002.png  0.0  mono", "cell0002.png  0.0", "cannot be read as ELPV's labels"),
    ],
)
def test_a_broken_list_of_cells_is_refused(cells: list[str], tmp_path: Path, old: str, new: str, said: str) -> None:
    root = Path(next(o for o in cells if o.startswith("data.root=")).partition("=")[2])
    shutil.copytree(root, tmp_path / "copy")
    path = tmp_path / "copy" / "labels.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(AdshiftError, match=said) as caught:
        elpv.find(tmp_path / "copy", "solar_cells")
    assert "\n" not in str(caught.value)


def test_without_the_package_the_error_says_what_brings_it(
    cells: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elpv, "find_spec", lambda name: None)
    own = [o for o in cells if not o.startswith("data.root=")]
    done = invoke("train.py", *own, f"hydra.run.dir={tmp_path}")
    assert done.code == 2
    assert "package elpv-dataset (90 MB), which is not installed; pip install '.[elpv]' brings it" in done.err


def test_the_installed_package_holds_what_it_is_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts of the data set's own page: 1,508 functional cells, 295 and 106 doubtful, 715 defective ones."""
    pytest.importorskip("elpv_dataset", reason="needs the elpv extra")
    index = elpv.find(elpv.installed(), "solar_cells")
    assert layout_of("elpv").holds(elpv.installed(), "solar_cells")
    found: dict[str, Any] = {
        domain: [
            sum(s.domain == domain for s in part) for part in (index.train_good, index.test_good, index.test_anomalous)
        ]
        for domain in elpv.DOMAINS
    }
    assert found == {"mono": [411, 177, 313], "poly": [644, 276, 402]}
    assert Counter(s.defect for s in index.uncertain) == {"uncertain_33": 295, "uncertain_67": 106}
