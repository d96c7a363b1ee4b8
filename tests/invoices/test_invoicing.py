"""Invoices: partly issued, merged over orders, replaced. Money counts once, where it belongs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.invoicing import (
    Application,
    Claim,
    Invoice,
    Share,
    issued,
    missing,
    nearest,
    replaced,
    reversing,
    share,
    void,
)
from connector.sandbox import world
from connector.store.database import Database
from connector.store.invoices import share_merged
from tests.support.books import Books, content
from tests.support.scene import NOON, Scene, scene

A, B = 30, 39
DAY = "2026-11-24"


def invoice(number: str, gross: str, *, application: str = "IA1", original: str = "",
            red: bool = False, returned: bool = False, unit: str = "GQ") -> Invoice:  # fmt: skip
    return Invoice(number, unit, application, original, red, returned, Decimal(gross))


def applied(number: str, amount: str | None, unit: str = "GQ") -> Application:
    return Application(number, unit, None if amount is None else Decimal(amount))


def test_an_application_is_answered_by_its_own_invoices_first_then_by_its_unit_and_order() -> None:
    both = [applied("IA1", "100"), applied("IA2", "50", "WJ")]
    assert missing(both, []) == {"IA1": Decimal(100), "IA2": Decimal(50)}
    assert missing(both, [invoice("1", "40")]) == {"IA1": Decimal(60), "IA2": Decimal(50)}
    # One invoice for the parts of both business units.
    assert missing(both, [invoice("1", "150")]) == {}
    assert missing(both, [invoice("1", "99.99"), invoice("2", "50", application="IA2")]) == {}
    assert missing([applied("IA1", None)], []) == {"IA1": None}
    assert missing([applied("IA1", None)], [invoice("1", "1")]) == {}
    # What was refunded meanwhile need not be issued any more.
    assert missing([applied("IA1", "100")], [invoice("1", "70")], Decimal(30)) == {}


def test_a_replaced_invoice_counts_no_longer_and_a_reversed_one_with_its_reversal() -> None:
    former, later = invoice("1", "100"), invoice("2", "100", original="1")
    assert replaced([former, later]) == {"1": "2"}
    assert void([former, later]) == {"1"}
    assert issued([former, later]) == [later]
    reversal = invoice("R", "-100", original="1", red=True)
    assert void([former, reversal, later]) == set()
    assert issued([former, reversal, later]) == [later]
    # Room was made for another invoice: nothing of the sale was taken back.
    assert reversing([former, reversal, later]) == []
    back = invoice("R", "-10", original="1", red=True, returned=True)
    assert reversing([former, back, later]) == [back]
    assert void([former, back, later]) == {"1"}


def claim(order: str, gross: str, applied: str | None = None, lines: str | None = None) -> Claim:
    tax = round(Decimal(gross) * 13 / 113, 2)
    return Claim(
        order, Decimal(gross) - tax, tax, Decimal(gross),
        None if applied is None else Decimal(applied), None if lines is None else Decimal(lines),
    )  # fmt: skip


def test_orders_that_show_the_same_amounts_show_the_whole_and_others_their_own() -> None:
    shares = share([claim("a", "100", "60"), claim("b", "100", "40")])
    assert shares is not None
    assert [each.gross for each in shares] == [Decimal(60), Decimal(40)]
    partly = share([claim("a", "100", "160", "30"), claim("b", "100", "40", "70")])
    assert partly is not None
    assert [each.gross for each in partly] == [Decimal(30), Decimal(70)]
    # Just what they applied for together: freight is in no line.
    freight = share([claim("a", "100", "60", "50"), claim("b", "100", "40", "40")])
    assert freight is not None
    assert [each.gross for each in freight] == [Decimal(60), Decimal(40)]
    assert share([claim("a", "60", "60"), claim("b", "40", "40")]) is None
    assert share([claim("a", "50", "50"), claim("b", "50", "50")]) is None
    assert share([claim("a", "100", "60")]) is None


MONEY = st.decimals("0.01", "99999", places=2)


@given(gross=MONEY, applied=st.lists(MONEY, min_size=2, max_size=6), red=st.booleans())
def test_shares_are_the_invoice_to_the_cent(
    gross: Decimal, applied: list[Decimal], red: bool
) -> None:
    amount = -gross if red else gross
    claims = [claim(str(at), str(amount), str(each)) for at, each in enumerate(applied)]
    shares = share(claims)
    if shares is None:
        assert all(each == amount for each in applied)
        return
    for name in ("net", "tax", "gross"):
        assert sum(getattr(each, name) for each in shares) == getattr(claims[0], name)
    assert all(each.gross == round(each.gross, 2) for each in shares)
    assert all(each.net + each.tax == each.gross for each in shares)


def test_another_book_may_show_the_whole_or_the_share_and_a_deviation_is_told_once() -> None:
    mine, whole = Share(*map(Decimal, (53, 7, 60))), Share(*map(Decimal, (88, 12, 100)))
    assert nearest(whole, mine, whole, first=True) == mine
    assert nearest(mine, mine, whole, first=True) == mine
    wrong = Share(*map(Decimal, (89, 12, 101)))
    assert nearest(wrong, mine, whole, first=False) == mine
    assert nearest(wrong, mine, whole, first=True).gross == Decimal(61)


def test_a_storefront_that_was_told_of_the_whole_is_told_anew(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    database.upgrade()
    books, at = Books(database), NOON
    rows = {}
    for number, amount in (("1", "60.00"), ("2", "40.00")):
        rows[number] = books.order(content(number, at, [("XC-1", "1", amount)]), at)
        books.document(rows[number], "invoice_application", f"IA{number}", at, amount=amount)
        books.document(rows[number], "invoice", "00000001", at, code="0320", net="88.50",
                       tax="11.50", gross="100.00", application=f"IA{number}")  # fmt: skip
        if number == "1":
            (told,) = books.orders.documents(rows["1"].id, "invoice")
            books.orders.written_back(told.id, at)
    for _ in range(2):  # said twice, it counts once
        with database.transaction() as session:
            share_merged(session, rows["2"], ["00000001"], "status", at)
    (first,), (second,) = (books.orders.documents(row.id, "invoice") for row in rows.values())
    assert (first.detail["gross"], second.detail["gross"]) == ("60.00", "40.00")
    assert first.detail["whole"]["gross"] == second.detail["whole"]["gross"] == "100.00"
    assert first.written_back_at is None
    assert (first.detail["edition"], second.detail.get("edition")) == (2, None)
    for row in rows.values():
        kinds = [each.kind for each in books.orders.events(row.id)]
        assert kinds.count("merged_invoice") == 1
    database.close()


@contextmanager
def _shipped(database_url: str, folder: Path) -> Iterator[Scene]:
    with scene(database_url, folder) as made:
        made.until(NOON)
        for number in (A, B):
            world.ship(made.sandbox.books, made.sandbox.clock, str(number))
        made.later(minutes=20, ticks=2)
        assert made.stands(A) == made.stands(B) == ("shipped", None)
        yield made


@pytest.fixture
def both_shipped(tmp_path: Path, database_url: str) -> Iterator[Scene]:
    """Two orders shipped at noon, and not invoiced."""
    with _shipped(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Scene]:
    """The same on SQLite."""
    with _shipped(f"sqlite:///{tmp_path / 'connector.db'}", tmp_path) as made:
        yield made


def told(made: Scene, number: int, kind: str) -> list[str]:
    return [each.text for each in made.story(number) if each.kind == kind]


def invoices(made: Scene, number: int) -> list[Decimal]:
    documents = made.context.orders.documents(made.order(number).id, "invoice")
    return [Decimal(str(each.detail["gross"])) for each in documents]


def night(made: Scene) -> dict[str, list[dict[str, str]]]:
    """Let the night come, and return finance's tables of the day."""
    made.until(NOON.replace(hour=19))
    made.later(minutes=30)
    folder = made.settings.output / "extracts" / DAY
    tables = {}
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            tables[path.stem] = list(csv.DictReader(file))
    return tables


