"""VisA, BTAD, MPDD, MVTec AD 2, AeBAD-S and RobustAD, each on a miniature: index, official split, masks, a whole run."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.images import draw, draw_category
from helpers.inprocess import invoke, run_cell
from helpers.layouts import (
    EXACT,
    LIGHTS,
    make_aebad,
    make_btad,
    make_mpdd,
    make_mvtec_ad_2,
    make_robustad,
    make_visa,
)

from adshift.adaptation.full import FullAdaptation
from adshift.adaptation.none import NoAdaptation
from adshift.adaptation.recipe import unadapted
from adshift.adaptation.threshold import ThresholdAdaptation
from adshift.data.acquire import acquire
from adshift.data.check.__main__ import main as check
from adshift.data.dataset import read_pair
from adshift.data.domains import taken_in
from adshift.data.samples import CategoryIndex, Sample
from adshift.data.splits import OfficialSplit, Splitter, StandardSplit, StudySplit
from adshift.data.target_split import split_in_domains
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.lighting import Lighting
from adshift.shift.real import real_of

MAKERS = {
    "visa": make_visa, "btad": make_btad, "mpdd": make_mpdd, "mvtec_ad_2": make_mvtec_ad_2, "aebad": make_aebad,
    "robustad": make_robustad,
}  # fmt: skip
CATEGORY = {
    "visa": "candle", "btad": "01", "mpdd": "tubes", "mvtec_ad_2": "can", "aebad": "AeBAD_S", "robustad": "PCB",
}  # fmt: skip
OFFICIAL = {
    "visa": (9, 0, 3, 4), "btad": (10, 0, 3, 3), "mpdd": (10, 0, 3, 4), "mvtec_ad_2": (10, 20, 3, 3),
    "aebad": (10, 0, 3, 3), "robustad": (10, 0, 3, 3),
}  # fmt: skip
"""Train, calibration, test normal, test anomalous; of several domains the one that has images to train on."""


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A data root for each data set; read only."""
    root = tmp_path_factory.mktemp("layouts")
    for name, make in MAKERS.items():
        make(root / name)
    return {name: root / name for name in MAKERS}


def indexed(roots: dict[str, Path], source: str) -> CategoryIndex:
    (found,) = acquire(source, roots[source], [CATEGORY[source]])
    return found


def split_of(index: CategoryIndex, splitter: Splitter, light: str | None = None, regime: Any = None) -> Any:
    regime = regime or NoAdaptation()
    target = Domain() if light is None else Lighting(lighting=light)
    recipe = regime.applied(unadapted((Domain(),), target))
    real = [real_of(recipe.of(role)[0]) for role in ("train", "calibration", "test")]
    return split_in_domains(lambda wanted: [taken_in(index, wanted, "")], splitter, *real, regime.name)


def overrides(roots: dict[str, Path], source: str) -> list[str]:
    return [
        f"data={source}", f"data.root={roots[source]}", f"data.category={CATEGORY[source]}", "backbone=resnet18",
        "backbone.weights=random", "image_size=64", "data.num_workers=0", "metrics.bootstrap=0",
        "metrics.latency=false", "coreset_ratio=0.1",
    ]  # fmt: skip


def names(samples: Sequence[Sample]) -> list[str]:
    return [sample.path.rpartition("/")[2] for sample in samples]


@pytest.mark.parametrize("source", MAKERS)
def test_official_split_and_masks(roots: dict[str, Path], source: str) -> None:
    split = split_of(indexed(roots, source), OfficialSplit())
    labels = Counter(sample.label for sample in split.test)
    assert (len(split.train), len(split.calibration), labels[0], labels[1]) == OFFICIAL[source]
    assert not {s.path for s in split.train} & {s.path for s in split.test}
    for sample in split.test:
        mask = read_pair(roots[source], sample, Domain())[1]
        assert mask is not None
        assert np.array_equal(mask, EXACT * sample.label), sample


@pytest.mark.parametrize("source", MAKERS)
def test_a_whole_run(roots: dict[str, Path], source: str, tmp_path: Path) -> None:
    result = run_cell(tmp_path, *overrides(roots, source), "split=standard", "threshold=sigma")
    train, calibration, good, bad = OFFICIAL[source]
    held_out = calibration or train - int(0.8 * train)
    assert result["counts"][CATEGORY[source]] == {
        "train": train if calibration else train - held_out, "calibration_normal": held_out, "calibration_anomalous": 0,
        "test_normal": good, "test_anomalous": bad,
    }  # fmt: skip
    metrics = result["metrics"]["categories"][CATEGORY[source]]
    assert metrics["image_auroc"] == 1.0  # the defect is a white square
    assert metrics["pixel_auroc"] > 0.9
    assert 0 < metrics["pro_005"] <= metrics["pro_030"] <= 1
    assert result["config"]["data"]["source"] == source
    assert (tmp_path / "scores.csv").read_text().count("\n") == 1 + held_out + good + bad


