"""The regime ``normalise``: each step undoes what it is for, and leaves alone what looks like the train images."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import invoke, run_cell
from PIL import Image

from adshift.adaptation.normalise import NormaliseAdaptation
from adshift.adaptation.recipe import unadapted
from adshift.correction.foreground import silhouette
from adshift.correction.illumination import flatten, polynomials, train_terms
from adshift.correction.luminance import GRID, coarse, joined, luma_chroma
from adshift.correction.noise import denoise, noise_sigma
from adshift.correction.normalisation import Normalisation, NormalisationRule, Steps
from adshift.correction.pose import register, train_pose
from adshift.correction.spread import Spread
from adshift.correction.tone import FLOORS, chroma_strength, luma_quantiles, standardise, tone_terms
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.parameters import ShiftParameters
from adshift.shift.transforms import add_noise, illuminate, warp

SIDE = 160


def part(angle: float = 20.0, x: float = 80.0, y: float = 80.0, zoom: float = 1.0, seed: int = 0) -> np.ndarray:
    """A dark pin with a thick head on a light ground with a little noise; degrees counter-clockwise, pixels."""
    image = np.full((SIDE, SIDE, 3), 190.0)
    turn = math.radians(angle)
    along = np.array([math.cos(turn), -math.sin(turn)]) * zoom
    across = np.array([-along[1], along[0]])
    middle = np.array([x, y])
    pin = [middle - 30 * along - 4 * across, middle + 45 * along - 4 * across, middle + 45 * along + 4 * across,
           middle - 30 * along + 4 * across]  # fmt: skip
    head = [middle - 45 * along - 14 * across, middle - 28 * along - 14 * across, middle - 28 * along + 14 * across,
            middle - 45 * along + 14 * across]  # fmt: skip
    for outline in (pin, head):
        cv2.fillPoly(image, [np.round(outline).astype(np.int32)], (70.0, 75.0, 80.0))
    noise = np.random.default_rng(seed).normal(0, 1.5, (SIDE, SIDE, 1))
    return np.clip(np.rint(cv2.GaussianBlur(image, (0, 0), 0.7) + noise), 0, 255).astype(np.uint8)


def texture(seed: int, size: int = 128) -> np.ndarray:
    """A coloured ground that varies slowly, with grain."""
    generator = np.random.default_rng(seed)
    slow = cv2.resize(generator.normal(0, 12, (6, 6, 3)), (size, size), interpolation=cv2.INTER_CUBIC)
    image = np.array([150.0, 120.0, 90.0]) + slow + generator.normal(0, 4, (size, size, 3))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.fixture(scope="module")
def pins() -> list[np.ndarray]:
    generator = np.random.default_rng(5)
    return [part(20 + generator.normal(0, 1), *(80 + generator.normal(0, 1, 2)), seed=i) for i in range(24)]


@pytest.fixture(scope="module")
def correction(pins: list[np.ndarray]) -> Normalisation:
    return NormalisationRule(Steps()).fit(iter(pins))


def test_luma_and_chroma_give_the_image_back() -> None:
    image = texture(0)
    luma, chroma = luma_chroma(image)
    assert np.array_equal(joined(luma, chroma), image)
    assert np.abs(luma - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)).max() <= 0.51


def test_the_excess_is_nothing_within_the_spread_and_nearly_all_far_outside() -> None:
    spread = Spread.of(np.random.default_rng(0).normal(3, 2, (4000, 1)), [0.1])
    assert spread.middle[0] == pytest.approx(3, abs=0.1)
    assert spread.width[0] == pytest.approx(2, rel=0.05)
    assert spread.excess([3 + 4.5]) == 0
    assert spread.excess([3 - 100]) == pytest.approx(-100, rel=0.01)
    assert Spread.of([[7.0]], [0.5]).width == (0.5,)


def test_polynomials_are_orthogonal_and_begin_with_one() -> None:
    basis = polynomials(3, 400)
    gram = basis.T @ basis / len(basis)
    assert np.allclose(basis[:, 0], 1)
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-4


@pytest.mark.parametrize("kind", ["left", "top", "edges", "centre"])
def test_flattening_undoes_a_gradient_whatever_lies_in_the_frame(pins: list[np.ndarray], kind: str) -> None:
    small = np.stack([coarse(luma_chroma(p)[0]) for p in pins])
    light = np.median(small, axis=0)
    spread = train_terms(small, light)
    truth = part(100, 70, 90, seed=99)  # where no train image has it
    dark = illuminate(truth, ShiftParameters(illumination=kind, darkest=0.5))  # type: ignore[arg-type]
    found = flatten(dark, light, spread)
    assert error(found, truth) < 0.25 * error(dark, truth)
    assert error(flatten(truth, light, spread), truth) < 1.0


def test_flattening_leaves_black_images_alone() -> None:
    black = np.zeros((64, 64, 3), np.uint8)
    small = np.full((3, GRID, GRID), 120, np.float32)
    assert flatten(black, small[0], train_terms(small, small[0])) is black


def test_standardising_undoes_brightness_contrast_and_saturation() -> None:
    train = [texture(i) for i in range(16)]
    split = [luma_chroma(image) for image in train]
    quantiles = np.array([luma_quantiles(luma) for luma, _ in split])
    strengths = np.array([chroma_strength(chroma) for _, chroma in split])
    wanted_Q, wanted = quantiles.mean(axis=0).astype(np.float32), float(strengths.mean())
    spread = Spread.of([tone_terms(q, s, wanted_Q, wanted) for q, s in zip(quantiles, strengths, strict=True)], FLOORS)
    truth = texture(77)
    luma, chroma = luma_chroma(truth)
    for gain, offset, colour in ((0.5, 0, 1), (1, -40, 1), (1, 0, 0.5), (0.5, 30, 0.4)):
        shifted = joined((luma - 120) * np.float32(gain) + 120 + offset, chroma * np.float32(colour))
        found = luma_chroma(standardise(shifted, wanted_Q, wanted, spread))
        assert found[0].std() == pytest.approx(luma.std(), rel=0.25)
        assert chroma_strength(found[1]) == pytest.approx(chroma_strength(chroma), rel=0.25)
        assert found[0].mean() == pytest.approx(luma.mean(), abs=4)
        if gain == 1:
            assert error(standardise(shifted, wanted_Q, wanted, spread), truth) < 0.5 * error(shifted, truth)
    assert error(standardise(truth, wanted_Q, wanted, spread), truth) < 0.6
    spot = truth.copy()
    spot[40:52, 40:52] = 255  # a defect of 1 %: it stays
    found = standardise(spot, wanted_Q, wanted, spread)
    assert error(found[:30], truth[:30]) < 0.6
    assert found[41:51, 41:51].min() > 235


def test_a_grey_train_set_makes_grey_images() -> None:
    grey = np.repeat(texture(1)[:, :, :1], 3, axis=2)
    quantiles = luma_quantiles(luma_chroma(grey)[0]).astype(np.float32)
    coloured = add_noise(grey, ShiftParameters(noise_sigma=0.05, noise_seed=1))
    found = standardise(coloured, quantiles, 0.0, Spread((0, 0, 0), FLOORS))
    assert (found == found[:, :, :1]).all()
    assert error(found, grey) < error(coloured, grey)


@pytest.mark.parametrize("sigma", [2.0, 8.0, 20.0])
def test_the_noise_estimate(sigma: float) -> None:
    ramp = np.add.outer(np.linspace(60, 120, 256), np.linspace(0, 60, 256))
    noisy = ramp + np.random.default_rng(1).normal(0, sigma, ramp.shape)
    assert noise_sigma(noisy.astype(np.float32)) == pytest.approx(sigma, rel=0.05)
    assert noise_sigma(ramp.astype(np.float32)) == 0.25  # the least


@pytest.mark.parametrize("grey", [True, False])
def test_denoising_goes_down_to_the_train_noise_and_no_further(grey: bool) -> None:
    truth = np.full((128, 128, 3), 120, np.uint8)
    truth[40:90, 40:90] = 180
    log_sigma = Spread((math.log(3.0),), (0.05,))
    generator = np.random.default_rng(2)

    def seen(sigma: float) -> np.ndarray:
        noise = generator.normal(0, sigma, (128, 128, 1 if grey else 3))
        return np.clip(np.rint(truth + noise), 0, 255).astype(np.uint8)

    quiet, loud = seen(1.0), seen(15.0)
    assert denoise(quiet, log_sigma) is quiet
    found = denoise(loud, log_sigma)
    assert error(found, truth) < 0.5 * error(loud, truth)
    assert 1.0 < (found[:36, :36].astype(float) - 120).std() < 6.0
    assert abs(found[50:80, 50:80].mean() - found[:36].mean() - 60) < 3  # the step is still there


def test_a_silhouette_is_where_the_part_is() -> None:
    for angle, x, y, zoom in ((0, 80, 80, 1.0), (35, 75, 88, 1.0), (-100, 85, 78, 0.8), (170, 80, 80, 0.9)):
        found = silhouette(part(angle, x, y, zoom))
        assert found is not None
        assert math.degrees(math.remainder(found.angle - math.radians(angle), 2 * math.pi)) == pytest.approx(0, abs=1.5)
        assert found.x * SIDE == pytest.approx(x, abs=1.5)
        assert found.y * SIDE == pytest.approx(y, abs=1.5)
        assert not found.touches
    assert silhouette(np.full((64, 64, 3), 90, np.uint8)) is None


def test_registering_undoes_a_turn_a_zoom_and_a_move(pins: list[np.ndarray]) -> None:
    pose = train_pose([silhouette(p) for p in pins])
    assert pose is not None
    assert pose.angle is not None
    truth = part(20, 80, 80, seed=50)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[60:70, 90:104] = 1
    p = ShiftParameters(rotation_deg=9.0, scale=0.9, translate_x=0.07, translate_y=-0.06)
    moved, moved_mask = warp(truth, mask, p)
    found, found_mask = register(moved, moved_mask, pose)
    assert error(found, truth) < 0.35 * error(moved, truth)
    assert found_mask is not None
    assert moved_mask is not None

    def overlap(a: np.ndarray) -> float:
        return float((a & mask).sum() / (a | mask).sum())

    assert overlap(found_mask) > 0.7 > overlap(moved_mask)
    same, same_mask = register(truth, mask, pose)
    assert same is truth
    assert same_mask is mask


def test_a_part_that_lies_any_way_is_not_turned_and_another_shape_is_left_alone(pins: list[np.ndarray]) -> None:
    anyhow = train_pose([silhouette(part(15 * i, seed=i)) for i in range(24)])
    assert anyhow is not None
    assert anyhow.angle is None
    disc = np.full((SIDE, SIDE, 3), 190, np.uint8)
    cv2.circle(disc, (50, 90), 30, (60, 60, 60), -1)
    assert register(disc, None, anyhow)[0] is disc
    assert train_pose([silhouette(texture(i)) for i in range(8)]) is None


def test_every_step_can_be_switched_off_and_none_is_the_identity(pins: list[np.ndarray]) -> None:
    none = NormalisationRule(Steps(False, False, False, False)).fit(pins)
    image = part(100, 60, 90, seed=3)
    assert none.apply(image, None)[0] is image
    shifted, _ = Domain("shift", True, True, True).seen(image, None, "c", "c.png")
    outcomes = []
    for name in ("flatten", "standardise", "denoise", "register"):
        steps = Steps(**{step: step == name for step in ("flatten", "standardise", "denoise", "register")})
        outcomes.append(Normalisation(steps, none.reference).apply(shifted, None)[0])
    assert len({o.tobytes() for o in outcomes}) >= 3
    assert NormaliseAdaptation(denoise=False).applied(unadapted((Domain(),), Domain())).correction == NormalisationRule(
        Steps(denoise=False)
    )


def test_clean_images_stay_nearly_as_they_are(correction: Normalisation) -> None:
    changes = [error(correction.apply(image, None)[0], image) for image in (part(20, seed=200 + i) for i in range(8))]
    assert np.median(changes) < 0.3


def test_parts_are_json_and_come_back(correction: Normalisation) -> None:
    rule = NormalisationRule(correction.steps)
    assert rule.restored(json.loads(json.dumps(correction.parts()))) == correction


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["reference"].pop("light"),
        lambda p: p["reference"].update(light=[1.0, 2.0]),
        lambda p: p["reference"]["noise"].update(width=[0.0]),
        lambda p: p["reference"].update(chroma="red"),
        lambda p: p["steps"].update(sharpen=True),
        lambda p: p["reference"]["tone_spread"].update(middle=[0.0, float("nan"), 0.0]),
    ],
)
def test_foreign_parts_are_refused(correction: Normalisation, change: object) -> None:
    parts = json.loads(json.dumps(correction.parts()))
    change(parts)  # type: ignore[operator]
    with pytest.raises(AdshiftError, match=r"correction\.json is none of normalise"):
        NormalisationRule(correction.steps).restored(parts)


def test_no_train_image_is_refused() -> None:
    with pytest.raises(AdshiftError, match="0 train images"):
        NormalisationRule(Steps()).fit([])


def test_a_run_keeps_its_statistics_and_sees_no_target(tmp_path: Path) -> None:
    """The fitted statistics are the train images' alone: another target domain leaves them as they are."""
    draw_category(tmp_path / "data", "plate")
    base = [*tiny_overrides(tmp_path / "data"), "adaptation=normalise", f"store.root={tmp_path / 'store'}"]
    parts = {}
    for domain in ("clean", "shift"):
        run_cell(tmp_path / domain, *base, f"domain={domain}")
        parts[domain] = (tmp_path / domain / "correction.json").read_text()
    assert parts["clean"] == parts["shift"]
    assert json.loads(parts["clean"])["steps"] == {
        "flatten": True,
        "standardise": True,
        "denoise": True,
        "register": True,
    }
    other = run_cell(tmp_path / "off", *base, "domain=shift", "normalise.flatten=false", "normalise.standardise=false")
    assert other["metrics"] != json.loads((tmp_path / "shift" / "result.json").read_text())["metrics"]


