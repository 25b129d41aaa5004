"""The command line's manners: one clear line for a mistake, no traceback, and an exit status that says what happened."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

FULL_ERROR = "HYDRA_FULL_ERROR"
USER_ERROR = 2
INTERRUPTED = 130


def _one_line(error: Exception) -> str:
    message = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    cause = error.__cause__
    if cause is not None and "not in struct" in str(cause):
        key = str(error).split("'")[1] if "'" in str(error) else message
        return f"{key} is no key of this configuration; --help lists the keys (PatchCore alone owns coreset_ratio)"
    return message


def refuse_additions() -> None:
    """Refuse ``+key=value``: every key exists in conf/, so that an added one could only be a mistake nobody reads."""
    from hydra.core.hydra_config import HydraConfig

    from adshift.errors import AdshiftError

    for override in HydraConfig.get().overrides.task:
        if override.startswith("+"):
            raise AdshiftError(
                f"{override} would add a key that nothing reads; --help lists the keys, set one without +"
            )


def launch(main: Callable[[], None]) -> None:
    """Run a Hydra main.

    A mistake of the user's ends in one line on stderr and status 2, in a sweep with status 1 after the other jobs
    ran; ``HYDRA_FULL_ERROR=1`` shows the traceback instead.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from adshift.errors import AdshiftError

    traceback_wanted = os.environ.get(FULL_ERROR) == "1"
    os.environ[FULL_ERROR] = "1"  # Hydra then raises, and the message is ours
    try:
        main()
    except KeyboardInterrupt:
        print("adshift: interrupted; what was finished stays", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except (AdshiftError, HydraException, OmegaConfBaseException) as error:
        if traceback_wanted:
            raise
        print(f"adshift: {_one_line(error)}", file=sys.stderr)
        sweeping = isinstance(error, AdshiftError) and bool({"-m", "--multirun"} & set(sys.argv))
        sys.exit(1 if sweeping else USER_ERROR)
