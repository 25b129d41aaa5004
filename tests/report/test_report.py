"""The report: what it finds, pairs, claims and writes; its runs are made by the project's own writers."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.images import draw_category
from helpers.runs import make_run
from helpers.sentences import repeated, sentences
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from adshift.metrics.pixel import PixelRanking
from adshift.metrics.resampling import Difference, Share
from adshift.report.__main__ import main
from adshift.report.answers import answers
from adshift.report.cells import Cell, flatten, to_cells
from adshift.report.discover import read_runs
from adshift.report.document import Report
from adshift.report.findings import about, along, change, promise, recovery
from adshift.report.html import adaptive_svg, page
from adshift.report.latex import escape, latex
from adshift.report.make import make_report
from adshift.report.photographs import Photographs
from adshift.report.plots.curves import pro_vertices, ranked_counts
from adshift.report.sections import examples, pro
from adshift.report.study import Series, Study, contrast
from adshift.report.tables import Table, gap, grouped, markdown_text, signed
from adshift.report.thumbnails import Gallery, contour, make_gallery, outcome
from adshift.report.tidy import tidy_rows


@pytest.fixture(scope="session")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small grid: two categories, two methods, clean and three regimes, conformal, unified, coresets, severities."""
    base = tmp_path_factory.mktemp("runs")
    for i, category in enumerate(("plate", "strip")):
        for method in ("patchcore", "padim"):
            make_run(base / method / category / "clean", tiny, (category,), 4.0, i, method=method, save_maps=True)
            for regime, signal in (("none", 0.5), ("threshold", 0.5), ("full", 3.0)):
                make_run(base / method / category / regime, tiny, (category,), signal, i, method=method, domain="shift",
                         adaptation=regime, save_maps=regime == "none")  # fmt: skip
    for ratio in (0.01, 0.05):
        make_run(base / "coreset" / str(ratio), tiny, signal=3.0, coreset=ratio)
    for severity in (0.5, 2.0):
        make_run(base / "severity" / str(severity), tiny, signal=1.0, domain="shift", severity=severity)
    make_run(base / "geometric", tiny, signal=2.0, domain="geometric")
    make_run(base / "seed", tiny, signal=1.0, domain="shift", domain_seed=1)
    make_run(base / "conformal", tiny, signal=0.5, domain="shift", threshold="conformal")
    for scope in ("category", "global"):
        make_run(base / "unified" / scope, tiny, ("plate", "strip"), 3.0, scope=scope)
    for seed in (0, 1):
        make_run(base / "drawn" / str(seed), tiny, ("plate", "strip"), 3.0, domain="shift", domain_seed=seed)
    return base


@pytest.fixture(scope="session")
def study(runs: Path) -> Study:
    return Study(read_runs([runs], pytest.fail), pytest.fail)


