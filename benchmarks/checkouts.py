"""An older state of the program to measure against, in a folder of its own for as long as that takes."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
BASE = "eb061b5"
"""The build that the bars of start-up are ratios to."""


@contextmanager
def checkout(commit: str) -> Iterator[Path | None]:
    """A folder with the files of a commit; None where the clone does not hold it."""
    with tempfile.TemporaryDirectory(prefix="adshift-bench-") as folder:
        place = Path(folder) / "base"
        add = subprocess.run(
            ["git", "worktree", "add", "--detach", str(place), commit], cwd=REPO, capture_output=True, check=False
        )
        try:
            yield place if add.returncode == 0 else None
        finally:
            subprocess.run(
                ["git", "worktree", "remove", "--force", str(place)], cwd=REPO, capture_output=True, check=False
            )