@pytest.mark.parametrize("source", MAKERS)
def test_the_doctor_knows_the_layout(
    roots: dict[str, Path], source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check([str(roots[source]), "--layout", source]) == 0
    assert not [line for line in capsys.readouterr().out.splitlines() if "of which split=" not in line]
    shutil.copytree(roots[source], tmp_path / "copy")
    first = indexed(roots, source).test_anomalous[0]
    assert first.mask is not None
    (tmp_path / "copy" / first.mask).unlink()
    (tmp_path / "copy" / first.path).with_suffix(".gif").write_bytes(b"")
    draw(tmp_path / "copy" / Path(first.mask).parent / "999.png", 0)
    assert check([str(tmp_path / "copy"), "--layout", source, "--category", CATEGORY[source]]) == 0
    out = capsys.readouterr().out
    for words in (f"{first.path} has no mask", "999.png belongs to no image", "which nothing reads"):
        assert words in out
    train = tmp_path / "copy" / indexed(roots, source).train_good[0].path
    train.write_bytes((roots[source] / indexed(roots, source).test_good[0].path).read_bytes())
    assert check([str(tmp_path / "copy"), "--layout", source]) == 2
    assert "one is trained on, the other tested" in capsys.readouterr().out


@pytest.mark.parametrize("source", MAKERS)
def test_what_is_missing_is_said_with_its_source(roots: dict[str, Path], source: str, tmp_path: Path) -> None:
    done = invoke("train.py", *overrides({**roots, source: tmp_path / "none"}, source), f"hydra.run.dir={tmp_path}/out")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert f"data.root={tmp_path}/none holds no folder {CATEGORY[source]}; get " in line
    assert "https://" in line
    assert "so that data.root holds CATEGORY/" in line
    with pytest.raises(AdshiftError, match=r"category=sofa is not in .*; choose one of: "):
        acquire(source, roots[source], ["sofa"])
    (tmp_path / "empty" / CATEGORY[source]).mkdir(parents=True)
    with pytest.raises(AdshiftError, match=r"holds no image to train on; get |1cls\.csv, VisA's official split"):
        acquire(source, tmp_path / "empty", [CATEGORY[source]])


@pytest.mark.parametrize("source", MAKERS)
def test_links_out_of_the_root_are_refused(roots: dict[str, Path], source: str, tmp_path: Path) -> None:
    shutil.copytree(roots[source], tmp_path / "copy")
    outside = tmp_path / "outside.png"
    draw(outside, 77)
    image = tmp_path / "copy" / indexed(roots, source).test_good[0].path
    image.unlink()
    image.symlink_to(outside)
    with pytest.raises(AdshiftError, match="is a link that leaves the data root"):
        acquire(source, tmp_path / "copy", [CATEGORY[source]])


def test_visa_is_divided_by_its_list(roots: dict[str, Path]) -> None:
    index = indexed(roots, "visa")
    assert names(index.test_good) == ["0001.JPG", "0005.JPG", "0009.JPG"]
    assert names(index.train_good) == [f"{i:04}.JPG" for i in range(12) if i % 4 != 1]
    assert {s.part for s in index.train_good} == {"train"}
    assert {s.part for s in (*index.test_good, *index.test_anomalous)} == {"test"}
    assert {s.defect for s in index.test_anomalous} == {"anomaly"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("0003.JPG", "0099.JPG", r"0003\.JPG is in no row of split_csv/1cls\.csv"),
        ("object,split", "thing,split", r"cannot be read as VisA's split \('object'\)"),
        ("candle,train,normal", "candle,train,anomaly", "is anomaly and given for train"),
        ("candle,test", "candle,validation", "given for validation"),
        (
            "cashew,train,normal,cashew/",
            "candle,train,normal,../../etc/",
            r"\.\./\.\./etc/.*JPG is listed in .* and not there",
        ),
    ],
)
def test_a_broken_list_is_refused(roots: dict[str, Path], tmp_path: Path, old: str, new: str, says: str) -> None:
    shutil.copytree(roots["visa"], tmp_path / "copy")
    path = tmp_path / "copy" / "split_csv" / "1cls.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(AdshiftError, match=says) as caught:
        acquire("visa", tmp_path / "copy", ["candle"])
    assert "\n" not in str(caught.value)
    assert check([str(tmp_path / "copy"), "--layout", "visa"]) == 2


