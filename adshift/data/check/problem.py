"""What the doctor finds: a problem has a severity, a file and a remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from adshift.errors import printable

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One problem of a data set.

    Attributes:
        severity: an error would stop a run or make its figures wrong; a warning should be known.
        file: where, POSIX, relative to the data root; "." is the root itself.
        what: what is wrong, as the rest of a sentence that begins with the file.
        remedy: what to do about it.
    """

    severity: Severity
    file: str
    what: str
    remedy: str

    def line(self) -> str:
        """The sentence; control characters and bytes that are no text are spelt out."""
        return printable(f"{self.file} {self.what}; {self.remedy}")


def error(file: str, what: str, remedy: str) -> Problem:
    """A problem that would stop a run or make its figures wrong."""
    return Problem("error", file, what, remedy)


def warning(file: str, what: str, remedy: str) -> Problem:
    """A problem that should be known."""
    return Problem("warning", file, what, remedy)


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """The errors among them, in their order."""
    return [problem for problem in problems if problem.severity == "error"]
