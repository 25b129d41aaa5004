"""The command line's manners: one clear line for a mistake, no traceback, and an exit status that says what happened."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from adshift.errors import AdshiftError, printable
from adshift.launch.arguments import arranged, several, unreadable
from adshift.launch.composing import compose_once
from adshift.launch.real_domain import conf_of, named
from adshift.system.exit_status import USER_ERROR, orderly_end, refusal
from adshift.system.terminal import tell

FULL_ERROR = "HYDRA_FULL_ERROR"
TRACEBACK = "ADSHIFT_TRACEBACK"
_FROM_WORKER = "adshift.errors.AdshiftError: "
_PLACES_SEARCHED = "Config search path:"
_SEVERAL = "Ambiguous value for argument '"


def one_line(error: Exception) -> str:
    """The message alone: without what Hydra or a data worker wraps around it, and nothing in it that does not print.

    It may quote the name of a file that anybody may have chosen, with commands for the terminal in it.
    """
    return printable(_message(error))


def _message(error: Exception) -> str:
    override = getattr(error, "override", None)
    if override is not None:
        return unreadable(str(override))
    if isinstance(error, OSError) and error.strerror:
        return refusal(error)
    text = str(error).rpartition(_FROM_WORKER)[2].partition(_PLACES_SEARCHED)[0]
    if text.startswith(_SEVERAL):
        return several(text.removeprefix(_SEVERAL).splitlines()[0].removesuffix("'"))
    message = "; ".join(line.strip() for line in text.splitlines() if line.strip())
    cause = error.__cause__
    if cause is not None and "not in struct" in str(cause):
        key = str(error).split("'")[1] if "'" in str(error) else message
        owner = " (PatchCore alone owns it)" if key == "coreset_ratio" else ""
        return f"{key} is no key of this configuration; --help lists the keys{owner}"
    if "Missing mandatory value: " in message:
        key = message.rpartition("Missing mandatory value: ")[2].split(";")[0].strip()
        return f"{key} has no value; give it on the command line: {key}=VALUE"
    if "nterpolation" in type(error).__name__:
        return f"{message}; a value ${{KEY}} must name another key of the configuration"
    if "Could not find 'hydra/launcher/" in message:
        name = message.partition("hydra/launcher/")[2].partition("'")[0]
        return f"hydra/launcher={name} is not installed; pip install '.[joblib]', '.[submitit]' or '.[ray]' brings it"
    if message.startswith("Config group override must be a string"):
        return (
            "a group of conf/ (method, data, domain, ...) must be one of its options, not null or a number; "
            "--help lists them"
        )
    return message


def is_the_users(error: Exception) -> bool:
    """Whether the user can mend it: bad input, a bad configuration, or a disk that refuses."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, AdshiftError | HydraException | OmegaConfBaseException | OSError):
        return True
    return isinstance(error, ValueError) and str(error).startswith("Config group override must be")


def refuse_additions() -> None:
    """Refuse ``+key=value`` and ``~key``: every key exists in conf/, and every one is read."""
    from hydra.core.hydra_config import HydraConfig

    for override in HydraConfig.get().overrides.task:
        if override.startswith("+"):
            raise AdshiftError(
                f"{override} would add a key that nothing reads; --help lists the keys, set one without +"
            )
        if override.startswith("~"):
            raise AdshiftError(f"{override} would remove a key that is needed; set it to another value instead")


@contextmanager
def ends_in_one_line() -> Iterator[None]:
    """A mistake of the user's ends the program with one line and status 2, where Hydra would make it a warning."""
    try:
        yield
    except AdshiftError as error:
        tell(f"adshift: {one_line(error)}")
        raise SystemExit(USER_ERROR) from None


def launch(main: Callable[[], object], short: Mapping[str, str] | None = None) -> None:
    """Run a Hydra main; ``short`` holds short keys and what they stand for.

    A mistake of the user's ends in one line on stderr and status 2; ``HYDRA_FULL_ERROR=1`` shows the traceback
    instead. What goes wrong in a cell of a sweep is ``adshift.launch.sweep``'s to tell.
    """
    traceback_wanted = os.environ.get(FULL_ERROR) == "1"
    os.environ[TRACEBACK] = str(int(traceback_wanted))
    os.environ[FULL_ERROR] = "1"  # Hydra then raises, and the message is ours
    sys.argv[1:] = named(arranged(sys.argv[1:], short), conf_of(main))
    compose_once()
    try:
        with orderly_end():
            main()
    except Exception as error:
        from adshift.launch.launchers import launcher_failure

        told = one_line(error) if is_the_users(error) else launcher_failure(error)
        if traceback_wanted or told is None:
            raise
        tell(f"adshift: {told}")
        sys.exit(USER_ERROR)
