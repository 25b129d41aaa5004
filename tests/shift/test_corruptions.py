"""Corruptions of ImageNet-C: against the published formulas written out with numpy, scipy and skimage's colour spaces."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.images import draw_category
from PIL import Image
from scipy import ndimage

from adshift.data.dataset import ImageDataset, read_pair
from adshift.data.samples import index_category
from adshift.data.shifted import main
from adshift.errors import AdshiftError
from adshift.shift.by_name import named_domain
from adshift.shift.corruptions import CORRUPTIONS, corrupt, disk
from adshift.shift.domain import Domain, domain_parts

SEVERITIES = (1, 2, 3, 4, 5)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """224 x 224: colours of every kind, black and white among them."""
    generator = np.random.default_rng(3)
    coarse = generator.integers(0, 256, (14, 14, 3), np.uint8)
    coarse[0, 0], coarse[0, 1], coarse[1, 0] = 0, 255, 90
    return np.asarray(Image.fromarray(coarse).resize((224, 224), Image.Resampling.NEAREST))


@pytest.mark.parametrize("severity", SEVERITIES)
def test_brightness_raises_the_value_of_hsv(image: np.ndarray, severity: int) -> None:
    found = corrupt(image, "brightness", severity, 0)
    for y, x in ((0, 0), (0, 17), (17, 0), (40, 90), (150, 33), (200, 201), (99, 99)):
        hue, saturation, value = colorsys.rgb_to_hsv(*(image[y, x] / 255.0))
        wanted = colorsys.hsv_to_rgb(hue, saturation, min(1.0, value + 0.1 * severity))
        assert np.abs(found[y, x] - 255 * np.array(wanted)).max() <= 1.0 + 1e-9
        assert (found[y, x] <= 255 * np.array(wanted) + 1e-6).all()  # truncated, as np.uint8 does in the benchmark


@pytest.mark.parametrize(("severity", "factor"), zip(SEVERITIES, (0.4, 0.3, 0.2, 0.1, 0.05), strict=True))
def test_contrast_pulls_each_channel_to_its_mean(image: np.ndarray, severity: int, factor: float) -> None:
    unit = image.astype(np.float64) / 255
    for channel in range(3):
        mean = unit[..., channel].sum() / unit[..., channel].size
        wanted = 255 * ((unit[..., channel] - mean) * factor + mean)
        difference = wanted - corrupt(image, "contrast", severity, 0)[..., channel]
        assert difference.min() >= -1e-6
        assert difference.max() < 1.0 + 1e-6


def reference_disk(radius: int, sigma: float) -> np.ndarray:
    """The benchmark's kernel, its blur written out as a separable sum over 3 or 5 taps."""
    half, taps = (8, 1) if radius <= 8 else (radius, 2)
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    flat = (np.hypot(x, y) <= radius).astype(float)
    flat /= flat.sum()
    weight = np.exp(-(np.arange(-taps, taps + 1) ** 2) / (2 * sigma**2))
    weight /= weight.sum()
    for axis in (0, 1):
        flat = ndimage.correlate1d(flat, weight, axis, mode="mirror")
    return flat


@pytest.mark.parametrize(
    ("severity", "radius", "sigma"), [(1, 3, 0.1), (2, 4, 0.5), (3, 6, 0.5), (4, 8, 0.5), (5, 10, 0.5)]
)
def test_defocus_is_a_disk(image: np.ndarray, severity: int, radius: int, sigma: float) -> None:
    kernel = reference_disk(radius, sigma)
    assert np.abs(disk(radius, sigma) - kernel).max() < 1e-6
    wanted = np.stack([ndimage.correlate(image[..., c] / 255.0, kernel, mode="mirror") for c in range(3)], axis=2)
    difference = 255 * wanted.clip(0, 1) - corrupt(image, "defocus_blur", severity, 0)
    assert difference.min() > -0.01
    assert difference.max() < 1.01


@pytest.mark.parametrize(("severity", "sigma"), zip(SEVERITIES, (0.08, 0.12, 0.18, 0.26, 0.38), strict=True))
def test_noise_has_its_sigma_and_its_seed(severity: int, sigma: float) -> None:
    grey = np.full((224, 224, 3), 128, np.uint8)
    found = corrupt(grey, "gaussian_noise", severity, 11).astype(float)
    inside = found[(found > 0) & (found < 255)]
    clipped = np.clip(np.random.default_rng(0).normal(128 / 255, sigma, 10**6), 0, 1)
    expected = np.floor(255 * clipped)
    expected = expected[(expected > 0) & (expected < 255)]
    assert inside.std() == pytest.approx(expected.std(), rel=0.01)
    assert np.corrcoef(found[..., 0].ravel(), found[..., 1].ravel())[0, 1] == pytest.approx(0, abs=0.02)
    assert np.array_equal(found, corrupt(grey, "gaussian_noise", severity, 11))
    assert not np.array_equal(found, corrupt(grey, "gaussian_noise", severity, 12))


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corruption_gets_stronger_and_zero_is_the_identity(image: np.ndarray, kind: str) -> None:
    domains = [named_domain(kind, float(level), 0) for level in range(6)]
    p = domains[0].parameters("c", "c.png")
    mask = np.zeros((224, 224), np.uint8)
    results = [domain.apply(image, mask, p) for domain in domains]
    assert domains[0].is_identity
    assert results[0][0] is image
    distances = [np.abs(found.astype(float) - image).mean() for found, _ in results]
    assert distances == sorted(distances)
    assert len(set(distances)) == 6
    assert all(kept is mask for _, kept in results)


