"""What the connector says of an order, in English and Chinese: reasons of holds, texts of events.

The English text is what is stored, logged and shown to ops. It remembers which sentence of the
catalogue it is and what it says it about, so that business people can read it in Chinese.
"""

from connector.wording import course, machine, problems, quarantine, sheets, systems, terms
from connector.wording.id_numbers import shown
from connector.wording.said import (
    Said,
    Say,
    Sentence,
    both,
    quoted,
    recalled,
    recorded,
    together,
)

__all__ = [
    "Said",
    "Say",
    "Sentence",
    "both",
    "course",
    "machine",
    "problems",
    "quarantine",
    "quoted",
    "recalled",
    "recorded",
    "sheets",
    "shown",
    "systems",
    "terms",
    "together",
]
