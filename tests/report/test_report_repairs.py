"""Which repair is worth it: the rule, the table's figures and the broken promises, on cells that are made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.made_up import NORMALS, Z, make_cell, study_of
from helpers.sentences import repeated
from scipy.stats import beta

from adshift.report.document import Section
from adshift.report.make import make_report
from adshift.report.sections import repairs
from adshift.report.tables import Table


def section_of(root: Path) -> Section:
    found = repairs.section(study_of(root))
    assert found is not None
    return found


def row_of(table: Table, *heads: str) -> dict[str, str]:
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows if set(heads) <= set(row[: table.heads])]
    assert len(rows) == 1, rows
    return rows[0]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clean 0.9, shifted 0.5; five repairs, two draws of each, the second draw 0.02 above the first."""
    base = tmp_path_factory.mktemp("repairs")
    make_cell(base / "clean", "none", 0.9, domain="clean")
    make_cell(base / "clean_robust", "robust", 0.84, domain="clean", own=0.001, images=0, seconds=60)
    for seed in (0, 1):
        up = 0.02 * seed
        for regime, auroc, extra in (
            ("none", 0.5, {"alarms": 15}),
            ("threshold", 0.5, {"images": 64, "seconds": 2.0}),
            ("full", 0.72, {"own": 0.02, "images": 320, "seconds": 10.0}),
            ("robust", 0.7, {"own": 0.02, "images": 0, "seconds": 60.0 + 20 * seed, "alarms": 0 + seed}),
            ("normalise", 0.51, {"own": 0.05, "images": 0, "seconds": 20.0}),
            ("few", 0.6, {"own": 0.01, "images": 8, "seconds": 1.0, "alarms": 12}),
            ("test_time", 0.4, {"own": 0.01, "images": 22, "seconds": 0.0}),
        ):
            make_cell(base / f"{regime}_{seed}", regime, auroc + up, seed=seed, **extra)  # type: ignore[arg-type]
    return base


@pytest.fixture(scope="module")
def section(root: Path) -> Section:
    return section_of(root)


def test_the_cheapest_of_the_repairs_that_are_as_good_as_the_best_is_taken(section: Section) -> None:
    said = section.findings[0]
    assert said.startswith("PatchCore, plate under shift: for image AUROC take robust (+20.0 [")
    assert "0 target images, 70.0 s), as full, the best by its estimate, is not shown to be better" in said
    assert "(test_time shown to be worse than none)" in said
    chosen = row_of(section.tables[0], "robust")
    assert chosen["recommended for"] == "image AUROC, PRO@0.3"
    assert {row[-1] for row in section.tables[0].rows if row[3] != "robust"} == {"–"}
    assert [row[3] for row in section.tables[0].rows] == [
        "normalise", "robust", "few", "test_time", "threshold", "full",
    ]  # fmt: skip


def test_differences_and_shares_are_those_of_the_replicates(section: Section) -> None:
    """The shared noise cancels; a repair's own has the normal quantiles. Shares: 20 of the 39 points of the mean drop."""
    robust, few = (row_of(section.tables[0], name) for name in ("robust", "few"))
    edge = 100 * 0.02 * Z
    low, high = (float(x) for x in robust["image AUROC"].partition("[")[2].rstrip("]").split(", "))
    assert (low, high) == pytest.approx((20 - edge, 20 + edge), abs=0.15)
    assert robust["image AUROC, share"].split()[0] == str(round(100 * 20 / 39)) == "51"
    assert few["image AUROC, share"].split()[0] == str(round(100 * 10 / 39)) == "26"
    share = [float(x) for x in few["image AUROC, share"].partition("[")[2].rstrip("]").split(", ")]
    assert share == pytest.approx([100 * (10 - Z) / 39, 100 * (10 + Z) / 39], abs=0.6)
    assert row_of(section.tables[0], "threshold")["image AUROC"] == "0.0 [0.0, 0.0]"


