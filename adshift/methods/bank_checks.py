"""What is doubtful about a memory bank that was fitted, and wrong with one that was read from a file."""

from __future__ import annotations

from torch import Tensor


def bank_cautions(bank_MD: Tensor, neighbours: int, coreset_ratio: float) -> list[str]:
    """A line each for a bank of one vector, of fewer than the ``neighbours`` wanted, or one that repeats itself."""
    found, vectors = [], len(bank_MD)
    if vectors == 1:
        found.append(f"the bank holds 1 vector (coreset_ratio={coreset_ratio:g}): every score is the distance to it")
    elif vectors < neighbours:
        found.append(
            f"the bank holds {vectors} vectors, fewer than method.neighbours={neighbours}: scores use all of them"
        )
    if vectors > 1 and bool((bank_MD[:-1] == bank_MD[-1]).all(dim=1).any()):
        found.append(f"the train patches hold fewer than {vectors} distinct vectors: the bank repeats some")
    return found


def bank_misfit(bank: Tensor, image: Tensor, dim: int) -> str:
    """Why these are no vectors of ``dim`` dimensions with the place of each one's image; empty where they are."""
    if bank.ndim != 2 or len(bank) == 0 or bank.shape[1] != dim:
        return f"bank_MD has shape {tuple(bank.shape)}, not [M, {dim}] with M >= 1"
    if image.shape != bank.shape[:1] or int(image.min()) < 0:
        return f"bank_image_M has shape {tuple(image.shape)}, not [{len(bank)}], or places below 0"
    return ""
