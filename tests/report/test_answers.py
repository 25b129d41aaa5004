"""The sentences that a report begins with: built by the rule of repairs.worth, on figures that are made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.made_up import NORMALS, WIDE, Z, make_cell, study_of
from scipy.stats import beta

from adshift.report.__main__ import main
from adshift.report.answers import answers
from adshift.report.sections import across, degradation


def exact(alarms: int) -> str:
    """A realised rate with its Clopper-Pearson interval, from the Beta quantiles."""
    low = float(beta.ppf(0.025, alarms, NORMALS - alarms + 1)) if alarms else 0.0
    high = float(beta.ppf(0.975, alarms + 1, NORMALS - alarms))
    return f"{100 * alarms / NORMALS:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def test_a_loss_the_cheapest_repair_that_helps_and_what_becomes_of_the_promise(tmp_path: Path) -> None:
    make_cell(tmp_path / "clean", "none", 0.9, domain="clean")
    make_cell(tmp_path / "none", "none", 0.5, own=0.01, alarms=15)
    make_cell(tmp_path / "few", "few", 0.7, own=0.001, alarms=12, images=8, seconds=1.0)
    make_cell(tmp_path / "full", "full", 0.7, own=0.001, images=320, seconds=10.0)
    (said,) = answers(study_of(tmp_path))
    promise = r"the promise of 5\.0 % false alarms is broken"
    found = re.fullmatch(
        r"PatchCore under shift, on plate: image AUROC falls by 40\.0 points \[(.*), (.*)\], and "
        rf"{promise} {re.escape(f'({exact(15)} % realised)')}; the cheapest repair shown to help is few: \+20\.0 \[.*\] "
        rf"points over none, 8 target images, 1\.0 s, and {promise} {re.escape(f'({exact(12)} % realised)')}\.",
        said,
    )
    assert found is not None
    assert [float(end) for end in found.groups()] == pytest.approx([40 - 100 * 0.01 * Z, 40 + 100 * 0.01 * Z], abs=0.1)
    make_cell(
        tmp_path / "few", "few", 0.6, own=0.001, alarms=1, images=8, seconds=1.0
    )  # helps, but 10 points below full
    (said,) = answers(study_of(tmp_path))
    assert "the cheapest repair shown to help, apart from few, not up to the best, is full: +20.0 [" in said
    assert said.endswith(f"is not shown to be broken ({exact(1)} % realised).")


def test_where_no_difference_is_shown_the_answer_says_so(tmp_path: Path) -> None:
    make_cell(tmp_path / "clean", "none", 0.51, domain="clean")
    make_cell(tmp_path / "none", "none", 0.5, own=0.02)
    assert answers(study_of(tmp_path))[0].endswith("realised); no repair was tried on the same images.")
    make_cell(tmp_path / "few", "few", 0.52, own=0.02, images=8)
    (said,) = answers(study_of(tmp_path))
    assert ": image AUROC shows no difference (−1.0 [" in said
    assert said.endswith("; no repair is called for, as neither a loss nor a broken promise is shown.")
    make_cell(tmp_path / "clean", "none", 0.9, domain="clean")
    assert answers(study_of(tmp_path))[0].endswith("; no repair is shown to help.")


def test_a_new_threshold_that_mends_the_promise_is_found_by_balanced_accuracy(tmp_path: Path) -> None:
    """Recall stays 50 %, false alarms go from 75 to 5 %: (70 / 2) points."""
    make_cell(tmp_path / "clean", "none", 0.5, domain="clean")
    make_cell(tmp_path / "none", "none", 0.5, alarms=15)
    make_cell(tmp_path / "threshold", "threshold", 0.5, images=64, seconds=2.0)
    (said,) = answers(study_of(tmp_path))
    assert (
        "; no repair is shown to help image AUROC, and the cheapest shown to help balanced accuracy is threshold: "
        in said
    )
    assert "+35.0 [+35.0, +35.0] points over none, 64 target images, 2.0 s" in said
    assert said.endswith(f"the promise of 5.0 % false alarms is not shown to be broken ({exact(1)} % realised).")


def test_over_several_categories_the_mean_answers_and_the_promises_are_counted(tmp_path: Path) -> None:
    for category, alarms in (("plate", 15), ("strip", 1)):
        make_cell(tmp_path / category / "clean", "none", 0.9, domain="clean", category=category)
        make_cell(tmp_path / category / "none", "none", 0.5, category=category, alarms=alarms)
        make_cell(tmp_path / category / "few", "few", 0.6, category=category, own=0.001, images=8, seconds=1.0)
    study = study_of(tmp_path)
    (said,) = answers(study)
    assert said.startswith(
        "PatchCore under shift, mean of 2 categories: image AUROC falls by 40.0 points [40.0, 40.0], and"
    )
    assert (
        "the promise of 5.0 % false alarms is broken in 1 of 2 categories; the cheapest repair shown to help is few"
        in said
    )
    assert said.endswith("and the promise of 5.0 % false alarms is not shown to be broken.")
    section = across.section(study)
    assert section is not None
    drops, ranks = section.tables
    by_regime = {row[2]: row[3:5] for row in drops.rows}
    widths = [100 * Z * WIDE * after / 0.9 for after in (0.4 / 0.9, 0.3 / 0.9)]  # d (c - s) / c = s dc / c^2 - ds / c
    for (regime, value), width in zip((("none", 400 / 9), ("few", 300 / 9)), widths, strict=True):
        places, text = by_regime[regime]
        assert (places, text.split()[0]) == ("2", f"{value:.1f}")
        low, high = (float(end) for end in text.partition("[")[2].rstrip("]").split(", "))
        assert high - low == pytest.approx(2 * width, rel=0.2)
    assert [row[:4] for row in ranks.rows] == [
        ("regimes of PatchCore", "none", "2", "2.00"), ("regimes of PatchCore", "few", "2", "1.00"),
    ]  # fmt: skip


def test_several_draws_are_averaged_and_counted(tmp_path: Path) -> None:
    make_cell(tmp_path / "clean", "none", 0.9, domain="clean")
    for seed, auroc in ((0, 0.5), (1, 0.54)):
        make_cell(tmp_path / f"none_{seed}", "none", auroc, seed=seed)
    study = study_of(tmp_path)
    assert answers(study)[0].startswith("PatchCore under shift (2 draws), on plate: image AUROC falls by 38.0 points [")
    section = degradation.section(study)
    assert section is not None
    assert section.lead.endswith("at severity 1, domain seed 0.")


def test_without_a_shift_or_without_clean_runs_the_answer_says_what_is_missing(tmp_path: Path) -> None:
    make_cell(tmp_path / "a" / "clean", "none", 0.9, domain="clean")
    (said,) = answers(study_of(tmp_path / "a"))
    assert said.startswith(
        "PatchCore, on plate: image AUROC is 90.0 [86.1, 93.9] % on clean images; it was not tested under"
    )
    make_cell(tmp_path / "b" / "none", "none", 0.5)
    (said,) = answers(study_of(tmp_path / "b"))
    assert ": what the change costs is not known without plain clean runs on the same images, and the promise" in said
    make_cell(tmp_path / "c" / "few", "few", 0.5)
    (said,) = answers(study_of(tmp_path / "c"))
    assert said.startswith("PatchCore: no model of a single category was tested without repair under shift, so that")


def test_the_command_prints_the_answers_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_cell(tmp_path / "runs" / "clean", "none", 0.9, domain="clean")
    assert main([str(tmp_path / "runs"), "--out", str(tmp_path / "out"), "--pictures", "0"]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert (first,) == answers(study_of(tmp_path / "runs"))
    assert last.endswith("index.html")
