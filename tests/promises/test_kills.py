"""A sweep killed at random moments and started again: the same figures, and nothing done twice but what was cut."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from helpers.killing import STAGES
from helpers.repo import REPO, Program

KILLS = int(os.environ.get("ADSHIFT_KILLS", "20"))
SEED = os.environ.get("ADSHIFT_KILLS_SEED", "7")


@pytest.mark.slow
def test_a_sweep_survives_sigkill_at_random_moments(tiny: Path, tmp_path: Path, program: Program) -> None:
    words = ("-m", "helpers.killing", str(tiny), str(tmp_path), str(KILLS), SEED)
    paths = os.pathsep.join((str(REPO), str(REPO / "tests")))
    done = program(*words, timeout=120 + 60 * KILLS, PYTHONPATH=paths)
    assert done.returncode == 0, done.stderr[-2000:]
    whole, *rounds = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert (whole["status"], whole["cells"], len(rounds)) == (0, 4, KILLS)
    for told in rounds:
        assert (told["status"], told["same"]) == (0, True), told
        begun = Counter(line.split(maxsplit=1)[1] for line in told["log"] if line.startswith("begun"))
        ended = Counter(line.split(maxsplit=1)[1] for line in told["log"] if line.startswith("ended"))
        assert set(ended) <= set(begun)
        untold = set(begun) - set(ended)  # what was in place when it was cut, and not yet told of
        assert len(untold) <= (told["cut"] != 0), told
        assert max(ended.values()) == 1, told
        assert sum(begun.values()) - sum(ended.values()) <= 2, told  # a cut stage, and the one that had asked for it
    struck = Counter(told["struck"] for told in rounds if told["cut"] == signal.SIGKILL)
    print(f"\n{struck.total()} of {KILLS} kills struck a sweep that was under way: {dict(struck.most_common())}")
    assert struck.total() >= KILLS // 2  # most were killed, not finished before
    assert all(struck[stage] >= max(1, KILLS // 20) for stage in STAGES), struck  # a fifth aimed at each
    assert len({told["finished"] for told in rounds}) > 1  # at different moments
