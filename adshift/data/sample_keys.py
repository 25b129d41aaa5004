"""What identifies images on disk, as a part of the store's keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adshift.data.pasted import Pasted
from adshift.data.samples import Sample
from adshift.errors import AdshiftError


def sample_list(root: Path, samples: Sequence[Sample]) -> list[list[Any]]:
    """What identifies images on disk: where they lie, what is known of them, and each file's size and time of change.

    Raises:
        AdshiftError: a file has vanished.
    """

    def stats(path: str) -> list[int]:
        try:
            found = (root / path).stat()
        except OSError as error:
            raise AdshiftError(
                f"{root / path} cannot be read any more ({error.strerror}); restore it, or run again without it"
            ) from error
        return [found.st_size, found.st_mtime_ns]

    def drawn(pasted: Pasted | None) -> dict[str, Any] | None:
        return None if pasted is None else asdict(pasted)

    return [
        [
            s.path,
            s.category,
            s.defect,
            s.masks,
            s.mask_over,
            stats(s.place),
            [stats(m) for m in s.masks],
            drawn(s.pasted),
        ]
        for s in samples
    ]
