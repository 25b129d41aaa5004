"""What an earlier prediction left in the output folder, which is not this one's."""

from __future__ import annotations

import re
from pathlib import Path

from adshift.prediction.pages import INDEX
from adshift.prediction.rows import CSV, JSON_LINES

SUMMARY = "summary.json"
PICTURES = ("overlays/[0-9]*/[0-9]*.png", "maps/[0-9]*/[0-9]*.png")
_NAMED = re.compile(r"\d{3,}/\d{6,}_[A-Za-z0-9._-]*\.png")


def remove_earlier(folder: Path) -> None:
    """Remove an earlier prediction's files, first the summary, which says that it is whole; anybody else's stay."""
    (folder / SUMMARY).unlink(missing_ok=True)
    if not (folder / CSV).is_file():
        return
    (folder / INDEX).unlink(missing_ok=True)
    for page in folder.glob("page-[0-9]*.html"):
        page.unlink(missing_ok=True)
    for pattern in PICTURES:
        for picture in folder.glob(pattern):
            if _NAMED.fullmatch("/".join(picture.parts[-2:])):
                picture.unlink(missing_ok=True)
    for name in (JSON_LINES, CSV):  # the mark of a prediction goes last, so that a cut removal is gone on with
        (folder / name).unlink(missing_ok=True)
