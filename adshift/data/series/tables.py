"""``data.groups=FILE.csv``: a table of the series, by images' paths or names."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from adshift.errors import AdshiftError


def by_table(file: Path, key: str) -> Callable[[str], str]:
    """The group of a path by a table with the columns ``path`` and ``group``; empty for one that it does not name.

    A path is below the data root, below the category's folder, or a mere file name; the longer one wins. ``key``
    is where the table was given, for the message.

    Raises:
        AdshiftError: it cannot be read, or lacks a column.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            columns = reader.fieldnames or ()
            rows = [(row.get("path") or "", row.get("group") or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AdshiftError(f"{key}={file} cannot be read ({error}); give a .csv file with path and group") from error
    if not {"path", "group"} <= set(columns):
        raise AdshiftError(f"{key}={file} has the columns {list(columns)}; it must have path and group")
    listed = {path: group for path, group in rows if group}

    def group(path: str) -> str:
        below = path.partition("/")[2]
        return next((listed[key] for key in (path, below, PurePosixPath(path).name) if key in listed), "")

    return group
