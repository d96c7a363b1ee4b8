"""Delivers files by mail: one message with the whole parcel to each recipient.

A mail server cannot be asked whether it took a message, so one whose answer was lost is in doubt
until a person has looked for its Message-ID, which is the same for the same parcel and recipient.
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from typing import Literal

from connector.deadline import WATCHDOG
from connector.departure import last_look
from connector.errors import (
    InDoubt,
    LogonFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    nothing_sent,
)
from connector.extracts.deliver import Parcel, Sending
from connector.wording import systems

_LEADING_DOT = re.compile(rb"(?m)^\.")
_TYPES = {
    ".csv": ("text", "csv"),
    ".html": ("text", "html"),
    ".json": ("application", "json"),
    ".xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
_TITLES = {
    "batch": "订单信息 Batch",
    "extract": "对账文件 Extract",
    "settlement": "结算单 Settlement",
}


@dataclass(frozen=True)
class MailTarget:
    """A mail server and who gets the parcels.

    `timeout` bounds each answer, and `call_deadline` all that one message takes, in seconds.
    """

    name: str
    kinds: frozenset[str]
    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str
    password: str
    sender: str
    recipients: tuple[str, ...]
    timeout: float
    call_deadline: float

    @contextmanager
    def sendings(self, parcel: Parcel) -> Iterator[Sequence[Sending]]:
        """See `connector.extracts.deliver.Target`."""
        yield [self._sending(parcel, recipient) for recipient in self.recipients]

    def _sending(self, parcel: Parcel, recipient: str) -> Sending:
        # The address itself is personal: the record of calls knows it by its hash.
        who = hashlib.sha256(recipient.lower().encode()).hexdigest()[:12]
        subject = f"{parcel.kind}/{parcel.name}"
        key = f"{self.name}|{subject}|{who}|{parcel.revision}"
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        message_id = f"<{digest}@{self.sender.rpartition('@')[2]}>"

        envelope = _Envelope(self, recipient)

        def send() -> str:
            envelope.send(self._message(parcel, recipient, message_id))
            return message_id[:80]

        return Sending(
            subject, message_id, parcel.revision, parcel.items, send, None, who, envelope.open
        )

    def _message(self, parcel: Parcel, recipient: str, message_id: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self.sender, recipient
        message["Subject"] = f"{_TITLES.get(parcel.kind, parcel.kind)} {parcel.name}"
        message["Message-ID"] = message_id
        lines = [
            f"{item.path.name}   {item.rows} rows   SHA-256 {item.sha256}" for item in parcel.items
        ]
        message.set_content("附件 Attached:\n\n" + "\n".join(lines) + "\n")
        for item in parcel.items:
            main, sub = _TYPES.get(item.path.suffix, ("application", "octet-stream"))
            message.add_attachment(
                item.content(), maintype=main, subtype=sub, filename=item.path.name
            )
        return message

    def session(self) -> smtplib.SMTP:
        """Return a session that is not connected yet."""
        patience = min(self.timeout, self.call_deadline)
        if self.security == "tls":
            return smtplib.SMTP_SSL(timeout=patience, context=ssl.create_default_context())
        return smtplib.SMTP(timeout=patience)

    def connect(self, server: smtplib.SMTP) -> None:
        """Connect a session and log on. Raises RetryLater, Misconfigured."""
        place = f"{self.host}:{self.port}"
        try:
            # As the constructor does: a certificate is held against this name.
            server._host = self.host  # type: ignore[attr-defined]
            code, text = server.connect(self.host, self.port)
            if code != 220:
                server.close()
                raise smtplib.SMTPConnectError(code, text)
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code < 500:
                raise RetryLater(systems.LOGON_PUT_OFF(code=error.smtp_code), place=place) from None
            raise LogonFailed(
                f"{self.user} is refused ({error.smtp_code})",
                place=f"delivery.{self.name}",
                remedy="correct user and password",
            ) from None
        except smtplib.SMTPNotSupportedError as error:
            raise Misconfigured(
                str(error), place=f"delivery.{self.name}.security", remedy="starttls, tls or none"
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise Misconfigured(
                f"the server's certificate is not trusted: {error.verify_message}",
                place=f"delivery.{self.name}",
                remedy="correct the host name or install the authority's certificate",
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            raise RetryLater(
                systems.UNREACHABLE_WHY(why=type(error).__name__), place=place
            ) from error

    def refused(self, code: int, text: bytes | str) -> RetryLater | Rejected | InDoubt:
        """The server's own words: 4xx is for now, 5xx for good; neither took the message.

        What is no such answer may come after the message was taken.
        """
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        if 400 <= code < 500:
            return RetryLater(systems.SERVER_SAID(words=code), place=self.name)
        if not 500 <= code < 600:
            return InDoubt(systems.SERVER_SAID(words=code), place=self.name)
        return Rejected(str(code), words[:200], place=f"delivery.{self.name}")


def _sent(session: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
    """Send the content and return the answer. Up to its last line a server has taken nothing."""
    code, text = session.docmd("data")
    if code != 354:
        return code, text
    last_look(session.sock)
    session.send(_LEADING_DOT.sub(b"..", content))
    session.send(b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")
    return session.getreply()


class _Envelope:
    """A session in which sender and recipient were named: only the content is left to be sent.

    Up to there nothing has an effect, so that the call need not count as sent.
    """

    def __init__(self, target: MailTarget, recipient: str) -> None:
        self._target = target
        self._recipient = recipient
        self._session: smtplib.SMTP | None = None
        self._answer = (250, b"")

    def open(self) -> None:
        """Name sender and recipient. Raises RetryLater, Misconfigured."""
        session = self._target.session()
        with self._in_time(session):
            self._open(session)

    def _in_time(self, session: smtplib.SMTP) -> AbstractContextManager[None]:
        def break_off() -> None:
            if session.sock is not None:
                with suppress(OSError):
                    session.sock.shutdown(socket.SHUT_RDWR)

        return WATCHDOG.within(self._target.call_deadline, break_off)

    def _open(self, session: smtplib.SMTP) -> None:
        self._target.connect(session)
        try:
            session.ehlo_or_helo_if_needed()
            code, text = session.mail(self._target.sender)
            if code == 250:
                code, text = session.rcpt(self._recipient)
        except (smtplib.SMTPException, OSError) as error:
            session.close()
            place = self._target.name
            raise RetryLater(systems.BROKE_OFF(error=type(error).__name__), place=place) from error
        # What is refused is noted with the call, as the answer to it.
        self._session, self._answer = session, (code, text)

    def send(self, message: EmailMessage) -> None:
        """Send the content. Raises RetryLater, Rejected, InDoubt."""
        if self._session is None:
            with nothing_sent():
                self.open()
        session, self._session = self._session, None
        assert session is not None
        with self._in_time(session):
            self._send(session, message)

    def _send(self, session: smtplib.SMTP, message: EmailMessage) -> None:
        try:
            code, text = self._answer
            if code in (250, 251):
                code, text = _sent(session, message.as_bytes(policy=policy.SMTP))
            if code not in (250, 251):
                raise self._target.refused(code, text)
        except RetryLater:
            # In the middle of a message a farewell would be a line of it.
            session.close()
            raise
        except (smtplib.SMTPException, OSError) as error:
            raise InDoubt(
                systems.BROKE_OFF(error=type(error).__name__), place=self._target.name
            ) from error
        finally:
            with suppress(smtplib.SMTPException, OSError):
                session.quit()
            session.close()
