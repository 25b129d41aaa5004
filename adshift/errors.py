"""The one error that a user is meant to read."""


class AdshiftError(ValueError):
    """Bad input or a state the user can mend; its message is one line: the value, the bound and the remedy.

    The command line prints the message alone and exits with status 2 (`HYDRA_FULL_ERROR=1` shows the traceback). What
    does not print, as a line's end in a value that is quoted, is spelt out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def printable(text: str) -> str:
    r"""``text`` with every character that does not print spelt out: it may hold the name of a file that anybody chose.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
