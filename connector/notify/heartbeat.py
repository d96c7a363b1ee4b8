"""Tells a listener elsewhere that the service ticks: when it falls silent, that one calls."""

from __future__ import annotations

import threading

import requests
import structlog

from connector.encryption import check_encrypted

_log = structlog.get_logger(__name__)

# Seconds that the listener has to answer; no tick waits for it.
_PATIENCE = 5.0


class Heartbeat:
    """A dead man's switch: a URL that is asked for after each good tick.

    It is asked for in a thread of its own, and not while the last answer is awaited.
    """

    def __init__(self, url: str) -> None:
        """Take the URL. Raises Misconfigured where it would travel unencrypted."""
        check_encrypted(url, place="notify.heartbeat")
        self._url = url
        self._thread: threading.Thread | None = None
        self._answered = True

    def beat(self) -> None:
        """Say that a good tick came to its end."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._ask, name="heartbeat", daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        try:
            with requests.Session() as session:
                # Neither a proxy nor a password of the machine's environment gets in between.
                session.trust_env = False
                answer = session.get(self._url, timeout=_PATIENCE, allow_redirects=False)
            answered, why = answer.ok, f"HTTP {answer.status_code}"
        except requests.RequestException as error:
            # Its text would show the URL, which is a secret.
            answered, why = False, type(error).__name__
        if answered != self._answered:
            self._answered = answered
            if answered:
                _log.info("the heartbeat is heard again")
            else:
                _log.warning("the heartbeat is not heard", error=why)