def test_a_binary_list_is_refused(roots: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(roots["visa"], tmp_path / "copy")
    (tmp_path / "copy" / "split_csv" / "1cls.csv").write_bytes(b"\xff\xfe\x00object")
    with pytest.raises(AdshiftError, match="cannot be read as VisA's split"):
        acquire("visa", tmp_path / "copy", ["candle"])


def test_one_model_over_several_categories(roots: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(roots["btad"] / "01", tmp_path / "btad" / "01")
    draw_category(tmp_path / "btad", "drawn", train=10, good=3, defective=4, seed=3)
    for part, old, new in (("train", "good", "ok"), ("test", "good", "ok"), ("test", "blot", "ko")):
        (tmp_path / "btad" / "drawn" / part / old).rename(tmp_path / "btad" / "drawn" / part / new)
    (tmp_path / "btad" / "drawn").rename(tmp_path / "btad" / "02")
    pooled = ["data=unified", "data.source=btad", "data.categories=[01,02]", f"data.root={tmp_path / 'btad'}"]
    rest = [o for o in overrides(roots, "btad") if not o.startswith(("data=", "data.root", "data.category"))]
    result = run_cell(tmp_path / "out", *pooled, *rest, "split=standard", "threshold=sigma")
    assert set(result["metrics"]["categories"]) == {"01", "02"}


def test_the_light_chooses_the_test_images(roots: dict[str, Path]) -> None:
    index = indexed(roots, "mvtec_ad_2")
    for light in LIGHTS:
        split = split_of(index, StandardSplit(), light)
        assert names(split.test) == [f"{i:03}_{light}.png" for _ in ("bad", "good") for i in range(3)]
        assert {s.domain for s in (*split.train, *split.calibration)} == {"regular"}
    assert split_of(index, StandardSplit()) == split_of(index, StandardSplit(), "regular")
    assert split_of(index, StandardSplit()) == split_of(index, OfficialSplit())
    assert len(split_of(index, OfficialSplit(), "all").test) == 24
    study = split_of(index, StudySplit(anomaly_fraction=0.4))
    assert Counter(s.label for s in study.calibration) == {0: 20, 1: 1}


@pytest.mark.parametrize(
    ("regime", "splitter", "light", "says"),
    [
        (ThresholdAdaptation(), StandardSplit(), "shift_1",
         r"of can in shift_1 are all to be tested on, and adaptation=threshold takes some .* use adaptation=none"),
        (ThresholdAdaptation(), StandardSplit(), "all", r"can in overexposed, shift_1, underexp.* are all to be tested on"),
        (FullAdaptation(), OfficialSplit(), "shift_1", r"in shift_1 are all to be tested on, and adaptation=full takes"),
        (NoAdaptation(), StudySplit(anomaly_fraction=0.4), "shift_1", "lends test images of can .* use split=standard"),
        (NoAdaptation(), StudySplit(anomaly_fraction=0.4), "all", "lends test images of can .* use split=standard"),
        (NoAdaptation(), OfficialSplit(), "dusk",
         r"lighting=dusk is none of the domains of category=can; choose one of: overexposed, regular, shift_1, .*, all"),
    ],
)  # fmt: skip
def test_what_the_lights_cannot_give_is_refused(
    roots: dict[str, Path], regime: Any, splitter: Splitter, light: str, says: str
) -> None:
    with pytest.raises(AdshiftError, match=says) as caught:
        split_of(indexed(roots, "mvtec_ad_2"), splitter, light, regime)
    assert "\n" not in str(caught.value)


def test_lights_of_a_data_set_without_any(roots: dict[str, Path], tmp_path: Path) -> None:
    """It is told before anything is read: the data root need not be there."""
    lit = ["domain=lighting", "domain.lighting=shift_1", f"hydra.run.dir={tmp_path}/out"]
    done = invoke("train.py", *overrides({**roots, "mpdd": tmp_path / "none"}, "mpdd"), *lit)
    assert done.code == 2
    assert "data.source=mpdd tells no domains of its own, as these do: mvtec_ad_2, elpv, " in done.err


def test_a_run_goes_to_another_light_without_a_new_fit(roots: dict[str, Path], tmp_path: Path) -> None:
    cell = [*overrides(roots, "mvtec_ad_2"), "split=official", "threshold=conformal"]
    clean = run_cell(tmp_path / "clean", *cell)
    assert clean["threshold"]["can"]["n"] == 20  # its own validation images
    assert clean["metrics"]["macro"]["false_alarm_rate"] is not None
    lit = ["domain=lighting", "domain.lighting=shift_1"]
    trained = run_cell(tmp_path / "lit", *cell, *lit)
    moved = run_cell(tmp_path / "moved", f"run={tmp_path / 'clean'}", *lit, script="evaluate.py")
    assert trained["metrics"] == moved["metrics"] != clean["metrics"]
    assert trained["threshold"] == moved["threshold"] == clean["threshold"]
    assert moved["config"]["domain"]["name"] == "shift_1"
    everything = run_cell(tmp_path / "all", f"run={tmp_path / 'clean'}", "domain=lighting", script="evaluate.py")
    assert everything["counts"]["can"]["test_normal"] == 12
    assert any(
        "its test images are of 4 domains (overexposed, regular, shift_1, under" in line
        for line in everything["warnings"]
    )
    done = invoke(
        "evaluate.py", f"run={tmp_path / 'clean'}", *lit, "adaptation=threshold", f"hydra.run.dir={tmp_path}/no"
    )
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "are all to be tested on, and adaptation=threshold takes some" in done.err
    assert json.loads((tmp_path / "lit" / "calibration.json").read_text())["domain"]["name"] == "clean"


@pytest.mark.parametrize(
    ("source", "domain", "others"),
    [
        ("mvtec_ad_2", "shift_1", {"overexposed", "regular", "underexposed"}),
        ("aebad", "view", {"background", "illumination", "same"}),
        ("robustad", "test2", {"test0", "test1"}),
    ],
)
def test_a_domain_is_named_as_a_simulated_one_is(
    roots: dict[str, Path], source: str, domain: str, others: set[str], tmp_path: Path
) -> None:
    """domain=NAME tests on that domain's images with the model and the threshold of the source's."""
    cell = [*overrides(roots, source), "split=standard"]
    clean = run_cell(tmp_path / "clean", *cell)
    found = run_cell(tmp_path / "run", *cell, f"domain={domain}")
    assert found["threshold"] == clean["threshold"]
    assert found["counts"][CATEGORY[source]]["test_anomalous"] == 3
    rows = (tmp_path / "run" / "scores.csv").read_text().splitlines()
    tested = [row.split(",")[0] for row in rows if ",test," in row]
    assert len(tested) == 6
    assert all(domain in path for path in tested)
    done = invoke("train.py", *cell, "domain=dusk", f"hydra.run.dir={tmp_path}/out")
    assert done.code == 2
    listed = done.err.partition("choose one of: ")[2].strip().split(", ")
    assert listed == [*sorted({domain, *others}), "all"]
    refused = invoke("train.py", *cell, f"domain={domain}", "adaptation=full", f"hydra.run.dir={tmp_path}/out")
    assert f"in {domain} are all to be tested on, and adaptation=full takes some" in refused.err


def test_a_domain_with_the_name_of_a_simulated_one_is_asked_about(roots: dict[str, Path], tmp_path: Path) -> None:
    cell = [*overrides(roots, "aebad"), "split=standard"]
    done = invoke("train.py", *cell, "domain=illumination", f"hydra.run.dir={tmp_path}/out")
    assert done.code == 2
    assert (
        "domain=illumination is an option of conf/domain, and a domain of category=AeBAD_S; write domain=named dom"
        in done.err
    )
    for name, chosen, where in (
        ("own", ("domain=named", "domain.name=illumination"), "/illumination/"),
        ("simulated", ("domain=illumination", "domain.name=simulated"), "/same/"),
    ):
        run_cell(tmp_path / name, *cell, *chosen)
        rows = (tmp_path / name / "scores.csv").read_text().splitlines()
        assert all(where in row for row in rows if ",test," in row)


@pytest.mark.parametrize("source", ["visa", "mvtec_ad_2"])
def test_the_report_finds_the_pictures(
    roots: dict[str, Path], source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from adshift.report.__main__ import main

    domain = ["domain=lighting", "domain.lighting=shift_1"] if source == "mvtec_ad_2" else ["domain=shift"]
    run_cell(
        tmp_path / "run", *overrides(roots, source), *domain, "split=standard", "threshold=sigma", "save_maps=true"
    )
    assert main([str(tmp_path / "run"), "--out", str(tmp_path / "report")]) == 0
    assert "without pictures" not in "".join(capsys.readouterr())
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert indexed(roots, source).test_anomalous[0].path.rpartition("/")[2].split("_")[0] in page
    assert "data:image/" in page
