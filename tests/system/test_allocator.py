"""Large blocks stay in the process: glibc's own counters tell."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT = """
import ctypes, sys
import torch
from adshift.allocator import keep_freed_memory
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]
mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Info
if sys.argv[1] == "tuned":
    assert keep_freed_memory()
before = mallinfo2()
block = torch.ones(64, 1024, 1024)
held = mallinfo2()
del block
after = mallinfo2()
print(held.hblkhd - before.hblkhd, after.fordblks)
"""
BLOCK = 64 * 1024 * 1024 * 4


def _run(how: str) -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", COUNT, how], check=True, capture_output=True, text=True)
    mapped, free = map(int, done.stdout.split())
    return mapped, free


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone")
def test_a_freed_block_is_kept_for_the_next() -> None:
    mapped, free = _run("tuned")
    assert mapped <= 0
    assert free >= BLOCK


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone")
def test_without_it_the_block_is_mapped_and_given_back() -> None:
    mapped, free = _run("plain")
    assert mapped >= BLOCK
    assert free < BLOCK
