"""The diagnosis: on made-up data whose cause is known it names that cause."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import run_cell
from helpers.plates import photograph, photographs

from adshift.data.prepared import ImageBatch
from adshift.diagnose.__main__ import main
from adshift.diagnose.components import FIGURES, WHOLE, Loss, culprit, losses, variants
from adshift.diagnose.features import moments, movement
from adshift.diagnose.places import beyond_frame, grown, shares, zones
from adshift.diagnose.text import findings, markdown
from adshift.metrics.resampling import Difference
from adshift.metrics.summary import figures
from adshift.shift.domain import Domain
from adshift.shift.names import CLEAN
from adshift.shift.parameters import ShiftParameters

SHIFT = Domain("shift", True, True, True)


def test_the_variants_of_the_shift() -> None:
    found = variants(SHIFT)
    acting = {
        name: {f for f in ("geometric", "illumination", "photometric") if getattr(d, f)} for name, d in found.items()
    }
    assert acting[CLEAN] == set()
    assert acting[WHOLE] == {"geometric", "illumination", "photometric"}
    assert acting["illumination alone"] == {"illumination"}
    assert acting["without illumination"] == {"geometric", "photometric"}
    assert len(found) == 10
    assert (
        len({repr((d.geometric, d.illumination, d.photometric, d.border, d.resampling)) for d in found.values()}) == 10
    )
    assert list(variants(Domain("photometric", photometric=True))) == [CLEAN, WHOLE]


def scores(shift_of_good: float) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40)
    return generator.normal(labels * 3.0 + (1 - labels) * shift_of_good, 1.0), labels


def test_the_family_that_raises_the_good_scores_is_the_culprit() -> None:
    moved = {CLEAN: 0.0, WHOLE: 3.0, "geometric alone": 2.8, "illumination alone": 0.8, "photometric alone": 0.0}
    found = {name: figures(*scores(by), replicates=200, seed=1, stream="x") for name, by in moved.items()}
    rows = losses(found)
    assert culprit(rows) == "geometric"
    change = {row.name: row.change["image_auroc"] for row in rows}
    assert change[CLEAN].estimate == 0
    assert change["geometric alone"].interval is not None
    assert change["geometric alone"].interval[1] < 0
    assert culprit([row for row in rows if row.name in (CLEAN, WHOLE, "photometric alone")]) is None


def test_the_zones_divide_the_image() -> None:
    image = np.full((100, 100, 3), 90, np.uint8)
    image[:, 50:] = 160
    found = zones(image)
    assert (sum(zone.astype(int) for zone in found.values()) == 1).all()
    assert found["border"].mean() == pytest.approx(1 - 0.8**2)
    assert found["edges"][50, 48:52].all()
    assert found["flat"][50, 20:40].all()
    assert found["edges"][15:85].any(axis=0).nonzero()[0].min() > 40


def test_beyond_the_frame_is_what_the_move_brought_in() -> None:
    beyond = beyond_frame(ShiftParameters(translate_x=0.1), 100)
    assert beyond[:, :9].all()
    assert not beyond[:, 11:].any()
    assert not beyond_frame(ShiftParameters(), 100).any()
    assert beyond_frame(ShiftParameters(scale=0.9), 100).mean() == pytest.approx(1 - 0.81, abs=0.03)
    assert grown(beyond, 5)[:, :14].all()
    assert not grown(beyond, 5)[:, 17:].any()


def test_the_shares_find_alarms_where_they_were_put() -> None:
    """27 of 30 maps peak in the border band, 3 in the middle; over the threshold are 12 border pixels a middle one."""
    generator = np.random.default_rng(1)
    flat = np.full((50, 50, 3), 100, np.uint8)
    maps, found = [], []
    for i in range(30):
        values = generator.uniform(0, 1, (50, 50)).astype(np.float32)
        if i < 27:
            values[1, 10:14] = (9, 5, 5, 5)
        else:
            values[25, 20:23] = (9, 5, 5)
        maps.append(values)
        found.append(zones(flat))
    rows = {row.zone: row for row in shares(maps, found, 4.0)}
    assert rows["border"].maxima == pytest.approx(0.9)
    assert rows["border"].maxima_ci[0] > rows["border"].area == pytest.approx(0.36)
    assert rows["flat"].maxima == pytest.approx(0.1)
    assert rows["border"].alarms == pytest.approx(27 * 4 / (27 * 4 + 3 * 3))
    assert shares(maps, found, 99.0)[0].alarms is None


class Layers(torch.nn.Module):
    """Two layers: the image's channels, and twice their mean, with one channel that never moves."""

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        dead = torch.zeros_like(images[:, :1])
        return {"low": images, "high": torch.cat([2 * images.mean(1, keepdim=True), dead], dim=1)}


