"""Why a shift hurts a fitted run: ``python -m adshift.diagnose RUN --domain shift``.

Leaves diagnosis.json and diagnosis.md in the output folder and prints the latter.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from adshift.shift.by_name import NAMES, named_domain
from adshift.system.exit_status import status_of
from adshift.system.terminal import say


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.diagnose", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run of train.py")
    parser.add_argument("--domain", choices=NAMES, default="shift")
    parser.add_argument("--photos", type=Path, help="a folder of photographs of the target, in place of a domain")
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="of the domain")
    parser.add_argument("--data-root", type=Path, help="where the images lie, if not where the run had them")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples of the paired intervals")
    parser.add_argument("--out", type=Path, help="output folder; the run's own if left out")
    return status_of(lambda: _diagnose(parser.parse_args(arguments)))


def _diagnose(chosen: argparse.Namespace) -> None:
    from adshift.diagnose.job import diagnose
    from adshift.diagnose.text import markdown
    from adshift.shift.photos import Photos
    from adshift.system.atomic import write_text

    domain = named_domain(chosen.domain, chosen.severity, chosen.seed)
    if chosen.photos is not None:
        domain = Photos("photos", root=str(chosen.photos))
    found = diagnose(chosen.run, domain, chosen.data_root, chosen.bootstrap, seed=0)
    out = chosen.out or chosen.run
    out.mkdir(parents=True, exist_ok=True)
    text = markdown(found)
    write_text(out / "diagnosis.json", json.dumps(found, indent=1, allow_nan=False) + "\n")
    write_text(out / "diagnosis.md", text)
    say(text)


if __name__ == "__main__":
    sys.exit(main())
