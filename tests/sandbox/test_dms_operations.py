"""What the sandbox DMS does: its eight operations and the people behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zeep
import zeep.exceptions
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from zeep.wsse.username import UsernameToken

from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.dms import DmsApplication, contract
from connector.sandbox.dms_backoffice import CARRIERS, issue_invoices, receive_return, ship
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.dms_operations import OPERATIONS, Desk
from connector.sandbox.faults import Faults
from connector.sandbox.web import Response, Server

NOON = datetime(2025, 6, 3, 4, 0, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))
NS = "{urn:dms:sales:v1}"

# zeep's constructors are untyped.
client: Any = zeep.Client
username_token: Any = UsernameToken


@dataclass
class Dms:
    """A running sandbox DMS; `ask` calls an operation over the wire."""

    server: Server
    books: Books
    clock: Clock
    service: Any

    def ask(self, operation: str, **request: object) -> Any:
        return self.service[operation](**request)

    def order(self, external: str = "S1-30", **change: object) -> str:
        answer = self.ask("CreateSalesOrder", header=header(external, **change))
        return str(answer.orderNumber)

    def find(self, external: str = "S1-30", **more: object) -> list[Any]:
        return list(self.ask("FindSalesOrder", externalNumber=external, **more))

    def changed(self, since: datetime = NOON, **more: object) -> Any:
        return self.ask("StatusChangedSince", since=since, **more)

    def note(self, order: str, reference: str = "S1-30/1", **quantities: object) -> str:
        number = self.ask(
            "CreateDeliveryNote",
            orderNumber=order,
            externalReference=reference,
            plant="1000",
            lines=lines(**quantities),
        )
        return str(number)

    def application(self, order: str, reference: str = "S1-30/1", **change: object) -> str:
        request: dict[str, object] = {
            "orderNumber": order,
            "externalReference": reference,
            "kind": "ELECTRONIC",
            "title": "徐州恒力起重设备有限公司",
            "mail": "buyer@example.test",
            "amount": "120.00",
        }
        return str(self.ask("ApplyForInvoice", **request | change))

    def register_return(self, order: str, reference: str = "R1", **quantities: object) -> str:
        request = {"orderNumber": order, "externalReference": reference, "reason": "坏了"}
        return str(self.ask("RegisterReturn", **request, lines=lines(**quantities)))

    def count(self, kind: str) -> int:
        return len(self.books.all(f"dms.{kind}"))


def header(external: str, **change: object) -> Document:
    """An order of 3 pieces (100.00) of line 1 and 2 (10.00) of line 2, and 10.00 of freight."""
    line: Document = {"partNumber": "XC-1", "unit": "PC"}
    document: Document = {
        "externalNumber": external,
        "businessUnit": "MC",
        "customerNumber": "0000100001",
        "orderDate": "2026-11-24",
        "currency": "CNY",
        "shipTo": {
            "name": "张伟",
            "phone": "13900000000",
            "province": "江苏",
            "city": "徐州市",
            "street": "驮蓝山路26号",
        },
        "invoiceKind": "ORDINARY",
        "freight": "10.00",
        "lines": [
            {
                "lineNumber": "1",
                **line,
                "quantity": "3",
                "unitPrice": "33.3333",
                "amount": "100.00",
            },
            {"lineNumber": "2", **line, "quantity": "2", "unitPrice": "5.0000", "amount": "10.00"},
        ],
        "total": "120.00",
    }
    return document | change


def lines(**quantities: object) -> list[Document]:
    """Turn `l1=2` into two pieces of line 1."""
    return [
        {"lineNumber": name.removeprefix("l"), "quantity": str(quantity)}
        for name, quantity in quantities.items()
    ]


def start(*, unique_external_numbers: bool = False) -> Dms:
    books, clock = Books(), Clock()
    clock.set(NOON)
    application = DmsApplication(books, clock, unique_external_numbers=unique_external_numbers)
    server = Server(application, lambda request: Response(404, b""), Faults())
    server.start()
    token = username_token("connector", "sandbox-secret")
    service = client(f"{server.url}/dms/service?wsdl", wsse=token).service
    return Dms(server, books, clock, service)


@pytest.fixture
def dms() -> Iterator[Dms]:
    running = start()
    yield running
    running.server.stop()


@pytest.fixture
def strict() -> Iterator[Dms]:
    running = start(unique_external_numbers=True)
    yield running
    running.server.stop()


@contextmanager
def refused(code: str, field: str | None = None, existing: str | None = None) -> Iterator[None]:
    """Expect a BusinessFault with exactly these parts."""
    with pytest.raises(zeep.exceptions.Fault) as caught:
        yield
    fault = caught.value.detail.find(f"{NS}BusinessFault")
    names = ("code", "field", "existingNumber")
    assert tuple(fault.findtext(NS + name) for name in names) == (code, field, existing)
    assert fault.findtext(f"{NS}message")


# --- Orders -------------------------------------------------------------------------------------


def test_nothing_is_found_where_nothing_was_created(dms: Dms) -> None:
    assert dms.find("none") == []


def test_external_number_used_twice_makes_two_orders(dms: Dms) -> None:
    numbers = [dms.order(), dms.order()]
    assert [order.orderNumber for order in dms.find()] == numbers
    assert dms.count("sales_order") == 2


def test_unique_external_number_is_refused_and_names_the_order(strict: Dms) -> None:
    number = strict.order()
    with refused("DUPLICATE_EXTERNAL_NUMBER", "externalNumber", number):
        strict.order()
    other = strict.order(businessUnit="XX")
    assert [order.orderNumber for order in strict.find(businessUnit="XX")] == [other]
    assert len(strict.find()) == 2


def test_unique_external_number_is_free_again_after_cancelling(strict: Dms) -> None:
    former = strict.order()
    strict.ask("CancelSalesOrder", orderNumber=former, reason="changed")
    number = strict.order()
    with refused("DUPLICATE_EXTERNAL_NUMBER", "externalNumber", number):
        strict.order()


def test_unique_reference_is_refused_for_each_document(strict: Dms) -> None:
    order = strict.order()
    note = strict.note(order, l1=1)
    with refused("DUPLICATE_EXTERNAL_NUMBER", "externalReference", note):
        strict.note(order, l1=1)
    application = strict.application(order)
    with refused("DUPLICATE_EXTERNAL_NUMBER", "externalReference", application):
        strict.application(order)
    ship(strict.books, strict.clock)
    returned = strict.register_return(order, l1="0.5")
    with refused("DUPLICATE_EXTERNAL_NUMBER", "externalReference", returned):
        strict.register_return(order, l1="0.5")


def test_total_must_be_lines_and_freight(dms: Dms) -> None:
    with refused("AMOUNT", "total"):
        dms.order(total="120.01")
    with refused("AMOUNT", "total"):
        dms.order(freight="0")
    assert dms.count("sales_order") == 0


@pytest.mark.parametrize(
    "change",
    [{"unitPrice": "33.3400"}, {"discount": "0.01"}, {"quantity": "2"}],
)
def test_a_line_must_add_up(dms: Dms, change: Document) -> None:
    first, second = header("x")["lines"]
    with refused("AMOUNT", "amount"):
        dms.order(lines=[first | change, second])


def test_line_number_may_not_stand_twice(dms: Dms) -> None:
    first = header("x")["lines"][0]
    with refused("DUPLICATE_LINE", "lineNumber"):
        dms.order(lines=[first, first], total="210.00")


def test_unknown_master_data_is_refused_once_there_is_any(dms: Dms) -> None:
    dms.books.put("dms.customer", "0000100002", {})
    with refused("UNKNOWN_CUSTOMER", "customerNumber"):
        dms.order()
    dms.books.put("dms.customer", "0000100001", {})
    dms.books.put("dms.part", "XC-2", {})
    with refused("UNKNOWN_PART", "partNumber"):
        dms.order()
    dms.books.put("dms.part", "XC-1", {})
    assert dms.order()


def test_order_date_in_a_closed_period_is_refused(dms: Dms) -> None:
    dms.books.put("dms.period", "closed", {"until": "2026-11-23"})
    assert dms.order()
    with refused("PERIOD_CLOSED", "orderDate"):
        dms.order(orderDate="2026-11-23")


@pytest.mark.parametrize(
    "operation",
    [
        "AmendSalesOrder",
        "CreateDeliveryNote",
        "ApplyForInvoice",
        "CancelSalesOrder",
        "RegisterReturn",
    ],
)
def test_writes_need_an_order_that_is_there_and_not_locked(dms: Dms, operation: str) -> None:
    requests: dict[str, Document] = {
        "AmendSalesOrder": {"header": header("A")},
        "CreateDeliveryNote": {"externalReference": "1", "plant": "1", "lines": lines(l1=1)},
        "ApplyForInvoice": {
            "externalReference": "1",
            "kind": "ORDINARY",
            "title": "x",
            "amount": "1",
        },
        "CancelSalesOrder": {"reason": ""},
        "RegisterReturn": {"externalReference": "1", "reason": "", "lines": lines(l1=1)},
    }
    request = requests[operation]
    with refused("NOT_FOUND", "orderNumber"):
        dms.ask(operation, orderNumber="SO00000000", **request)
    order = dms.order()
    dms.books.put("dms.lock", order, {})
    with refused("LOCKED"):
        dms.ask(operation, orderNumber=order, **request)
    dms.books.delete("dms.lock", order)
    dms.ask("CancelSalesOrder", orderNumber=order, reason="")
    with refused("ALREADY_CANCELLED" if operation == "CancelSalesOrder" else "ORDER_CLOSED"):
        dms.ask(operation, orderNumber=order, **request)


def test_amending_replaces_what_an_order_holds(dms: Dms) -> None:
    order = dms.order("A")
    answer = dms.ask(
        "AmendSalesOrder", orderNumber=order, header=header("A", freight="11.00", total="121.00")
    )
    assert (answer.orderNumber, answer.status) == (order, "OPEN")
    [found] = dms.find("A")
    assert (found.orderNumber, found.content.total) == (order, Decimal("121.00"))
    with refused("AMOUNT", "total"):
        dms.ask("AmendSalesOrder", orderNumber=order, header=header("A", total="1.00"))
    with refused("INVALID_VALUE", "externalNumber"):
        dms.ask("AmendSalesOrder", orderNumber=order, header=header("B"))
    dms.note(order, l1=1)
    with refused("ORDER_CLOSED"):
        dms.ask("AmendSalesOrder", orderNumber=order, header=header("A"))
    assert dms.find("A")[0].content.total == Decimal("121.00")


def test_cancelling_ends_the_order_and_its_open_documents(dms: Dms) -> None:
    order = dms.order()
    dms.note(order, l1=3)
    dms.application(order)
    answer = dms.ask("CancelSalesOrder", orderNumber=order, reason="不要了")
    assert (answer.orderNumber, answer.status, answer.cancelledAt) == (order, "CANCELLED", NOON)
    [found] = dms.find()
    assert (found.status, found.cancellationReason) == ("CANCELLED", "不要了")
    assert found.deliveryNotes[0].status == found.invoiceApplications[0].status == "CANCELLED"
    assert ship(dms.books, dms.clock) == issue_invoices(dms.books, dms.clock) == []


def test_shipped_or_invoiced_orders_cannot_be_cancelled(dms: Dms) -> None:
    shipped, invoiced = dms.order("A"), dms.order("B")
    dms.note(shipped, l1=1)
    dms.application(invoiced)
    ship(dms.books, dms.clock)
    issue_invoices(dms.books, dms.clock)
    for order in (shipped, invoiced):
        with refused("ORDER_CLOSED"):
            dms.ask("CancelSalesOrder", orderNumber=order, reason="")


# --- Delivery notes, shipments ------------------------------------------------------------------


def test_delivery_notes_share_what_is_open(dms: Dms) -> None:
    order = dms.order()
    first = dms.note(order, l1=2)
    assert first == "DN10000001"
    with refused("QUANTITY", "quantity"):
        dms.note(order, l1=2)
    with refused("QUANTITY", "quantity"):
        dms.note(order, l1="0.6", l01="0.6")  # together 1.2 of the one that is open
    with refused("UNKNOWN_LINE", "lineNumber"):
        dms.note(order, l3=1)
    second = dms.note(order, l1=1, l2=2)  # the same reference again
    [found] = dms.find()
    assert [note.deliveryNoteNumber for note in found.deliveryNotes] == [first, second]
    assert [note.externalReference for note in found.deliveryNotes] == ["S1-30/1"] * 2
    assert found.status == "IN_DELIVERY"
    assert dms.count("delivery_note") == 2


def test_shares_are_shipped_once_and_statuses_follow(dms: Dms) -> None:
    order = dms.order()
    first, second = dms.note(order, l1=3), dms.note(order, l2=2)
    [half, other] = ship(dms.books, dms.clock, order, quantity_share=0.5, carrier="DEPPON")
    assert half["lines"] == [{"lineNumber": "1", "quantity": "1"}]
    assert other["lines"] == [{"lineNumber": "2", "quantity": "1"}]
    assert ship(dms.books, dms.clock, order, quantity_share="0.5") == []
    [found] = dms.find()
    assert found.status == "PARTIALLY_SHIPPED"
    assert [note.status for note in found.deliveryNotes] == ["PARTIALLY_SHIPPED"] * 2
    dms.clock.advance(timedelta(hours=1))
    made = ship(dms.books, dms.clock)
    assert [shipment["lines"][0]["quantity"] for shipment in made] == ["2", "1"]
    assert ship(dms.books, dms.clock) == []
    [found] = dms.find()
    assert found.status == "SHIPPED"
    assert [note.status for note in found.deliveryNotes] == ["SHIPPED"] * 2
    assert [shipment.deliveryNoteNumber for shipment in found.shipments] == [first, second] * 2
    assert [shipment.carrier for shipment in found.shipments] == ["DEPPON"] * 2 + ["SF"] * 2
    assert len({shipment.trackingNumber for shipment in found.shipments}) == 4
    assert found.shipments[3].shippedAt == NOON + timedelta(hours=1)
    assert dms.count("shipment") == 4


def test_nothing_ships_without_delivery_note(dms: Dms) -> None:
    dms.order()
    assert ship(dms.books, dms.clock) == []


def test_people_are_told_what_cannot_be_done(dms: Dms) -> None:
    for share in (0, -1, 1.1):
        with pytest.raises(ValueError, match="quantity_share"):
            ship(dms.books, dms.clock, quantity_share=share)
    with pytest.raises(ValueError, match="'XX'"):
        ship(dms.books, dms.clock, carrier="XX")
    for act in (ship, issue_invoices, receive_return):
        with pytest.raises(LookupError, match="SO00000000"):
            act(dms.books, dms.clock, "SO00000000")
    with pytest.raises(LookupError, match="RT00000000"):
        receive_return(dms.books, dms.clock, return_number="RT00000000")


def test_carriers_are_those_of_the_schema() -> None:
    schema = etree.fromstring(contract().wsdl)
    [carrier] = [node for node in schema.iter() if node.get("name") == "CarrierCode"]
    assert tuple(node.get("value") for node in carrier.iter() if node.get("value")) == CARRIERS


# --- Invoices -----------------------------------------------------------------------------------


def test_application_is_checked_against_the_order(dms: Dms) -> None:
    order = dms.order()
    with refused("AMOUNT", "amount"):
        dms.application(order, amount="120.01")
    with refused("TAX_CODE_REQUIRED", "taxCode"):
        dms.application(order, kind="SPECIAL")
    with refused("UNKNOWN_LINE", "lineNumber"):
        dms.application(order, lines=[{"lineNumber": 9, "quantity": 1, "amount": "1"}])
    number = dms.application(
        order,
        kind="SPECIAL",
        taxCode="91320300MA11000ABP",
        lines=[{"lineNumber": 1, "quantity": 3, "amount": "100"}],
    )
    [application] = dms.find()[0].invoiceApplications
    assert (application.applicationNumber, application.status) == (number, "OPEN")
    assert application.taxCode == "91320300MA11000ABP"
    assert application.lines[0].amount == 100
    assert dms.application(order) != number  # the same reference again
    assert dms.count("invoice_application") == 2


def test_invoices_are_issued_once_with_the_tax_taken_out(dms: Dms) -> None:
    order = dms.order()
    number = dms.application(order)
    dms.clock.set(datetime(2026, 11, 24, 17, 0, tzinfo=UTC))
    assert len(issue_invoices(dms.books, dms.clock)) == 1
    assert issue_invoices(dms.books, dms.clock) == []
    [invoice] = dms.find()[0].invoices
    assert invoice.applicationNumber == number
    assert invoice.date == date(2026, 11, 25)  # one o'clock in the morning in China
    amounts = (invoice.netAmount, invoice.taxAmount, invoice.grossAmount)
    assert amounts == (Decimal("106.19"), Decimal("13.81"), Decimal("120.00"))
    assert invoice.kind == "ELECTRONIC"
    assert not invoice.red
    assert invoice.invoiceNumber in invoice.url
    assert dms.find()[0].invoiceApplications[0].status == "ISSUED"


def test_order_is_completed_when_shipped_and_invoiced(dms: Dms) -> None:
    order = dms.order()
    dms.note(order, l1=3, l2=2)
    dms.application(order)
    issue_invoices(dms.books, dms.clock)
    assert dms.find()[0].status == "IN_DELIVERY"
    ship(dms.books, dms.clock)
    assert dms.find()[0].status == "COMPLETED"
    dms.application(order, "S1-30/2", amount="1")
    assert dms.find()[0].status == "SHIPPED"


# --- Returns ------------------------------------------------------------------------------------


def test_only_what_was_shipped_can_be_returned(dms: Dms) -> None:
    order = dms.order()
    with refused("QUANTITY", "quantity"):
        dms.register_return(order, l1=1)
    dms.note(order, l1=3)
    ship(dms.books, dms.clock)
    with refused("QUANTITY", "quantity"):
        dms.register_return(order, l2=1)
    with refused("UNKNOWN_LINE", "lineNumber"):
        dms.register_return(order, l3=1)
    number = dms.register_return(order, l1=2)
    with refused("QUANTITY", "quantity"):
        dms.register_return(order, l1=2)
    [document] = dms.find()[0].returns
    assert (document.returnNumber, document.status, document.reason) == (
        number,
        "REGISTERED",
        "坏了",
    )
    dms.clock.advance(timedelta(days=1))
    [received] = receive_return(dms.books, dms.clock, return_number=number)
    assert received["returnNumber"] == number
    assert receive_return(dms.books, dms.clock) == []
    [document] = dms.changed(NOON + timedelta(days=1)).orders[0].returns
    assert (document.status, document.receivedAt) == ("RECEIVED", NOON + timedelta(days=1))
    assert dms.count("return") == 1


def test_received_returns_are_taken_back_by_red_letter_invoices(dms: Dms) -> None:
    order = dms.order()
    dms.note(order, l1=3)
    application = dms.application(order)
    ship(dms.books, dms.clock)
    [original] = issue_invoices(dms.books, dms.clock)
    returns = [dms.register_return(order, f"R{index}", l1=1) for index in range(3)]
    assert issue_invoices(dms.books, dms.clock) == []  # the goods are not back
    receive_return(dms.books, dms.clock)
    made = issue_invoices(dms.books, dms.clock)
    assert [red["grossAmount"] for red in made] == ["-33.33", "-33.34", "-33.33"]
    assert issue_invoices(dms.books, dms.clock) == []
    reds = dms.find()[0].invoices[1:]
    assert [red.returnNumber for red in reds] == returns
    for red in reds:
        assert red.red
        assert red.applicationNumber == application
        assert red.originalInvoiceNumber == original["invoiceNumber"]
        assert red.netAmount + red.taxAmount == red.grossAmount
    assert (reds[0].netAmount, reds[0].taxAmount) == (Decimal("-29.50"), Decimal("-3.83"))


def test_never_more_is_taken_back_than_was_invoiced(dms: Dms) -> None:
    order = dms.order()
    dms.note(order, l1=3)
    ship(dms.books, dms.clock)
    dms.register_return(order, l1=3)
    receive_return(dms.books, dms.clock)
    assert issue_invoices(dms.books, dms.clock) == []
    dms.application(order, amount="60")
    dms.application(order, amount="30")
    made = issue_invoices(dms.books, dms.clock)
    assert [invoice["grossAmount"] for invoice in made] == ["60.00", "30.00", "-60.00", "-30.00"]
    dms.application(order, amount="30")
    made = issue_invoices(dms.books, dms.clock)
    assert [invoice["grossAmount"] for invoice in made] == ["30.00", "-10.00"]


# --- What changed -------------------------------------------------------------------------------


def test_pages_lose_none_of_many_changes_in_one_second(dms: Dms) -> None:
    created = [dms.order(f"S1-{index}") for index in range(25)]
    seen: list[str] = []
    sizes = []
    token = None
    while True:
        page = dms.changed(pageSize=10, pageToken=token)
        seen += [order.orderNumber for order in page.orders]
        sizes.append(len(page.orders))
        if page.nextPageToken is None:
            break
        token = page.nextPageToken
    assert seen == created
    assert sizes == [10, 10, 5]


def test_last_page_that_is_just_full_is_the_last(dms: Dms) -> None:
    for index in range(10):
        dms.order(f"S1-{index}")
    assert dms.changed(pageSize=10).nextPageToken is None


def test_page_has_a_hundred_orders_at_most(dms: Dms) -> None:
    desk = Desk(dms.books, dms.clock)
    for index in range(101):
        OPERATIONS["CreateSalesOrder"].do(desk, {"header": header(f"S1-{index}")})
    page = dms.changed()
    assert len(page.orders) == 100
    assert len(dms.changed(pageToken=page.nextPageToken).orders) == 1


def test_since_is_inclusive_and_of_any_zone(dms: Dms) -> None:
    order = dms.order()
    for since in (NOON, NOON.astimezone(CHINA), NOON - timedelta(days=1)):
        assert [found.orderNumber for found in dms.changed(since).orders] == [order]
    for since in (NOON + timedelta(microseconds=1), NOON + timedelta(seconds=1)):
        assert dms.changed(since).orders == []


def test_change_brings_the_order_again_with_all_its_shipments(dms: Dms) -> None:
    order = dms.order()
    dms.note(order, l1=3)
    dms.clock.advance(timedelta(minutes=1))
    later = NOON + timedelta(minutes=1)
    assert dms.changed(later).orders == []
    ship(dms.books, dms.clock, quantity_share="0.4")
    [changed] = dms.changed(later).orders
    assert (changed.externalNumber, changed.status) == ("S1-30", "PARTIALLY_SHIPPED")
    assert changed.changedAt == later
    assert changed.shipments[0].lines[0].quantity == 1


def test_strange_page_tokens_are_refused(dms: Dms) -> None:
    for index in range(2):
        dms.order(f"S1-{index}")
    token = dms.changed(pageSize=1).nextPageToken
    for since, strange in [(NOON, "x"), (NOON, "中"), (NOON + timedelta(seconds=1), token)]:
        with refused("PAGE_TOKEN", "pageToken"):
            dms.changed(since, pageToken=strange)


def test_since_that_no_clock_shows_is_refused(dms: Dms) -> None:
    with refused("INVALID_VALUE", "since"):
        dms.ask("StatusChangedSince", since="2026-11-24T24:00:00Z")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["create", "change", "page"]), st.integers(0, 5)), max_size=30
    ),
    st.integers(1, 3),
)
def test_every_change_is_seen_however_pages_and_changes_mix(
    acts: list[tuple[str, int]], size: int
) -> None:
    books, clock = Books(), Clock()
    clock.set(NOON)
    desk = Desk(books, clock)
    ask = {name: operation.do for name, operation in OPERATIONS.items()}
    request: Document = {"since": "2025-06-03T12:00:00+08:00", "pageSize": str(size)}
    numbers: list[str] = []
    last_seen: dict[str, int] = {}
    last_changed: dict[str, int] = {}

    def page(now: int) -> bool:
        answer = ask["StatusChangedSince"](desk, request)
        for order in answer["orders"]:
            last_seen[order["orderNumber"]] = now
        request.pop("pageToken", None)
        if token := answer.get("nextPageToken"):
            request["pageToken"] = token
        return token is not None

    for now, (act, which) in enumerate(acts):
        if act == "create":
            answer = ask["CreateSalesOrder"](desk, {"header": header(f"S1-{now}")})
            numbers.append(answer["orderNumber"])
            last_changed[answer["orderNumber"]] = now
        elif act == "change" and numbers:
            number = numbers[which % len(numbers)]
            note = {"orderNumber": number, "externalReference": "1", "plant": "1"}
            quantity = [{"lineNumber": "1", "quantity": "0.001"}]
            ask["CreateDeliveryNote"](desk, {**note, "lines": quantity})
            last_changed[number] = now
        elif act == "page":
            page(now)
    while page(len(acts)):
        pass
    assert all(last_seen[number] > changed for number, changed in last_changed.items())


# --- State --------------------------------------------------------------------------------------


def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    clock.set(NOON)
    books = Books(tmp_path / "state.db")
    numbers = fill(books, clock)
    before = whole_orders(books)
    books.close()
    books = Books(tmp_path / "state.db")
    assert whole_orders(books) == before
    assert ship(books, clock) == issue_invoices(books, clock) == receive_return(books, clock) == []
    desk = Desk(books, clock)
    request = {"since": "2025-06-03T04:00:00Z"}
    changed = OPERATIONS["StatusChangedSince"].do(desk, request)["orders"]
    assert [order["orderNumber"] for order in changed] == numbers
    assert len(books.all("dms-index.change")) == len(numbers)  # former changes are forgotten
    created = OPERATIONS["CreateSalesOrder"].do(desk, {"header": header("new")})
    assert created["orderNumber"] not in numbers
    books.close()


class Killed(BaseException):
    """What a kill looks like from inside."""


class DyingBooks(Books):
    """Books that die before the n-th write."""

    left = 10**9

    def put(self, kind: str, key: str, document: Document) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed
        super().put(kind, key, document)


def fill(books: Books, clock: Clock) -> list[str]:
    """Take two orders through every operation; what is there already is not asked for again."""
    desk = Desk(books, clock)
    ask = {name: operation.do for name, operation in OPERATIONS.items()}
    numbers = []
    for external in ("A", "B"):
        orders = ask["FindSalesOrder"](desk, {"externalNumber": external})["orders"]
        if not orders:
            ask["CreateSalesOrder"](desk, {"header": header(external)})
            orders = ask["FindSalesOrder"](desk, {"externalNumber": external})["orders"]
        [order] = orders
        number = order["orderNumber"]
        numbers.append(number)
        request = {"orderNumber": number, "externalReference": "1"}
        goods = {"lines": lines(l1=3, l2=2)}
        if not order["deliveryNotes"]:
            ask["CreateDeliveryNote"](desk, {**request, "plant": "1000", **goods})
        if not order["invoiceApplications"]:
            money = {"kind": "ORDINARY", "title": "x", "amount": "120.00"}
            ask["ApplyForInvoice"](desk, request | money)
        ship(books, clock, number)
        issue_invoices(books, clock, number)
        if not order["returns"]:
            ask["RegisterReturn"](desk, {**request, **goods, "reason": "x"})
        receive_return(books, clock, number)
        issue_invoices(books, clock, number)
    return numbers


def test_killed_between_any_two_writes_it_goes_on_with_one_document_each() -> None:
    clock = Clock()
    clock.set(NOON)
    kinds = ("sales_order", "delivery_note", "invoice_application", "shipment", "return")
    moment = 0
    finished = False
    while not finished:
        books = DyingBooks()
        books.left = moment
        try:
            fill(books, clock)
            finished = True
        except Killed:
            books.left = 10**9
            fill(books, clock)
        counts = [len(books.all(f"dms.{kind}")) for kind in kinds]
        assert counts == [2] * 5, f"killed at write {moment}"
        assert len(books.all("dms.invoice")) == 4
        for order in whole_orders(books):
            assert order["status"] == "COMPLETED"
            assert [len(order[name]) for name in ("shipments", "invoices", "returns")] == [1, 2, 1]
        request = {"since": "2025-06-03T04:00:00Z"}
        changed = OPERATIONS["StatusChangedSince"].do(Desk(books, clock), request)["orders"]
        assert len(changed) == 2
        moment += 1
    assert moment > 60
