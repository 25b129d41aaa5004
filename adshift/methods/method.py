"""What the rest of the program asks of a detection method."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor


class Scores(NamedTuple):
    """The verdict on a batch, as raw distances: larger is more anomalous, the range is the method's own."""

    image_score_B: Tensor
    """float32 [B]."""
    anomaly_map_BHW: Tensor
    """float32 [B, S, S], at the input's resolution."""
    nearest_image_BP: Tensor | None = None
    """int64 [B, P]: for each patch the train image (its place in the train role) that its nearest neighbour came from;
    None for a method without a memory bank."""


class Method(Protocol):
    """A detector that is fitted in one pass over the nominal images. Implementations are ``nn.Module`` objects.

    The order of calls is ``begin_fit``, ``collect`` for each batch, ``finish_fit``; then the module is callable.
    """

    def begin_fit(self, n_images: int) -> None:
        """Make room for ``n_images``; forgets an earlier fit."""
        ...

    def collect(self, images_B3SS: Tensor) -> None:
        """Take in a batch of nominal images."""
        ...

    def finish_fit(self) -> dict[str, float]:
        """Fit to what was collected; returns the seconds of its named stages."""
        ...

    @property
    def weights_sha256(self) -> str:
        """Identity of the backbone's weights."""
        ...

    def bank_shape(self) -> tuple[int, int]:
        """Number of stored vectors (or Gaussians) and the bytes of everything that was fitted."""
        ...

    def __call__(self, images_B3SS: Tensor) -> Scores:
        """Score a batch."""
        ...
