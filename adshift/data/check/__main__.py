"""The doctor of data sets: ``python -m adshift.data.check ROOT [--category NAME ...] [--layout visa]``.

ROOT is a folder of images as ``train.py data=folder data.root=ROOT`` takes it, or holds category folders. Lists every
problem at once, each with its severity, file and remedy. Exit status: 0 nothing or warnings alone, 2 errors.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from adshift.data.check.doctor import examine
from adshift.data.check.problem import errors
from adshift.data.layouts.by_name import LAYOUTS, located
from adshift.system.exit_status import USER_ERROR, status_of
from adshift.system.terminal import say, tell


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.data.check", description=__doc__)
    parser.add_argument(
        "root", type=Path, metavar="ROOT", help="one's own folder of images, or one of category folders"
    )
    parser.add_argument("--category", nargs="+", metavar="NAME", help="look at these folders in ROOT alone")
    parser.add_argument(
        "--layout", choices=sorted(LAYOUTS), default="folder", help="whose folders these are, as data.source names them"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of sentences")
    return status_of(lambda: _check(parser.parse_args(arguments)))


def _check(chosen: argparse.Namespace) -> int:
    layout = LAYOUTS[chosen.layout]
    root = located(chosen.layout, str(chosen.root))
    problems = examine(root, chosen.category, progress=sys.stderr.isatty(), layout=layout)
    for problem in problems:
        say(json.dumps(asdict(problem)) if chosen.json else f"{problem.severity}: {problem.line()}")
    wrong = len(errors(problems))
    count = f"{wrong} errors, {len(problems) - wrong} warnings" if problems else "no problem"
    tell(f"{chosen.root}: {count}")
    return USER_ERROR if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