def test_levels_are_means_over_the_draws(section: Section) -> None:
    table = section.tables[1]
    robust = row_of(table, "shift, robust")
    assert robust["image AUROC"].split()[0] == "71.0"
    low, high = (float(x) for x in robust["image AUROC"].partition("[")[2].rstrip("]").split(", "))
    assert high - low == pytest.approx(100 * 2 * Z * np.hypot(0.02, 0.02), rel=0.1)
    exact = (0.0, 100 * float(beta.ppf(0.975, 2, NORMALS - 1)))  # half an alarm: from the ends of 0 and of 1
    assert robust["false alarms"] == f"2.5 [{exact[0]:.1f}, {exact[1]:.1f}]"
    assert [robust[k] for k in ("target images", "simulated images", "seconds", "draws")] == ["0", "7", "70.0", "2"]
    assert row_of(table, "shift, few")["promised"] == "5.0"


def test_a_repair_that_breaks_its_promise_is_named(section: Section) -> None:
    low, high = (100 * float(beta.ppf(q, a, b)) for q, a, b in ((0.025, 12, 9), (0.975, 13, 8)))
    assert f"few (60.0 [{low:.1f}, {high:.1f}] % realised, 5.0 % promised)" in section.findings[0]
    promises = {row[3]: row[-2] for row in section.tables[0].rows}
    assert promises == {name: "broken" if name == "few" else "not broken" for name in promises}
    assert "robust (" not in section.findings[0].partition("promise is broken by")[2]


def test_a_model_born_under_another_regime_is_no_clean_baseline(section: Section) -> None:
    table = section.tables[1]
    assert row_of(table, "clean")["image AUROC"].startswith("90.0 ")
    assert row_of(table, "clean, robust")["image AUROC"].startswith("84.0 ")
    lost = row_of(section.tables[2], "robust")
    assert lost["image AUROC"].startswith("−6.0 [−6.2, −5.8]")
    assert any(
        "on clean images, robust instead of none, on plate: image AUROC falls by 6.0" in f for f in section.findings
    )


def test_nothing_is_recommended_where_no_interval_separates(tmp_path: Path) -> None:
    make_cell(tmp_path / "none", "none", 0.5)
    make_cell(tmp_path / "few", "few", 0.6, own=0.06, images=8)  # 10 points, +- 11.8
    found = section_of(tmp_path)
    assert found.findings[0].count("it cannot be told, as no repair is shown to be better than none") == 2
    assert row_of(found.tables[0], "few")["recommended for"] == "–"
    assert row_of(found.tables[0], "few")["image AUROC, share"] == "–"  # without clean runs there is no drop
    assert found.plots == ()
    make_cell(tmp_path / "few", "few", 0.6, own=0.04, images=8)  # +- 7.8
    assert "take few" in section_of(tmp_path).findings[0]


def test_there_is_nothing_to_do_where_neither_a_loss_nor_a_broken_promise_is_shown(tmp_path: Path) -> None:
    make_cell(tmp_path / "clean", "none", 0.52, domain="clean", own=0.01)
    make_cell(tmp_path / "few", "few", 0.4, own=0.01, images=8)
    make_cell(tmp_path / "none", "none", 0.5, own=0.01)  # 2 points below clean; the same noise on top of both
    lost = "(few shown to be worse than none)"
    said = section_of(tmp_path).findings[0]
    assert said.count("cannot be told, as no repair is shown to be better than none") == 2  # 2 points are shown
    make_cell(tmp_path / "clean", "none", 0.5, domain="clean", own=0.01)
    said = section_of(tmp_path).findings[0]
    assert said.count(f"there is nothing to do, as no loss and no broken false-alarm promise is shown {lost}") == 2
    make_cell(tmp_path / "none", "none", 0.5, own=0.01, alarms=15)
    said = section_of(tmp_path).findings[0]
    assert said.count(f"cannot be told, as no repair is shown to be better than none {lost}") == 2