@pytest.mark.long_on_postgresql
def test_a_merged_invoice_is_shared_out_and_its_money_counts_once(both_shipped: Scene) -> None:
    shipped = both_shipped
    books, clock = shipped.sandbox.books, shipped.sandbox.clock
    (shown, again) = world.invoice_together(books, clock, [str(A), str(B)])
    assert shown["invoiceNumber"] == again["invoiceNumber"]
    whole = Decimal(shown["grossAmount"])
    totals = [shipped.order(number).total or Decimal(0) for number in (A, B)]
    shipped.later(minutes=20, ticks=3)
    assert [*invoices(shipped, A), *invoices(shipped, B)] == totals
    assert sum(totals, Decimal(0)) == whole
    assert shipped.stands(A) == shipped.stands(B) == ("closed", None)
    (text,) = told(shipped, A, "merged_invoice")
    assert f"of {whole} is merged with that of {B}" in text
    assert "split by what each applied for" in text
    key = f"_invoice_{shown['invoiceNumber']}"
    metas = {entry["key"]: entry["value"] for entry in shipped.shown(A)["meta_data"]}
    assert Decimal(metas[key]["gross"]) == totals[0]
    tables = night(shipped)
    rows = [each for each in tables["invoices"] if each["invoice_number"] == shown["invoiceNumber"]]
    assert sum(Decimal(each["gross"]) for each in rows) == whole
    assert {each["shared_with"] for each in rows} == {str(A), str(B)}
    told_of = {each["number"]: each["kind"] for each in tables["differences"]}
    assert not {str(A), str(B)} & set(told_of), told_of


