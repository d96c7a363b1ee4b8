"""Orders as nobody means them: every kind of character in every field, and numbers, nesting, sizes.

Each is a good order but for what is hostile in it. All made up.
"""

from __future__ import annotations

import copy
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).parents[2] / "connector/sandbox/orders.json"
# A text of this form goes over the wire as the JSON within it: numbers that Python cannot write.
_RAW = re.compile(rb'"@raw:(.*?)@"', re.DOTALL)


@dataclass(frozen=True)
class Hostile:
    """A hostile order: what is wrong with it, and the order.

    `shown` is what the shop shows in place of fields that the sandbox itself works with.
    """

    kind: str
    order: dict[str, Any]
    shown: dict[str, Any] = field(default_factory=dict)


def raw(token: str) -> str:
    """Return a text that goes over the wire as this JSON."""
    return f"@raw:{token}@"


def honest(number: int, stamp: str) -> dict[str, Any]:
    """Return an order of one part that there is plenty of, which nothing keeps from closing."""
    order: dict[str, Any] = next(
        each for each in json.loads(SAMPLE.read_text(encoding="utf-8")) if each["number"] == "30"
    )
    times = dict.fromkeys(
        ("date_created", "date_modified", "date_paid", "date_created_gmt", "date_modified_gmt",
         "date_paid_gmt"), stamp,
    )  # fmt: skip
    line = {**order["line_items"][1], "id": number * 10}
    return {
        **order, **times, "id": number, "number": str(number), "line_items": [line],
        "total": "404.00",
    }  # fmt: skip


def hostile(first: int, count: int, stamp: str) -> list[Hostile]:
    """Return so many hostile orders, numbered on from `first`: all kinds, in turns."""
    made = []
    makers = [cycle(each()) for each in (_texts, _numbers, _types, _times, _keys, _shapes)]
    # Most ways of being hostile are in the texts.
    turns = cycle([0, 0, 0, 1, 2, 3, 4, 5])
    for number, turn in zip(range(first, first + count), turns, strict=False):
        kind, change = next(makers[turn])
        order = honest(number, stamp)
        shown: dict[str, Any] = {}
        change(order, shown)
        made.append(Hostile(kind, order, shown))
    return made


Change = Callable[[dict[str, Any], dict[str, Any]], None]
Ways = Iterator[tuple[str, Change]]


def categories() -> dict[str, str]:
    """Return a few characters of every category of Unicode."""
    found: dict[str, str] = {}
    for code in islice(range(sys.maxunicode + 1), 0, None, 7):
        character = chr(code)
        name = unicodedata.category(character)
        if len(found.get(name, "")) < 4:
            found[name] = found.get(name, "") + character
    found["Cc"] = "\x00\x01\x07\x08\x0b\x1b\x7f\x9b"
    found["Cf"] = "\u202e\u200b\ufeff\u2066"
    found["Cs"] = "\ud800\udfff\ud83d"
    found["Zl"], found["Zp"] = "\u2028", "\u2029"
    return found


_TYPED = (
    "\\u0000",
    "'; DROP TABLE orders;--",
    "<script>x</script>",
    "=1+1",
    "]]>",
    "%s%n",
    "\x1b[2J",
)
_PLACES = (
    "billing.company", "billing.first_name", "billing.address_1", "billing.city", "billing.phone",
    "billing.email", "billing.state", "shipping.address_1", "customer_note", "line_items.0.name",
    "line_items.0.sku", "number", "currency", "meta_data.2.value", "payment_method_title",
    "order_key",
)  # fmt: skip


def put(tree: Any, place: str, value: Any) -> None:
    """Put a value at a place, as in `billing.city`."""
    *above, last = place.split(".")
    for part in above:
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    tree[last] = value


def _texts() -> Ways:
    places = cycle(_PLACES)
    for name, characters in categories().items():
        yield f"texts {name}", _everywhere(characters)
        place = next(places)
        yield f"text {name} at {place}", _at(place, characters)
    for text, place in zip(_TYPED * 3, places, strict=False):
        yield f"typed at {place}", _at(place, text)


def _everywhere(characters: str) -> Change:
    def change(order: dict[str, Any], _shown: dict[str, Any]) -> None:
        for block in ("billing", "shipping"):
            for name, value in order[block].items():
                order[block][name] = f"{value}{characters}"
        order["customer_note"] = characters * 50
        order["line_items"][0]["name"] += characters
        order["meta_data"].append({"id": 1, "key": f"x{characters}", "value": characters})

    return change


def _at(place: str, value: Any) -> Change:
    def change(order: dict[str, Any], _shown: dict[str, Any]) -> None:
        put(order, place, value)

    return change


_NUMBERS = (
    "1e999", "-1e999", "1e999999999999999999", "1e-999999999999999999", "9" * 5000, "9" * 320,
    "0." + "3" * 400, "-0", "-5", "0", "1e15", "12345678901234567890.12345", "NaN", "Infinity",
    "1E+2", "0.00001", '"404,00"', '"1e999"', '"NaN"', '"0x10"', '"٤"', '"４０４"', '" 404 "', '""',
)  # fmt: skip
_AMOUNTS = ("total", "line_items.0.quantity", "line_items.0.total", "shipping_total", "customer_id")


