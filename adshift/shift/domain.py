"""A domain: under which light, camera and fixture an image is seen. Clean is the domain with no family switched on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from adshift.errors import AdshiftError
from adshift.shift import transforms
from adshift.shift.parameters import ShiftParameters, image_generator, sample_parameters
from adshift.shift.transforms import UInt8


@dataclass(frozen=True)
class Domain:
    """Which families of the shift act, how far and with which seed.

    Attributes:
        name: what reports call it.
        geometric, illumination, photometric: the families of study 3.2 that act.
        severity: 0 = identity, 1 = the study's ranges; others scale the ranges about the identity. Finite, >= 0.
        seed: with category and path it seeds each image's generator.
        before: a domain that the image was in first; None for an image as the file holds it.
    """

    name: str = "clean"
    geometric: bool = False
    illumination: bool = False
    photometric: bool = False
    severity: float = 1.0
    seed: int = 0
    before: Domain | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.severity) and self.severity >= 0):
            raise AdshiftError(f"domain.severity={self.severity} must be a finite number >= 0; the study's shift is 1")

    @property
    def is_identity(self) -> bool:
        """Whether it leaves every image as it is."""
        own = self.severity == 0 or not (self.geometric or self.illumination or self.photometric)
        return own and (self.before is None or self.before.is_identity)

    def seen(self, image: UInt8, mask: UInt8 | None, category: str, path: str) -> tuple[UInt8, UInt8 | None]:
        """The image at ``path`` and its mask as they are seen in this domain; see ``apply``."""
        if self.before is not None:
            image, mask = self.before.seen(image, mask, category, path)
        return self.apply(image, mask, self.parameters(category, path))

    def parameters(self, category: str, path: str) -> ShiftParameters:
        """The transformation of the image at ``path`` (relative to the data root) of ``category``."""
        return sample_parameters(
            image_generator(self.seed, category, path),
            self.severity,
            geometric=self.geometric,
            illumination=self.illumination,
            photometric=self.photometric,
        )

    def apply(self, image: UInt8, mask: UInt8 | None, p: ShiftParameters) -> tuple[UInt8, UInt8 | None]:
        """Transform an image uint8 [H, W, 3] and its mask uint8 [H, W]; steps that are the identity are left out.

        The scene's geometry comes first, then its light, then the camera: colour, blur, and sensor noise last.
        """
        if (p.rotation_deg, p.scale, p.translate_x, p.translate_y) != (0.0, 1.0, 0.0, 0.0):
            image, mask = transforms.warp(image, mask, p)
        if p.darkest != 1.0:
            image = transforms.illuminate(image, p)
        image = transforms.jitter(image, p)
        if p.blur_kernel > 1 and p.blur_sigma > 0:
            image = transforms.blur(image, p)
        if p.noise_sigma > 0:
            image = transforms.add_noise(image, p)
        return image, mask
