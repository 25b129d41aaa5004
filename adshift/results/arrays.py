"""Arrays of a run's folder, read back within a limit: a small file may claim, and unpack to, any size."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adshift.errors import AdshiftError

MAX_MAPS_BYTES = 2 << 30
"""What the wanted arrays of a maps.npz may unpack to together: the maps of 2,000 images of 512 x 512."""
MAX_REPLICATES_BYTES = 1 << 28
"""The same of a replicates.npz: 100,000 resamples of 15 categories take half of it."""


def read_arrays(path: Path, remedy: str, names: Collection[str], limit: int) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz file that are known by name; nothing is unpickled, anything else in it stays unread.

    Args:
        path: the file.
        remedy: ends the error message.
        names: those wanted, as far as they are there.
        limit: bytes that they may unpack to together.

    Raises:
        AdshiftError: the file is missing or broken, or the arrays are larger than the limit; then none is unpacked.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            wanted = [name for name in dict.fromkeys(stored.files) if name in names]
            unpacked = sum(stored.zip.getinfo(f"{name}.npy").file_size for name in wanted)
            if unpacked > limit:
                raise ValueError(f"its arrays unpack to {unpacked} bytes, the limit is {limit}")
            return {name: stored[f"{name}.npy"] for name in wanted}  # in full: a member "a" would go before "a.npy"
    except FileNotFoundError as error:
        raise AdshiftError(f"{path} does not exist; {remedy}") from error
    except Exception as error:  # whoever wrote the file chose what goes wrong
        raise AdshiftError(f"{path} cannot be read ({error}); {remedy}") from error
