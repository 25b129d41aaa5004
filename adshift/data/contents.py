"""What identifies a picture whatever its file is called and however it was written: its decoded pixels."""

from __future__ import annotations

import hashlib

import numpy as np

from adshift.shift.pixels import UInt8


def content_sha256(image: UInt8) -> str:
    """SHA-256 over the size and the bytes of a decoded image uint8 [H, W, 3], in hexadecimal.

    The same picture under another name, or saved anew without loss, has the same.
    """
    digest = hashlib.sha256(f"{image.shape[1]}x{image.shape[0]}\n".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