def test_a_partly_issued_application_stays_open_until_the_rest_is_issued(shipped: Scene) -> None:
    books, clock = shipped.sandbox.books, shipped.sandbox.clock
    world.invoice(books, clock, str(A), share="0.25")
    shipped.later(minutes=20, ticks=3)
    assert shipped.stands(A) == ("shipped", None)
    total = shipped.order(A).total
    assert total is not None
    (part,) = invoices(shipped, A)
    assert any(f"{total - part} of IA" in each for each in told(shipped, A, "news"))
    rows = [each for each in night(shipped)["invoices"] if each["number"] == str(A)]
    assert {each["state"] for each in rows} == {"部分开票 partly issued"}
    (application,) = [each for each in rows if not each["invoice_number"]]
    assert Decimal(application["applied"]) == total
    assert Decimal(application["missing"]) == total - part
    world.invoice(books, clock, str(A))
    shipped.later(minutes=20, ticks=2)
    assert sum(invoices(shipped, A)) == total
    assert shipped.stands(A) == ("closed", None)


def test_a_replaced_invoice_counts_no_longer_in_any_book(shipped: Scene) -> None:
    books, clock = shipped.sandbox.books, shipped.sandbox.clock
    (former,) = world.invoice(books, clock, str(A))
    shipped.later(minutes=20, ticks=2)
    (later,) = world.reinvoice(books, clock, str(A))
    shipped.later(minutes=20, ticks=2)
    tables = night(shipped)
    rows = {each["invoice_number"]: each for each in tables["invoices"]}
    assert rows[former["invoiceNumber"]]["state"] == "已换开 replaced"
    assert rows[former["invoiceNumber"]]["replaced_by"] == later["invoiceNumber"]
    mine = [Decimal(each["gross"]) for each in tables["invoices"] if each["number"] == str(A)]
    assert sum(mine) == shipped.order(A).total
    (order,) = [each for each in tables["orders"] if each["number"] == str(A)]
    assert Decimal(order["invoiced"]) == shipped.order(A).total
    assert str(A) not in {each["number"] for each in tables["differences"]}
