"""Puts everything that is to be told to one role now into one message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog

from connector.domain.alerts import AlertKind
from connector.domain.masking import mask_text
from connector.notify.hold_words import Words
from connector.notify.words import SUBJECTS, WATCHED, words_for
from connector.wording import Said, quarantine, recalled

_log = structlog.get_logger(__name__)

# So many matters are told in full; a storm of more ends in a line that counts the rest.
MOST = 12
_LONGEST_ERROR = 200
# Kinds whose subject is a word of ours, to be said in the reader's language.
_SPOKEN = {
    AlertKind.AT_RISK: SUBJECTS,
    AlertKind.BROKEN: SUBJECTS,
    AlertKind.QUARANTINED: quarantine.SOURCES,
    AlertKind.UNJUDGED: WATCHED,
}


class Told(Protocol):
    """An alert as it is told. Attributes as in the table of alerts."""

    kind: Any
    subject: Any
    since: Any
    closed_at: Any
    orders: Any
    detail: Any
    told: Any


@dataclass(frozen=True)
class Message:
    """One message: title and text, without anything personal."""

    title: str
    text: str


@dataclass(frozen=True)
class Language:
    """In which languages and by which clock messages speak."""

    chinese: bool
    english: bool
    zone: ZoneInfo

    def pick(self, chinese: str, english: str, between: str = " / ") -> str:
        """Return what is spoken of the two."""
        said = [*([chinese] if self.chinese else []), *([english] if self.english else [])]
        return between.join(said) or english

    def say(self, text: Said) -> str:
        """Return a text of the connector's; what is not its own reads as it is."""
        return text.chinese if text.chinese == text else self.pick(text.chinese, text)

    def clock(self, at: datetime) -> str:
        """Return a time as people read it."""
        return f"{at.astimezone(self.zone):%m-%d %H:%M}"


def digest(alerts: Sequence[Told], language: Language) -> Message:
    """Return one message for all of these alerts, open ones first."""
    open_ones = [each for each in alerts if each.closed_at is None]
    solved = [each for each in alerts if each.closed_at is not None]
    parts = [
        f"{number}. {_worded(each, describe, language)}"
        for number, each in enumerate(open_ones[:MOST], start=1)
    ]
    if len(open_ones) > MOST:
        more = len(open_ones) - MOST
        parts.append(language.pick(f"另有 {more} 项", f"and {more} more"))
    if solved:
        heading = language.pick("已解决", "Solved")
        parts.append(
            "\n".join([heading, *(f"- {_worded(each, what, language)}" for each in solved[:MOST])])
        )
    title = language.pick(
        f"连接器：{len(open_ones)} 项需要处理" if open_ones else f"连接器：{len(solved)} 项已解决",
        f"Connector: {_counted(len(open_ones))} for you"
        if open_ones
        else f"Connector: {_counted(len(solved))} solved",
    )
    return Message(title, "\n\n".join(parts))


def _worded(alert: Told, say: Callable[[Told, Language], str], language: Language) -> str:
    """Say it, or name it at least: one alert that cannot be put in words keeps none back."""
    try:
        return say(alert, language)
    except Exception:
        _log.exception("alert not worded", kind=str(alert.kind))
        return mask_text(f"{alert.kind} {alert.subject}")


def describe(alert: Told, language: Language) -> str:
    """Say what is wrong, since when, what happens next by itself, and the repairing command."""
    words = _words(alert)
    facts = _facts(alert, language)
    since = language.clock(alert.since)
    lines = [
        what(alert, language),
        language.pick(f"自 {since} 起", f"since {since}")
        + (_again(alert.told, language) if alert.told else ""),
        language.pick(f"接下来：{words.then[0]}", f"Next: {words.then[1]}", "\n   ").format_map(
            facts
        ),
    ]
    if words.command:
        commands = "\n".join(f"    {each}" for each in words.command.format_map(facts).split("；"))
        lines.append(language.pick("命令", "Type") + ":" + "\n" + commands)
    return "\n   ".join(lines[:-1]) + "\n   " + lines[-1]


def what(alert: Told, language: Language) -> str:
    """Name the matter."""
    chinese, english = _words(alert).what
    return language.pick(
        chinese.format_map(_facts(alert, replace(language, english=False))),
        english.format_map(_facts(alert, replace(language, chinese=False))),
        between="\n   ",
    )


def _words(alert: Told) -> Words:
    return words_for(AlertKind(alert.kind), alert.subject, logon=bool(alert.detail.get("logon")))


def _facts(alert: Told, language: Language) -> Mapping[str, Any]:
    detail = {
        name: language.say(recalled(value).with_each(_short))
        for name, value in alert.detail.items()
    }
    for name in ("due", "cutoff", "window"):
        if name in detail:
            detail[name] = language.clock(datetime.fromisoformat(detail[name]))
    said = _SPOKEN.get(alert.kind, {}).get(alert.subject)
    subject = language.pick(*said) if said is not None else alert.subject
    return {**detail, "subject": subject, "orders": alert.orders}


def _short(text: str) -> str:
    return mask_text(text)[:_LONGEST_ERROR]


def _again(told: int, language: Language) -> str:
    return language.pick(f"，第 {told + 1} 次提醒", f", told {told + 1}×")


def _counted(number: int) -> str:
    return "1 matter" if number == 1 else f"{number} matters"
