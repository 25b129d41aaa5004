"""The benchmark runner: records, merging, the generated table. Sizes here are tiny: no time is asserted, equality is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.repo import REPO

sys.path.append(str(REPO / "benchmarks"))
from table import BEGIN, END, ROWS, write_table
from timing import alternating, slope

PAGE = f"# Title\n\nbefore\n\n{BEGIN}\nold\n{END}\n\nafter\n"
KEYS = {"ours_s", "peer_s", "ratio", "equal", "n", "repeats", "source", "machine", "command"}


def bench(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Run some benchmarks, tiny, into ``folder``."""
    page = folder / "page.md"
    if not page.is_file():
        page.write_text(PAGE)
    command = [
        sys.executable,
        "benchmarks/run.py",
        "--tiny",
        "--results",
        str(folder / "results.json"),
        "--page",
        str(page),
    ]
    return subprocess.run([*command, *names], cwd=REPO, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_records_are_merged_and_the_table_is_written_between_its_markers(tmp_path: Path) -> None:
    for names in (("neighbours_384", "metrics"), ("coreset_1pct",)):
        done = bench(tmp_path, *names)
        assert done.returncode == 0, done.stderr
    records = json.loads((tmp_path / "results.json").read_text())
    assert list(records) == ["coreset_1pct", "neighbours_384", "metrics"]
    for record in records.values():
        assert record.keys() >= KEYS
        assert record["equal"] is True
        assert record["ratio"] == pytest.approx(record["peer_s"] / record["ours_s"])
        assert len(record["growth"]["ours_s"]) >= 3
        assert record["machine"]["versions"]["torch"]
        assert record["machine"]["cores"] >= 1
    page = (tmp_path / "page.md").read_text()
    assert page.startswith("# Title\n\nbefore\n")
    assert page.endswith("\nafter\n")
    assert "old" not in page
    assert page.count("| `metrics` |") == 2  # its line, and its growth


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    done = bench(tmp_path, "everything")
    assert done.returncode == 2
    assert "everything is no benchmark; choose from: coreset_1pct" in done.stderr


def test_every_name_has_a_line_and_undefined_figures_a_dash(tmp_path: Path) -> None:
    from run import COMMANDS, TINY

    assert set(COMMANDS) == set(ROWS) == set(TINY)
    machine = {"processor": "P", "cores": 2, "instructions": [], "memory_gib": 1, "system": "S", "versions": {},
               "commit": "0123456789abcdef", "date": "2026-01-01"}  # fmt: skip
    empty = {"ours_s": 1.0, "peer_s": None, "ratio": None, "equal": None, "n": 1, "source": "synthetic"}
    (tmp_path / "page.md").write_text(PAGE)
    write_table(tmp_path / "page.md", {name: {**empty, "machine": machine} for name in ROWS})
    page = (tmp_path / "page.md").read_text()
    for name in ROWS:
        line = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert "None" not in line
        assert line.endswith("| - |")
    assert "2 cores of P" in page


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n")
    with pytest.raises(ValueError, match="bench:begin"):
        write_table(page, {})
    assert page.read_text() == "nothing here\n"


def test_the_slope_is_the_exponent() -> None:
    sizes = [100, 200, 400, 800]
    assert slope(sizes, [3e-6 * size**2 for size in sizes]) == pytest.approx(2)
    assert slope(sizes, [0.5] * 4) == pytest.approx(0)


def test_sides_take_turns_after_a_warm_up() -> None:
    calls: list[str] = []
    found = alternating({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert found.keys() == {"a", "b"}
