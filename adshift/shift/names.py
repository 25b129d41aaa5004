"""The names that domains and their parts go by."""

CLEAN = "clean"
"""The domain in which nothing shifts."""
FAMILIES = ("geometric", "illumination", "photometric")
"""The families of MVTec-Shift (docs/protocol.md), as the fields of ``Domain`` are named."""
