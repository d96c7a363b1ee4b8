"""Orders that write to a DMS one by one over a wire that goes wrong, and what they came to."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.dms.carried import NOTHING, Carried
from connector.dms.desk import DmsDesk
from connector.dms.port import Dms
from connector.dms.session import Session
from connector.errors import InDoubt, Misconfigured, Rejected, RetryLater
from connector.gateways import dms_of
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.service import DMS_PASSWORD, DMS_USER
from connector.sandbox.styles.text import METHODS
from connector.settings import Settings
from connector.steps.confirm import Stock, confirm_all
from connector.steps.repair import retry
from connector.steps.request import register_return
from connector.steps.take import take
from connector.steps.walk import walk
from connector.store.calls import CallState
from connector.store.changes import Change
from connector.store.tables import CallRow, OrderRow
from connector.wording import quoted
from tests.support.scene import Scene, scene
from tests.support.wire import Trouble, Wire


@dataclass(frozen=True)
class Row:
    """A fault, and what it leads to at once.

    `found` when the document was made and asking finds it, `settling` when it is not found and
    may still arrive, `nothing` when the request provably had no effect, and `either` when the
    document was made and its number is read or asked for.
    """

    name: str
    trouble: Trouble
    then: str


class Hurried:
    """A DMS that is given up soon, but only where the wire strikes.

    Faults that only a time-out ends have one that comes soon. All else, above all the question
    after them, has the patience of every day: a machine that stalls changes nothing.
    """

    def __init__(self, patient: Dms, hurried: Dms, wire: Wire) -> None:
        self._patient = patient
        self._hurried = hurried
        self._wire = wire

    def call(
        self,
        operation: str,
        request: Mapping[str, Any],
        *,
        write: bool,
        carried: Carried = NOTHING,
    ) -> dict[str, Any]:
        dms = self._hurried if self._wire.never_answers(operation) else self._patient
        return dms.call(operation, request, write=write, carried=carried)

    def findings(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        return self._patient.findings(operation, request)

    def envelope(self, operation: str, request: Mapping[str, Any]) -> bytes:
        return self._patient.envelope(operation, request)

    def ping(self) -> str:
        return self._patient.ping()


class Bench:
    """Orders that are walked one by one over a wire that goes wrong."""

    def __init__(self, day: Scene, wire: Wire, words: Mapping[str, str] | None = None) -> None:
        self.day = day
        self.wire = wire
        self._words = words or {}
        self._numbers = itertools.count(90_001)
        for key, stock in day.sandbox.books.items("sap.stock"):
            day.sandbox.books.put("sap.stock", key, {**stock, "LABST": "1000000"})

    def named(self, action: str) -> str:
        """Return what this DMS calls an operation."""
        return self._words.get(action, action)

    def order(self) -> OrderRow:
        """Take a fresh order of a buyer that SAP knows."""
        return self.shown(next(self._numbers))

    def shown(self, number: int, more: int = 0) -> OrderRow:
        """Take an order as the storefront shows it, with so many more of its first part."""
        first, *others = self.day.shown(36)["line_items"]
        first = {**first, "quantity": first["quantity"] + more}
        payload = {**self.day.shown(36), "id": number, "number": str(number)}
        take(self.day.context, {**payload, "line_items": [first, *others]})
        return self.row(number)

    def row(self, number: int | str) -> OrderRow:
        return self.day.order(int(number))

    def drive(self, row: OrderRow) -> OrderRow:
        """Walk an order as far as it goes now."""
        context = self.day.context
        row = walk(context, row.id)
        if row.stage == "placed" and not row.cancel_requested:
            confirm_all(context, [row], Stock(context))
            row = walk(context, row.id)
        return row

    def passes(self, minutes: float) -> None:
        self.day.clock.now += timedelta(minutes=minutes)
        self.day.sandbox.clock.set(self.day.clock.now)

    def call(self, row: OrderRow, operation: str) -> CallRow:
        (call,) = [
            each for each in self.day.context.calls.of_order(row.id) if each.operation == operation
        ]
        return call


@contextmanager
def on_bench(folder: Path, style: str = "sandbox") -> Iterator[Bench]:
    """Give a bench in this folder; `style` is the way in which the DMS is reached."""
    configure("critical")
    wires: list[Wire] = []
    mappings = Path(shutil.copytree("mappings", folder / "mappings"))
    amend = mappings / "dms_amend.yaml"  # as shipped, changed orders are cancelled and made anew
    amend.write_text(amend.read_text(encoding="utf-8").replace("absent: true\n", ""))
    if style != "sandbox":
        shutil.copytree(f"mappings/examples/{style}", mappings, dirs_exist_ok=True)
        (mappings / "interfaces/dms.wsdl").unlink()  # that of another DMS

    def reached(settings: Settings) -> None:
        settings.mappings = mappings
        wires.append(Wire(int(settings.dms.wsdl.split(":")[2].split("/")[0])))
        settings.dms.endpoint = f"{wires[0].url}/dms/service"
        settings.answers.largest = 300_000
        if style != "sandbox":
            settings.dms.authentication = "none"

    words = {ours: theirs for theirs, ours in METHODS.items()} if style != "sandbox" else {}
    with scene(f"sqlite:///{folder / 'c.db'}", folder, reached, dms=style) as day:
        soon = {"read_timeout": 0.4, "call_deadline": 1.5}
        section = day.settings.dms.model_copy(update=soon)
        hurried = dms_of(day.settings.model_copy(update={"dms": section}))
        hurried.ping()
        dms = Hurried(day.connector.dms, hurried, wires[0])
        session = Session(dms, day.context.mappings, DMS_USER, DMS_PASSWORD)
        day.context = replace(day.context, dms=DmsDesk(dms, day.context.mappings, session))
        yield Bench(day, wires[0], words)
    wires[0].stop()


def _written(action: str, operation: str, kind: str) -> Callable[[Bench, Row], None]:
    def run(bench: Bench, row: Row) -> None:
        order = bench.order()
        if operation == "dms_cancel":
            order = bench.drive(order)
            bench.day.context.orders.apply(order, _cancelled(bench), "test", bench.day.clock())
        with bench.wire.suffers(bench.named(action), row.trouble):
            with suppress(Misconfigured):
                order = bench.drive(bench.row(order.number))
            if row.trouble.how != "refused":
                assert bench.wire.struck == 1
                _check(bench.call(order, operation), row)
        _recovered(bench, order)
        after = bench.row(order.number)
        (held, *others) = bench.day.sales_orders(int(order.number))
        assert others == []
        if operation == "dms_cancel":
            assert (after.stage, held["status"]) == ("cancelled", "CANCELLED")
        else:
            assert (after.stage, after.hold_cause) == ("ready", None), after.hold_reasons
            assert len(held["deliveryNotes"]) == len(held["invoiceApplications"]) == 1
        assert bench.call(after, operation).state == CallState.CONFIRMED
        assert kind in {each.kind for each in bench.day.context.orders.documents(after.id)}

    return run


def _cancelled(bench: Bench) -> Change:
    return Change(
        event="cancel_requested",
        text=quoted("cancelled by hand"),
        next_try_at=bench.day.clock(),
        values={"cancel_requested": True},
    )


def _amended(bench: Bench, row: Row) -> None:
    order = bench.order()
    walk(bench.day.context, order.id)
    (before,) = bench.day.sales_orders(int(order.number))
    order = bench.shown(int(order.number), more=3)
    with bench.wire.suffers("AmendSalesOrder", row.trouble):
        with suppress(Misconfigured):
            order = bench.drive(order)
        if row.trouble.how != "refused":
            assert bench.wire.struck == 1
            _check(bench.call(order, "dms_amend"), row)
    _recovered(bench, order)
    after = bench.row(order.number)
    (held,) = bench.day.sales_orders(int(order.number))
    assert held["orderNumber"] == before["orderNumber"]
    wanted = Decimal(before["content"]["lines"][0]["quantity"]) + 3
    assert Decimal(held["content"]["lines"][0]["quantity"]) == wanted
    (note,) = held["deliveryNotes"]
    assert Decimal(note["lines"][0]["quantity"]) == wanted
    assert (after.stage, after.hold_cause) == ("ready", None), after.hold_reasons
    assert bench.call(after, "dms_amend").state == CallState.CONFIRMED
    kinds = [each.kind for each in bench.day.context.orders.documents(after.id)]
    assert (kinds.count("amendment"), kinds.count("cancellation")) == (1, 0)


def _returned(bench: Bench, row: Row) -> None:
    order = bench.drive(bench.order())
    world.ship(bench.day.sandbox.books, bench.day.sandbox.clock, order.number)
    reference = f"{order.number}-R1"

    def register() -> str:
        lines = {1: Decimal(1)}
        context = bench.day.context
        return register_return(context, order, "GQ", reference, lines, "broken").number

    with bench.wire.suffers(bench.named("RegisterReturn"), row.trouble):
        with suppress(Misconfigured, RetryLater, InDoubt, Rejected):
            register()
        if row.trouble.how != "refused":
            assert bench.wire.struck == 1
            _check(bench.call(order, "dms_return"), row)
    for _ in range(6):
        bench.passes(4)
        with suppress(RetryLater):
            register()
            break
    number = register()
    (held,) = bench.day.sales_orders(int(order.number))
    assert [each["returnNumber"] for each in held["returns"]] == [number]


def _check(call: CallRow, row: Row) -> None:
    expected = {
        "found": CallState.CONFIRMED,
        "settling": CallState.IN_DOUBT,
        "nothing": CallState.PENDING,
        "either": CallState.CONFIRMED,
    }
    assert call.state == expected[row.then], (call.state, call.error)
    assert call.attempts == 1
    if row.then != "either":
        assert (call.asked > 0) == (row.then in ("found", "settling"))


def _recovered(bench: Bench, order: OrderRow) -> None:
    for _ in range(6):
        bench.passes(4)
        with suppress(Misconfigured):
            row = retry(bench.day.context, bench.row(order.number), "test")
            if row.stage in ("ready", "cancelled"):
                return


WRITES: dict[str, Callable[[Bench, Row], None]] = {
    "create": _written("CreateSalesOrder", "dms_sales_order", "sales_order"),
    "delivery note": _written("CreateDeliveryNote", "dms_delivery_note", "delivery_note"),
    "invoice application": _written(
        "ApplyForInvoice", "dms_invoice_application", "invoice_application"
    ),
    "cancel": _written("CancelSalesOrder", "dms_cancel", "cancellation"),
    "amend": _amended,
    "return": _returned,
}
