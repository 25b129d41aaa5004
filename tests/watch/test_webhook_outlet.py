"""A webhook on this machine: what counts as delivered, and what never leaves the program."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from helpers.receiver import Receiver

from adshift.errors import AdshiftError
from adshift.watch.outlets.configured import outlets
from adshift.watch.outlets.outlet import Undelivered
from adshift.watch.outlets.webhook import Webhook

BODY = '{"id": "a:1", "score": 0.5}'
NODE: dict[str, Any] = {"url": None, "token_env": None, "timeout": 5}
NO_MQTT = {"host": None}


def test_a_message_is_one_post_with_its_id_and_kind(receiver: Receiver) -> None:
    Webhook(receiver.url, token="geheim").send("a:1", "image", BODY)
    assert receiver.has == [("a:1", "image", {"id": "a:1", "score": 0.5})]
    assert receiver.headers["authorization"] == "Bearer geheim"
    assert receiver.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [200, 202, 204])
def test_every_success_is_one(receiver: Receiver, status: int) -> None:
    receiver.status = status
    Webhook(receiver.url).send("a:1", "alarm", BODY)
    assert receiver.told == ["a:1"]


@pytest.mark.parametrize(("status", "told"), [(400, "400 Bad Request"), (503, "503 Service Unavailable"), (599, "599")])
def test_any_other_answer_is_none(receiver: Receiver, status: int, told: str) -> None:
    receiver.status = status
    with pytest.raises(Undelivered, match=rf"^127\.0\.0\.1:\d+ answered {told}$"):
        Webhook(receiver.url).send("a:1", "image", BODY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_not_followed_with_the_token(receiver: Receiver, status: int) -> None:
    elsewhere = Receiver()
    receiver.status, receiver.away = status, elsewhere.url
    with pytest.raises(Undelivered, match=f"answered {status}"):
        Webhook(receiver.url, token="geheim").send("a:1", "image", BODY)
    assert elsewhere.headers == {}
    elsewhere.go()


def test_who_is_not_there_or_says_nothing_has_not_got_it(receiver: Receiver) -> None:
    receiver.sleep = 1.0
    with pytest.raises(Undelivered, match="no answer in time"):
        Webhook(receiver.url, timeout=0.05).send("a:1", "image", BODY)
    receiver.go()
    with pytest.raises(Undelivered, match="Connection refused"):
        Webhook(receiver.url).send("a:1", "image", BODY)
    receiver.back()


def test_who_hangs_up_has_not_got_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("http_proxy", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        webhook = Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/")
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        with pytest.raises(Undelivered, match=r"^127\.0\.0\.1:\d+ "):
            webhook.send("a:1", "image", BODY)


def test_what_lies_behind_the_host_is_told_to_nobody(receiver: Receiver) -> None:
    receiver.status = 500
    with pytest.raises(Undelivered) as error:
        Webhook(f"{receiver.url}/T0/geheim?key=geheim", token="geheim").send("a:1", "image", BODY)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": "ftp://host/x"}, "webhook.url=ftp://host/x must be an http or https address"),
        ({"url": "file:///etc/passwd"}, "must be an http or https address"),
        ({"url": "https://"}, "must be an http or https address"),
        ({"url": "http://host:99999/"}, "is no address"),
        ({"url": "http://[::1/"}, "is no address"),
        ({"url": "http://host/a b"}, "must be of ASCII letters without spaces"),
        ({"url": "http://host/ä"}, "write others as %XX"),
        ({"url": 5}, "webhook.url=5 must be a text"),
        ({"url": "http://host", "timeout": 0}, "webhook.timeout=0.0 must be > 0 and <= 600 seconds"),
        ({"url": "http://host", "timeout": float("nan")}, "webhook.timeout=nan must be a number"),
        ({"url": "http://host", "timeout": "5"}, "webhook.timeout=5 must be a number"),
        ({"url": "http://host", "token_env": "ADSHIFT_NONE"}, "webhook.token_env names is not set"),
        ({"url": "http://host", "token_env": "ADSHIFT_TWO_LINES"}, "must hold ASCII letters on one line"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADSHIFT_TWO_LINES", "a\r\nX-Other: b")
    with pytest.raises(AdshiftError) as error:
        outlets({**NODE, **change}, NO_MQTT)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "change", [{"url": "http://anna:geheim@host/"}, {"url": "http://host", "token_env": "geheim-47.11"}]
)
def test_a_secret_in_the_wrong_place_is_not_shown(change: dict[str, Any]) -> None:
    with pytest.raises(AdshiftError) as error:
        outlets({**NODE, **change}, NO_MQTT)
    assert "geheim" not in str(error.value)


def test_the_token_comes_from_the_environment(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINE_TOKEN", "geheim")
    (webhook,) = outlets({**NODE, "url": receiver.url, "token_env": "LINE_TOKEN"}, NO_MQTT)
    webhook.send("a:1", "image", BODY)
    assert receiver.headers["authorization"] == "Bearer geheim"
    assert capsys.readouterr().err == ""  # it does not leave this machine
    outlets({**NODE, "url": "http://receiver.invalid/", "token_env": "LINE_TOKEN"}, NO_MQTT)
    assert capsys.readouterr().err == (
        "warning: the token for receiver.invalid goes over the network unencrypted; give webhook.url an https address\n"
    )


def test_without_an_address_there_is_no_outlet() -> None:
    assert outlets(NODE, NO_MQTT) == []
