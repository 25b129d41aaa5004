"""What the metrics keep of their batches, as it came: scores and labels, maps and masks, joined over processes.

Tensors are kept, not copied: an array that lies in a file (a memory map) stays there. Legend: N = images, P = pixels of
all images.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from adshift.errors import AdshiftError
from adshift.metrics.curves import AnyArray

State = list[Tensor] | Tensor
"""A list while one process adds to it; one tensor after torchmetrics has gathered it from several."""
Images = Tensor | Sequence[Tensor]
Masks = Tensor | Sequence[Tensor | None]


def to_tensor(figure: float | list[float] | None) -> Tensor:
    """A figure or an interval with all of its digits; NaN where undefined."""
    return torch.tensor(float("nan") if figure is None else figure, dtype=torch.float64)


def to_array(tensor: Tensor) -> AnyArray:
    """As numpy; floats as float32 at least (numpy has no bfloat16), float64 kept: no two scores may become one."""
    kept = torch.promote_types(tensor.dtype, torch.float32) if tensor.is_floating_point() else tensor.dtype
    return tensor.to(kept).cpu().numpy()


def joined(state: State) -> AnyArray:
    """All that was added to a flat state, in order."""
    return to_array(dim_zero_cat(state)) if len(state) else to_array(torch.empty(0))


class ScoreState(Metric):
    """Image scores (N,), of any range, and labels (N,), 0 or 1."""

    full_state_update = False
    scores: list[Tensor]
    labels: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("labels", default=[], dist_reduce_fx="cat")

    def add_scores(self, scores_N: Tensor, labels_N: Tensor) -> None:
        """Keep a batch."""
        scores_N = scores_N if scores_N.is_floating_point() else scores_N.double()  # unsigned ones have no negative
        self.scores.append(scores_N.detach().reshape(-1))
        self.labels.append(labels_N.detach().reshape(-1))


class MapState(Metric):
    """Anomaly maps and masks, flat, an entry an image, beside each image's shape: images may differ in size.

    `shapes` holds three numbers an image: height, width, and 1 where there is a mask (0: nothing is kept for it).
    """

    full_state_update = False
    maps: list[Tensor]
    masks: list[Tensor]
    shapes: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("maps", default=[], dist_reduce_fx="cat")
        self.add_state("masks", default=[], dist_reduce_fx="cat")
        self.add_state("shapes", default=[], dist_reduce_fx="cat")

    def add_maps(self, maps: Images, masks: Masks) -> None:
        """Keep a batch: tensors (B, H, W) or (B, 1, H, W), or an image (H, W) an entry, where a mask may be None.

        Raises AdshiftError where a mask does not fit its map.
        """
        if len(maps) != len(masks):
            raise AdshiftError(f"{len(maps)} maps and {len(masks)} masks do not fit; give one mask an image, or None")
        for image, truth in zip(maps, masks, strict=True):
            map_HW, mask_HW = _plane(image), None if truth is None else _plane(truth)
            if mask_HW is not None and mask_HW.shape != map_HW.shape:
                raise AdshiftError(
                    f"map {tuple(map_HW.shape)} and mask {tuple(mask_HW.shape)} must share one shape (H, W)"
                )
            self.maps.append(map_HW.reshape(-1))
            self.masks.append(_marks(map_HW[:0] if mask_HW is None else mask_HW).reshape(-1))
            self.shapes.append(torch.tensor([*map_HW.shape, mask_HW is not None], device=map_HW.device))

    def all_maps(self) -> tuple[list[AnyArray], list[AnyArray | None]]:
        """The maps (H, W) and masks (H, W) of all images, in order; None where there was no mask."""
        shapes_N3 = [(int(h), int(w), bool(known)) for h, w, known in joined(self.shapes).reshape(-1, 3)]
        maps_P = _parts(self.maps, [h * w for h, w, _ in shapes_N3])
        masks_P = _parts(self.masks, [h * w * known for h, w, known in shapes_N3])
        maps = [to_array(part).reshape(h, w) for part, (h, w, _) in zip(maps_P, shapes_N3, strict=True)]
        return maps, [
            to_array(part).reshape(h, w) if known else None
            for part, (h, w, known) in zip(masks_P, shapes_N3, strict=True)
        ]


def _plane(image: Tensor) -> Tensor:
    image = image.detach()
    image = image[0] if image.ndim == 3 and len(image) == 1 else image
    if image.ndim != 2:
        raise AdshiftError(f"an image of shape {tuple(image.shape)} is no map or mask; give (B, H, W) or (B, 1, H, W)")
    return image


def _marks(mask_HW: Tensor) -> Tensor:
    """One byte a pixel, defect where not 0: one type for all, as it is where it has it already."""
    return mask_HW if mask_HW.dtype == torch.uint8 else (mask_HW != 0).to(torch.uint8)


def _parts(state: State, lengths: list[int]) -> Sequence[Tensor]:
    return state.split(lengths) if isinstance(state, Tensor) else state


def one_of(figure: str, figures: tuple[str, ...]) -> str:
    """The name, where it is one of `figures`. Raises AdshiftError."""
    if figure not in figures:
        raise AdshiftError(f"figure={figure!r} must be one of {', '.join(figures)}")
    return figure
