"""A check for NaN and infinities that reads its values once and copies none but a small part at a time."""

import torch
from torch import Tensor

PART_VALUES = 1 << 20


def all_finite(values: Tensor) -> bool:
    """Whether no value is NaN or infinite; floats of any shape, memory-mapped ones too."""
    if values.numel() == 0:
        return True
    rows = max(1, PART_VALUES * len(values) // values.numel())
    return all(_finite(part) for part in values.split(rows))


def _finite(part: Tensor) -> bool:
    """A finite sum has finite terms; where the sum of finite terms overflows, a wider one tells."""
    return bool(part.sum().isfinite()) or bool(part.sum(dtype=torch.float64).isfinite())
