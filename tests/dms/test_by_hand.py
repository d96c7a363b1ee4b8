"""A DMS that lacks operations: people do it there, and no job fails for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from connector.errors import Rejected
from connector.sandbox import world
from connector.sandbox.dms_documents import ORDER as ORDERS
from connector.settings import Settings
from connector.steps.by_hand import What, done
from connector.steps.news import take_news
from connector.steps.repair import request_cancel
from tests.support.scene import NOON, Scene, scene

ORDER = 30
NOTE, APPLICATION = "dms_delivery_note", "dms_invoice_application"


@contextmanager
def lacking(folder: Path, **absent: bool | str) -> Iterator[Scene]:
    """Give an evening with a DMS that lacks operations; `True` lets orders wait for people.

    So does a text, which is the form of the numbers that they give.
    """
    mappings = Path(shutil.copytree("mappings", folder / "mappings"))
    for name, by_hand in absent.items():
        path = mappings / f"{name}.yaml"
        content = {
            **yaml.safe_load(path.read_text("utf-8")),
            "absent": True,
            "by_hand": bool(by_hand),
        }
        content = {name: each for name, each in content.items() if each}
        if isinstance(by_hand, str):
            content["answer"] = {"number_pattern": by_hand}
        path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")

    def prepare(settings: Settings) -> None:
        settings.mappings = mappings

    with scene(f"sqlite:///{folder / 'c.db'}", folder, prepare) as made:
        yield made


def failed(made: Scene) -> list[str]:
    return [
        f"{run.job}: {run.error}" for run in made.connector.runs.history(limit=500) if run.error
    ]


def numbers(made: Scene, kind: str) -> list[str]:
    row = made.order(ORDER)
    return [each.number for each in made.context.orders.documents(row.id, kind)]


def say(made: Scene, what: What, document: str, number: int = ORDER) -> tuple[str, str | None]:
    row = done(made.context, made.connector.database, made.order(number), what, document, "parts")
    return row.stage, row.hold_cause


def test_what_people_make_in_the_dms_keeps_no_order_back(tmp_path: Path) -> None:
    with lacking(tmp_path, **{NOTE: False, APPLICATION: False}) as made:
        assert made.stands(ORDER) == ("ready", None)
        assert numbers(made, "delivery_note") == ["30-GQ-DN1"]
        (theirs,) = made.sales_orders(ORDER)
        assert theirs["deliveryNotes"] == theirs["invoiceApplications"] == []
        made.until(NOON)
        assert made.stands(ORDER) == ("released", None)
        # The status names shipment and invoice alone, under numbers that people gave.
        news = {
            "number": theirs["orderNumber"],
            "status": "shipped",
            "shipments": [{"tracking_number": "SF1", "delivery_note": "DN-THEIRS"}],
            "invoices": [{"number": "FP1", "date": "2026-11-24"}],
        }
        for _ in range(2):
            take_news(made.context, made.connector.database, made.order(ORDER), news)
        assert made.stands(ORDER)[0] == "shipped"
        assert numbers(made, "shipment") == ["SF1"]
        lines = made.context.orders.lines(made.order(ORDER).id)
        assert all(line.shipped == line.quantity for line in lines)
        made.later(ticks=2)
        assert made.stands(ORDER) == ("closed", None)
        (invoice,) = made.context.orders.documents(made.order(ORDER).id, "invoice")
        assert str(invoice.detail["gross"]) == theirs["content"]["total"]
        assert failed(made) == []


def test_an_order_waits_for_what_people_make_and_goes_on_with_its_number(tmp_path: Path) -> None:
    with lacking(tmp_path, **{NOTE: True, APPLICATION: True}) as made:
        assert made.stands(ORDER) == ("confirmed", "by_hand")
        (reason,) = made.order(ORDER).hold_reasons or []
        assert "connector orders done 30 --what delivery-note --document NUMBER" in reason
        for wrong in ("", " 0 "):
            with pytest.raises(Rejected, match="no document's number"):
                say(made, What.DELIVERY_NOTE, wrong)
        with pytest.raises(Rejected, match="does not wait for a invoice-application"):
            say(made, What.INVOICE_APPLICATION, "IA-1")
        assert say(made, What.DELIVERY_NOTE, "DN-77") == ("noted", "by_hand")
        with pytest.raises(Rejected, match="does not wait"):
            say(made, What.DELIVERY_NOTE, "DN-78")
        assert say(made, What.INVOICE_APPLICATION, "IA-1") == ("ready", None)
        assert numbers(made, "delivery_note") == ["DN-77"]
        other = next(
            row.number
            for row in made.context.orders.listed(limit=100)
            if row.hold_cause == "by_hand"
        )
        with pytest.raises(Rejected, match="a document of an order already"):
            say(made, What.DELIVERY_NOTE, "DN-77", int(other))
        assert failed(made) == []


def test_a_number_that_people_give_has_the_form_of_the_numbers(tmp_path: Path) -> None:
    with lacking(tmp_path, **{NOTE: r"DN-\d+"}) as made:
        for wrong in ("SO-77", "DN-77x", "DN-"):
            with pytest.raises(Rejected, match="has not the form"):
                say(made, What.DELIVERY_NOTE, wrong)
        assert say(made, What.DELIVERY_NOTE, "DN-77") == ("ready", None)


def test_a_cancellation_is_a_task_until_the_dms_shows_it(tmp_path: Path) -> None:
    with lacking(tmp_path, dms_cancel=False) as made:
        row = request_cancel(made.context, made.order(ORDER), "ops")
        assert (row.stage, row.hold_cause) == ("ready", "by_hand")
        (theirs,) = made.sales_orders(ORDER)
        made.later(ticks=2)
        assert made.stands(ORDER) == ("ready", "by_hand")
        order = made.sandbox.books.get(ORDERS, theirs["orderNumber"])
        assert order is not None
        cancelled = {**order, "cancelledAt": "2026-11-23T15:00:00Z"}
        made.sandbox.books.put(ORDERS, theirs["orderNumber"], cancelled)
        made.later(ticks=2)
        assert made.stands(ORDER) == ("cancelled", None)
        assert failed(made) == []


def test_a_cancellation_is_over_when_people_say_so(tmp_path: Path) -> None:
    with lacking(tmp_path, dms_cancel=False, dms_find=False) as made:
        row = request_cancel(made.context, made.order(ORDER), "ops")
        (reason,) = row.hold_reasons or []
        number = made.sales_orders(ORDER)[0]["orderNumber"]
        assert f"--what cancel --document {number}" in reason
        with pytest.raises(Rejected, match="does not wait"):
            say(made, What.CANCEL, "SO-ELSE")
        assert say(made, What.CANCEL, number) == ("cancelled", None)


def test_without_anybody_to_ask_people_tell_of_shipment_and_invoice(tmp_path: Path) -> None:
    absent = dict.fromkeys(("dms_status", "dms_order_status", "sap_deliveries"), False)
    with lacking(tmp_path, **absent) as made:
        made.until(NOON)
        world.ship(made.sandbox.books, made.sandbox.clock, str(ORDER))
        made.later(ticks=2)
        assert made.stands(ORDER) == ("released", None)
        assert failed(made) == []
        assert say(made, What.SHIPMENT, "SF9") == ("shipped", None)
        say(made, What.INVOICE, "FP9")
        made.later(ticks=2)
        assert made.stands(ORDER) == ("closed", None)