def _numbers() -> Ways:
    for number, place in zip(_NUMBERS * len(_AMOUNTS), cycle(_AMOUNTS), strict=False):
        yield f"number at {place}", _at(place, raw(number))


_VALUES: tuple[Any, ...] = (None, True, [], {}, [None], {"a": {"b": [1]}}, "", 0, -1, [[]], "null")
_FIELDS = (
    "billing", "shipping", "line_items", "meta_data", "number", "currency", "customer_note",
    "shipping_total", "fee_lines", "line_items.0.sku", "billing.company", "meta_data.0.value",
    "total", "coupon_lines", "payment_method",
)  # fmt: skip


def _types() -> Ways:
    for value, place in zip(_VALUES * len(_FIELDS), cycle(_FIELDS), strict=False):
        yield f"type at {place}", _at(place, copy.deepcopy(value))


_TIMES = (
    "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "1582-10-10T00:00:00",
    "1900-01-01T00:00:00", "1969-12-31T23:59:59", "1970-01-01T00:00:00", "2003-02-30T00:00:00",
    "2003-06-01T00:00:00", "2027-01-04T09:00:00", "2038-01-19T03:14:08", "2100-02-28T00:00:00",
    "9999-12-31T23:59:59", "9999-12-31T23:59:59-12:00", "0000-00-00T00:00:00", "10000-01-01", "",
    None, 7, 1e20, ["2026-11-23T00:00:00"], {"date": "2026-11-23 00:00:00.000000"},
    "2026-11-23T12:00:00Z", "yesterday", "2026-11-23", "\x00",
)  # fmt: skip
_DATED = ("date_created_gmt", "date_paid_gmt", "date_modified_gmt", "date_completed_gmt")


def _times() -> Ways:
    for time, name in zip(_TIMES * len(_DATED), cycle(_DATED), strict=False):

        def change(
            _order: dict[str, Any], shown: dict[str, Any], name: str = name, time: Any = time
        ) -> None:
            # The sandbox lists by the time that it has; what it shows is another.
            shown[name] = time

        yield f"time in {name}", change


_KEYS = (
    "\x00",
    "",
    "$amount",
    "__proto__",
    "a" * 5000,
    "\ud83d",
    "code",
    "id",
    "\u202e",
    "[0]",
    "*",
)


def _keys() -> Ways:
    for key in _KEYS:
        yield "key", _at("meta_data", [{"id": 1, "key": key, "value": {key: {key: "1"}}}])
        yield "key in the order", _added(f"x{key}" if key in ("id", "code") else key)


def _added(key: str) -> Change:
    def change(order: dict[str, Any], _shown: dict[str, Any]) -> None:
        order[key] = {key: key}

    return change


def _shapes() -> Ways:
    deep = ("[" * 950 + "]" * 950, "[" * 200_000 + "]" * 200_000, '{"a":' * 150 + "1" + "}" * 150)
    for token in deep:
        yield "nested", _at("meta_data.0.value", raw(token))
    yield "nested as a field", _at("payment_method_title", raw(deep[0]))
    yield "4 MB", _at("customer_note", "x" * 4_100_000)
    yield "1 MB", _at("customer_note", "x" * 1_000_000)
    yield "300,000 values", _at("meta_data.0.value", raw("[" + "1," * 300_000 + "1]"))
    yield "many lines", _many_lines
    for shown in (
        {"id": None}, {"id": ""}, {"id": [1]}, {"id": {"a": 1}}, {"id": "7\x008"},
        {"id": "x" * 900},
        {"id": raw("9" * 5000)}, {"id": -1}, {"id": True}, {"number": "10001"}, {"number": "3\n0"},
        {"status": "\x00"}, {"status": "constructor"}, {"status": None},
        {"status": ["processing"]},
        {"refunds": "none"}, {"refunds": [None, 7]}, {"line_items": "none"}, {"line_items": None},
        {"code": "x", "message": "y"},
    ):  # fmt: skip
        yield f"shown {next(iter(shown))}", _shown(shown)


def _many_lines(order: dict[str, Any], _shown: dict[str, Any]) -> None:
    line = order["line_items"][0]
    order["line_items"] = [{**line, "id": place} for place in range(1, 601)]


def _shown(values: dict[str, Any]) -> Change:
    def change(_order: dict[str, Any], shown: dict[str, Any]) -> None:
        shown.update(values)

    return change


def spoken(body: bytes, shown: dict[int, dict[str, Any]]) -> bytes:
    """Return a shop's answer with what hostile orders show in it."""
    try:
        answer = json.loads(body)
    except ValueError:
        return body
    many = answer if isinstance(answer, list) else [answer]
    for place, each in enumerate(many):
        if isinstance(each, dict) and each.get("id") in shown:
            many[place] = {**each, **shown[each["id"]]}
    text = json.dumps(many if isinstance(answer, list) else many[0]).encode("ascii")
    return _RAW.sub(lambda found: _unescaped(found[1]), text)


def _unescaped(token: bytes) -> bytes:
    return str(json.loads(b'"' + token + b'"')).encode("utf-8")
