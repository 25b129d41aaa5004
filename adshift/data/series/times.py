"""``data.groups=exif:SECONDS``: pictures taken one shortly after another are a series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from PIL.ExifTags import IFD, Base

from adshift.data.images import opened
from adshift.data.samples import Sample
from adshift.errors import AdshiftError

EXIF = "exif:"


def by_time(text: str) -> Callable[[Path, Sequence[Sample]], tuple[dict[str, str], str]]:
    """The rule of ``exif:SECONDS``; an image that does not say when it was taken is one by itself.

    Raises:
        AdshiftError: no number of seconds above 0.
    """
    seconds = text.removeprefix(EXIF)
    try:
        gap = float(seconds)
    except ValueError:
        gap = 0.0
    if not 0 < gap < float("inf"):
        raise AdshiftError(f"data.groups={text} must name a gap above 0 s, as exif:60 does")

    def rule(root: Path, samples: Sequence[Sample]) -> tuple[dict[str, str], str]:
        taken = {s.path: when for s in samples if (when := _taken(root / s.place)) is not None}
        if not taken and samples:
            part = f"{len(samples)} images of {samples[0].part} ({samples[0].path} the first)"
            return {}, f"data.groups={text}: none of the {part} says when it was taken"
        names, start, last = {}, None, None
        for path, when in sorted(taken.items(), key=lambda item: (item[1], item[0])):
            if last is None or (when - last).total_seconds() >= gap:
                start = when
            names[path], last = f"{start:%Y-%m-%dT%H:%M:%S.%f}", when
        return names, ""

    return rule


def _taken(file: Path) -> datetime | None:
    """When a picture was taken, by its EXIF data; None where they do not say."""
    with opened(file) as image:
        exif = image.getexif()
        written = exif.get_ifd(IFD.Exif).get(Base.DateTimeOriginal) or exif.get(Base.DateTime)
        fraction = exif.get_ifd(IFD.Exif).get(Base.SubsecTimeOriginal) or "0"
    try:
        when = datetime.strptime(str(written).strip("\0 "), "%Y:%m:%d %H:%M:%S")
        return when.replace(microsecond=int(float(f"0.{str(fraction).strip()}") * 1e6))
    except ValueError:
        return None
