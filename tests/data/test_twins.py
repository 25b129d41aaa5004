"""Near twins: copies in disguise are found, parts that look alike are not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from adshift.data.check.doctor import examine
from adshift.data.check.twins import SIMILARITY, fingerprint

EDITS: dict[str, Callable[[Image.Image, Path], None]] = {
    "quality 75": lambda image, path: image.save(path.with_suffix(".jpg"), quality=75),
    "brighter": lambda image, path: ImageEnhance.Brightness(image).enhance(1.2).save(path),
    "darker": lambda image, path: ImageEnhance.Brightness(image).enhance(0.8).save(path),
    "more contrast": lambda image, path: ImageEnhance.Contrast(image).enhance(1.2).save(path),
    "half the size": lambda image, path: image.resize((128, 128), Image.Resampling.LANCZOS).save(path),
    "noise": lambda image, path: Image.fromarray(
        np.clip(np.asarray(image) + np.random.default_rng(0).normal(0, 3, (256, 256, 3)), 0, 255).astype(np.uint8)
    ).save(path),
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic rack: parts that look alike, in an aligned fixture; the hardest of the three."""
    from adshift.data import synthetic

    root = tmp_path_factory.mktemp("parts")
    synthetic.ensure(root, ["rack"], counts=synthetic.Counts(20, 5, 2))
    return root


def test_parts_that_look_alike_are_no_twins(parts: Path) -> None:
    assert examine(parts) == []


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_copy_in_disguise_is_a_warning(
    parts: Path, tmp_path: Path, edit: Callable[[Image.Image, Path], None]
) -> None:
    shutil.copytree(parts, tmp_path / "root")
    with Image.open(parts / "rack/train/good/004.png") as image:
        edit(image, tmp_path / "root/rack/test/good/900.png")
    found = [p for p in examine(tmp_path / "root") if "mixes" not in p.what]
    (problem,) = found
    assert problem.severity == "warning"
    assert Path(problem.file).stem == "900"
    assert re.search(r"is nearly the same picture as rack/train/good/004\.png \(similarity (0\.9|1\.0)", problem.what)
    assert "one is trained on, the other tested" in problem.what


def test_a_fingerprint_ignores_brightness_and_contrast_and_a_flat_image_has_none() -> None:
    noise = np.random.default_rng(0).integers(60, 120, (100, 80, 3)).astype(np.uint8)
    one, other = fingerprint(noise), fingerprint(noise * 2)
    assert one is not None
    assert other is not None
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert float(one @ other) > SIMILARITY
    assert fingerprint(np.full((50, 50, 3), 77, np.uint8)) is None


@pytest.mark.real
def test_real_images_are_quiet_but_for_the_one_real_twin(shared: Path) -> None:
    """MVTec's screw 053 and 173 are one screw in one place under two exposures; nothing else is found in what we hold."""
    found = examine(shared / "data" / "mvtec", ["screw"])
    assert [(p.severity, p.file) for p in found] == [("warning", "screw/train/good/173.png")]
    assert "screw/train/good/053.png" in found[0].what
    assert examine(shared / "data" / "mvtec_reduced") == []
