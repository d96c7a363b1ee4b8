"""Envelopes for people: masked before any log, and an archive that keeps them for a while.

What a DMS calls its fields is unknown, so that masking goes by what a text is rather than by its
name alone: numbers, dates and codes are shown, free text keeps its first character.
"""

from __future__ import annotations

import copy
import itertools
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import structlog
from cryptography.fernet import Fernet
from lxml import etree

from connector.domain.masking import mask_text, mask_tree
from connector.errors import Misconfigured

_log = structlog.get_logger(__name__)

# Codes, numbers and times: what can be shown of a document whose words are unknown.
_PLAIN = re.compile(r"[A-Za-z]{0,4}[0-9A-Z_.:+/-]{1,40}")
_LONG_NUMBER = re.compile(r"(?<!\d)(\d{3})\d{5,}(\d{3})(?!\d)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class ArchiveSettings:
    """Where envelopes are kept, how, and for how many days. `key` is a Fernet key."""

    folder: Path
    mode: Literal["masked", "encrypted"] = "masked"
    key: str = field(default="", repr=False)
    retention_days: int = 30


def masked(envelope: etree._Element | bytes) -> bytes:
    """Return an envelope that may be logged: no credentials, nothing personal."""
    if isinstance(envelope, bytes):
        try:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            root = etree.fromstring(envelope, parser)
        except etree.XMLSyntaxError:
            return f"({len(envelope)} bytes that are no XML)".encode()
    else:
        root = copy.deepcopy(envelope)
    for header in root.iterfind("{*}Header/{*}Security"):
        for each in header.iter():
            each.text = "***" if each.text and each.text.strip() else each.text
    for element in root.iter():
        if not isinstance(element.tag, str):
            element.text = "***"  # a comment or an instruction: nobody knows what it holds
            continue
        name = etree.QName(element).localname
        if element.text and element.text.strip() and element.text != "***":
            element.text = _shown(element.text.strip(), name)
        if element.tail and element.tail.strip():
            element.tail = "***"
        for attribute, value in element.attrib.items():
            if "}" not in str(attribute):
                element.set(attribute, _shown(str(value), str(attribute)))
    return bytes(etree.tostring(root, encoding="UTF-8"))


def _shown(text: str, name: str) -> str:
    by_name = str(mask_tree(text, name))
    if by_name != text:
        return by_name
    if not _PLAIN.fullmatch(text):
        return f"{text[:1]}***"
    return _LONG_NUMBER.sub(r"\1***\2", mask_text(text)) if not _DAY.match(text) else text


class Archive:
    """Keeps envelopes, one file each, in a folder a day. Threads share it.

    An archive that cannot be written is reported and stops no order. Raises Misconfigured when
    the key is none.
    """

    def __init__(
        self, settings: ArchiveSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._day: date | None = None
        self._fernet: Fernet | None = None
        if settings.mode == "encrypted":
            try:
                self._fernet = Fernet(settings.key.encode())
            except ValueError:
                raise Misconfigured(
                    "the archive's key is no Fernet key",
                    place="CONNECTOR_DMS__ARCHIVE__KEY",
                    remedy="make one with cryptography's Fernet.generate_key()",
                ) from None

    def keep(self, operation: str, direction: str, envelope: etree._Element | bytes) -> None:
        """Keep one envelope: a request without its credentials, or an answer as it came."""
        now = self._clock()
        suffix = "xml.fernet" if self._fernet else "xml"
        name = f"{now:%H%M%S.%f}-{next(self._numbers):06d}"
        safe = re.sub(r"[^A-Za-z0-9_.-]", "_", operation)
        try:
            folder = self._folder(now.date())
            path = folder / f"{name}-{safe}-{direction}.{suffix}"
            path.write_bytes(self._written(envelope))
        except OSError as error:
            _log.error("envelope not archived", operation=operation, error=type(error).__name__)

    def read(self, path: Path) -> bytes:
        """Return a kept envelope in clear. Raises InvalidToken when the key is another's."""
        content = path.read_bytes()
        return self._fernet.decrypt(content) if self._fernet else content

    def _written(self, envelope: etree._Element | bytes) -> bytes:
        if self._fernet is None:
            return masked(envelope)
        clear = (
            envelope if isinstance(envelope, bytes) else etree.tostring(envelope, encoding="UTF-8")
        )
        return self._fernet.encrypt(clear)

    def _folder(self, day: date) -> Path:
        folder = self._settings.folder / f"{day:%Y-%m-%d}"
        with self._lock:
            if self._day != day:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._forget(day - timedelta(days=self._settings.retention_days))
                self._day = day
        return folder

    def _forget(self, before: date) -> None:
        for each in self._settings.folder.iterdir():
            if each.is_dir() and _DAY.fullmatch(each.name) and each.name < f"{before:%Y-%m-%d}":
                shutil.rmtree(each, ignore_errors=True)
