"""A DMS that cannot tell what was shipped and invoiced: SAP's documents do, each once."""

from __future__ import annotations

import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox import world
from connector.sandbox.faults import Fault
from connector.sandbox.sap_backoffice import BILLING, cancel_billing, post_delivery
from connector.settings import Settings
from connector.steps.sap_news import allot
from connector.store.tables import LineRow
from tests.support.scene import NOON, Scene, scene

ORDER, OTHER = 30, 39
MAPPINGS = Path(__file__).parents[2] / "mappings"


def without_status(folder: Path) -> Path:
    """Return mappings of a site whose DMS has no operation for news."""
    if not folder.exists():
        shutil.copytree(MAPPINGS, folder)
    for name in ("dms_status", "dms_order_status"):
        file = folder / f"{name}.yaml"
        text = file.read_text("utf-8")
        if "absent: true" not in text:
            file.write_text(text.replace("\ntarget:", "\nabsent: true\ntarget:", 1), "utf-8")
    return folder


def documents(made: Scene, number: int, kind: str) -> list[str]:
    return [each.number for each in made.context.orders.documents(made.order(number).id, kind)]


def shipped(made: Scene, number: int) -> list[Decimal]:
    return [line.shipped for line in made.context.orders.lines(made.order(number).id)]


@pytest.mark.long
def test_shipments_and_invoices_come_from_sap_each_once(database_url: str, tmp_path: Path) -> None:
    def prepare(settings: Settings) -> None:
        settings.mappings = without_status(tmp_path / "mappings")

    with scene(database_url, tmp_path, prepare, anew=False) as made:
        books, clock = made.sandbox.books, made.sandbox.clock
        made.until(NOON)
        (half,) = world.ship(books, clock, str(ORDER), share="0.5")
        made.later(minutes=20, ticks=3)  # the same day is asked for each time
        assert documents(made, ORDER, "shipment") == [half["trackingNumber"]]
        ordered = [line.quantity for line in made.context.orders.lines(made.order(ORDER).id)]
        assert sum(shipped(made, ORDER)) < sum(ordered)
        world.ship(books, clock, str(ORDER))
        made.later(minutes=20, ticks=2)
        assert shipped(made, ORDER) == ordered
        assert made.stands(ORDER) == ("shipped", None)
        (invoice,) = world.invoice(books, clock, str(ORDER))
        made.later(minutes=20, ticks=3)
        assert documents(made, ORDER, "invoice") == [invoice["invoiceNumber"]]
        assert made.stands(ORDER) == ("closed", None)
        kinds = Counter(each.kind for each in made.story(ORDER))
        assert kinds["news"] == 3
        keys = {entry["key"] for entry in made.shown(ORDER)["meta_data"]}
        assert {
            f"_shipment_{half['trackingNumber']}",
            f"_invoice_{invoice['invoiceNumber']}",
        } <= keys
        # SAP takes the billing document back: the invoice and its reversal come to nothing.
        billing = books.get(BILLING, invoice["invoiceNumber"])
        assert billing is not None
        cancel_billing(books, billing["VBELN"], f"{NOON:%Y-%m-%d}")
        made.later(minutes=20, ticks=2)
        amounts = [
            Decimal(str(each.detail["gross"]))
            for each in made.context.orders.documents(made.order(ORDER).id, "invoice")
        ]
        assert (len(amounts), sum(amounts)) == (2, 0)


def test_what_the_dms_told_before_counts_once_when_sap_tells_it_too(tmp_path: Path) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder)

    def prepare(settings: Settings) -> None:
        settings.mappings = folder

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, prepare, anew=False) as made:
        books, clock = made.sandbox.books, made.sandbox.clock
        made.until(NOON)
        (half,) = world.ship(books, clock, str(ORDER), share="0.5")
        made.later(minutes=20)
        first = shipped(made, ORDER)
        assert documents(made, ORDER, "shipment") == [half["trackingNumber"]]
        without_status(folder)
        for _ in range(2):  # a folder is taken up once it stands still
            made.connector.mappings.look()
        assert made.context.mappings()["dms_status"].absent
        asked = Fault.parse("dms:latency:operation=*Status*,times=0")
        made.sandbox.faults.set([asked])
        made.later(minutes=20)
        assert shipped(made, ORDER) == first
        (rest,) = world.ship(books, clock, str(ORDER))
        made.later(minutes=20)
        assert documents(made, ORDER, "shipment") == [
            half["trackingNumber"], rest["trackingNumber"]
        ]  # fmt: skip
        ordered = [line.quantity for line in made.context.orders.lines(made.order(ORDER).id)]
        assert (shipped(made, ORDER), made.stands(ORDER)) == (ordered, ("shipped", None))
        assert asked.seen == 0, "SAP told of it"


@pytest.mark.long
def test_a_part_that_the_order_has_not_holds_it_and_keeps_no_other_back(tmp_path: Path) -> None:
    def prepare(settings: Settings) -> None:
        settings.mappings = without_status(tmp_path / "mappings")

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, prepare, anew=False) as made:
        books, clock = made.sandbox.books, made.sandbox.clock
        made.until(NOON)
        line = {"lineNumber": 1, "quantity": "3"}
        shipment = {
            "trackingNumber": "SF9", "shippedAt": f"{NOON:%Y-%m-%dT%H:%M:%S}", "lines": [line]
        }  # fmt: skip
        post_delivery(books, shipment, {1: "XC-OTHER"}, str(ORDER))
        world.ship(books, clock, str(OTHER))
        made.later(minutes=20)
        assert made.stands(ORDER) == ("released", "discrepancy")
        assert made.stands(OTHER) == ("shipped", None)


def line(number: int, sku: str, quantity: int) -> LineRow:
    return LineRow(number=number, sku=sku, quantity=Decimal(quantity), business_unit="GQ")


LINES = [line(1, "A", 3), line(2, "A", 4), line(3, "007", 2)]


@pytest.mark.parametrize(
    ("pieces", "taken", "found"),
    [
        ([("A", 3)], {}, {1: 3}),
        ([("A", 5)], {}, {1: 3, 2: 2}),
        ([("A", 2), ("A", 2)], {}, {1: 3, 2: 1}),
        ([("A", 4)], {1: 3}, {2: 4}),
        ([("A", 9)], {}, {1: 3, 2: 6}),
        ([("7", 2)], {}, {3: 2}),
        ([("B", 1)], {}, {0: 1}),
        ([], {}, {}),
    ],
)
def test_pieces_are_put_to_the_lines_of_their_part(
    pieces: list[tuple[str, int]], taken: dict[int, int], found: dict[int, int]
) -> None:
    given = [(sku, Decimal(quantity)) for sku, quantity in pieces]
    held = {number: Decimal(quantity) for number, quantity in taken.items()}
    assert allot(given, LINES, held) == found


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 9)), max_size=6))
def test_no_piece_is_lost(pieces: list[tuple[str, int]]) -> None:
    given = [(sku, Decimal(quantity)) for sku, quantity in pieces]
    assert sum(allot(given, LINES, {}).values()) == sum(quantity for _, quantity in pieces)
