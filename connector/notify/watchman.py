"""Tells people when the job that watches does not: it needs neither the database nor a disk."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from connector.domain.alerts import Rhythm, Role
from connector.domain.masking import mask_said, mask_text
from connector.errors import said_of
from connector.notify.channels import Notifier
from connector.notify.digest import Language, Message
from connector.shortage import shortage_of
from connector.wording import Said, machine, systems

_log = structlog.get_logger(__name__)

# File descriptors kept for the message that there are none left.
_RESERVE = 8
# Seconds after which it is told that nothing is watched, where this machine itself is the cause.
_SHORT_LATE = 90.0


class Ended(Protocol):
    """How one run of a job ended."""

    @property
    def job(self) -> str:
        """Which job it was."""
        ...

    @property
    def state(self) -> str:
        """done, failed, stopped or skipped."""
        ...

    @property
    def error(self) -> str:
        """What it failed by."""
        ...


class Watchman:
    """Knows when `watch` was last done; IT is told when that is longer ago than `late`.

    What it knows is in memory alone, and messages leave from a thread of its own: a database that
    does not answer, a full disk and a tick that hangs keep none back. Threads share it.
    """

    def __init__(
        self,
        notifier: Notifier,
        language: Language,
        rhythm: Rhythm,
        clock: Callable[[], datetime],
        late: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notifier = notifier
        self._language = language
        self._rhythm = rhythm
        self._clock = clock
        self._late = late.total_seconds()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._done, self._done_at = monotonic(), clock()
        self._error: Said | None = None
        self._short = False
        self._told = 0
        self._next = 0.0
        self._sending: threading.Thread | None = None
        self._reserve = _reserved()

    @property
    def well(self) -> bool:
        """Whether everything was watched not long ago.

        Where this machine has run out of something, it is not waited so long for the watch.
        """
        late = min(self._late, _SHORT_LATE) if self._short else self._late
        return self._monotonic() - self._done <= late

    def ticked(self, ended: Iterable[Ended]) -> None:
        """Take note of the runs of a tick."""
        for each in ended:
            if each.job != "watch":
                continue
            if each.state == "done":
                self._well_again()
            elif each.error:
                self._error = each.error if isinstance(each.error, Said) else Said(each.error)

    def failed(self, error: Exception) -> None:
        """Take note of a tick that could not be made."""
        named = systems.NAMED(name=type(error).__name__, message=said_of(error))
        self._error = mask_said(named)
        self._short = shortage_of(error) is not None

    def stands_by(self) -> None:
        """Take note that another process leads, and watches."""
        self._well_again()

    def look(self) -> None:
        """Tell what is to be told now; called every second or so."""
        if self._sending is not None and self._sending.is_alive():
            return
        now = self._monotonic()
        if self.well:
            if self._told:
                at = self._language.clock(self._done_at)
                self._told = 0
                self._send(self._message(machine.WATCH_GOES_ON(at=at)))
        elif not self._told or now >= self._next:
            at = self._language.clock(self._done_at)
            error = self._error or machine.WATCH_SILENT()
            self._told += 1
            moment = self._clock()
            pause = self._rhythm.next_after(self._told, moment) - moment
            self._next = now + pause.total_seconds()
            self._send(
                self._message(machine.WATCH_STANDS(at=at, error=error), machine.WATCH_THEN())
            )

    def _well_again(self) -> None:
        with self._lock:
            self._done, self._done_at = self._monotonic(), self._clock()
            self._error, self._short = None, False

    def _message(self, *texts: Said) -> Message:
        title = self._language.pick("连接器：监视", "Connector: watching")
        return Message(title, "\n".join(self._language.say(each) for each in texts))

    def _send(self, message: Message) -> None:
        if not self._notifier.has(Role.IT):
            _log.error("nobody is reached", role=Role.IT, text=message.text)
            return
        self._sending = threading.Thread(
            target=self._sent, args=(message,), name="watchman", daemon=True
        )
        self._sending.start()

    def _sent(self, message: Message) -> None:
        for descriptor in self._reserve:
            with suppress(OSError):
                os.close(descriptor)
        try:
            self._notifier.send(Role.IT, message)
        except Exception as error:
            # It is tried again with the next look.
            self._next = self._monotonic() + 60
            _log.error("watchman's message not sent", error=mask_text(str(error)))
        finally:
            self._reserve = _reserved()


def _reserved() -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for _ in range(_RESERVE):
            found.append(os.open(os.devnull, os.O_RDONLY))
    return found
