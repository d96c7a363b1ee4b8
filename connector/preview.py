"""What a mapping would send for an order, to the letter, and where each value comes from.

Nothing is sent and nobody is asked: the WSDL and SAP's interfaces are the stored snapshots.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.dms.client import DmsSettings, SoapDms
from connector.dms.session import source_with
from connector.domain.order import Order
from connector.errors import MappingFailed, Misconfigured, UnreadableOrder
from connector.mapping.engine import Mapping as FieldMapping
from connector.mapping.engine import MappingSet, Traced
from connector.mapping.interfaces import Interfaces
from connector.mapping.load import Folder
from connector.mapping.shape import Shape
from connector.sap.envelope import request_xml
from connector.sap.finding import Finder, search_source
from connector.sap.fitting import findings
from connector.sap.interface import stored_in
from connector.sap.port import Answer, Parameter, Parameters, SapSession
from connector.settings import Settings
from connector.steps.context import Context, buyer_key, part_source, readable
from connector.store.mappings import MappingVersions
from connector.store.tables import DocumentRow, OrderRow

_SALES_ORDER = "SO00000000"
_REVISION = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_./~^@{}-]*$")
# What the steps put behind an order's number, as its own reference of a document.
_REFERENCES = {"dms_delivery_note": "DN", "dms_invoice_application": "IA"}
_QUESTIONS = frozenset({"dms_find", "dms_order_status"})
_DOCUMENTS = {
    "storefront_shipment": "shipment",
    "storefront_shipment_note": "shipment",
    "storefront_invoice": "invoice",
    "storefront_invoice_note": "invoice",
}


@dataclass(frozen=True)
class Case:
    """One input of a mapping made from a stored order; `assumed` says what is not known yet."""

    part: str
    source: Mapping[str, Any]
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """One request: what would be sent, the origin of each value, and what is wrong with it."""

    part: str
    title: str
    text: str
    traces: Sequence[Traced] = ()
    notes: tuple[str, ...] = ()
    wrong: tuple[str, ...] = field(default=())


def cases(context: Context, row: OrderRow, conversation: str) -> list[Case]:
    """Return the inputs that a conversation's mapping has for an order.

    Raises Misconfigured for a conversation that no single order leads to, and UnreadableOrder.
    """
    readable(row)
    if conversation == "storefront_order":
        return [Case("", row.payload)]
    if conversation in _DOCUMENTS:
        return list(_told(context, row, _DOCUMENTS[conversation]))
    if conversation == "dms_status":
        return [Case("", {"since": row.placed_at, "page_token": None})]
    order = context.read(row)
    if conversation.startswith("sap_customer_"):
        return list(_customer(context, order))
    if conversation == "sap_stock":
        return [
            Case(
                f"line {line.number}",
                {
                    "plant": context.business_units[line.business_unit].plant,
                    "material": line.sku,
                    "unit": line.unit,
                    "day": context.clock().date(),
                },
            )
            for line in order.open_lines
        ]
    if not conversation.startswith("dms_"):
        raise Misconfigured(
            "no order leads to this mapping",
            place=f"mapping {conversation}",
            remedy="preview one of `connector mappings list` that an order goes through",
        )
    return [_of_unit(context, row, order, unit, conversation) for unit in order.business_units]


def sheets(
    settings: Settings,
    mappings: MappingSet,
    interfaces: Interfaces,
    conversation: str,
    inputs: Sequence[Case],
) -> Iterator[Sheet]:
    """Give what would be sent for each input."""
    mapping = mappings[conversation]
    for case in inputs:
        yield from _sheets(settings, mappings, interfaces, mapping, case)


def _sheets(
    settings: Settings,
    mappings: MappingSet,
    interfaces: Interfaces,
    mapping: FieldMapping,
    case: Case,
) -> Iterator[Sheet]:
    title = f"{mapping.target.system} {mapping.target.operation}"
    if mapping.absent:
        yield Sheet(case.part, title, "", wrong=("the mapping says that there is no such thing",))
        return
    if mapping.read_table is not None:
        recorder = _Recorder()
        # The finder is asked with an order's buyer, so that its own parameters are seen.
        Finder(recorder, lambda: mappings).find([case.source["_buyer"]])
        for function, parameters in recorder.calls:
            yield Sheet(case.part, f"sap {function}", _json(parameters), notes=case.assumed)
        return
    calls = mapping.calls or ((mapping.target.operation, None),)
    answers: list[dict[str, Any]] = []
    for place, (function, _) in enumerate(calls):
        source = {**case.source, "answers": answers} if mapping.calls else case.source
        if mapping.target.system == "dms":
            source = source_with(source)  # the token of a session is not shown
        title = f"{mapping.target.system} {function}"
        if mapping.calls and not mapping.calls_at(place, source):
            answers.append({})
            continue
        try:
            applied, traces = (
                mapping.trace(source, place) if mapping.calls else mapping.trace(source)
            )
        except MappingFailed as error:
            yield Sheet(case.part, title, "", notes=case.assumed, wrong=tuple(error.findings))
            return
        text, wrong = _exact(settings, mapping, function, applied.body, source)
        yield Sheet(case.part, title, text, traces, (*case.assumed, *applied.notes), wrong)
        answers.append(_answer(interfaces, function))


def _exact(
    settings: Settings,
    mapping: FieldMapping,
    operation: str,
    body: dict[str, Any],
    source: Mapping[str, Any],
) -> tuple[str, tuple[str, ...]]:
    """Return the request as it would go over the wire, and what is wrong with it."""
    system = mapping.target.system
    if system == "dms":
        wsdl = settings.mappings / "interfaces" / "dms.wsdl"
        client = SoapDms(DmsSettings(wsdl=str(wsdl) if wsdl.is_file() else settings.dms.wsdl))
        try:
            return client.envelope(operation, body).decode(), ()
        except Exception as error:  # zeep says in its own kinds what it cannot place
            return _json(body), (str(error)[:300],)
    if system == "sap":
        known = stored_in(settings.mappings)(operation)
        wrong = tuple(findings(known, body)) if known is not None else ()
        if settings.sap.transport != "soap" or " " in operation:
            return _json(body), wrong
        style = settings.sap.namespace_style
        tables = [name for name, each in (known or {}).items() if each.direction == "tables"]
        return request_xml(operation, body, style, tables).decode(), wrong
    if mapping.name == "storefront_order":
        return _json(body), ()
    method, _, route = mapping.target.operation.partition(" ")
    path = route.replace("{order_id}", str(source.get("order_id", "")))
    return f"{method} {settings.storefront.url}/wp-json/wc/v3{path}\n{_json(body)}", ()


def _answer(interfaces: Interfaces, function: str) -> dict[str, Any]:
    """Return an answer such as the function module gives, of zeros: a later call is made of it."""
    known = interfaces.sap.get(function)
    if known is None:
        return {}
    made: dict[str, Any] = _zeros(known.answer)
    return made


def _zeros(shape: Shape) -> Any:
    if shape.kind == "object":
        inner = {name: _zeros(each) for name, each in shape.fields.items()}
        return {name: value for name, value in inner.items() if value is not None}
    if shape.kind == "list":
        return [_zeros(shape.item)] if shape.item is not None else []
    return "0" * (shape.max_length or 1) if shape.kind == "text" else None


def _of_unit(context: Context, row: OrderRow, order: Order, unit: str, conversation: str) -> Case:
    assumed: list[str] = []
    source = part_source(context, row, order, unit)
    lines = {line.number: line for line in context.orders.lines(row.id)}
    for line in source["lines"]:
        allocated = lines[line["number"]].allocated if line["number"] in lines else Decimal(0)
        line["allocated"] = allocated or line["open_quantity"]
    number = next(
        (
            each.number
            for each in context.orders.documents(row.id, "sales_order")
            if each.business_unit == unit
        ),
        None,
    )
    if number is None:
        assumed.append(f"no sales order yet: {_SALES_ORDER} stands for its number")
    if row.customer_number is None:
        assumed.append("the customer is not known yet: zeros stand for the number")
        source["customer_number"] = "0" * 10
    if conversation in _REFERENCES:
        source["reference"] += f"-{_REFERENCES[conversation]}{row.revision}"
    dms_code = context.business_units[unit].dms_code
    question = {
        "sales_order": number or _SALES_ORDER,
        "external_number": order.number,
        "reference": source["reference"],
        "business_unit": dms_code,
    }
    return Case(
        unit,
        {
            **source,
            "sales_order": number or _SALES_ORDER,
            "reason": "cancelled in the storefront",
            "return_lines": [
                {"number": line["number"], "quantity": line["open_quantity"]}
                for line in source["lines"]
            ],
            # What the DMS is asked by has names of its own.
            **(_question(question) if conversation in _QUESTIONS else {}),
        },
        tuple(assumed),
    )


def _question(question: Mapping[str, Any]) -> dict[str, Any]:
    return {**question, "orders": [question], "order": question}


def _customer(context: Context, order: Order) -> Iterator[Case]:
    if not order.business_units:
        raise Misconfigured(
            "nothing of this order is left to deliver, so no business unit has a customer for it",
            place=f"order {order.number}",
            remedy="preview an order with open lines",
        )
    unit = context.business_units[order.business_units[0]]
    looked_for = search_source(order.buyer)
    yield Case(
        "",
        {
            **looked_for,
            "buyers": [looked_for],
            "_buyer": order.buyer,
            "buyer": asdict(order.buyer),
            "business_unit": asdict(unit),
            "reference": buyer_key(order.buyer),
            "number": "0" * 10,
            "plain_number": "0",
        },
    )


def _told(context: Context, row: OrderRow, kind: str) -> Iterator[Case]:
    documents: Sequence[DocumentRow] = context.orders.documents(row.id, kind)
    if not documents:
        raise Misconfigured(
            f"the order has no {kind} yet", place=f"order {row.number}", remedy="take another one"
        )
    for document in documents:
        yield Case(
            document.number,
            {
                "order_id": row.order_id,
                "number": row.number,
                kind: {**document.detail, "number": document.number},
                "complete": True,
            },
        )


class _Recorder:
    """A SAP system whose tables are empty; it notes what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Parameters]] = []

    def call(self, function: str, parameters: Parameters) -> Answer:
        self.calls.append((function, parameters))
        columns = [{**each, "OFFSET": 0, "LENGTH": 0} for each in parameters["FIELDS"]]
        return {"FIELDS": columns, "DATA": []}

    def session(self, *, kept: bool = True) -> AbstractContextManager[SapSession]:
        raise AssertionError("a look-up opens no session")

    def describe(self, function: str) -> Mapping[str, Parameter]:
        return {}

    def interface(self, function: str) -> Mapping[str, Parameter]:
        return self.describe(function)

    def ping(self) -> str:
        return ""

    def close(self) -> None:
        return


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def sources(
    context: Context, names: Sequence[str], last: int
) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Give the inputs of mappings for the newest orders: (order, mapping, part, source)."""
    for row in context.orders.listed(limit=last):
        for name in names:
            try:
                inputs = cases(context, row, name)
            except (Misconfigured, UnreadableOrder, ValueError):
                continue  # an order that never came so far, or that cannot be read
            for case in inputs:
                yield row.number, name, case.part, case.source


def folder_of(word: str, settings: Settings, versions: MappingVersions) -> Folder:
    """Return the mappings that a word means: a folder, a version once in force, a git revision.

    Raises Misconfigured.
    """
    path = Path(word)
    if path.is_dir():
        return Folder.read(path)
    kept = versions.files(word)
    if kept is not None:
        return Folder(kept, f"version {word}")
    return Folder(_from_git(word, settings.mappings), f"git {word}")


def _from_git(revision: str, folder: Path) -> dict[str, bytes]:
    git = shutil.which("git")
    if git is None or not _REVISION.match(revision):
        raise Misconfigured(
            f"{revision} is no folder and no version that was in force",
            place="mappings",
            remedy="name a folder, a stored version or a git revision",
        )
    done = subprocess.run(  # noqa: S603 (git itself, with a word that is no option)
        [git, "-C", str(folder), "archive", "--format=tar", revision, "."],
        capture_output=True,
        check=False,
        timeout=30,
    )
    if done.returncode:
        raise Misconfigured(
            f"{revision} is no folder, no version that was in force, and no git revision",
            place="mappings",
            remedy=done.stderr.decode(errors="replace").strip().splitlines()[-1][:200],
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        return {
            member.name.removeprefix("./"): (archive.extractfile(member) or io.BytesIO()).read()
            for member in archive.getmembers()
            if member.isfile()
        }
