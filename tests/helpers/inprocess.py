"""Run train.py or evaluate.py inside this process: the same scripts and manners, without paying for the imports again."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from helpers.repo import REPO


@dataclass(frozen=True)
class Finished:
    """What a script left: its exit status and its two streams."""

    code: int
    out: str
    err: str


def _spare_the_streams() -> None:
    """Keep absl, which openvino and tensorboard bring, from closing the stream that it was imported under.

    Hydra closes the logging handlers that it finds, and absl's then closes its stream: in a test that is pytest's.
    """
    absl: Any = sys.modules.get("absl.logging")
    if absl is not None:
        absl.get_absl_handler().python_handler.stream = sys.__stderr__


def invoke(script: str, *arguments: str, **variables: str) -> Finished:
    """Execute a script of the repository as ``__main__`` with these arguments and environment variables.

    On one thread: these cells are too small to share, and threads that wait for a busy core make them slow.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    environment = {k: v for k, v in os.environ.items() if k != "HYDRA_FULL_ERROR"} | variables
    out, err = io.StringIO(), io.StringIO()
    _spare_the_streams()
    code, threads = 0, torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(sys, "argv", [script, *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            runpy.run_path(str(REPO / script), run_name="__main__")
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 0 if exit_.code is None else 1
    finally:
        torch.set_num_threads(threads)
        root.handlers[:] = handlers
        root.setLevel(level)
    return Finished(code, out.getvalue(), err.getvalue())


def run_cell(folder: Path, *overrides: str, script: str = "train.py") -> dict[str, Any]:
    """Run a cell that must succeed into ``folder``; returns its result.json."""
    done = invoke(script, *overrides, f"hydra.run.dir={folder}")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def one_line(err: str) -> str:
    """The single line that begins with ``adshift:``, from an output without a traceback."""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("adshift: ")]
    assert len(lines) == 1, err
    return lines[0]
