"""What an image-level repair looks like to the rest of the program: a rule, and the correction that it was fitted to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from adshift.shift.pixels import UInt8


class Correction(Protocol):
    """A fitted correction: a pure function of an image. It is sent to worker processes, so it must pickle."""

    def parts(self) -> dict[str, Any]:
        """Everything it does as JSON values: it enters the store's keys and the run's correction.json."""
        ...

    def apply(self, image: UInt8, mask: UInt8 | None) -> tuple[UInt8, UInt8 | None]:
        """Correct an image uint8 [H, W, 3] and, where it moves pixels, its mask uint8 [H, W] with it.

        It is called at the file's resolution, after the domain and before the resize.
        """
        ...


class CorrectionRule(Protocol):
    """A correction before it has seen an image: its settings. A frozen dataclass, compared by value."""

    def settings(self) -> dict[str, Any]:
        """The settings as JSON values: the store's key of the fitted correction."""
        ...

    def fit(self, images: Iterable[UInt8]) -> Correction:
        """Fit it to the train images uint8 [H, W, 3] as they are seen in the first train domain, uncorrected."""
        ...

    def restored(self, parts: Mapping[str, Any]) -> Correction:
        """The correction whose ``parts`` these are.

        Raises:
            AdshiftError: they are something else.
        """
        ...
