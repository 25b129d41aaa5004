"""Memory for large tensors in huge pages, and to be used again."""

import math

import numpy as np
import torch
from torch import Tensor


def large_empty(*shape: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """An uninitialised tensor; on the CPU in NumPy's memory, for which huge pages are asked for, as torch does not.

    The first write to a large tensor waits for its pages, several times longer in small ones.
    """
    if device.type != "cpu":
        return torch.empty(*shape, dtype=dtype, device=device)
    return torch.from_numpy(np.empty(shape, f"i{dtype.itemsize}")).view(dtype)


class Scratch:
    """Memory that tensors of one type take in turn; each is good until the next one is taken.

    New memory costs more than many a gather or product that fills it: it is asked for rarely, and in huge pages.

    Args:
        dtype, device: of the tensors.
    """

    LEAST_BYTES = 1 << 22
    """NumPy asks for huge pages from here on."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._flat = torch.empty(0, dtype=dtype, device=device)

    def take(self, *shape: int) -> Tensor:
        """An uninitialised tensor of this shape."""
        count = math.prod(shape)
        if len(self._flat) < count:
            flat = self._flat
            size = max(count, 2 * len(flat), self.LEAST_BYTES // flat.itemsize)
            self._flat = large_empty(size, dtype=flat.dtype, device=flat.device)
        return self._flat[:count].view(shape)
