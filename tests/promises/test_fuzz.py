"""Readers meet bytes and values that nobody meant: each gives a proper value or one clear error, and soon."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from helpers.repo import REPO
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from adshift.config.build import plain
from adshift.config.plan import Plan, make_plan
from adshift.data.images import read_image, read_mask
from adshift.errors import AdshiftError
from adshift.methods.coreset.greedy import greedy_coreset
from adshift.metrics.summary import FIGURES
from adshift.report.cells import to_cells
from adshift.report.discover import read_runs
from adshift.results.files import SCHEMA
from adshift.results.read import read_calibration, read_result
from adshift.run.division import SOURCE

FEW = settings(max_examples=150, deadline=5000, suppress_health_check=list(HealthCheck))


def encoded(kind: str, mode: str) -> bytes:
    shape = (24, 20) if mode in ("L", "P") else (24, 20, 4) if mode == "RGBA" else (24, 20, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and mode == "L" else pixels)
    buffer = io.BytesIO()
    (image.convert(mode) if image.mode != mode else image).save(buffer, kind)
    return buffer.getvalue()


def check_message(error: AdshiftError) -> None:
    """One line, with a remedy after a semicolon, or with the choices there are."""
    assert "\n" not in str(error)
    assert ";" in str(error) or "must be one of: " in str(error)


WHOLE = [encoded(*pair) for pair in [("PNG", "RGB"), ("PNG", "P"), ("PNG", "RGBA"), ("JPEG", "RGB"), ("JPEG", "L"),
                                     ("BMP", "RGB"), ("TIFF", "RGB"), ("TIFF", "L")]]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An image file with some bytes changed, some cut out, some put in, or cut short."""
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 6))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(data)))
        data[start : start + draw(st.integers(0, 40))] = draw(st.binary(max_size=40))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@FEW
@given(content=st.one_of(damaged(), st.binary(max_size=200)))
def test_an_image_reader_gives_pixels_or_one_clear_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.png"
    path.write_bytes(content)
    for read, channels in ((read_image, 3), (read_mask, None)):
        try:
            found = read(path)
        except AdshiftError as error:
            check_message(error)
        else:
            assert found.dtype == np.uint8
            assert found.ndim == (2 if channels is None else 3)


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=4,
)


def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a JSON document."""
    found = [at] if at else []
    if isinstance(node, dict):
        found += [p for key, value in node.items() for p in places(value, (*at, key))]
    elif isinstance(node, list):
        found += [p for i, value in enumerate(node) for p in places(value, (*at, i))]
    return found


def put(document: Any, place: tuple[Any, ...], value: Any) -> None:
    for step in place[:-1]:
        document = document[step]
    document[place[-1]] = value


def check_result(result: Any) -> None:
    assert result["schema"] == SCHEMA
    assert isinstance(result["config"], dict)


def check_thresholds(thresholds: Any) -> None:
    for calibration in (*thresholds.image.values(), *thresholds.pixel.values()):
        assert math.isfinite(calibration.threshold)
        assert calibration.n >= 1
        assert calibration.promised_rate is None or 0 <= calibration.promised_rate <= 1
    for scores in thresholds.normals.values():
        assert np.isfinite(scores).all()
        assert list(scores) == sorted(scores) != []


def check_runs(runs: Any) -> None:
    """One run, of which a cell of the grid can be made with every figure a number or undefined."""
    (run,) = runs
    (cell,) = to_cells([run])
    assert cell.categories
    for values in run.result["metrics"]["categories"].values():
        assert all(values[figure] is None or isinstance(values[figure], float | int) for figure in FIGURES)


READERS = [
    (read_result, check_result),
    (read_calibration, check_thresholds),
    (lambda folder: read_runs([folder], lambda _: None), check_runs),
]


@pytest.fixture(scope="module")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    run_cell(folder, *tiny_overrides(tiny), "threshold=quantile", "split=standard")
    return folder


@FEW
@given(data=st.data())
def test_a_run_folder_with_any_value_anywhere_is_read_or_refused(finished: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["result.json", "calibration.json"]))
    kept = (finished / name).read_text()
    document = json.loads(kept)
    put(document, data.draw(st.sampled_from(places(document))), data.draw(ANY))
    text = json.dumps(document)
    if data.draw(st.booleans()):
        text = text[: data.draw(st.integers(0, len(text)))]
    try:
        (finished / name).write_text(text)
        for read, check in READERS:
            try:
                found = read(finished)
            except AdshiftError as error:
                check_message(error)
            else:
                check(found)
    finally:
        (finished / name).write_text(kept)


@pytest.fixture(scope="module")
def config(tiny: Path) -> dict[str, Any]:
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        return plain(compose("train", tiny_overrides(tiny)))


@FEW
@given(data=st.data())
def test_any_value_in_a_configuration_is_taken_or_refused(config: dict[str, Any], data: st.DataObject) -> None:
    changed = json.loads(json.dumps(config))
    put(changed, data.draw(st.sampled_from(places(changed))), data.draw(ANY))
    try:
        assert isinstance(make_plan(changed, SOURCE), Plan)
    except AdshiftError as error:
        check_message(error)
    except (
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
    ):  # Hydra composes no such thing; of a run's file, evaluate.py
        pass  # and predict.py turn these four into a line that names the run (test_bad_input.py)


def plain_loop(points: np.ndarray, count: int, first: int) -> tuple[list[int], list[float]]:
    """k-center greedy as it is written down: picks, and the covering radius after each."""
    squared = np.square(points - points[first]).sum(1)
    picks, radii = [first], [math.sqrt(squared.max())]
    chosen = np.zeros(len(points), bool)
    chosen[first] = True
    while len(picks) < count:
        pick = int(np.where(chosen, -1.0, squared).argmax())
        picks.append(pick)
        chosen[pick] = True
        squared = np.minimum(squared, np.square(points - points[pick]).sum(1))
        radii.append(math.sqrt(squared.max()))
    return picks, radii


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 60), dim=st.integers(1, 6), levels=st.integers(1, 5), seed=st.integers(0, 2**31), data=st.data()
)
def test_the_coreset_is_the_plain_loops_with_ties_and_from_any_prefix(
    n: int, dim: int, levels: int, seed: int, data: st.DataObject
) -> None:
    points = torch.randint(0, levels, (n, dim), generator=torch.Generator().manual_seed(seed)).float()
    count = data.draw(st.integers(1, n))
    cut = data.draw(st.integers(1, count))
    whole = greedy_coreset(points, count, generator=torch.Generator().manual_seed(seed), projection_dim=None)
    picks, radii = plain_loop(points.double().numpy(), count, int(whole.indices_M[0]))
    assert whole.indices_M.tolist() == picks
    np.testing.assert_allclose(whole.radius_M.numpy(), radii, rtol=1e-12)
    short = greedy_coreset(points, cut, generator=torch.Generator().manual_seed(seed), projection_dim=None)
    for bounds in (None, short.bounds):
        grown = greedy_coreset(
            points, count, generator=torch.Generator(), projection_dim=None, prefix_P=short.indices_M, bounds=bounds
        )
        assert grown.indices_M.tolist() == picks
