"""Float32 matrix products by oneDNN, which take half of MKL's time on AMD's processors and no more on others."""

from collections.abc import Callable

import torch
from torch import Tensor


def multiplies_on(device: torch.device) -> bool:
    """Whether products on this device are oneDNN's."""
    return device.type == "cpu" and torch.backends.mkldnn.is_available()


def product_with(matrix_DP: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that multiplies float32 rows [N, D] by this float32 matrix; by torch where oneDNN is not there."""
    if not multiplies_on(matrix_DP.device):
        return lambda rows_ND: rows_ND @ matrix_DP
    weight = matrix_DP.T.contiguous()
    return lambda rows_ND: torch.ops.mkldnn._linear_pointwise(rows_ND.contiguous(), weight, None, "none", [], "")
