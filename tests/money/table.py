"""The table of docs/money.md: what the shop has of each kind of order, and what every book says.

`python -m tests.money.table` lives the day and writes the table anew.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from connector.domain.lifecycle import OWNER, HoldCause
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.service import Sandbox
from tests.money.shop import Cart, Ware, back, order, refund, with_refunds, worth
from tests.support.scene import NOON, Scene

DOCUMENT = Path(__file__).parents[2] / "docs/money.md"
_ZERO = Decimal(0)
TAXES = ("none", "included", "on top", "two rates")
DISCOUNTS = ("none", "coupon", "gift")
SHIPPING = ("none", "untaxed", "taxed")
FEES = ("none", "charge", "subsidy")
REFUNDS = (
    "none", "piece", "price", "shipping", "fee", "amount", "twice", "all but a piece",
    "later piece", "later amount", "later shipping", "later more than lines",
)  # fmt: skip
COLUMNS = (
    "tax", "rounded at", "discount", "shipping", "fee", "refund", "shop", "refunded before",
    "refunded later", "DMS order", "invoice application", "extract: total", "extract: refunded",
    "open money", "outcome",
)  # fmt: skip


class Kind(NamedTuple):
    """One kind of order."""

    tax: str
    at_subtotal: bool
    discount: str
    shipping: str
    fee: str
    refund: str


def kinds() -> list[Kind]:
    """Return the kinds of the table: all modes of prices, with two kinds of refund each."""
    made = []
    for at, (tax, discount, shipping, fee) in enumerate(product(TAXES, DISCOUNTS, SHIPPING, FEES)):
        for turn in (0, 1):
            given = REFUNDS[(5 * at + at // 12 + 7 * turn) % len(REFUNDS)]
            made.append(Kind(tax, bool((at + turn) % 2), discount, shipping, fee, given))
    return made


@dataclass
class Sold:
    """An order of a kind: as the shop shows it before release, and what it refunds later."""

    kind: Kind
    shown: dict[str, Any]
    later: list[dict[str, Any]] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        return Decimal(self.shown["total"])

    @property
    def before(self) -> Decimal:
        return _given(self.shown.get("refunds_detail", []))

    @property
    def after(self) -> Decimal:
        return _given(self.later)

    @property
    def unexplained(self) -> Decimal:
        """What no line of the later refunds explains, by the shop's own numbers."""
        parts = ("line_items", "shipping_lines", "fee_lines")
        items = [each for one in self.later for part in parts for each in one[part]]
        return self.after + sum(map(worth, items), _ZERO)


def _given(refunds: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(each["amount"]) for each in refunds), _ZERO)


def sold(number: int, kind: Kind) -> Sold:
    """Return an order of a kind; without shipping or fee, a part of a price is refunded instead."""
    off = {"none": "0", "coupon": "0.07", "gift": "0"}[kind.discount]
    second = "0.06" if kind.tax == "two rates" else "0.13"
    wares = [Ware("33.33", 3, off=off), Ware("19.99", 2, second, off)]
    if kind.discount == "gift":
        wares.append(Ware("8.78", 1, off="1"))
    cart = Cart(
        wares,
        tax="on top" if kind.tax == "two rates" else kind.tax,
        at_subtotal=kind.at_subtotal,
        shipping=None if kind.shipping == "none" else
        ("18.00", "0.13" if kind.shipping == "taxed" else "0"),
        fees=() if kind.fee == "none" else [("8.00" if kind.fee == "charge" else "-10.00", "0.13")],
    )  # fmt: skip
    shown = order(number, cart)
    one, two = shown["line_items"][:2]
    price = refund(number * 10, [back(two, 0, "0.1")])
    amount = refund(number * 10, amount="7.77")
    piece = refund(number * 10, [back(one, 1, "0.3333")])
    shipping = (
        refund(number * 10, shipping=[back(shown["shipping_lines"][0])])
        if shown["shipping_lines"] else price
    )  # fmt: skip
    fee = (
        refund(number * 10, [back(two, 1, "0.5")], fees=[back(shown["fee_lines"][0], share="0.5")])
        if shown["fee_lines"] else price
    )  # fmt: skip
    rest = refund(number * 10, [back(one, 3), back(two, 1, "0.5")])
    more = refund(
        number * 10, piece["line_items"], amount=f"{Decimal(piece['amount']) + Decimal('2.50')}"
    )
    again = {**price, "id": number * 10 + 1}
    before: dict[str, list[dict[str, Any]]] = {
        "piece": [piece], "price": [price], "shipping": [shipping], "fee": [fee],
        "amount": [amount], "twice": [piece, again], "all but a piece": [rest],
    }  # fmt: skip
    later: dict[str, list[dict[str, Any]]] = {
        "later piece": [piece], "later amount": [amount], "later shipping": [shipping],
        "later more than lines": [more],
    }  # fmt: skip
    return Sold(
        kind,
        with_refunds(shown, *before.get(kind.refund, [])),
        later.get(kind.refund, []),
    )


