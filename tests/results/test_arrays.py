"""Arrays of a run's folder, whoever wrote it: what is read of them, and how much they may unpack to."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers.runs import make_run

from adshift.errors import AdshiftError
from adshift.metrics.summary import FIGURES
from adshift.results.arrays import read_arrays
from adshift.results.read import read_figures


def _zeros(path: Path, claimed: int, *names: str) -> None:
    """An archive whose members each claim so many float32 values, and hold them, all zero."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (claimed,)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            with archive.open(name, "w") as out:
                out.write(header.getvalue())
                for start in range(0, 4 * claimed, 1 << 24):
                    out.write(bytes(min(1 << 24, 4 * claimed - start)))


def test_arrays_that_unpack_to_too_much_together_are_refused(tmp_path: Path) -> None:
    _zeros(tmp_path / "maps.npz", 1 << 20, "a.npy", "b.npy", "c.npy")
    assert (tmp_path / "maps.npz").stat().st_size < 100_000
    limit = (4 << 21) + 1000
    assert set(read_arrays(tmp_path / "maps.npz", "", {"a", "c", "z"}, limit)) == {"a", "c"}
    with pytest.raises(AdshiftError, match=r"unpack to \d+ bytes, the limit is \d+"):
        read_arrays(tmp_path / "maps.npz", "", {"a", "b", "c"}, limit)
    _zeros(tmp_path / "hidden.npz", 1 << 20, "a")  # numpy would take it for "a" before the small one
    with zipfile.ZipFile(tmp_path / "hidden.npz", "a") as archive:
        small = io.BytesIO()
        np.save(small, np.ones(2, np.float32))
        archive.writestr("a.npy", small.getvalue())
    assert read_arrays(tmp_path / "hidden.npz", "", {"a"}, 1000)["a"].tolist() == [1.0, 1.0]
    with zipfile.ZipFile(tmp_path / "lies.npz", "w") as archive:  # a header of a terabyte, and nothing behind it
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**11,)})
        archive.writestr("a.npy", header.getvalue())
    with pytest.raises(AdshiftError, match=r"lies\.npz cannot be read"):
        read_arrays(tmp_path / "lies.npz", "", {"a"}, limit)


def test_of_replicates_those_that_a_run_writes_are_read_and_no_others(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run", tiny)
    with np.load(run / "replicates.npz") as stored:
        known = {name: stored[name] for name in stored.files}
    foreign = {"plate/of_mine": np.zeros(1 << 20), "other/image_auroc": np.zeros(1 << 20), "plate": np.zeros(1 << 20)}
    np.savez_compressed(run / "replicates.npz", **known, **foreign)  # type: ignore[arg-type]
    monkeypatch.setattr("adshift.results.read.MAX_REPLICATES_BYTES", 1 << 20)
    assert set(read_figures(run)["plate"].replicates) <= set(FIGURES)
    for odd in (np.zeros((4, 5), np.float32), np.array(["a"]), np.zeros(20), np.zeros(20, np.complex64)):
        np.savez_compressed(run / "replicates.npz", **known | {"plate/image_auroc": odd})
        with pytest.raises(AdshiftError, match=r"holds a plate/image_auroc that train.py does not write"):
            read_figures(run)