def test_it_acts_at_224_whatever_the_file_holds(tmp_path: Path) -> None:
    draw_category(tmp_path, "plate")
    sample = index_category(tmp_path, "plate").test_anomalous[0]
    domain = named_domain("gaussian_noise", 2.0, 0)
    image, mask = read_pair(tmp_path, sample, domain)
    assert image.shape == (224, 224, 3)
    assert mask is not None
    assert mask.shape == (64, 64)
    item = ImageDataset(tmp_path, [sample], domain, 96)[0]
    assert item.image.shape == (96, 96, 3)
    assert item.mask is not None
    assert item.mask.shape == (96, 96)


def test_noise_depends_on_seed_and_path_alone() -> None:
    domain = named_domain("gaussian_noise", 1.0, 0)
    one = domain.parameters("c", "a.png").noise_seed
    assert one == domain.parameters("c", "a.png").noise_seed
    assert (
        len(
            {
                one,
                domain.parameters("c", "b.png").noise_seed,
                replace(domain, seed=1).parameters("c", "a.png").noise_seed,
            }
        )
        == 3
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"severity": 1.5}, r"domain\.severity=1\.5 must be a whole number from 1 to 5 for domain=contrast"),
        ({"severity": 6.0}, r"domain\.severity=6 must be a whole number"),
        ({"severity": float("nan")}, r"domain\.severity=nan must be a whole number"),
        ({"geometric": True}, r"domain\.corruption=contrast comes alone"),
        ({"corruption": "fog"}, r"domain\.corruption=fog must be one of: brightness"),
        ({"border": "wrap"}, r"domain\.border=wrap must be one of: reflect, replicate, background"),
        ({"resampling": "nearest"}, r"domain\.resampling=nearest must be one of: bilinear, lanczos"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(AdshiftError, match=message):
        replace(named_domain("contrast", 1.0, 0), **changes)  # type: ignore[arg-type]


def test_the_key_knows_kind_and_level() -> None:
    domains = [named_domain(kind, level, 0) for kind in CORRUPTIONS for level in (1.0, 2.0)]
    assert len({str(domain_parts(domain)) for domain in domains}) == 8
    assert domain_parts(named_domain("contrast", 0.0, 3)) is None
    assert domain_parts(Domain("contrast")) is None


def test_a_corrupted_category_is_written_with_masks_of_its_size(tmp_path: Path) -> None:
    draw_category(tmp_path, "plate", train=2, good=1, defective=2)
    assert (
        main([str(tmp_path), str(tmp_path / "out"), "--categories", "plate", "--domain", "contrast", "--severity", "3"])
        == 0
    )
    written = index_category(tmp_path / "out", "plate").test_anomalous[0]
    image, mask = read_pair(tmp_path / "out", written, Domain())
    assert image.shape == (224, 224, 3)
    assert mask is not None
    assert mask.sum() == pytest.approx(100 * (224 / 64) ** 2, rel=0.05)


def test_borders_and_resampling_of_the_geometric_family() -> None:
    """An object near the edge comes back mirrored under ``reflect`` and does not under ``replicate``."""
    image = np.full((100, 100, 3), 200, np.uint8)
    image[45:55, 85:95] = 20
    mask = np.zeros((100, 100), np.uint8)
    mask[45:55, 85:95] = 1
    domain = named_domain("geometric", 1.0, 0)
    p = replace(domain.parameters("c", "c.png"), rotation_deg=0.0, scale=1.0, translate_x=-0.2, translate_y=0.0)
    mirrored, its_mask = domain.apply(image, mask, p)
    assert its_mask is not None
    assert its_mask.sum() > 150
    drawn_out, alone = replace(domain, border="replicate").apply(image, mask, p)
    assert alone is not None
    assert alone.sum() == 100
    assert (mirrored[50] < 100).sum() > (drawn_out[50] < 100).sum() == 3 * 10
    turned = replace(p, rotation_deg=7.0)
    edge = np.abs(np.diff(domain.apply(image, None, turned)[0][..., 0].astype(int), axis=1)).max()
    sharper = replace(domain, resampling="lanczos").apply(image, None, turned)[0]
    assert np.abs(np.diff(sharper[..., 0].astype(int), axis=1)).max() > edge
