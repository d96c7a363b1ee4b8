"""What a reading brings after release (content, refund, status) is judged each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import update

from connector.domain.lifecycle import HoldCause
from connector.logs import configure
from connector.steps.by_hand import settled
from connector.steps.repair import retry
from connector.steps.take import take
from connector.steps.take_again import gone
from connector.store.changes import Change, Hold
from connector.store.retention import Retention
from connector.store.tables import LineRow, OrderRow
from connector.wording import quoted
from tests.money.shop import Cart, Ware, back, order, refund, with_refunds
from tests.money.test_way import put
from tests.support.scene import NOON, Scene, scene

NUMBER = 501
CART = Cart([Ware("50.00", 2), Ware("200.00")], shipping=("18.00", "0.13"))
STATUS = {"on-hold": "unpaid_late", "cancelled": "take_back", "in-dispute": "status_not_known"}
Payload = dict[str, Any]


class Released:
    """A released order, put back for each case, of which readings are taken."""

    def __init__(self, day: Scene) -> None:
        self.day = day
        row = day.order(NUMBER)
        self.shown: Payload = dict(row.payload)
        self.kept = {column.key: getattr(row, column.key) for column in OrderRow.__table__.columns}

    def put_back(self) -> None:
        with self.day.connector.database.transaction() as session:
            session.execute(update(OrderRow).where(OrderRow.number == str(NUMBER)), self.kept)
            session.execute(
                update(LineRow)
                .where(LineRow.order_pk == self.kept["id"])
                .values(refunded_quantity=0, refunded_amount=0)
            )

    @property
    def row(self) -> OrderRow:
        return self.day.order(NUMBER)

    @property
    def codes(self) -> set[str]:
        """Return which reasons it is held for, without the act that ends them."""
        return {each.code for each in self.row.hold_reasons or []} - {"settle_by_hand"}

    def reads(self, *what: str) -> None:
        """Take one reading that shows all this."""
        shown = deepcopy(self.shown)
        for each in what:
            if each == "edited":
                line = shown["line_items"][0]
                line |= {"quantity": 1, "subtotal": "50.00", "subtotal_tax": "6.50"}
                line |= {"total": "50.00", "total_tax": "6.50"}
                shown["total"] = str(Decimal(shown["total"]) - Decimal("56.50"))
            elif each == "refunded":
                given = refund(9, [back(self.shown["line_items"][1], 0, "0.1")])
                shown = with_refunds(shown, given)
            else:
                shown["status"] = each
        take(self.day.context, shown)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    configure("critical")
    folder = tmp_path_factory.mktemp("late")
    with scene(f"sqlite:///{folder / 'c.db'}", folder) as made:
        put(made, order(NUMBER, CART))
        made.later(minutes=10, ticks=2)
        made.until(NOON)
        made.later(minutes=1)
        assert made.stands(NUMBER) == ("released", None)
        yield Released(made)


@pytest.fixture
def late(lived: Released) -> Released:
    lived.put_back()
    return lived


def ways(edited: bool, refunded: bool, status: str) -> Iterator[list[tuple[str, ...]]]:
    """Give readings in which all this may come: at once, and one after the other."""
    news = [*["edited"] * edited, *["refunded"] * refunded, *[status] * bool(status)]
    yield [tuple(news)]
    for each in permutations(news) if len(news) > 1 else []:
        yield [each[: count + 1] for count in range(len(each))]


@pytest.mark.parametrize("status", ["", *STATUS])
@pytest.mark.parametrize("refunded", [False, True])
@pytest.mark.parametrize("edited", [False, True])
def test_content_refund_and_status_are_judged_each_by_itself(
    late: Released, edited: bool, refunded: bool, status: str
) -> None:
    expected = {*["changed_field"] * edited, *[STATUS.get(status, "")] * bool(status)}
    for readings in ways(edited, refunded, status):
        late.put_back()
        for each in readings:
            late.reads(*each)
        row = late.row
        assert late.codes == expected, readings
        alone = status == "in-dispute" and not edited
        assert row.hold_cause == (None if not expected else "mapping" if alone else "changed")
        assert row.content["lines"] == late.kept["content"]["lines"]
        assert (row.total, row.status) == (late.kept["total"], status or "processing")
        assert bool(row.content.get("refunds")) is refunded, readings
        refunds = sum(each.refunded_amount for each in late.day.context.orders.lines(row.id))
        assert refunds == (Decimal("22.60") if refunded else 0)
        # What the status brought goes with it; what was ordered otherwise does not.
        late.reads(*["edited"] * edited, *["refunded"] * refunded)
        assert late.codes == {*["changed_field"] * edited}, readings
        assert late.row.hold_cause == ("changed" if edited else None)


def test_an_edit_outlives_a_cancellation_that_is_taken_back(late: Released) -> None:
    late.reads("edited")
    late.reads("edited", "cancelled")
    assert late.codes == {"changed_field", "take_back"}
    late.reads("edited")
    assert late.codes == {"changed_field"}


def test_an_edit_that_comes_with_the_cancellation_is_seen_when_it_is_taken_back(
    late: Released,
) -> None:
    late.reads("edited", "cancelled")
    late.reads("edited")
    assert (late.row.hold_cause, late.codes) == ("changed", {"changed_field"})


def test_an_order_that_is_deleted_stays_held_for_what_was_edited(late: Released) -> None:
    late.reads("edited")
    gone(late.day.context, late.row, "writeback")
    assert late.codes == {"changed_field", "deleted_late"}
    events = len(late.day.story(NUMBER))
    gone(late.day.context, late.row, "writeback")
    assert len(late.day.story(NUMBER)) == events


def test_a_refund_in_full_of_what_has_not_left_is_kept_back(late: Released) -> None:
    items = late.shown["line_items"]
    shown = with_refunds(
        {**late.shown, "status": "refunded"},
        refund(9, [back(each, each["quantity"]) for each in items],
               [back(late.shown["shipping_lines"][0])]),
    )  # fmt: skip
    take(late.day.context, shown)
    assert late.codes == {"keep_back"}


@pytest.mark.parametrize("cause", [HoldCause.REJECTED, HoldCause.DISCREPANCY, HoldCause.MAPPING])
@pytest.mark.parametrize("status", ["on-hold", "in-dispute"])
def test_not_paid_any_more_is_told_beside_what_it_is_held_for_already(
    late: Released, cause: HoldCause, status: str
) -> None:
    context, words = late.day.context, quoted("no such carrier")
    change = Change(event="held", text=words, hold=Hold(cause, (words,)))
    context.orders.apply(late.row, change, "writeback", late.day.clock())
    late.reads(status)
    assert (late.row.hold_cause, late.codes) == (cause, {"", STATUS[status]})
    late.reads()
    assert (late.row.hold_cause, late.row.hold_reasons) == (cause, [words])
    if cause is HoldCause.DISCREPANCY:
        return
    late.reads(status)
    assert retry(context, late.row, "ops").hold_reasons is not None
    assert late.codes == {STATUS[status]}
    late.reads()
    assert late.row.hold_cause is None


def test_what_another_hold_names_stands_beside_an_edit_and_a_cancellation(late: Released) -> None:
    words = quoted("line 1: 6 shipped, 5 ordered")
    change = Change(event="held", text=words, hold=Hold(HoldCause.DISCREPANCY, (words,)))
    late.day.context.orders.apply(late.row, change, "status", late.day.clock())
    late.reads("edited", "cancelled")
    assert (late.row.hold_cause, late.codes) == ("changed", {"", "changed_field", "take_back"})
    settled(late.day.context, late.row, "ops", "all of it was taken back")
    assert late.row.hold_cause is None


@pytest.mark.parametrize("dropped", [False, True])
def test_what_was_forgotten_for_its_age_is_no_edit_of_a_closed_order(
    late: Released, dropped: bool
) -> None:
    day = late.day
    with day.connector.database.transaction() as session:
        session.execute(update(OrderRow).where(OrderRow.number == str(NUMBER)).values(
            stage="closed", updated_at=day.clock()))  # fmt: skip
    now = day.clock() + timedelta(days=800)
    retention = Retention(day.connector.database)
    (retention.drop if dropped else retention.mask)(now - timedelta(days=1), now)
    assert late.row.masked_at == now
    late.reads("refunded")
    assert (late.row.stage, late.row.hold_cause) == ("closed", None)
    assert len(late.row.content["refunds"]) == 1
    refunds = sum(each.refunded_amount for each in day.context.orders.lines(late.row.id))
    assert refunds == Decimal("22.60")
    assert late.row.content["lines"] == late.kept["content"]["lines"]
    late.reads("refunded", "edited")
    assert late.row.hold_cause == "changed"


@pytest.mark.parametrize("dropped", [False, True])
def test_an_edit_of_what_was_forgotten_is_told(late: Released, dropped: bool) -> None:
    day = late.day
    with day.connector.database.transaction() as session:
        session.execute(update(OrderRow).where(OrderRow.number == str(NUMBER)).values(
            stage="closed", updated_at=day.clock()))  # fmt: skip
    now = day.clock() + timedelta(days=800)
    retention = Retention(day.connector.database)
    (retention.drop if dropped else retention.mask)(now - timedelta(days=1), now)
    late.reads("edited")
    assert (late.row.hold_cause, late.codes) == ("changed", {"content_differs"})


def test_what_is_settled_by_hand_stays_so_until_something_else_is_changed(late: Released) -> None:
    late.reads("edited")
    row = settled(late.day.context, late.row, "ops", "one piece less was packed")
    assert (row.stage, row.hold_cause) == ("released", None)
    assert "one piece less was packed" in late.day.story(NUMBER)[-1].text
    late.reads("edited", "refunded")
    assert late.row.hold_cause is None
    late.reads("edited", "refunded", "cancelled")
    assert late.codes == {"take_back"}
    late.reads("edited", "refunded")
    assert late.row.hold_cause is None
    late.reads("refunded")
    assert late.day.story(NUMBER)[-1].text == "in the storefront it is again as it was placed"
    late.reads("edited", "refunded")
    assert late.codes == {"changed_field"}
