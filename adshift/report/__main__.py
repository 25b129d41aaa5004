"""The report of finished runs: ``python -m adshift.report DIR... --out reports/NAME``.

DIR are folders of finished runs, or folders above them. The report is a page (index.html), report.md, tables as Markdown
and LaTeX, figures as PNG and SVG, and cells.csv; it holds what the runs hold. One that stands already is left as it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adshift.report.folders import PAGE, fingerprint, remember, stands
from adshift.system.exit_status import status_of
from adshift.system.terminal import say

PICTURES = 24


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.report", description=__doc__)
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="DIR", help="folders that hold finished runs, at any depth"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder of the report, made where it is missing")
    parser.add_argument("--title", default="Anomaly detection under domain shift", help="the report's title")
    many = (
        "pictures a category and domain in the page's gallery; 0: no image of the data set at all (default %(default)s)"
    )
    parser.add_argument("--pictures", type=int, default=PICTURES, metavar="N", help=many)
    parser.add_argument("--force", action="store_true", help="make it anew where the runs are those it was made from")
    return status_of(lambda: _report(parser.parse_args(arguments)))


def _report(chosen: argparse.Namespace) -> None:
    inputs = fingerprint(chosen.runs, {"title": chosen.title, "pictures": chosen.pictures})
    if stands(chosen.out, inputs) and not chosen.force:
        say(f"unchanged: {chosen.out / PAGE}")
        return
    from adshift.report.make import make_report

    report = make_report(chosen.runs, chosen.out, chosen.title, chosen.pictures)
    remember(chosen.out, inputs)
    say("\n".join([*report.answers, f"{len(report.sections)} sections: {chosen.out / PAGE}"]))


if __name__ == "__main__":
    sys.exit(main())
