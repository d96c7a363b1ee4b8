"""Two calls that make one document: saved, then approved; each once, each asked about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from connector.dms.desk import Prepared
from connector.errors import InDoubt
from connector.mapping.check import check
from connector.mapping.finding import Finding
from connector.mapping.load import Folder
from connector.sandbox import world
from connector.settings import Settings
from connector.steps.cancel import cancel_sales_order
from connector.steps.context import Context
from connector.steps.outbound import Document, Outbound
from connector.steps.request import register_return
from connector.steps.sales_order import finish
from connector.store.calls import Call, Calls, CallState
from connector.store.database import Database
from connector.wording import quoted
from tests.support.scene import EVENING, NOON, Scene, scene
from tests.support.stored import put_order
from tests.support.wire import Trouble, Wire


def approving(folder: Path, flag: str = "approved", of: str = "dms_sales_order") -> Path:
    """Return mappings of a DMS in which an amendment stands for the approval of a document."""
    mappings = Path(shutil.copytree("mappings", folder / "mappings"))

    def change(name: str, into: str, **changes: Any) -> dict[str, Any]:
        content = yaml.safe_load((mappings / f"{name}.yaml").read_text("utf-8")) | changes
        text = yaml.safe_dump(content, allow_unicode=True)
        (mappings / f"{into}.yaml").write_text(text, "utf-8")
        return dict(content)

    change(of, of, then={"dms_approve": flag}, absent=False)
    amend = change("dms_amend", "dms_approve", absent=False, then={})
    for field in amend["request"]:
        if field["field"] == "orderNumber":
            field["max_length"] = 10
        if field["field"] == "header.remark":
            field.clear()
            field.update({"field": "header.remark", "constant": "approved"})
    text = yaml.safe_dump(amend, allow_unicode=True)
    text = text.replace("source: sales_order", "source: number")
    (mappings / "dms_approve.yaml").write_text(text, "utf-8")
    find = yaml.safe_load((mappings / "dms_find.yaml").read_text("utf-8"))
    read = {"field": "approved", "source": "content.remark == 'approved'"}
    find["answer"]["fields"][0]["fields"].append(read)
    (mappings / "dms_find.yaml").write_text(yaml.safe_dump(find, allow_unicode=True), "utf-8")
    return mappings


@contextmanager
def at_the_wire(folder: Path, mappings: Path) -> Iterator[tuple[Scene, Wire]]:
    """Give the evening with these mappings, and the wire before the DMS."""
    wires: list[Wire] = []

    def prepare(settings: Settings) -> None:
        settings.mappings = mappings
        wires.append(Wire(int(settings.dms.wsdl.split(":")[2].split("/")[0])))
        settings.dms.endpoint = f"{wires[0].url}/dms/service"

    with scene(f"sqlite:///{folder / 'c.db'}", folder, prepare, anew=False) as made:
        yield made, wires[0]
    wires[0].stop()


@pytest.mark.parametrize(
    "trouble",
    [
        None,
        Trouble("reset", forwarded=True),  # approved, and nobody heard of it
        Trouble("reset"),  # it never arrived
    ],
)
def test_a_document_is_saved_and_approved_once(tmp_path: Path, trouble: Trouble | None) -> None:
    with at_the_wire(tmp_path, approving(tmp_path)) as (made, wire):
        number = 55
        made.change(number, status="processing", date_paid_gmt="2026-11-23T14:10:00")
        with wire.suffers("AmendSalesOrder" if trouble else "Nothing", trouble or Trouble("")):
            made.later(ticks=2)
        made.later(minutes=30, ticks=2)
        (theirs,) = made.sales_orders(number)
        assert theirs["content"]["remark"] == "approved"
        # Of an approval that is made twice nothing is seen in the order.
        assert sum(b"AmendSalesOrder" in body for body in wire.reached) == 1
        states = [
            (each.operation, each.state)
            for each in made.context.calls.of_order(made.order(number).id)
            if each.operation in ("dms_sales_order", "dms_approve")
        ]
        confirmed = CallState.CONFIRMED
        assert states == [("dms_sales_order", confirmed), ("dms_approve", confirmed)]
        assert made.stands(number) == ("ready", None)


def test_the_check_says_what_is_not_there_and_what_cannot_be_asked(tmp_path: Path) -> None:
    folder = approving(tmp_path, flag="")
    found = [each for each in check(Folder.read(folder)) if each.rule == "then"]
    assert [each.level for each in found] == ["warning"]
    (folder / "dms_approve.yaml").unlink()
    found = [each for each in check(Folder.read(folder)) if each.rule == "then"]
    assert [(each.level, each.message) for each in found] == [
        ("error", "there is no dms_approve.yaml")
    ]


def found_approved(folder: Path, **changes: Any) -> list[Finding]:
    """Return what the check says of dms_find where it reads `approved` otherwise."""
    path = folder / "dms_find.yaml"
    find = yaml.safe_load(path.read_text("utf-8"))
    fields = find["answer"]["fields"][0]["fields"]
    fields[-1] = {"field": "approved", "source": "status", **changes}
    path.write_text(yaml.safe_dump(find, allow_unicode=True), "utf-8")
    return [each for each in check(Folder.read(folder)) if each.level == "error"]


def test_the_check_sees_that_the_flag_is_read_as_a_truth_value(tmp_path: Path) -> None:
    folder = approving(tmp_path)
    assert found_approved(folder, convert=[{"to": "boolean"}]) == []
    assert found_approved(folder, source="status == 'OPEN'") == []
    assert "boolean" in found_approved(folder)[0].message
    found = found_approved(folder, field="aproved", convert=[{"to": "boolean"}])
    assert "approved is needed, and nobody reads aproved" in [each.message for each in found]


def test_a_flag_in_a_text_is_converted(tmp_path: Path) -> None:
    """No interface tells what stands there: the text "false" would count as true."""
    folder = Path(shutil.copytree("mappings", tmp_path / "mappings"))
    (folder / "interfaces/dms.wsdl").unlink()
    shutil.copytree("mappings/examples/json", folder, dirs_exist_ok=True)
    with (folder / "dms_sales_order.yaml").open("a", encoding="utf-8") as file:
        file.write("then: {dms_approve: approved}\n")
    (folder / "dms_approve.yaml").write_text(
        (folder / "dms_cancel.yaml").read_text("utf-8").replace("source: reason", "constant: ok")
    )
    assert [each.rule for each in found_approved(folder)] == ["type"]
    assert found_approved(folder, convert=[{"to": "boolean"}]) == []


@pytest.mark.parametrize("source", ["content.remark", "shipments[0].trackingNumber"])
def test_a_flag_that_is_no_truth_value_approves_nothing_again(tmp_path: Path, source: str) -> None:
    """The check cannot know that there is a word for it, or nothing at all."""
    mappings = approving(tmp_path)
    assert found_approved(mappings, source=source, convert=[{"to": "boolean"}]) == []
    with at_the_wire(tmp_path, mappings) as (made, wire):
        made.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
        with wire.suffers("AmendSalesOrder", Trouble("reset", forwarded=True)):
            made.later(ticks=2)
        made.later(minutes=30, ticks=2)
        assert made.stands(55) == ("recognised", "in_doubt")
        (reason,) = made.order(55).hold_reasons or []
        assert "approved" in reason
        assert sum(b"AmendSalesOrder" in body for body in wire.reached) == 1


class Approving:
    """A DMS in which documents of all kinds are approved by one call."""

    def __init__(self) -> None:
        self.approved: list[str] = []

    def then(self, _conversation: str) -> dict[str, str]:
        return {"dms_approve": ""}

    def prepare(self, name: str, source: dict[str, Any]) -> Prepared:
        return Prepared(name, "Approve", {"number": source["number"]}, (), "v", source)

    def send(self, prepared: Prepared) -> dict[str, Any]:
        self.approved.append(prepared.body["number"])
        return {"number": prepared.body["number"]}


def with_calls(database: Database, dms: Any) -> Context:
    calls = Calls(database)
    made = SimpleNamespace(
        dms=dms,
        calls=calls,
        outbound=Outbound(calls, lambda: EVENING, timedelta(minutes=3)),
        business_units={"GQ": SimpleNamespace(dms_code="GQ")},
        clock=lambda: EVENING,
    )
    return cast(Context, made)


def test_documents_of_two_kinds_are_each_approved_by_the_same_call(database: Database) -> None:
    row, dms = put_order(database, 30, EVENING), Approving()
    context = with_calls(database, dms)
    for kind, number in (("delivery_note", "DN1"), ("invoice_application", "IA1")):
        call = Call("dms", f"dms_{kind}", "shop/30", "30-GQ", {}, part="GQ", order_pk=row.id)
        source = {"business_unit": {"code": "GQ"}}
        prepared = Prepared(call.operation, "Make", {}, (), "v", source)
        for _ in range(2):
            finish(context, row, call, prepared, Document(number, {}), f"{kind}s")
    assert dms.approved == ["DN1", "IA1"]


def test_an_approval_that_an_earlier_release_recorded_is_its_documents_own(
    database: Database,
) -> None:
    """Its key did not name the call that made the document."""
    row, dms = put_order(database, 30, EVENING), Approving()
    context = with_calls(database, dms)
    source = {"business_unit": {"code": "GQ"}}

    def made(kind: str) -> Call:
        call = Call("dms", f"dms_{kind}", "shop/30", "30-GQ", {}, part="GQ", order_pk=row.id)
        context.outbound.perform(call, lambda: Document("made", {}), None)
        return call

    order, note = made("sales_order"), made("delivery_note")
    further = replace(note, operation="dms_approve", reference="DN1")
    context.outbound.perform(further, lambda: Document("DN1", {}), None)
    # The same document may be finished once more after something later was done to it.
    for call, number in ((order, "SO1"), (note, "DN1"), (made("cancel"), "DN1")):
        prepared = Prepared(call.operation, "Make", {}, (), "v", source)
        finish(context, row, call, prepared, Document(number, {}), "")
    assert dms.approved == ["SO1", "DN1"]


def test_an_amendment_is_approved(tmp_path: Path) -> None:
    with at_the_wire(tmp_path, approving(tmp_path, of="dms_amend")) as (made, wire):
        assert made.stands(34) == ("placed", "stock")
        lines = made.shown(34)["line_items"]
        made.change(34, line_items=[{**lines[0], "quantity": lines[0]["quantity"] + 1}, *lines[1:]])
        with wire.suffers("Nothing", Trouble("")):
            made.later(ticks=3)
        assert sum(b"AmendSalesOrder" in body for body in wire.reached) == 2
        assert [each["content"]["remark"] for each in made.sales_orders(34)] == ["approved"]


def test_a_return_is_approved(tmp_path: Path) -> None:
    """In this DMS an approval is an application that bears the document's number."""
    mappings = Path(shutil.copytree("mappings", tmp_path / "mappings"))
    path = mappings / "dms_return.yaml"
    content = yaml.safe_load(path.read_text("utf-8")) | {"then": {"dms_approve": ""}}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    text = (mappings / "dms_invoice_application.yaml").read_text("utf-8")
    text = text.replace("source: reference", "source: number")
    text = text.replace("source: sales_order", "source: sales_order, max_length: 10")
    (mappings / "dms_approve.yaml").write_text(text, "utf-8")
    assert [each for each in check(Folder.read(mappings)) if each.level == "error"] == []
    with at_the_wire(tmp_path, mappings) as (made, _):
        made.until(NOON)
        world.ship(made.sandbox.books, made.sandbox.clock, "30")
        for _ in range(2):
            row = made.order(30)
            document = register_return(made.context, row, "GQ", "30-R1", {1: Decimal(1)}, "broken")
        (theirs,) = made.sales_orders(30)
        approved = [each["externalReference"] for each in theirs["invoiceApplications"]]
        assert approved.count(document.number) == 1


