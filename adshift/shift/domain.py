"""A domain: under which light, camera and fixture an image is seen. Clean is the domain with no family switched on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adshift.errors import AdshiftError
from adshift.shift import transforms
from adshift.shift.corruptions import CORRUPTIONS, LEVELS, corrupt
from adshift.shift.names import CLEAN
from adshift.shift.parameters import ShiftParameters, image_generator, sample_parameters
from adshift.shift.pixels import UInt8

MOST_SEVERE = 100


@dataclass(frozen=True)
class Domain:
    """Which families of the shift act, how far and with which seed.

    Attributes:
        name: what reports call it.
        geometric, illumination, photometric: the families of MVTec-Shift that act (docs/protocol.md).
        severity: 0 = identity, 1 = the study's ranges; others scale the ranges about the identity. Finite, >= 0. Of a
            corruption: its level, a whole number from 1 to 5.
        seed: with category and path it seeds each image's generator.
        border: what lies beyond the frame once the geometric family moves it: ``reflect``, the study's, mirrors the
            image, and with it an object that ends near the edge; ``replicate`` draws out the edge's own pixels, and with
            them an object that meets the edge; ``background`` is the median colour of the image's rim.
        resampling: of the geometric family: ``bilinear``, the study's, or ``lanczos``, which blurs less.
        corruption: one of ImageNet-C instead of the study's families; see ``adshift.shift.corruptions``. Empty: none.
        before: a domain that the image was in first; None for an image as the file holds it.
    """

    name: str = CLEAN
    geometric: bool = False
    illumination: bool = False
    photometric: bool = False
    severity: float = 1.0
    seed: int = 0
    border: str = "reflect"
    resampling: str = "bilinear"
    corruption: str = ""
    before: Domain | None = None

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("border", self.border, transforms.BORDERS),
            ("resampling", self.resampling, transforms.RESAMPLING),
            ("corruption", self.corruption, ("", *CORRUPTIONS)),
        ):
            if value not in choices:
                raise AdshiftError(f"domain.{name}={value} must be one of: {', '.join(c for c in choices if c)}")
        if self.corruption:
            self._check_corruption()
        if not 0 <= self.severity <= MOST_SEVERE:
            raise AdshiftError(
                f"domain.severity={self.severity} must be a number from 0 to {MOST_SEVERE}; the study's shift is 1"
            )

    def _check_corruption(self) -> None:
        if self.severity not in range(LEVELS + 1):
            raise AdshiftError(
                f"domain.severity={self.severity:g} must be a whole number from 1 to {LEVELS} for domain="
                f"{self.corruption}, as ImageNet-C defines it; 0 is the identity"
            )
        if self.geometric or self.illumination or self.photometric:
            raise AdshiftError(
                f"domain.corruption={self.corruption} comes alone; set domain.geometric, domain.illumination and "
                "domain.photometric to false"
            )

    @property
    def is_identity(self) -> bool:
        """Whether it leaves every image as it is."""
        own = self.severity == 0 or not (self.geometric or self.illumination or self.photometric or self.corruption)
        return own and (self.before is None or self.before.is_identity)

    def seen(self, image: UInt8, mask: UInt8 | None, category: str, path: str) -> tuple[UInt8, UInt8 | None]:
        """The image at ``path`` and its mask as they are seen in this domain; see ``apply``."""
        if self.before is not None:
            image, mask = self.before.seen(image, mask, category, path)
        return self.apply(image, mask, self.parameters(category, path))

    def parameters(self, category: str, path: str) -> ShiftParameters:
        """The transformation of the image at ``path`` (relative to the data root) of ``category``.

        Of a corruption, which acts alike on every image, only the seed of its noise.
        """
        generator = image_generator(self.seed, category, path)
        if self.corruption:
            return ShiftParameters(noise_seed=int(generator.integers(2**63)))
        return sample_parameters(
            generator,
            self.severity,
            geometric=self.geometric,
            illumination=self.illumination,
            photometric=self.photometric,
        )

    def apply(self, image: UInt8, mask: UInt8 | None, p: ShiftParameters) -> tuple[UInt8, UInt8 | None]:
        """Transform an image uint8 [H, W, 3] and its mask uint8 [H, W]; steps that are the identity are left out.

        The scene's geometry comes first, then its light, then the camera: colour, blur, and sensor noise last. A
        corruption gives an image of its own size and leaves the mask alone.
        """
        if self.corruption and self.severity > 0:
            return corrupt(image, self.corruption, int(self.severity), p.noise_seed), mask
        if (p.rotation_deg, p.scale, p.translate_x, p.translate_y) != (0.0, 1.0, 0.0, 0.0):
            image, mask = transforms.warp(image, mask, p, self.border, self.resampling)
        if p.darkest != 1.0:
            image = transforms.illuminate(image, p)
        image = transforms.jitter(image, p)
        if p.blur_kernel > 1 and p.blur_sigma > 0:
            image = transforms.blur(image, p)
        if p.noise_sigma > 0:
            image = transforms.add_noise(image, p)
        return image, mask


def domain_parts(domain: Domain) -> dict[str, Any] | None:
    """What a domain does to images; None for every domain that leaves them as they are, whatever its name and seed."""
    if domain.is_identity:
        return None
    own = {name: value for name, value in vars(domain).items() if name not in ("name", "before")}
    return own if domain.before is None else {**own, "before": domain_parts(domain.before)}
