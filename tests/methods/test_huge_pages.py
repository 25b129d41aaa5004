"""Memory that tensors take in turn."""

import torch

from adshift.methods.distances.huge_pages import Scratch


def test_memory_is_used_again_until_more_is_wanted() -> None:
    scratch = Scratch(torch.int32, torch.device("cpu"))
    first = scratch.take(100, 7)
    assert first.shape == (100, 7)
    assert first.dtype == torch.int32
    start = first.data_ptr()
    assert scratch.take(3, 5).data_ptr() == start
    most = Scratch.LEAST_BYTES // 4
    assert scratch.take(most).data_ptr() == start
    more = scratch.take(most + 1)
    more.fill_(1)
    assert len(more) == most + 1
    assert scratch.take(2 * most).data_ptr() == more.data_ptr()  # grown to twice as much, so that it grows rarely
    assert scratch.take(0, 4).shape == (0, 4)