def test_only_draws_that_both_have_are_paired(tmp_path: Path) -> None:
    for seed, auroc in ((0, 0.5), (1, 0.7)):
        make_cell(tmp_path / f"none_{seed}", "none", auroc, seed=seed)
    make_cell(tmp_path / "few_1", "few", 0.8, seed=1, own=0.001)
    found = section_of(tmp_path)
    assert row_of(found.tables[0], "few")["image AUROC"].startswith("+10.0 ")
    assert [row_of(found.tables[1], f"shift, {r}")["draws"] for r in ("none", "few")] == ["2", "1"]


def test_every_severity_is_a_shift_of_its_own(tmp_path: Path) -> None:
    """Gains, shares and levels at each severity over all its draws; one of several carries its severity in its name."""
    make_cell(tmp_path / "clean", "none", 0.9, domain="clean")
    for severity, none, few in ((0.5, 0.8, 0.85), (2.0, 0.4, 0.65)):
        for seed in (0, 1, 2):
            make_cell(tmp_path / f"none_{severity}_{seed}", "none", none, seed=seed, severity=severity)
            make_cell(tmp_path / f"few_{severity}_{seed}", "few", few, seed=seed, severity=severity, own=0.001)
    found = section_of(tmp_path)
    assert [line.partition(":")[0] for line in found.findings] == [
        "PatchCore, plate under shift 0.5", "PatchCore, plate under shift 2",
    ]  # fmt: skip
    gains = {row[2]: row[4].partition(" ")[0] for row in found.tables[0].rows}
    assert gains == {"shift 0.5": "+5.0", "shift 2": "+25.0"}
    place = found.tables[0].header.index("image AUROC, share")
    shares = {row[2]: row[place].partition(" ")[0] for row in found.tables[0].rows}
    assert shares == {"shift 0.5": "50", "shift 2": "50"}
    assert [row_of(found.tables[1], f"shift {s}, few")["draws"] for s in ("0.5", "2")] == ["3", "3"]


def test_the_mean_speaks_only_for_repairs_that_every_category_has(tmp_path: Path) -> None:
    for category in ("plate", "strip"):
        make_cell(tmp_path / category / "clean", "none", 0.9, domain="clean", category=category)
        make_cell(tmp_path / category / "none", "none", 0.5, category=category, alarms=15)
        make_cell(tmp_path / category / "few", "few", 0.6, category=category, own=0.001, images=8, seconds=1.0)
    make_cell(tmp_path / "plate" / "robust", "robust", 0.8, own=0.001)
    found = section_of(tmp_path)
    assert found.findings[0].startswith("PatchCore, mean of 2 categories under shift: for image AUROC take few (+10.0")
    assert "broken by none (in 2 of 2)" in found.findings[0]
    assert "take robust" in found.findings[1]
    assert [row[3] for row in found.tables[0].rows if row[0] == "mean"] == ["few"]
    assert row_of(found.tables[0], "mean", "few")["promise"] == "broken in 0 of 2"


def test_the_section_stays_out_without_other_regimes_and_stands_after_the_regimes(root: Path, tmp_path: Path) -> None:
    for name in ("none", "threshold", "full"):
        make_cell(tmp_path / "runs" / name, name, 0.5)
    assert repairs.section(study_of(tmp_path / "runs")) is None
    report = make_report([root], tmp_path / "out", "T", pictures=0)
    names = [s.name for s in report.sections]
    assert names[names.index("regimes") + 1] == "repairs"
    assert {"repairs_0.svg", "repairs_0.png"} <= {p.name for p in (tmp_path / "out" / "figures").iterdir()}
    assert (tmp_path / "out" / "tables" / "repairs.md").read_text().count("\n| plate") == 9
    assert repeated((tmp_path / "out" / "index.html").read_text(encoding="utf-8")) == []
