"""A real domain: photographs of the same parts in another light. It chooses test images and changes no pixel."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.shift.domain import Domain

REGULAR = "regular"
ALL = "all"


@dataclass(frozen=True)
class Lighting(Domain):
    """The light that a role's images were taken in, for a data set that tells it (MVTec AD 2).

    Attributes:
        lighting: ``regular``, ``overexposed``, ``underexposed``, ``shift_1``, ... as the files are named, or ``all``.
    """

    lighting: str = REGULAR


def light_of(domain: Domain) -> str:
    """The light of a domain; regular for every domain that is none of light: it acts on the images as they are."""
    return domain.lighting if isinstance(domain, Lighting) else REGULAR
