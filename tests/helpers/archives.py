"""Archives of a few members, as a server would hold them."""

from __future__ import annotations

import io
import tarfile

Member = tuple[str, bytes | None, str]  # name, content (None: a folder), target of a symbolic link


def archive(*members: Member) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        for name, content, link in members:
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname = tarfile.SYMTYPE, link
                tar.addfile(info)
            elif content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


CARPET: list[Member] = [("carpet", None, ""), ("carpet/train/good/000.png", b"one", "")]


ZIPPER: list[Member] = [("zipper", None, ""), ("zipper/test/good/000.png", b"two", "")]
