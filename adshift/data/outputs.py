"""What a program of adshift wrote, told from photographs by the folder that it lies in."""

from __future__ import annotations

from pathlib import Path

PICTURES = frozenset({"figures", "maps", "overlays", "pictures"})
"""The folders of pictures in an output folder."""
MARKS = {
    "predictions.csv": b"path,score,threshold,decision,",
    "predictions.jsonl": b'{"path": ',
    "summary.json": b'{\n "run": ',
    "result.json": b'{\n "schema": ',
    "stress.json": b"{",
    ".inputs": b"",
}
"""What a program leaves in its output folder even where Hydra was told to leave no ``.hydra``, and how each begins."""


def is_output(folder: Path) -> bool:
    """Whether a program of adshift ran into a folder: it holds Hydra's ``.hydra``, predictions, a result or a report."""
    return (folder / ".hydra").is_dir() or any(_begins(folder / name, start) for name, start in MARKS.items())


def is_written(folder: Path) -> bool:
    """Whether a folder is one of an output folder's own pictures, or lies in one."""
    whole = folder.resolve()
    return any(place.name in PICTURES and is_output(place.parent) for place in (whole, *whole.parents))


def _begins(path: Path, start: bytes) -> bool:
    try:
        if not path.is_file():  # nor a pipe, which would be waited for
            return False
        with path.open("rb") as handle:
            return handle.read(len(start)) == start
    except OSError:
        return False
