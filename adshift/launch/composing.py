"""Hydra composes a configuration twice, at first for its key ``hydra.mode`` alone; where that is plain, once is enough.

The first composition takes a fifth of the time in which a mistake is told. Nothing but the files of ``conf/sweep`` and the
command line sets the key here. Hydra has no setting for this: one of its own methods is replaced, and where a later version
has no such method, it composes twice as before.
"""

from __future__ import annotations

from typing import Any

SETS_THE_MODE = ("sweep=", "hydra.mode=")


def compose_once() -> None:
    """Have Hydra in this process compose once where nothing on the command line can set ``hydra.mode``."""
    from hydra._internal import hydra

    owner: Any = getattr(hydra, "Hydra", None)
    whole = getattr(owner, "get_mode", None)
    if whole is None or getattr(whole, "composes_once", False):
        return

    def get_mode(self: Any, config_name: str | None, overrides: list[str]) -> Any:
        if any(override.lstrip("+").startswith(SETS_THE_MODE) for override in overrides):
            return whole(self, config_name, overrides)
        return None  # then -m decides

    get_mode.composes_once = True  # type: ignore[attr-defined]
    owner.get_mode = get_mode
