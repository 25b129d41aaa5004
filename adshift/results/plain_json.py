"""JSON that anyone may have written: read within bounds that what adshift writes never meets."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from adshift.errors import AdshiftError
from adshift.results.files import RESULT

MAX_INT = 2**63 - 1
MAX_DEPTH = 32
"""Containers within containers; what adshift writes has fewer than 10."""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number that adshift writes")


def _whole(text: str) -> int:
    if len(text) > len(str(-MAX_INT)) or abs(int(text)) > MAX_INT:
        raise ValueError(f"a number of {len(text)} digits is none that adshift writes")
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:40]} is no number that adshift writes")
    return value


def _is_deep(value: Any, left: int = MAX_DEPTH) -> bool:
    if not isinstance(value, dict | list):
        return False
    return left == 0 or any(
        _is_deep(inner, left - 1) for inner in (value.values() if isinstance(value, dict) else value)
    )


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """Read a JSON object: numbers are finite and whole ones of 64 bits, and at most ``MAX_DEPTH`` containers nest.

    Texts may hold the bytes of a file's name that are no UTF-8, and no other half of a character.

    Raises:
        AdshiftError: the file is missing or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text, parse_constant=_no_constant, parse_int=_whole, parse_float=_finite)
        if "\\ud" in text.lower():
            json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except FileNotFoundError as error:
        raise AdshiftError(f"{path} does not exist; {remedy}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise AdshiftError(f"{path} cannot be read ({error}); {remedy}") from error
    if not isinstance(found, dict):
        raise AdshiftError(f"{path} holds no JSON object; {remedy}")
    if _is_deep(found):
        raise AdshiftError(f"{path} nests more than {MAX_DEPTH} containers, which adshift never does; {remedy}")
    return found


def config_of(folder: Path) -> dict[str, Any] | None:
    """The configuration in the result.json of ``folder``; None where there is none that can be read."""
    try:
        found = read_json(folder / RESULT, "").get("config")
    except AdshiftError:
        return None
    return found if isinstance(found, dict) else None
