"""Sends messages by apprise: WeCom (企业微信), DingTalk (钉钉), Feishu (飞书), mail and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog

from connector.deadline import in_time
from connector.domain.alerts import Role
from connector.encryption import is_loopback
from connector.errors import Misconfigured, RetryLater
from connector.notify.digest import Message
from connector.wording import machine, systems

_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class Notifier(Protocol):
    """Brings messages to people."""

    def has(self, role: Role) -> bool:
        """Whether anybody is reached for this role."""
        ...

    def send(self, role: Role, message: Message) -> None:
        """Send one message to a role. Raises RetryLater, and Misconfigured where nobody is reached.

        One that raised was not told to anybody.
        """
        ...


class AppriseNotifier:
    """Channels by role, each an apprise URL. A role without channels is reached through ops."""

    def __init__(self, channels: Mapping[Role, Sequence[str]], seconds: float = _SECONDS) -> None:
        """Take the channels. Raises Misconfigured for a URL that apprise does not know.

        Each has so many seconds to take a message.
        """
        self._seconds = seconds
        self._channels = {role: tuple(urls) for role, urls in channels.items() if urls}
        for role, urls in self._channels.items():
            for number, url in enumerate(urls, start=1):
                self._checked(role, number, url)

    def has(self, role: Role) -> bool:
        """See `Notifier`."""
        return bool(self._urls(role))

    def send(self, role: Role, message: Message) -> None:
        """See `Notifier`."""
        import apprise

        urls = self._urls(role)
        if not urls:
            raise Misconfigured(
                machine.NOBODY_REACHED(),
                place=f"notify.{role}",
                remedy="name a channel of this role, or of ops",
            )
        refused = 0
        for url in urls:
            service = apprise.Apprise()
            service.add(url)
            refused += not self._took(service, message)
        # Who has got it once has got it: one dead channel of two must not double the other.
        if refused == len(urls):
            raise RetryLater(systems.NO_CHANNEL(), place=f"notify.{role}")
        if refused:
            _log.warning("a channel did not take a message", role=role, refused=refused)

    def _took(self, service: Any, message: Message) -> bool:
        """Whether a channel took a message, and said so in time."""
        import apprise

        def notify() -> bool:
            return bool(
                service.notify(
                    body=message.text, title=message.title, body_format=apprise.NotifyFormat.TEXT
                )
            )

        try:
            return in_time(self._seconds, notify)
        except TimeoutError:
            return False

    def _urls(self, role: Role) -> Sequence[str]:
        return self._channels.get(role) or self._channels.get(Role.OPS, ())

    def _checked(self, role: Role, number: int, url: str) -> None:
        import apprise

        service = apprise.Apprise.instantiate(url)
        if service is None:
            # The URL holds tokens and passwords: it is not shown.
            raise Misconfigured(
                f"channel {number} is no address that apprise knows",
                place=f"notify.{role}",
                remedy="for example mailtos://user:password@host?to=ops@firm or wecombot://KEY",
            )
        secret = service.password or getattr(service, "token", None)
        # Services that know but one scheme are reached over https whatever it is called.
        open_way = service.protocol and service.secure_protocol and not service.secure
        if secret and open_way and not is_loopback(service.host or ""):
            raise Misconfigured(
                f"channel {number} would send its password or token unencrypted",
                place=f"notify.{role}",
                remedy="use the service's encrypted scheme: mailtos://, jsons://, gotifys://",
            )
