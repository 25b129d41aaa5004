"""What float32 products may be wrong by, so that bounds drawn from them stay bounds."""

import torch


def unit_roundoff(device: torch.device) -> float:
    """Relative rounding of a float32 product as torch is set up: TensorFloat-32 or bfloat16 parts make it coarser."""
    precision = torch.get_float32_matmul_precision()
    if precision == "highest" and not (device.type == "cuda" and torch.backends.cuda.matmul.allow_tf32):
        return 2.0**-24
    return 2.0**-10 if precision == "high" or device.type == "cuda" else 2.0**-8


def distance_slack(dim: int, device: torch.device) -> float:
    """A number s with |computed - true| <= s (|x|^2 + d^2) for d^2 = |x - c|^2 computed as |x|^2 + |c|^2 - 2 x.c.

    Dot products of `dim` terms err by at most (dim + a few) u |x| |c|; |c| is at most 2 |x|, or else at most 2 d, so that
    (|x| + |c|)^2 <= 9 (|x|^2 + d^2) (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
    """
    return 9 * (dim / 2 + 16) * unit_roundoff(device)
