"""The outlets that a configuration names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from adshift.config.build import checked, within
from adshift.errors import AdshiftError
from adshift.system.download import LOOPBACK
from adshift.system.terminal import tell
from adshift.watch.outlets.mqtt import Mqtt
from adshift.watch.outlets.outlet import Outlet
from adshift.watch.outlets.webhook import Webhook

LONGEST_TIMEOUT = 600
LONGEST_TOPIC = 1024


def outlets(webhook: Mapping[str, Any], mqtt: Mapping[str, Any]) -> list[Outlet]:
    """The outlets of the nodes ``webhook`` (url, token_env, timeout) and ``mqtt`` (host, port, topic, username_env,
    password_env, tls); a node without ``url`` or ``host`` is none.

    Secrets are read from the variables of the environment that ``..._env`` name; a line tells where one goes unencrypted.

    Raises:
        AdshiftError: a value is impossible, a variable is not set, or paho-mqtt is not installed.
    """
    found: list[Outlet] = []
    if webhook["url"] is not None:
        found.append(_webhook(webhook))
    if mqtt["host"] is not None:
        found.append(_mqtt(mqtt))
    return found


def _webhook(node: Mapping[str, Any]) -> Webhook:
    timeout = checked("webhook.timeout", node["timeout"], float)
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise AdshiftError(f"webhook.timeout={timeout} must be > 0 and <= {LONGEST_TIMEOUT} seconds; the default is 5")
    url = checked("webhook.url", node["url"], str)
    host, encrypted = _address(url)
    token = _secret("webhook.token_env", node["token_env"])
    if token is not None and not encrypted and host not in LOOPBACK:
        tell(f"warning: the token for {host} goes over the network unencrypted; give webhook.url an https address")
    return Webhook(url, token, timeout)


def _address(url: str) -> tuple[str, bool]:
    """The host of an address that can be asked, and whether it is asked over TLS."""
    example = "webhook.url=https://HOST/PATH"
    try:
        parts = urlsplit(url)
        host, named = parts.hostname, parts.username or parts.password
        _ = parts.port
    except ValueError as error:
        raise AdshiftError(f"webhook.url={url} is no address ({error}); write {example}") from error
    if named:
        raise AdshiftError(
            f"webhook.url holds a name or a password; leave them out: webhook.token_env=VARIABLE, {example}"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise AdshiftError(f"webhook.url={url} must be an http or https address; write {example}")
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise AdshiftError(f"webhook.url={url} must be of ASCII letters without spaces; write others as %XX")
    return host, parts.scheme == "https"


def _mqtt(node: Mapping[str, Any]) -> Mqtt:
    host = checked("mqtt.host", node["host"], str)
    port = checked("mqtt.port", node["port"], int)
    topic = checked("mqtt.topic", node["topic"], str)
    tls = checked("mqtt.tls", node["tls"], bool)
    within("mqtt.port", port, 1, 65535, "1883 is customary, 8883 with mqtt.tls=true")
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", host):
        raise AdshiftError(
            f"mqtt.host={host} must be a host's name or address alone; write mqtt.host=HOST mqtt.port={port}"
        )
    if not topic.isprintable() or not 0 < len(topic) <= LONGEST_TOPIC or set(topic) & set("+#"):
        raise AdshiftError(
            f"mqtt.topic={topic} must have 1 to {LONGEST_TOPIC} letters, without + and #, which are for who listens; "
            "the default is adshift"
        )
    username = _secret("mqtt.username_env", node["username_env"])
    password = _secret("mqtt.password_env", node["password_env"])
    if password is not None and username is None:
        raise AdshiftError("mqtt.password_env is given without mqtt.username_env; give both, or mqtt.password_env=null")
    if password is not None and not tls and host not in LOOPBACK:
        tell(f"warning: the password for {host} goes over the network unencrypted; give mqtt.tls=true")
    return Mqtt(host, port, topic, username, password, tls)


def _secret(key: str, variable: object) -> str | None:
    """What a variable of the environment holds. What was given in its place is told to nobody: it may be the secret."""
    if variable is None:
        return None
    if not isinstance(variable, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        raise AdshiftError(f"{key} must be the name of a variable of the environment; write {key}=ADSHIFT_SECRET")
    value = os.environ.get(variable, "").strip()
    if not value:
        raise AdshiftError(f"the variable that {key} names is not set; export it before the start, or give {key}=null")
    if not (value.isascii() and value.isprintable()):
        raise AdshiftError(f"the variable that {key} names must hold ASCII letters on one line; export it anew")
    return value