def test_the_features_move_by_what_was_added() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(12, 3, 16, 16, generator=generator) * torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1)
    train = moments(Layers(), [ImageBatch(images[:5]), ImageBatch(images[5:])])
    assert torch.allclose(train.std["low"], images.double().transpose(0, 1).flatten(1).std(1, unbiased=False))
    moved = movement(train, moments(Layers(), [ImageBatch(images + 1.0)]))
    assert moved["low"] == pytest.approx(float((1 / train.std["low"]).mean()), rel=1e-5)
    assert moved["high"] == pytest.approx(2.0 / float(train.std["high"][0]), rel=1e-5)
    assert movement(train, train) == {"low": 0.0, "high": 0.0}


def test_sentences_are_said_only_where_the_interval_allows() -> None:
    share = {"zone": "border", "area": 0.36, "maxima": 0.6, "maxima_ci": [0.45, 0.75], "alarms": 0.5}
    base = {"looks": [], "culprit": None, "components": [], "places": {WHOLE: [share]}}
    assert any("60 % of the good images" in sentence for sentence in findings(base))
    share["maxima_ci"] = [0.3, 0.75]
    assert findings(base) == []
    none = Difference(None, None, None)
    assert culprit([Loss("geometric alone", {}, dict.fromkeys(FIGURES, none))]) is None


def test_a_run_is_diagnosed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_category(tmp_path / "data", "plate", train=8, good=4, defective=4)
    run_cell(tmp_path / "run", *tiny_overrides(tmp_path / "data"), f"store.root={tmp_path / 'store'}")
    asked = [str(tmp_path / "run"), "--bootstrap", "50", "--out", str(tmp_path / "out")]
    assert main(asked) == 0
    shown = capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "diagnosis.json").read_text())
    assert (tmp_path / "out" / "diagnosis.md").read_text() == markdown(found)
    assert markdown(found).strip() in shown
    assert len(found["components"]) == 11
    assert found["components"][0]["change"]["image_auroc"]["estimate"] == 0
    assert {row["zone"] for row in found["places"][WHOLE]} == {"border", "edges", "flat", "beyond the frame"}
    assert set(found["features"]) == {"layer2", "layer3"}
    assert all(by[WHOLE] > by[CLEAN] for by in found["features"].values())
    assert main([*asked, "--domain", "contrast"]) == 0
    assert main([*asked, "--severity", "0"]) == 2
    assert "leaves every image as it is" in capsys.readouterr().err
    assert main([str(tmp_path / "none")]) == 2


def test_photographs_of_the_target_are_diagnosed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A brighter lamp: named as what looks different, its images independent of the run's own, those fitted on left out."""
    for i in range(12):
        photograph(tmp_path / "data" / "plate" / "train" / "good" / f"{i:03d}.png", i)
    photographs(tmp_path / "data" / "plate" / "test" / "good", 8, 100)
    lamp = photographs(tmp_path / "lamp", 8, 200, 1.25)
    photograph(lamp / "seen.png", 0)
    run_cell(tmp_path / "run", *tiny_overrides(tmp_path / "data"), "split=official", "crossfit=4", "threshold=conformal",
             f"store.root={tmp_path / 'store'}")  # fmt: skip
    asked = [str(tmp_path / "run"), "--photos", str(lamp), "--bootstrap", "50", "--out", str(tmp_path / "out")]
    assert main(asked) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "out" / "diagnosis.json").read_text())
    assert [row["variant"] for row in found["components"]] == [CLEAN, WHOLE]
    assert found["looks"][0].startswith("light: brighter")
    assert found["domain"]["root"] == str(lamp)
    text = markdown(found)
    assert "independent images" in text
    assert "light: brighter" in text