def test_a_normalising_run_predicts_what_it_scored(tmp_path: Path) -> None:
    """predict.py's path gives the score that the run wrote for the same file, and export refuses the run."""
    from adshift.prediction.detector import load_detector

    draw_category(tmp_path / "data", "plate")
    run_cell(
        tmp_path / "run", *tiny_overrides(tmp_path / "data"), "adaptation=normalise", "store=off", "save_maps=true"
    )
    rows = list(csv.DictReader((tmp_path / "run" / "scores.csv").open()))
    wanted = {row["path"]: float(row["score"]) for row in rows if row["role"] == "test"}
    detector = load_detector(tmp_path / "run")
    assert detector.correction is not None
    images = [tmp_path / "data" / path for path in wanted]
    found = [prediction.score for prediction in detector.predict(images)]
    assert found == pytest.approx(list(wanted.values()), rel=1e-4)
    detector.correction = None
    dark = [np.asarray(Image.open(path)) // 3 for path in images]
    plain = [prediction.score for prediction in detector.predict(dark)]
    detector.correction = load_detector(tmp_path / "run").correction
    corrected = [prediction.score for prediction in detector.predict(dark)]
    assert np.median(np.abs(np.array(corrected) - list(wanted.values()))) < np.median(
        np.abs(np.array(plain) - list(wanted.values()))
    )
    done = invoke("export.py", f"run={tmp_path / 'run'}", f"hydra.run.dir={tmp_path / 'graph'}")
    assert done.code == 2
    assert "no exported graph does" in done.err