@pytest.fixture(scope="session")
def report(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    assert main([str(runs), "--out", str(out), "--pictures", "4"]) == 0
    return out


def test_options_are_flat_and_lists_of_names_are_joined() -> None:
    options = {
        "robust": {"components": ["geometric", "photometric"], "copies": 6, "none": []},
        "views": [1, 2],
        "file": "a/b.pt",
    }
    assert flatten(options) == {
        "robust.components": "geometric+photometric",
        "robust.copies": "6",
        "robust.none": "[]",
        "views": "[1, 2]",
        "file": "b.pt",
    }


def changed(runs: Path, folder: Path, **nodes: Any) -> Path:
    """A copy of a finished run with other values in its result.json: ``config__domain={...}`` is ``config.domain``."""
    shutil.copytree(runs / "padim" / "plate" / "none", folder)
    result = json.loads((folder / "result.json").read_text())
    for place, value in nodes.items():
        *above, last = place.split("__")
        node = result
        for name in above:
            node = node[name]
        node[last] = value
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def cells_in(folder: Path) -> dict[str, Cell]:
    return {cell.run.folder.name: cell for cell in to_cells(read_runs([folder], pytest.fail))}


def test_who_was_told_of_a_run_is_no_other_detector(runs: Path, tmp_path: Path) -> None:
    changed(runs, tmp_path / "csv", config__logger={"_target_": "adshift.tracking.trackers.CsvTracker"})
    changed(
        runs, tmp_path / "mlflow", config__logger={"_target_": "adshift.tracking.trackers.MlflowTracker", "store": "x"}
    )
    assert {cell.detector for cell in cells_in(tmp_path).values()} == {"PaDiM"}


def test_a_regime_with_keys_of_its_own_is_no_other_detector(runs: Path, tmp_path: Path) -> None:
    """Neither where it acts nor in an evaluation under another regime, which keeps the keys that the run was given."""
    blend = {"_target_": "adshift.adaptation.blend.BlendAdaptation", "weight": 0.5}
    changed(runs, tmp_path / "plain")
    changed(runs, tmp_path / "blend", config__blend=blend, config__adaptation=blend, adaptation__regime="blend")
    changed(runs, tmp_path / "other", config__blend={**blend, "weight": 0.7}, config__adaptation={**blend, "weight": 0.7},
            adaptation__regime="blend")  # fmt: skip
    changed(runs, tmp_path / "evaluated", config__blend=blend, config__domain__seed=1)
    found = cells_in(tmp_path)
    assert {cell.detector for cell in found.values()} == {"PaDiM"}
    assert {name: cell.adaptation for name, cell in found.items()} == {
        "plain": "none", "blend": "blend weight 0.5", "other": "blend weight 0.7", "evaluated": "none",
    }  # fmt: skip
    changed(runs, tmp_path / "group", config__lens={"_target_": "adshift.optics.Lens", "focus": 2})
    assert cells_in(tmp_path)["group"].detector == "PaDiM (lens Lens, focus 2)"


def test_labels_are_the_names_that_the_classes_give_themselves(runs: Path, tmp_path: Path) -> None:
    """Not those of the files that they lie in; without a threshold there is none to name."""
    target = {"_target_": "adshift.calibration.rules.Margin", "scope": "category", "factor": 1.1}
    made = {"plate": {"kind": "margin", "value": 1.0, "promised_rate": None, "n": 6}}
    kept = {"_target_": "adshift.adaptation.lines.ModelAdaptation"}
    changed(runs, tmp_path / "own", config__threshold=target, threshold=made, config__adaptation=kept,
            adaptation__regime="model")  # fmt: skip
    changed(runs, tmp_path / "bare", config__threshold={**target, "factor": 1.2}, threshold={})
    found = cells_in(tmp_path)
    assert (found["own"].threshold, found["own"].adaptation) == ("margin", "model")
    assert found["bare"].threshold == "none"


def test_finds_runs_at_any_depth_and_names_broken_ones(runs: Path, tmp_path: Path) -> None:
    source = runs / "padim" / "plate" / "clean"
    shutil.copytree(source, tmp_path / "a" / "b" / "fine")
    shutil.copytree(source, tmp_path / ".hidden" / "fine")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "result.json").write_text("{broken")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "result.json").write_text(json.dumps({"schema": 0}))
    for place, change_it in (("figure", "many"), ("bounds", None), ("regime", None)):
        shutil.copytree(source, tmp_path / place)
        path = tmp_path / place / "result.json"
        broken = json.loads(path.read_text())
        if place == "figure":
            broken["metrics"]["categories"]["plate"]["image_auroc"] = change_it
        elif place == "bounds":
            broken["metrics"]["categories"]["plate"]["image_auroc_ci"] = [0.5]
        else:
            del broken["adaptation"]["regime"]
        path.write_text(json.dumps(broken))
    said: list[str] = []
    found = read_runs([tmp_path, tmp_path / "a"], said.append)
    assert [run.folder for run in found] == [tmp_path / "a" / "b" / "fine"]
    for place in ("text", "old", "figure", "bounds", "regime"):
        assert sum(f"{place}/result.json" in line for line in said) == 1, (place, said)


