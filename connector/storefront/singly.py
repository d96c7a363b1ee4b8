"""Reads a page of a list order by order where the shop cannot give it as a whole.

WordPress answers a whole page with an error when one order of it has a value that no JSON holds (an
endless number, a text that is none); a plug-in may fail at one order too. What is wrong with one
order keeps no other of its page back, and it is named as far as the shop can name it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.errors import RetryLater
from connector.wording import Said, systems

# So many orders one after the other that cannot be given are the shop's trouble, not theirs.
_AWAY = 3
# What no order can be blamed for: nothing was answered, or the shop asks for a pause.
_UNANSWERED = {
    each.code
    for each in (
        systems.UNREACHABLE, systems.ANSWER_LOST, systems.NO_TIME_LEFT, systems.ASKS_FOR_LESS
    )
}  # fmt: skip


class Gap(dict[str, Any]):
    """What is known of an order that the shop cannot give in full: its number and times at most.

    `why` is what the shop said instead.
    """

    def __init__(self, known: Mapping[str, Any], why: Said) -> None:
        super().__init__(known)
        self.why = why


def was_answered(error: RetryLater) -> bool:
    """Whether the shop answered, though not with what was asked for."""
    code = error.message.code if isinstance(error.message, Said) else ""
    return error.after is None and code not in _UNANSWERED


def singly(
    asked: Mapping[str, str],
    whole: Callable[[int], list[Any]],
    named: Callable[[int], list[Any]],
    places: range,
) -> list[Any]:
    """Return the elements at these places of what is `asked` for, each asked for alone.

    `whole` gives the one at a place, `named` its number and times only; empty lists are the end.
    Raises RetryLater where several one after the other cannot be given, or none was answered.
    """
    found: list[Any] = []
    vain = 0
    for place in places:
        try:
            one = whole(place)
            vain = 0
        except RetryLater as error:
            vain += 1
            if vain >= _AWAY or not was_answered(error):
                raise
            one = [Gap(_known(named, place) or {**asked, "place": place}, error.said)]
        if not one:
            break
        found += one
    return found


def _known(named: Callable[[int], list[Any]], place: int) -> Mapping[str, Any]:
    try:
        (known,) = named(place)
    except (RetryLater, ValueError):
        return {}
    return known if isinstance(known, Mapping) else {}