class Day:
    """The day on which all of these orders are placed, released, refunded, shipped and invoiced."""

    def __init__(self, orders: list[Sold], folder: Path) -> None:
        self.orders = {int(each.shown["number"]): each for each in orders}
        file = folder / "orders.json"
        file.write_text(json.dumps([each.shown for each in orders]), encoding="utf-8")
        self._sandbox = Sandbox(orders=file)
        self._folder = folder

    def lived(self) -> Iterator[Scene]:
        """Live it; gives the scene at each moment at which the books are to agree."""
        with self._sandbox as sandbox:
            url = f"sqlite:///{self._folder / 'connector.db'}"
            made = Scene(sandbox, url, self._folder)
            try:
                made.evening()
                made.later(minutes=5, ticks=3)
                yield made
                made.until(NOON)
                made.later(minutes=1)
                yield made
                for number, each in self.orders.items():
                    for one in each.later:
                        world.refund(
                            sandbox.books, sandbox.clock, str(number), one["amount"],
                            one["line_items"], str(one["id"]), one["shipping_lines"],
                            one["fee_lines"],
                        )  # fmt: skip
                made.later(minutes=40)
                yield made
                made.until(NOON.replace(hour=18))
                made.later(minutes=20, ticks=2)
                yield made
            finally:
                made.connector.close()

    def rows(self, made: Scene) -> list[tuple[str, ...]]:
        """Return the table's rows, of which finance's extract was written."""
        extract = made.settings.output / "extracts" / "2026-11-24"
        orders = {each["number"]: each for each in _csv(extract / "orders.csv")}
        money: dict[str, Decimal] = {}
        for line in _csv(extract / "open_money.csv"):
            money[line["number"]] = money.get(line["number"], _ZERO) + Decimal(line["open"])
        ordered, applied = documents(made)
        rows = []
        for number, each in self.orders.items():
            told, row = orders[str(number)], made.order(number)
            outcome = "equal"
            if row.hold_cause:
                cause = HoldCause(row.hold_cause)
                outcome = f"held: {cause} ({OWNER[cause]})"
            amounts = (
                each.total, each.before, each.after, ordered.get(number), applied.get(number),
                Decimal(told["total"]), Decimal(told["refunded"]), money.get(str(number), _ZERO),
            )  # fmt: skip
            kind = each.kind
            rounded_at = "subtotal" if kind.at_subtotal else "line"
            rows.append((kind.tax, rounded_at, *kind[2:], *map(_shown, amounts), outcome))
        return rows


def documents(made: Scene) -> tuple[dict[int, Decimal], dict[int, Decimal]]:
    """Return by order what the DMS's live orders come to, and what was applied for."""
    ordered: dict[int, Decimal] = {}
    applied: dict[int, Decimal] = {}
    for each in whole_orders(made.sandbox.books):
        if each["status"] == "CANCELLED":
            continue
        number = int(each["externalNumber"])
        ordered[number] = ordered.get(number, _ZERO) + Decimal(each["content"]["total"])
        for application in each["invoiceApplications"]:
            applied[number] = applied.get(number, _ZERO) + Decimal(application["amount"])
    return ordered, applied


def table(rows: list[tuple[str, ...]]) -> str:
    """Return the rows as Markdown."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def _shown(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"


def all_sold() -> list[Sold]:
    """Return an order of each kind."""
    return [sold(1001 + at, kind) for at, kind in enumerate(kinds())]


BEGIN, END = "<!-- table -->\n", "<!-- end -->\n"


def _write() -> None:
    configure("error")
    with tempfile.TemporaryDirectory() as folder:
        day = Day(all_sold(), Path(folder))
        for made in day.lived():
            last = made
        rows = day.rows(last)
    text = DOCUMENT.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}{table(rows)}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    _write()
