"""An MQTT broker: a message is delivered when the broker has acknowledged it (QoS 1)."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from adshift.errors import AdshiftError
from adshift.watch.outlets.outlet import Undelivered

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

KEEPALIVE = 60
"""Seconds of silence after which a connection is made anew; the broker is told so, and drops it at one and a half times."""
CONNECT = "connect"


class Mqtt:
    """Publishes to ``TOPIC/image`` and ``TOPIC/alarm``, QoS 1, in MQTT 5.

    MQTT 5, as in 3.1.1 a broker acknowledges also what it refuses (no permission, a quota) and drops.

    Args:
        host: of the broker.
        port: of the broker.
        topic: the first levels of the topics.
        username, password: None sends none.
        tls: whether to encrypt, and to check the broker's certificate by the system's list (``SSL_CERT_FILE``).
        timeout: seconds that each answer of the broker may take.

    Raises:
        AdshiftError: paho-mqtt is not installed, or an older one than 2.
    """

    name = "mqtt"

    def __init__(
        self,
        host: str,
        port: int = 1883,
        topic: str = "adshift",
        username: str | None = None,
        password: str | None = None,
        tls: bool = False,
        timeout: float = 5.0,
    ) -> None:
        _require_paho()
        self._host, self._port, self._topic, self._tls, self._timeout = host, port, topic, tls, timeout
        self._username, self._password = username, password
        self._place = f"{host}:{port}"
        self._client_id = f"adshift-{uuid.uuid4().hex[:12]}"
        self._connection: _Connection | None = None
        self._used = 0.0

    def send(self, id: str, kind: str, body: str) -> None:
        """As ``Outlet.send``; the id is in the body."""
        try:
            if self._connection is not None and not self._is_sound(self._connection):
                self.close()
            if self._connection is None:
                self._connection = self._connect()
            self._connection.publish(f"{self._topic}/{kind}", body)
            self._used = time.monotonic()
        except (OSError, Undelivered) as error:
            self.close()  # what paho holds unacknowledged it would send again by itself, beside our own try
            why = str(error) if isinstance(error, Undelivered) else f"cannot be reached ({_why(error)})"
            raise Undelivered(f"{self._place} {why}") from error

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_sound(self, connection: _Connection) -> bool:
        return time.monotonic() - self._used < KEEPALIVE and connection.is_open()

    def _connect(self) -> _Connection:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2, client_id=self._client_id, protocol=MQTTv5)
        client.connect_timeout = self._timeout
        if self._username is not None:
            client.username_pw_set(self._username, self._password)
        if self._tls:
            client.tls_set()
        connection = _Connection(client, self._timeout)
        try:
            client.connect(self._host, self._port, KEEPALIVE)
            connection.wait_for(CONNECT)
        except BaseException:
            connection.close()
            raise
        return connection


class _Connection:
    """One connection, whose packets are read by the thread that waits for an answer; after a fault it is of no more use.

    paho's own thread would connect again by itself and send what had been given up, once for every try.
    """

    def __init__(self, client: Client, timeout: float) -> None:
        self._client, self._timeout = client, timeout
        self._answers: dict[object, str] = {}
        self._lost = "closed the connection"
        client.on_connect = self._connected
        client.on_publish = self._published
        client.on_disconnect = self._disconnected

    def is_open(self) -> bool:
        """Whether the broker has not closed it, as far as is known here."""
        return self._client.loop(0) == 0

    def publish(self, topic: str, body: str) -> None:
        """Returns when the broker has acknowledged it; raises Undelivered."""
        self.wait_for(self._client.publish(topic, body, qos=1).mid)

    def wait_for(self, asked: object) -> None:
        """Returns when the broker has taken what was asked; raises Undelivered."""
        end = time.monotonic() + self._timeout
        while asked not in self._answers:
            left = end - time.monotonic()
            if left <= 0:
                raise Undelivered(f"gave no answer in {self._timeout:g} s")
            if self._client.loop(left) and asked not in self._answers:
                raise Undelivered(self._lost)
        if fault := self._answers.pop(asked):
            raise Undelivered(f"answered: {fault}")

    def close(self) -> None:
        """Say goodbye, and leave the rest to the broker: nothing is waited for."""
        client = self._client
        client.on_connect = client.on_publish = client.on_disconnect = None  # a circle would keep its sockets open
        client.disconnect()

    def _connected(self, _: Client, __: Any, ___: Any, code: ReasonCode, ____: Any) -> None:
        self._answers[CONNECT] = str(code) if code.is_failure else ""

    def _published(self, _: Client, __: Any, mid: int, code: ReasonCode, ___: Any) -> None:
        self._answers[mid] = str(code) if code.is_failure else ""

    def _disconnected(self, _: Client, __: Any, ___: Any, code: ReasonCode, ____: Any) -> None:
        self._lost = f"closed the connection ({code})"


def _require_paho() -> None:
    try:
        import paho.mqtt.enums  # noqa: F401 - which came with version 2
    except ImportError as error:
        raise AdshiftError(
            "mqtt.host needs paho-mqtt 2; pip install 'adshift[watch]', or use mqtt.host=null"
        ) from error


def _why(error: OSError) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
