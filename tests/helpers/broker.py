"""A real mosquitto on a free port of this machine, and somebody who listens to it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PATH = os.environ["PATH"] + os.pathsep + "/usr/sbin"


def need_mosquitto() -> None:
    """Skip where mosquitto or paho-mqtt is not installed."""
    pytest.importorskip("paho.mqtt.client", reason="no paho-mqtt here: pip install 'adshift[watch]' brings it")
    if shutil.which("mosquitto", path=PATH) is None:
        pytest.skip("no real MQTT broker here: apt-get install mosquitto brings it")


def wait(done: Callable[[], object], seconds: float = 20.0) -> None:
    """Return as soon as something is so; fail where it never is."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.005)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Broker:
    """mosquitto with its files in ``folder``; it keeps sessions and messages over ``go`` and ``back``.

    Args:
        folder: of its own.
        settings: lines of its configuration, in the place of ``allow_anonymous true``.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port = free_port()
        self._conf = folder / "mosquitto.conf"
        rest = settings or ("allow_anonymous true",)
        # started by root it becomes another user, who may not write here
        lines = (
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {folder}/",
            "user root",
            *rest,
        )
        self._conf.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes]
        self.back()

    def back(self) -> None:
        """Start, on the same port."""
        command = [shutil.which("mosquitto", path=PATH) or "mosquitto", "-c", str(self._conf)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(self._listens)

    def _listens(self) -> bool:
        assert self.process.poll() is None, "mosquitto has ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def go(self) -> None:
        """End, after what is held was written down."""
        self.process.terminate()
        self.process.wait(20)


class Listener:
    """Subscribes to all below a topic, QoS 1, in a session that outlives its broker's restarts.

    Attributes:
        has: (topic, body) of every message, in order.
    """

    def __init__(self, port: int, topic: str = "adshift", **login: str) -> None:
        from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv311

        self.has: list[tuple[str, Any]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False, protocol=MQTTv311)
        if login:
            self._client.username_pw_set(**login)
        heard: list[object] = []
        self._client.on_connect = lambda client, *_: client.subscribe(f"{topic}/#", qos=1)
        self._client.on_subscribe = lambda *_: heard.append(1)
        self._client.on_message = lambda _, __, message: self.has.append((message.topic, json.loads(message.payload)))
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait(lambda: heard)

    @property
    def ids(self) -> list[str]:
        """The id of every message, in order."""
        return [body["id"] for _, body in self.has]

    def wait_for(self, *ids: str) -> None:
        """Return when each has arrived."""
        wait(lambda: set(ids) <= set(self.ids))

    def close(self) -> None:
        """Listen no more."""
        self._client.disconnect()
        self._client.loop_stop()
