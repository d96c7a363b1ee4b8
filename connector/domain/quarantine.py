"""What is set aside because it could not be taken, stored, read back or judged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from connector.wording import Said


class Source(StrEnum):
    """Where something came from."""

    STOREFRONT = "storefront"
    SAP = "sap"
    DMS = "dms"
    FILE = "file"  # handed in by a person
    DATABASE = "database"  # stored here earlier


class Failed(StrEnum):
    """The step that failed, which a retry repeats."""

    TAKE = "take"  # an order that the shop showed
    READ = "read"  # an order that a list names and that could not be read in full
    GONE = "gone"  # a known order that the shop says it has no more, as of many at once
    COMPARE = "compare"  # an order of the shop in the nightly comparison
    NEWS = "news"  # what the DMS or SAP says of an order
    FOLLOW = "follow"  # what comes after the sale of an order
    STORED = "stored"  # an order that is stored and cannot be read any more


class State(StrEnum):
    """What became of an entry."""

    OPEN = "open"
    ENDED = "ended"  # the step was repeated and worked, or what came later was good
    DROPPED = "dropped"  # by a person, or by age


@dataclass(frozen=True)
class Entry:
    """One thing that is set aside. `key` names it where it came from; `seen_in` is job and window.

    The same source, step and key are one entry, whatever its bytes are: the newest count.
    """

    source: Source
    failed: Failed
    key: str
    content: bytes
    reason: Said
    seen_in: str

    @property
    def digest(self) -> str:
        """The hash of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


LONGEST_KEY = 64


def key_of(name: object, content: bytes) -> str:
    """Return the key of something: its name, or where it has none that can be kept its hash."""
    text = str(name).strip() if isinstance(name, str | int) and not isinstance(name, bool) else ""
    if 0 < len(text) <= LONGEST_KEY and text.isprintable():
        return text
    return f"?{hashlib.sha256(content).hexdigest()[:24]}"
