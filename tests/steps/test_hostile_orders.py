"""An order whose texts, numbers or nesting are hostile concerns itself only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from connector.errors import RetryLater, UnreadableOrder
from connector.jobs.cadence import Every, Window
from connector.jobs.intake import intake
from connector.sandbox import world
from connector.steps.repair import retry
from connector.store.trouble import Trouble
from connector.storefront.parsing import parsed
from connector.storefront.port import Storefront
from connector.storefront.woocommerce import WooCommerce
from connector.web.story import story_of
from tests.support.scene import NOON, Scene, scene

# After the books of the day are compared and its extract is written.
NIGHT = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
TYPED = "C:\\u0000 please"


def poison(day: Scene, number: int, **fields: Any) -> None:
    """Put a further order into the storefront, like a good one but for these fields."""
    good = day.shown(32)
    moment = day.clock.now.strftime("%Y-%m-%dT%H:%M:%S")
    order = {
        **json.loads(json.dumps(good)),
        "id": number, "number": f"{number}", "meta_data": good["meta_data"],
        "date_created_gmt": moment, "date_modified_gmt": moment, **fields,
    }  # fmt: skip
    day.sandbox.books.put("storefront.order", str(number), order)


def failed(day: Scene) -> list[str]:
    return [f"{run.job}: {run.error}" for run in Trouble(day.connector.database).failed_runs()]


def test_six_typed_characters_change_nothing(database_url: str, tmp_path: Path) -> None:
    with scene(database_url, tmp_path) as day:
        poison(day, 7001, customer_note=TYPED)
        day.later(minutes=10, ticks=2)
        assert failed(day) == []
        assert day.order(7001).payload["customer_note"] == TYPED
        assert day.stands(7001)[0] not in ("received", "valid")
        day.until(NOON)
        assert failed(day) == []
        assert day.stands(32)[0] == "released"


def test_what_cannot_be_read_any_more_stops_nobody_and_is_mended_by_the_shop(
    database_url: str, tmp_path: Path
) -> None:
    """Rows that no version could read: every loop goes on without them, and says which they are."""
    with scene(database_url, tmp_path) as day:
        stood = {row.number: row.stage for row in day.context.orders.listed()}
        ready = [number for number, stage in stood.items() if stage == "ready"]
        damaged, good = ready[:2], ready[2:]
        held = next(each for each, stage in stood.items() if stage == "received")
        _damage(day, *damaged, held)
        day.later(minutes=10, ticks=2)
        assert failed(day) == []
        # A wave asks the storefront for its orders anew, unless it is away.
        day.fault("storefront:outage")
        day.until(NOON)
        day.later(minutes=6)
        day.fault()
        day.later(minutes=20, ticks=2)
        assert failed(day) == []
        assert {day.stands(int(number))[0] for number in good} <= {"released", "ready"}
        assert any(day.stands(int(number))[0] == "released" for number in good)
        for number in damaged:
            assert day.stands(int(number)) == ("ready", "mapping")
            assert "cannot be read any more" in str(day.order(int(number)).hold_reasons)
            with pytest.raises(UnreadableOrder, match=f"order {number}.*save the order once more"):
                retry(day.context, day.order(int(number)), "ops")
            assert story_of(day.connector, day.order(int(number)))["reasons"]
        day.until(NIGHT)
        assert failed(day) == []
        # The shop gives one of them anew as it was, and one changed.
        day.change(int(damaged[0]), customer_note=day.shown(int(damaged[0]))["customer_note"])
        day.change(int(damaged[1]), shipping_total="1.00", total="1.00")
        day.change(int(held), status="processing")
        day.later(minutes=10, ticks=2)
        assert failed(day) == []
        assert not any(day.order(int(each)).unreadable for each in (*damaged, held))
        assert day.stands(int(damaged[0])) == ("ready", None)
        assert day.stands(int(damaged[1])) == ("ready", "changed")


def test_what_was_shipped_and_cannot_be_read_is_closed_once_the_shop_gave_it_anew(
    database_url: str, tmp_path: Path
) -> None:
    with scene(database_url, tmp_path) as day:
        day.until(NOON)
        released = [row.number for row in day.context.orders.listed(stage="released")]
        damaged, good = released[0], released[1:]
        _damage(day, damaged)
        world.ship(day.sandbox.books, day.sandbox.clock)
        world.invoice(day.sandbox.books, day.sandbox.clock)
        day.later(minutes=20, ticks=4)
        day.until(NIGHT)
        assert failed(day) == []
        # It was held until its write-back made the shop show it anew.
        told = [event.kind for event in day.story(int(damaged))]
        assert told.index("held") < told.index("changed") < told.index("closed")
        assert any(day.stands(int(number))[0] == "closed" for number in good)


def test_what_an_older_version_broke_is_read_and_goes_on(database_url: str, tmp_path: Path) -> None:
    with scene(database_url, tmp_path) as day:
        with day.connector.database.writing() as connection:
            for column in ("payload", "content"):
                connection.execute(
                    text(
                        f"UPDATE orders SET {column} = substr({column}, 1, length({column}) - 1)"
                        " || :broken WHERE number = '32'"
                    ),
                    {"broken": ',"zz":"C:\\\ufffd please"}'},
                )
        day.until(NOON)
        assert failed(day) == []
        assert day.order(32).payload["zz"] == TYPED
        assert day.stands(32)[0] == "released"


HOSTILE = {
    "NUL in a status": '"status": "pro\\u0000cessing"',
    "NUL in the number": '"number": "70\\u000002"',
    "NUL in the id": '"id": "70\\u000002"',
    "NUL in a key": '"meta_data": [{"key": "a\\u0000b", "value": {"c\\u0000d": 1}}], "x\\u0000": 1',
    "lone surrogate in the number": '"number": "70\\ud83d"',
    "lone surrogate in a SKU": '"line_items": [{"id": 1, "sku": "\\ud83d", "quantity": 1}]',
    "an endless total": '"total": 1e999999999999999999',
    "an endless total, as a text": '"total": "1e999999999999999999"',
    "endlessly small": '"total": 1e-999999999999999999',
    "endless quantity": '"line_items": [{"id": 1, "sku": "x", "quantity": 1e999999999999999999}]',
    "an integer of 5,000 digits": f'"total": {"9" * 5000}',
    "an id of 5,000 digits": f'"id": {"9" * 5000}',
    "an integer of 5,000 digits aside": f'"meta_data": [{{"key": "k", "value": {"9" * 5000}}}]',
    "nested deeply": f'"meta_data": [{{"key": "k", "value": {"[" * 950}{"]" * 950}}}]',
    "nested most deeply": f'"meta_data": {"[" * 200_000}{"]" * 200_000}',
    "an object for a number": '"number": {"a": {"b": 1}}',
    "a list for the id": '"id": [[1]]',
    "endless refund": '"refunds_detail": [{"id": 1, "amount": 1e99999999999}]',
    "time of year 0": '"date_created_gmt": "0000-00-00T00:00:00"',
    "time beyond all years": '"date_modified_gmt": "9999-12-31T23:59:59-12:00"',
}


def test_hostile_orders_end_neither_their_window_nor_a_tick(
    database_url: str, tmp_path: Path
) -> None:
    """The others of the page are taken. They are held, or told of by number where known."""
    with scene(database_url, tmp_path) as day:
        good = json.dumps({**day.shown(32), "id": 7000, "number": "7000"})[:-1]
        hostile = [
            good.replace("7000", f"{number}") + f",{extra}}}"
            for number, extra in enumerate(HOSTILE.values(), 7002)
        ]
        orders = [f"{good}}}", *hostile, good.replace("7000", "7999") + "}"]
        known = {row.id for row in day.context.orders.listed()}
        context = replace(day.context, storefront=page_of(parsed(f"[{','.join(orders)}]".encode())))
        job = intake(context, day.connector.runs, Every(timedelta(minutes=5)))
        window = Window(day.clock.now - timedelta(minutes=5), day.clock.now)
        counts = job.run(window, "")
        assert counts["seen"] == len(orders)
        new = [row for row in day.context.orders.listed() if row.id not in known]
        kept = day.context.quarantine.listed()
        assert len(new) + counts["quarantined"] == len(orders)
        assert len(kept) == counts["quarantined"] > 5
        assert all("nobody means that" in row.reason for row in kept)
        assert len({row.reason.code for row in kept}) == 2
        day.later(minutes=10, ticks=2)
        assert failed(day) == []
        for number in (7000, 7999):
            assert day.stands(number)[0] == "ready"
        # What was held was asked for again: that the shop has none of so many is not believed.
        assert day.stands(7007) == ("received", "shop_data")
        # The same again changes nothing, and every story can be told.
        again = job.run(window, "")
        assert again["echo"] >= len(orders) - len(kept) - 4
        assert [row.id for row in day.context.quarantine.listed()] == [row.id for row in kept]
        assert len(day.context.orders.listed()) == len(known) + len(new)
        told = {row.number: story_of(day.connector, row) for row in day.context.orders.listed()}
        json.dumps(told, default=str, ensure_ascii=False).encode()
        # The page shows it after all.
        assert told["7007"]["stage"] == "received"


def test_an_order_that_nobody_foresaw_is_in_the_quarantine_until_it_is_corrected(
    database_url: str, tmp_path: Path
) -> None:
    """One that was not known stays out; a known one is held as well, as it was last taken."""
    with scene(database_url, tmp_path) as day:
        good = {**day.shown(32), "id": 7001, "number": "7001"}
        for number in (7001, 32):
            # Nothing that reads an order expects a key of this kind.
            page = page_of([{**good, "id": number, "number": str(number), "total": Explosive()}])
            context = replace(day.context, storefront=page)
            job = intake(context, day.connector.runs, Every(timedelta(minutes=5)))
            window = Window(day.clock.now - timedelta(minutes=5), day.clock.now)
            for _ in range(2):
                assert job.run(window, "") == {"seen": 1, "quarantined": 1}
        assert day.context.orders.by_number("7001") is None
        assert day.stands(32)[1] == "mapping"
        assert len([each for each in day.story(32) if each.kind == "held"]) == 1
        assert [(row.key, row.times) for row in day.context.quarantine.listed()] == [
            ("7001", 2), ("32", 2),
        ]  # fmt: skip
        context = replace(day.context, storefront=page_of([good]))
        job = intake(context, day.connector.runs, Every(timedelta(minutes=5)))
        assert job.run(window, "") == {"seen": 1, "new": 1}
        assert [row.key for row in day.context.quarantine.listed()] == ["32"]
        # The shop shows 32 as it was: the next intake finds nothing new, and lets it go on.
        day.change(32)
        day.later(minutes=10, ticks=2)
        assert day.context.quarantine.listed() == []
        assert day.stands(7001)[0] == "ready"
        assert day.stands(32) == ("ready", None)


class Explosive:
    def __str__(self) -> str:
        raise MemoryError


def page_of(orders: list[Any]) -> Storefront:
    return cast(Storefront, Page(orders))


class Page:
    """A storefront of which one page is read."""

    def __init__(self, orders: list[Any]) -> None:
        self._orders = orders

    def orders_modified(self, after: datetime, before: datetime) -> Iterator[Any]:
        yield from self._orders

    def orders(self, order_ids: Sequence[str], within: float) -> dict[str, Any]:
        raise RetryLater("one page is all that there is")

    def modified_at(self, payload: Any) -> datetime | None:
        return WooCommerce.modified_at(cast(WooCommerce, self), payload)

    def clock(self) -> None:
        return None


_DAMAGED = ('{"broken": "\\x', "[1, 2]", "")


def _damage(day: Scene, *numbers: str) -> None:
    with day.connector.database.writing() as connection:
        for at, number in enumerate(numbers):
            connection.execute(
                text("UPDATE orders SET content = :x, payload = :x WHERE number = :number"),
                {"x": _DAMAGED[at % len(_DAMAGED)], "number": number},
            )
