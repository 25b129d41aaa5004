"""Float32 matrix products by oneDNN, which take half of MKL's time on AMD's processors and no more on others."""

from collections.abc import Callable

import torch
from torch import Tensor


def product_with(matrix_DP: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that multiplies float32 rows [N, D] by this float32 matrix; by torch where that is on no CPU."""
    if matrix_DP.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return lambda rows_ND: rows_ND @ matrix_DP
    weight = matrix_DP.T.contiguous()
    return lambda rows_ND: torch.ops.mkldnn._linear_pointwise(rows_ND.contiguous(), weight, None, "none", [], "")
