"""Memory for large tensors in huge pages."""

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