def test_exit_status_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "holds no finished run" in capsys.readouterr().err
    assert main([str(tmp_path / "missing"), "--out", str(tmp_path / "out")]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_cell_that_was_run_twice_counts_once(runs: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(runs / "padim" / "plate" / "full", tmp_path / name)
    said: list[str] = []
    study = Study(read_runs([tmp_path], said.append), said.append)
    assert len(study.cells) == 1
    assert len(said) == 1
    assert str(tmp_path / "two") in said[0]


def test_labels_name_what_differs_and_nothing_else(tiny: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "a", tiny)
    make_run(tmp_path / "b", tiny, architecture="resnet50")
    make_run(tmp_path / "c", tiny, method="padim")
    labels = {cell.run.folder.name: cell.detector for cell in to_cells(read_runs([tmp_path], pytest.fail))}
    assert labels == {
        "a": "PatchCore (architecture resnet18)",
        "b": "PatchCore (architecture resnet50)",
        "c": "PaDiM (architecture resnet18)",
    }
    study = Study(read_runs([tmp_path / "a", tmp_path / "c"], pytest.fail), pytest.fail)
    assert study.detectors == ["PatchCore", "PaDiM"]


def test_mean_over_runs_is_the_mean_of_points_and_of_replicates(study: Study) -> None:
    series = study.series("PatchCore", "clean")
    assert list(series.cells) == ["plate", "strip"]
    parts = [series.cells[c].figures[c] for c in series.cells]
    assert series.groups["mean"].values["pro_030"] == pytest.approx(np.mean([p.values["pro_030"] for p in parts]))
    together = np.mean([p.replicates["pro_030"] for p in parts], axis=0)
    assert series.groups["mean"].values["pro_030_ci"] == pytest.approx(np.quantile(together, [0.025, 0.975]).tolist())


def test_contrast_is_the_paired_bootstrap_of_the_stored_replicates(study: Study, runs: Path) -> None:
    gaps = contrast(study.series("PaDiM", "shift"), study.series("PaDiM", "clean"))
    assert list(gaps) == ["plate", "strip", "mean"]
    stored = [np.load(runs / "padim" / "plate" / name / "replicates.npz") for name in ("none", "clean")]
    paired_B = stored[0]["plate/image_auroc"].astype(float) - stored[1]["plate/image_auroc"].astype(float)
    assert gaps["plate"]["image_auroc"].interval == pytest.approx(np.quantile(paired_B, [0.025, 0.975]).tolist())
    points = [json.loads((runs / "padim" / "plate" / n / "result.json").read_text()) for n in ("none", "clean")]
    wanted = np.subtract(*(p["metrics"]["categories"]["plate"]["image_auroc"] for p in points))
    assert gaps["plate"]["image_auroc"].estimate == pytest.approx(wanted)


def test_other_test_images_are_not_paired(study: Study, tiny: Path, tmp_path: Path) -> None:
    fewer = Study(read_runs([make_run(tmp_path / "fewer", tiny, good=4)], pytest.fail), pytest.fail)
    assert contrast(fewer.series("PatchCore", "clean"), study.series("PatchCore", "clean")) == {}
    other = tmp_path / "other"
    shutil.copytree(study.series("PatchCore", "clean").cells["plate"].run.folder, other)
    table = (other / "scores.csv").read_text().replace("plate/test/good/005.png", "plate/test/good/905.png")
    (other / "scores.csv").write_text(table)  # as many images, resampled alike, but not the same
    renamed = Study(read_runs([other], pytest.fail), pytest.fail)
    assert contrast(renamed.series("PatchCore", "clean"), study.series("PatchCore", "clean")) == {}


def test_reference_is_the_usual_value_and_a_series_never_mixes(study: Study) -> None:
    assert study.coreset("PatchCore") == 0.1
    assert study.coreset("PaDiM") is None
    assert (study.severity, study.domain_seed, study.threshold) == (1.0, 0, "f1")
    assert set(study.series("PatchCore", "shift").cells) == {"plate", "strip"}
    assert set(study.series("PatchCore", "shift", severity=2.0).cells) == {"plate"}
    assert not study.series("PatchCore", "shift", severity=3.0)
    assert all(not c.unified for c in study.series("PatchCore", "clean").cells.values())


def difference(low: float, value: float, high: float) -> Difference:
    return Difference(value, (low, high), 0.01)


@pytest.mark.parametrize(
    ("d", "said"),
    [
        (difference(-0.06, -0.04, -0.02), "image AUROC falls by 4.0 points [2.0, 6.0]"),
        (difference(0.02, 0.04, 0.06), "image AUROC rises by 4.0 points [2.0, 6.0]"),
        (difference(-0.06, -0.02, 0.001), "image AUROC shows no difference (−2.0 [−6.0, +0.1] points)"),
        (difference(0.0, 0.04, 0.06), "image AUROC shows no difference (+4.0 [0.0, +6.0] points)"),
        (Difference(0.04, None, None), "image AUROC differs by +4.0 points, of unknown uncertainty"),
        (Difference(None, None, None), ""),
    ],
)
def test_a_change_is_claimed_only_where_the_interval_excludes_0(d: Difference, said: str) -> None:
    assert change("image_auroc", d) == said


def test_sentences_speak_of_the_mean_and_count_the_categories() -> None:
    down, none, up = (difference(*(x / 100 for x in three)) for three in ((-9, -5, -1), (-3, 0, 3), (1, 5, 9)))
    gaps = {name: {"recall": d} for name, d in (("a", down), ("b", none), ("c", up), ("mean", none))}
    said = about("X", ("recall",), gaps)
    assert said.startswith("X, mean of 3 categories: recall shows no difference")
    assert "shown lower in 1 and higher in 1 of 3 categories" in said
    assert about("X", ("recall",), {}) == ""
    steps = {"1": {"a": gaps["b"]}, "2": {"a": gaps["a"]}}
    assert along("X", "severity", "recall", steps) == (
        "X, on a: recall is shown to be lower at severity 2; not shown to differ at severity 1."
    )


def test_promises_and_recoveries_are_bound_by_their_intervals() -> None:
    assert promise("X", 0.05, 0.2, (0.051, 0.4)).endswith("the promise is broken.")
    assert promise("X", 0.05, 0.2, (0.05, 0.4)).endswith("not shown to be broken.")
    shares = {"recall": Share(0.5, (0.1, 0.9), None), "image_f1": Share(0.5, (-0.1, 0.9), None),
              "image_ap": Share(None, None, "nothing to recover")}  # fmt: skip
    assert recovery("X", shares) == (
        "X recovers 50 % [10, 90] of the drop in recall; is not shown to recover any of the drop in F1 (50 % [−10, 90])."
    )
    assert recovery("X", {"image_ap": shares["image_ap"]}) == ""


def test_numbers_as_text() -> None:
    assert signed(-4.25) == "−4.2"
    assert signed(-0.04) == "0.0"
    assert gap(difference(-0.06, -0.04, 0.0)) == "−4.0 [−6.0, 0.0]"
    assert gap(None) == "–"
    assert grouped([("mean", "1"), ("b", "2"), ("a", "3"), ("b", "4")]) == (
        ("b", "2"),
        ("b", "4"),
        ("a", "3"),
        ("mean", "1"),
    )


NASTY = r"50% of a_b & {c} $d$ #e ~f ^g \h <i> |j| −1.0"


def test_latex_escapes_every_sign_and_keeps_its_columns() -> None:
    assert escape("a_b & 5%") == r"a\_b \& 5\%"
    text = latex(Table("t/1", NASTY, ("category", "x"), ((NASTY, "1.0 [0.5, 2.0]"), ("[a]", "–")), 1))
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(body) == 2
    assert all(len(re.findall(r"(?<!\\)&", line)) == 1 and line.endswith(r"\\") for line in body)
    assert not re.search(r"(?<!\\)[%#]|(?<![\\$-])\$(?![-])(?!\\)", body[0].replace("$-$", ""))
    assert body[1].startswith("{[a]}")  # a bracket after \\ would be an option of the line break
    assert text.count("{") == text.count("}")
    assert r"\label{tab:t-1}" in text


def test_markdown_escapes_names_and_keeps_intervals() -> None:
    assert markdown_text("a|b <c> _d_") == r"a\|b \<c\> \_d\_"
    assert markdown_text("−1.0 [−2.0, 0.5]") == "−1.0 [−2.0, 0.5]"
    assert markdown_text("see [x](http://y)") == r"see \[x\](http://y)"
    lines = Table("t", "c", ("a", "b"), (("x|y", "1"),)).markdown().splitlines()
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in lines[2:])


def test_tidy_rows_hold_every_figure_with_its_interval(study: Study, report: Path) -> None:
    rows = tidy_rows(study.cells)
    assert len(rows) == sum(len(cell.figures) for cell in study.cells) * 16
    cell = study.select(domain="shift", threshold="conformal")[0]
    stored = cell.run.result["metrics"]["categories"]["plate"]
    mine = [r for r in rows if r["run"] == str(cell.run.folder) and r["category"] == "plate"]
    by_name = {r["figure"]: r for r in mine}
    assert by_name["image_ap"]["value"] == stored["image_ap"]
    assert [by_name["image_ap"][k] for k in ("low", "high", "interval")] == [*stored["image_ap_ci"], "bootstrap"]
    assert [by_name["false_alarm_rate"][k] for k in ("low", "high", "interval")] == [
        *stored["false_alarm_rate_exact_ci"],
        "exact",
    ]
    with (report / "cells.csv").open(newline="", encoding="utf-8") as handle:
        written = list(csv.DictReader(handle))
    assert len(written) == len(rows)
    assert [float(r["value"]) for r in written if r["value"]] == [r["value"] for r in rows if r["value"] is not None]


def test_cells_as_parquet_are_the_same_rows(study: Study, report: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow, which the dev extra's mlflow brings")
    assert parquet.read_table(report / "cells.parquet").to_pylist() == tidy_rows(study.cells)


def test_every_section_is_there_with_its_files(report: Path) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert titles == [
        "Clean domain", "From clean to shifted", "Adaptation regimes", "Over categories and domains",
        "Thresholds: promised and realised", "Coreset ratio", "Unified against per-category",
        "Crossed thresholds and foreign matches", "Severity of the shift", "Parts of the shift", "Seeds", "Efficiency",
        "Curves and scores", "PRO curves", "Examples and failures", "What was run",
    ]  # fmt: skip
    linked = re.findall(r"\]\((figures/[^)]*)\)", text)
    assert linked
    assert all((report / path).is_file() for path in linked)
    assert {p.stem for p in (report / "tables").glob("*.md")} == {p.stem for p in (report / "tables").glob("*.tex")}
    assert {"clean", "degradation", "regimes_0", "false_alarms", "roc_pr_0", "histogram_0", "pro_0", "severity", "coreset",
            "unified", "cross_threshold_0", "clean_shifted", "examples_0_0"} <= {Path(p).stem for p in linked}  # fmt: skip
    assert "Backbone weights are random" in text


def test_the_answers_come_first_and_no_sentence_stands_twice(report: Path, study: Study) -> None:
    """Two methods, several regimes, domains, severities and draws, one model over both categories."""
    told = answers(study)
    assert [line.partition(" ")[0] for line in told] == ["PatchCore", "PaDiM"]
    page = (report / "index.html").read_text(encoding="utf-8")
    read = [sentence.replace("\u00a0", " ") for sentence in sentences(page)]
    assert read[:4] == ["Skip to the report", "Anomaly detection under domain shift", *told]
    assert (report / "report.md").read_text(encoding="utf-8").split("\n\n")[1].count("\n- Pa") == 1
    assert repeated(page) == []


def test_holms_p_stands_beside_every_p_with_its_family(report: Path) -> None:
    held = 0
    for path in (report / "tables").glob("*.md"):
        caption, _, table = path.read_text(encoding="utf-8").partition("\n\n")
        header, _, *rows = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()
        )
        for i, title in enumerate(header):
            if title == "p" or title.endswith(", p"):
                assert header[i + 1] == f"{title} (Holm)"
                plain = [row[i] for row in rows if row[i] != "–"]
                assert f"over the {len(plain)} comparison" in caption
                assert [float(row[i + 1]) for row in rows if row[i] != "–"] == pytest.approx(
                    by_hand(plain), abs=0.0006 * len(plain)
                )
                held += 1
    assert held == 10


def by_hand(p_values: list[str]) -> list[float]:
    """Holm's corrected p by its definition: the largest (m - j + 1) p_(j) up to its own place, at most 1."""
    p = [float(value) for value in p_values]
    ranked = sorted(p)
    stepped = [(len(p) - j) * value for j, value in enumerate(ranked)]
    return [min(1.0, max(stepped[: len([v for v in ranked if v <= value])])) for value in p]


def test_a_report_that_stands_is_made_anew_only_for_other_runs_or_options(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied, out = tmp_path / "runs", tmp_path / "out"
    shutil.copytree(runs / "coreset" / "0.01", copied)
    command = [str(copied), "--out", str(out), "--pictures", "0"]

    def makes(*more: str) -> bool:
        page = out / "index.html"
        page.touch()
        os.utime(page, ns=(1, 1))
        assert main([*command, *more]) == 0
        assert ("unchanged" in capsys.readouterr().out) == (page.stat().st_mtime_ns == 1)
        return page.stat().st_mtime_ns != 1

    assert main(command) == 0
    assert [makes(), makes("--force"), makes("--title", "Other"), makes(), makes()] == [False, True, True, True, False]
    os.utime(copied / "result.json")
    assert [makes(), makes()] == [True, False]
    (out / "index.html").unlink()
    assert main(command) == 0
    assert (out / "index.html").stat().st_size > 1000


def test_a_report_without_pictures_holds_no_image_of_the_data(runs: Path, tmp_path: Path) -> None:
    make_report([runs / "patchcore"], tmp_path / "with", "T", pictures=1)
    make_report([runs / "patchcore"], tmp_path / "without", "T", pictures=0)
    drawn, bare = ({p.stem for p in (tmp_path / w / "figures").glob("*.png")} for w in ("with", "without"))
    assert drawn - bare == {"clean_shifted", *(name for name in drawn if name.startswith("examples_"))}
    assert bare == {p.stem for p in (tmp_path / "without" / "figures").glob("*.svg")}  # photographs have no SVG
    assert ["data:image/webp" in (tmp_path / w / "index.html").read_text() for w in ("with", "without")] == [
        True,
        False,
    ]


def test_a_second_report_replaces_the_first_and_touches_nothing_else(runs: Path, tmp_path: Path) -> None:
    used, fresh = tmp_path / "used", tmp_path / "fresh"
    make_report([runs / "conformal"], used, "T", pictures=1)
    (used / "figures" / "mine.pdf").write_text("mine")
    assert (used / "figures" / "clean_shifted.png").exists()
    for out in (used, fresh):
        found = make_report([runs / "coreset" / "0.01"], out, "T", pictures=0)
        assert [s.name for s in found.sections] == ["clean", "decisions", "efficiency", "curves", "runs"]
    (used / "figures" / "mine.pdf").unlink()  # raises where it is gone
    files = sorted(p.relative_to(used) for p in used.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(fresh) for p in fresh.rglob("*") if p.is_file())
    assert all((used / f).read_bytes() == (fresh / f).read_bytes() for f in files)


def test_a_foreign_class_is_never_called(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(runs / "padim" / "plate" / "none", tmp_path / "run")
    path = tmp_path / "run" / "result.json"
    result = json.loads(path.read_text())
    for target, said in (
        ("os.system", "none of adshift's own classes"),
        ("adshift.report.study.Study", "none of adshift's own classes"),
        ("adshift.shift.domain.ShiftParameters", "no class of adshift"),
    ):
        result["config"]["domain"]["_target_"] = target
        path.write_text(json.dumps(result))
        assert main([str(tmp_path / "run"), "--out", str(tmp_path / "out")]) == 0
        assert said in capsys.readouterr().err


def test_pictures_are_left_out_where_images_are_gone_or_changed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    draw_category(root, "plate", seed=1)
    make_run(tmp_path / "run", root, save_maps=True)
    study = Study(read_runs([tmp_path / "run"], pytest.fail), pytest.fail)

    def found() -> tuple[bool, bool, int, list[str]]:
        said: list[str] = []
        seen = Photographs(said.append)
        sections = (pro.section(study, seen), examples.section(study, seen))
        return sections[0] is not None, sections[1] is not None, len(make_gallery(study, seen, 2).cards), said

    assert found() == (True, True, 2, [])
    mask = next((root / "plate" / "ground_truth" / "dent").glob("*.png"))
    shutil.copy(next((root / "plate" / "test" / "good").glob("*.png")), mask)
    assert found()[0] is False
    assert "in result.json" in found()[3][0]
    shutil.rmtree(root)
    assert found()[:3] == (False, False, 0)


def test_curves_agree_with_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 60)
    scores = np.round(generator.normal(labels, 1), 1)  # with ties
    fp, tp = ranked_counts(labels, scores)
    x, y, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert np.append(0, fp / fp[-1]) == pytest.approx(x)
    assert np.append(0, tp / tp[-1]) == pytest.approx(y)
    assert np.trapezoid(np.append(0, tp / tp[-1]), np.append(0, fp / fp[-1])) == pytest.approx(
        roc_auc_score(labels, scores)
    )
    precision, gained = tp / (tp + fp), np.diff(tp / tp[-1], prepend=0)
    assert float(precision @ gained) == pytest.approx(average_precision_score(labels, scores))


def test_drawn_pro_curve_has_the_area_of_the_figure() -> None:
    generator = np.random.default_rng(0)
    mask = np.zeros((64, 64), np.uint8)
    mask[10:20, 10:20] = mask[40:44, 30:50] = 1
    anomaly_map = generator.normal(mask, 1).astype(np.float32)
    ranking = PixelRanking.from_maps([anomaly_map], [mask])
    x, y = pro_vertices(ranking, 0.3)
    grid = np.linspace(0, 0.3, 20001)
    assert float(np.trapezoid(np.interp(grid, x, y), grid) / 0.3) == pytest.approx(ranking.pro(0.3), abs=2e-3)


def test_outcomes_and_outlines() -> None:
    assert [outcome(label, score, 1.0) for label in (1, 0) for score in (1.0, 0.9)] == ["TP", "FN", "FP", "TN"]
    assert outcome(1, 5.0, None) == ""
    mask = np.zeros((20, 20), np.uint8)
    assert contour(mask) == ""
    mask[5:10, 4:12] = 1
    assert set(re.findall(r"\d+ \d+", contour(mask))) == {"4 5", "4 9", "11 9", "11 5"}


def test_the_gallerys_data_stay_inside_their_script() -> None:
    gallery = Gallery(settings=["</script><!-- \u2028 & \udcff"], cards=[{"path": "'<b>'"}])
    text = page(Report("T", "", (), ()), {}, gallery)
    held = re.findall(r'id="gallery-data">(.*?)</script>', text, re.DOTALL)[0]
    assert not set("<>&\u2028") & set(held)
    assert json.loads(held) == gallery.plain()


def test_plots_follow_the_colour_scheme() -> None:
    svg = adaptive_svg(
        '<?xml?><svg width="1"><path style="stroke: #1A1a1a; fill: #0072b2"/><path fill="#123456"/></svg>'
    )
    assert svg.count("<style>") == 1
    assert "prefers-color-scheme: dark" in svg
    assert 'style="stroke: var(--c0); fill: var(--c2)"' in svg
    assert "#123456" in svg


def test_series_without_cells_is_false() -> None:
    assert not Series({})
    assert contrast(Series({}), Series({})) == {}
