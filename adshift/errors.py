"""The one error that a user is meant to read."""


class AdshiftError(ValueError):
    """Bad input or a state the user can mend; its message is one line: the value, the bound and the remedy.

    The command line prints the message alone and exits with status 2 (`HYDRA_FULL_ERROR=1` shows the traceback).
    """
