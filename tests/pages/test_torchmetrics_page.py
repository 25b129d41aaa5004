"""docs/torchmetrics.md: its blocks run one after the other, as a reader would paste them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.repo import REPO

import adshift.metrics.modules as modules

PAGE = (REPO / "docs" / "torchmetrics.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_blocks_run_and_their_assertions_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # Lightning may leave folders where it stands
    held: dict[str, object] = {"__name__": "page"}
    for block in BLOCKS:
        exec(compile(block, "docs/torchmetrics.md", "exec"), held)
    assert "LightningModule" in BLOCKS[0]
    assert "test_step" in BLOCKS[0]
    assert sum(block.count("roc_auc_score(") for block in BLOCKS) == 3  # scikit-learn is asked


def test_the_table_names_every_class() -> None:
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))
    named = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", table)) - {"update"}
    assert named == {name for name in modules.__all__ if not name.endswith("Metric")}
