"""MQTT against a real mosquitto."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.broker import Broker, Listener, free_port, need_mosquitto

from adshift.errors import AdshiftError
from adshift.watch.outlets.configured import outlets
from adshift.watch.outlets.mqtt import Mqtt
from adshift.watch.outlets.outlet import Undelivered

BODY = '{"id": "a:1", "score": 0.5}'
NODE: dict[str, Any] = {
    "host": "127.0.0.1", "port": 1883, "topic": "adshift", "username_env": None, "password_env": None, "tls": False,
}  # fmt: skip
NO_WEBHOOK = {"url": None}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    need_mosquitto()
    running = Broker(tmp_path)
    yield running
    running.go()


def _sent(mqtt: Mqtt, kind: str = "image", body: str = BODY) -> None:
    mqtt.send("a:1", kind, body)


def test_images_and_alarms_have_topics_of_their_own(broker: Broker) -> None:
    listener = Listener(broker.port, "hall/3")
    mqtt = Mqtt("127.0.0.1", broker.port, "hall/3")
    _sent(mqtt)
    _sent(mqtt, "alarm", '{"id": "a:2"}')
    mqtt.close()
    listener.wait_for("a:1", "a:2")
    listener.close()
    assert listener.has == [("hall/3/image", {"id": "a:1", "score": 0.5}), ("hall/3/alarm", {"id": "a:2"})]


def test_a_broker_that_was_away_is_connected_to_again(broker: Broker) -> None:
    listener = Listener(broker.port)
    mqtt = Mqtt("127.0.0.1", broker.port)
    _sent(mqtt)
    broker.go()
    with pytest.raises(Undelivered, match=r"^127\.0\.0\.1:\d+ cannot be reached \(Connection refused\)$"):
        _sent(mqtt, body='{"id": "a:2"}')
    broker.back()
    _sent(mqtt, body='{"id": "a:3"}')
    broker.go()
    broker.back()
    _sent(mqtt, body='{"id": "a:4"}')  # it was away while nothing was told: no try is lost
    mqtt.close()
    listener.wait_for("a:4")
    listener.close()
    assert listener.ids == ["a:1", "a:3", "a:4"]  # what was undelivered is not sent by paho behind our back


def test_a_silent_broker_holds_up_nobody_for_longer_than_the_timeout(broker: Broker) -> None:
    mqtt = Mqtt("127.0.0.1", broker.port, timeout=0.1)
    _sent(mqtt)
    os.kill(broker.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    for _ in range(2):  # the first waits for the acknowledgement, the second for the connection
        with pytest.raises(Undelivered, match=r"gave no answer in 0\.1 s"):
            _sent(mqtt)
    mqtt.close()
    assert time.monotonic() - began < 2
    os.kill(broker.process.pid, signal.SIGCONT)
    _sent(mqtt)
    mqtt.close()


def test_a_broker_without_a_permission_is_not_believed(tmp_path: Path) -> None:
    """In MQTT 3.1.1 mosquitto acknowledges what it throws away."""
    need_mosquitto()
    (tmp_path / "acl").write_text("topic write adshift/alarm\n")
    broker = Broker(tmp_path, "allow_anonymous true", f"acl_file {tmp_path / 'acl'}")
    try:
        mqtt = Mqtt("127.0.0.1", broker.port)
        _sent(mqtt, "alarm")
        with pytest.raises(Undelivered, match="answered: Not authorized"):
            _sent(mqtt, "image")
        _sent(mqtt, "alarm")
        mqtt.close()
    finally:
        broker.go()


def test_name_and_password_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_mosquitto()
    command = ["mosquitto_passwd", "-b", "-c", str(tmp_path / "passwords"), "line", "geheim"]
    subprocess.run(command, check=True, capture_output=True)
    broker = Broker(tmp_path, "allow_anonymous false", f"password_file {tmp_path / 'passwords'}")
    node = {**NODE, "port": broker.port, "username_env": "LINE_NAME", "password_env": "LINE_PASSWORD"}
    monkeypatch.setenv("LINE_NAME", "line")
    try:
        monkeypatch.setenv("LINE_PASSWORD", "wrong-geheim")
        (mqtt,) = outlets(NO_WEBHOOK, node)
        with pytest.raises(Undelivered, match="answered: ") as error:
            mqtt.send("a:1", "image", BODY)
        assert "geheim" not in str(error.value)
        monkeypatch.setenv("LINE_PASSWORD", "geheim")
        listener = Listener(broker.port, username="line", password="geheim")
        (mqtt,) = outlets(NO_WEBHOOK, node)
        mqtt.send("a:1", "image", BODY)
        mqtt.close()
        listener.wait_for("a:1")
        listener.close()
        assert listener.ids == ["a:1"]
    finally:
        broker.go()


def test_the_certificate_of_a_broker_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_mosquitto()
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    whose = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subprocess.run(["openssl", "req", *kind, *whose, *files], check=True, capture_output=True)
    broker = Broker(
        tmp_path, f"certfile {tmp_path / 'cert.pem'}", f"keyfile {tmp_path / 'key.pem'}", "allow_anonymous true"
    )
    try:
        with pytest.raises(Undelivered, match="certificate verify failed"):
            _sent(Mqtt("localhost", broker.port, tls=True))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        mqtt = Mqtt("localhost", broker.port, tls=True)
        _sent(mqtt)
        mqtt.close()
        with pytest.raises(Undelivered, match="certificate verify failed"):
            _sent(Mqtt("127.0.0.1", broker.port, tls=True))  # a name that it does not stand for
    finally:
        broker.go()


def test_a_try_leaves_no_connection_open() -> None:
    need_mosquitto()
    with socket.create_server(("127.0.0.1", 0)) as server:
        mqtt = Mqtt("127.0.0.1", server.getsockname()[1], timeout=0.02)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            with pytest.raises(Undelivered):
                _sent(mqtt)
        assert len(os.listdir("/proc/self/fd")) == before


def test_without_the_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.enums", None)
    with pytest.raises(AdshiftError, match=r"mqtt.host needs paho-mqtt 2; pip install 'adshift\[watch\]'"):
        Mqtt("127.0.0.1")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"host": "mqtt://host"}, "mqtt.host=mqtt://host must be a host's name or address alone"),
        ({"host": ""}, "must be a host's name"),
        ({"port": 0}, "mqtt.port=0 must be >= 1; 1883 is customary"),
        ({"port": "1883"}, "mqtt.port=1883 must be a whole number"),
        ({"topic": "hall/#"}, "mqtt.topic=hall/# must have 1 to 1024 letters, without + and #"),
        ({"topic": ""}, "mqtt.topic= must have 1 to 1024 letters"),
        ({"tls": "yes"}, "mqtt.tls=yes must be true or false"),
        ({"password_env": "LINE_PASSWORD"}, "mqtt.password_env is given without mqtt.username_env"),
        ({"username_env": "LINE_NOBODY"}, "the variable that mqtt.username_env names is not set"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINE_PASSWORD", "geheim")
    with pytest.raises(AdshiftError) as error:
        outlets(NO_WEBHOOK, {**NODE, **change})
    assert told in str(error.value)


def test_nobody_there_is_told_in_words() -> None:
    need_mosquitto()
    with pytest.raises(Undelivered, match="Connection refused"):
        _sent(Mqtt("127.0.0.1", free_port()))
