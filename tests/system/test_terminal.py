"""What is printed: one place writes it, and nothing in it commands a terminal."""

from __future__ import annotations

import ast

import pytest
from helpers.repo import REPO
from tqdm import tqdm

from adshift.system.terminal import say, tell, tell_above

ATTACK = "a\x1b]0;title\x07\x9b2J\r\u202eb\ud800"
SPELT = r"a\x1b]0;title\x07\x9b2J\r\u202eb\ud800"


def test_what_does_not_print_is_spelt_out(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"first\n{ATTACK}")
    tell(ATTACK)
    with tqdm(total=1, disable=True) as bar:
        tell_above(bar, ATTACK)
    found = capsys.readouterr()
    assert found.out == f"first\n{SPELT}\n"
    assert found.err == f"{SPELT}\n{SPELT}\n"


def _writes(node: ast.AST) -> bool:
    """``print(...)``, or a method of a stream or a progress bar that writes to the terminal."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id == "print"
    of = ast.unparse(node.func)
    return of.endswith(("stdout.write", "stderr.write", "tqdm.write", "bar.write"))


def test_one_place_alone_writes_to_the_terminal() -> None:
    found = set()
    for path in (*REPO.glob("adshift/**/*.py"), *REPO.glob("*.py")):
        if any(map(_writes, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))):
            found.add(str(path.relative_to(REPO)))
    assert found == {"adshift/system/terminal.py"}
