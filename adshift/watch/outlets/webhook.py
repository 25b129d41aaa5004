"""A webhook: one POST a message, delivered when it is answered with a status of success."""

from __future__ import annotations

import urllib.error
import urllib.request
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from typing import IO
from urllib.parse import urlsplit

from adshift.watch.outlets.outlet import Undelivered


class Webhook:
    """POSTs JSON to an address, with the message's id in ``Idempotency-Key`` and its kind in ``X-Adshift-Kind``.

    Nothing is followed: a redirection may lead the token elsewhere, and turns a POST into a GET without a body.

    Args:
        url: http or https; checked by ``adshift.watch.outlets.configured``.
        token: sent as ``Authorization: Bearer TOKEN``; None sends none.
        timeout: seconds that the other side may be silent.
    """

    name = "webhook"

    def __init__(self, url: str, token: str | None = None, timeout: float = 5.0) -> None:
        self._url, self._timeout = url, timeout
        self._headers = {"Content-Type": "application/json", "User-Agent": "adshift"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._place = urlsplit(url).netloc  # the rest of an address may be a secret
        self._opener = urllib.request.build_opener(_StaysHere)

    def send(self, id: str, kind: str, body: str) -> None:
        """As ``Outlet.send``; any status of 200 to 299 is success."""
        headers = {**self._headers, "Idempotency-Key": id, "X-Adshift-Kind": kind}
        request = urllib.request.Request(self._url, body.encode(), headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout):
                return
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"answered {_status(error.code)}"
        except urllib.error.URLError as error:
            reason = f"cannot be reached ({_why(error.reason)})"
        except (OSError, HTTPException) as error:
            reason = f"broke off ({_why(error)})"
        raise Undelivered(f"{self._place} {reason}")

    def close(self) -> None:
        """Nothing: every message has a connection of its own."""


class _StaysHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: it is an answer like any other that is no success."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _why(error: object) -> str:
    """What an error says, in few words; a stranger's words are left out."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or type(error).__name__
