"""Where the repository and the real data lie."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ADSHIFT_SHARED", REPO.parent / "shared"))

Program = Callable[..., subprocess.CompletedProcess[str]]
