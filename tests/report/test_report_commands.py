"""The small report commands: runs side by side, paired differences, recovered shares, seeds, the gallery."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from PIL import Image

from adshift.metrics.ranking import auroc
from adshift.report import compare, console, gallery, seeds
from adshift.results.read import read_figures, read_result


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """clean, none, full: one category; seed1: another domain seed; unified: two categories."""
    root = tmp_path_factory.mktemp("runs")
    common = [o for o in tiny_overrides(tiny) if "bootstrap" not in o] + ["metrics.bootstrap=200"]
    cells = {
        "clean": ["domain=clean"],
        "none": ["domain=shift"],
        "full": ["domain=shift", "adaptation=full"],
        "seed1": ["domain=shift", "domain.seed=1"],
    }
    for name, overrides in cells.items():
        run_cell(root / name, *common, *overrides)
    pooled = [o for o in common if not o.startswith(("data=", "data.category="))]
    run_cell(
        root / "unified", "data=unified", *pooled, "data.source=folder", "data.categories=[plate,strip]", "domain=shift"
    )
    return {name: root / name for name in (*cells, "unified")}


def test_compare_gives_the_difference_of_the_runs_and_its_paired_interval(runs: dict[str, Path]) -> None:
    found = compare.differences(runs["clean"], runs["none"])
    assert set(found) == {"plate"}
    a, b = (read_result(runs[name])["metrics"]["categories"]["plate"] for name in ("clean", "none"))
    auc = found["plate"]["image_auroc"]
    assert auc.estimate == pytest.approx(a["image_auroc"] - b["image_auroc"])
    pair = [read_figures(runs[name])["plate"].replicates["image_auroc"] for name in ("clean", "none")]
    assert auc.interval == pytest.approx(np.quantile(pair[0] - pair[1], [0.025, 0.975]), abs=1e-6)


def test_a_unified_run_is_compared_on_the_category_it_shares(runs: dict[str, Path]) -> None:
    found = compare.differences(runs["unified"], runs["none"])
    assert set(found) == {"plate"}
    gap = found["plate"]["pixel_auroc"].estimate
    u, s = (read_result(runs[name])["metrics"]["categories"]["plate"]["pixel_auroc"] for name in ("unified", "none"))
    assert gap == pytest.approx(u - s)


def test_recovered_is_the_share_of_the_drop(runs: dict[str, Path]) -> None:
    found = compare.recovered(runs["full"], runs["none"], runs["clean"])["plate"]["pixel_auroc"]
    full, none, clean = (
        read_result(runs[name])["metrics"]["categories"]["plate"]["pixel_auroc"] for name in ("full", "none", "clean")
    )
    if found.value is None:
        assert "contains 0" in str(found.reason)
    else:
        assert found.value == pytest.approx((full - none) / (clean - none))


def test_commands_print_tables_and_refuse_in_one_line(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare.main([str(runs["clean"]), str(runs["none"])]) == 0
    assert "| plate" in capsys.readouterr().out
    assert compare.main([str(runs["full"]), str(runs["none"]), str(runs["clean"]), "--recovered"]) == 0
    assert "recovered (percent)" in capsys.readouterr().out
    assert console.main([str(runs["none"]), str(runs["clean"])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[3].strip() for line in lines[2:]] == ["clean", "shift"]
    for arguments in ([str(runs["clean"])], [str(runs["clean"]), str(tmp_path)]):
        assert compare.main(arguments) == 2
        told = capsys.readouterr().err
        assert re.fullmatch(r"adshift: [^\n]+\n", told)


def test_seeds_average_runs_that_differ_in_their_seed_alone(runs: dict[str, Path]) -> None:
    table = seeds.seed_table([runs["none"], runs["seed1"], runs["clean"]]).splitlines()
    assert len(table) == 4  # header, rule, the shift over two seeds, clean
    values = [read_result(runs[n])["metrics"]["categories"]["plate"]["pixel_auroc"] for n in ("none", "seed1")]
    row = next(line for line in table if "| shift" in line)
    assert f"{100 * np.mean(values):.1f} ± {100 * np.std(values, ddof=1):.1f}" in row
    assert "| 2 " in row


def test_pooled_auroc_ranks_all_categories_together(runs: dict[str, Path]) -> None:
    rows = [line.split(",") for line in (runs["unified"] / "scores.csv").read_text().splitlines()[1:]]
    test = [(float(r[5]), int(r[3])) for r in rows if r[4] == "test"]
    scores, labels = np.array(test).T
    assert read_result(runs["unified"])["metrics"]["pooled"]["image_auroc"] == pytest.approx(auroc(scores, labels))
    assert {r[4] for r in rows} == {"train", "calibration", "test"}
    crossed = read_result(runs["unified"])["unified"]["cross_threshold"]
    assert set(crossed["held_out"]) == set(crossed["train"]) == {"plate", "strip"}


def test_gallery_is_a_picture_of_two_rows_a_category(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "g.jpg"
    assert gallery.main([str(tiny), str(out), "--categories", "plate", "strip", "--columns", "3"]) == 0
    with Image.open(out) as picture:
        assert picture.size == (3 * 230, 4 * (224 + 36))
    assert gallery.main([str(tiny), str(tmp_path / "g.gif"), "--categories", "plate"]) == 2
    assert not (tmp_path / "g.gif").exists()
