"""A real domain: photographs of the target in a folder of their own. It says where images lie and changes no pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.real import Real, real_of


@dataclass(frozen=True)
class Photos(Real):
    """Photographs that were taken in the target: under the new lamp, with the new camera.

    Attributes:
        root: their folder, of any name; see ``adshift.data.photographs`` for what it may hold.
    """

    root: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.root:
            raise AdshiftError("domain.root= names no folder; give that of the photographs: domain.root=FOLDER")

    @property
    def told(self) -> str:
        """As ``Real.told``."""
        return f"domain.root={self.root}"


def photos_of(domain: Domain) -> Photos | None:
    """The photographs that a domain begins with; None where its images lie below the data root."""
    real = real_of(domain)
    return real if isinstance(real, Photos) else None


def root_of(domain: Domain, data_root: Path) -> Path:
    """Where the images of a domain lie: with the photographs, or below the data root."""
    photos = photos_of(domain)
    return data_root if photos is None else Path(photos.root)
