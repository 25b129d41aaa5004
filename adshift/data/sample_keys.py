"""What identifies images on disk, as a part of the store's keys: the bytes of their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adshift.data.pasted import Pasted
from adshift.data.samples import Sample
from adshift.store.file_hashes import FileHashes


def sample_hashes(hashes: FileHashes, root: Path, samples: Sequence[Sample]) -> dict[str, str]:
    """SHA-256 of every image and mask, by its place below the root.

    It is of the files' bytes, which are told without decoding them; ``adshift.data.contents`` says which pictures are the
    same whatever their files hold.

    Raises:
        AdshiftError: a file has vanished, or has changed since this job first asked for it.
    """
    return hashes.of(root, dict.fromkeys(file for s in samples for file in (s.place, *s.masks)))


def sample_list(samples: Sequence[Sample], sha256: Mapping[str, str]) -> list[list[Any]]:
    """What identifies images on disk: their names, what is known of them, and the hash of each file by its place."""

    def drawn(pasted: Pasted | None) -> dict[str, Any] | None:
        return None if pasted is None else asdict(pasted)

    return [
        [
            s.path,
            s.category,
            s.defect,
            s.masks,
            s.mask_over,
            sha256[s.place],
            [sha256[m] for m in s.masks],
            drawn(s.pasted),
        ]
        for s in samples
    ]
