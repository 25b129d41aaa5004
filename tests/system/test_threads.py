"""A pool of threads that a program need not wait for."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from helpers.repo import REPO

from adshift.system.threads import Helpers

STUCK = """
import signal, sys, threading
from adshift.prediction import decode
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def hang(*_):
    sys.stdout.write("reading\\n")  # in one piece: two threads write
    sys.stdout.flush()
    threading.Event().wait()


decode.decode = hang
for _ in decode.decode_all(["a.png", "b.png"], 8, 2, 4):
    pass
"""


def test_a_signal_ends_a_program_whose_decoding_threads_hang() -> None:
    job = subprocess.Popen(
        [sys.executable, "-c", STUCK], cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert job.stdout is not None
    assert job.stdout.readline() == "reading\n"
    job.send_signal(signal.SIGTERM)
    try:
        _, err = job.communicate(timeout=60)
    finally:
        job.kill()
    assert (job.returncode, err) == (143, "")


def test_what_is_asked_for_comes_back_in_order_and_an_error_too() -> None:
    pool = Helpers[float](3)
    futures = [pool.submit(lambda x: 1 / x, x) for x in (1, 2, 0, 4)]
    assert [future.exception() is not None for future in futures] == [False, False, True, False]
    assert [futures[i].result() for i in (0, 1, 3)] == [1, 0.5, 0.25]
    pool.close(60)
    assert all(not thread.is_alive() for thread in pool._threads)


def test_what_was_taken_back_is_not_done() -> None:
    pool, gate, done = Helpers[None](1), threading.Event(), list[int]()
    first, second = pool.submit(gate.wait), pool.submit(done.append, 2)
    second.cancel()
    gate.set()
    first.result()
    pool.close(60)
    assert done == []