class Cancelling(Approving):
    """A DMS in which a cancellation is approved; `lost` are answers that nobody gets."""

    def __init__(self) -> None:
        super().__init__()
        self.order: dict[str, Any] = {"number": "SO1", "status": "open", "approved": False}
        self.lost = 1

    def can(self, _conversation: str) -> bool:
        return True

    def then(self, conversation: str) -> dict[str, str]:
        return {"dms_approve": "approved"} if conversation == "dms_cancel" else {}

    def prepare(self, name: str, source: dict[str, Any]) -> Prepared:
        return Prepared(name, name, {"number": source["sales_order"]}, (), "v", source)

    def send(self, prepared: Prepared) -> dict[str, Any]:
        if prepared.conversation == "dms_cancel":
            self.order["status"] = "cancelled"
        else:
            self.approved.append("SO1")
            self.order["approved"] = True
            if self.lost:
                self.lost -= 1
                raise InDoubt("lost")
        return {}

    def find(self, _number: str, _unit: str, reference: str) -> list[dict[str, Any]]:
        return [self.order]


def test_a_cancellation_is_approved_and_asked_about(database: Database) -> None:
    """The order that the DMS shows is then cancelled, and approved as such."""
    row, dms = put_order(database, 30, EVENING), Cancelling()
    context = with_calls(database, dms)
    for _ in range(2):
        change = cancel_sales_order(context, row, "GQ", "SO1", quoted("no more wanted"))
        assert [each.kind for each in change.documents] == ["cancellation"]
    assert dms.approved == ["SO1"]
