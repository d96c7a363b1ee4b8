"""What the connector gives to each conversation's mapping and what it needs of it.

`source` is what a request is made of; `made` is what the connector reads out of a mapping that
makes something for itself (an order of a storefront's payload); `values` is what it reads out of
an answer. A conversation that is not named here is held against the other side's interface alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from connector.domain.business_unit import BusinessUnit
from connector.domain.order import Buyer, InvoiceKind, Order, OrderLine, PaymentState
from connector.mapping.finance import tables
from connector.mapping.shape import (
    ANY,
    BOOLEAN,
    DATE,
    INTEGER,
    NUMBER,
    TEXT,
    TIME,
    Shape,
    listed,
    needed,
    shape_of,
    structure,
    texts,
)

# Document numbers of the DMS, SAP's customer numbers, our own references.
_NUMBER, _CUSTOMER, _REFERENCE = texts(10), texts(10), texts(40)


# An amount as text or number, which whole numbers cannot hold.
_AMOUNT = Shape(decimals=2)


@dataclass(frozen=True)
class Conversation:
    """One conversation. `finds` are the names that a look-up in a table must give.

    A folder need not have the mapping of one that is `optional`.
    """

    source: Shape | None = None
    made: Shape | None = None
    values: Shape | None = None
    finds: frozenset[str] = field(default_factory=frozenset)
    optional: bool = False


@cache
def conversations() -> Mapping[str, Conversation]:
    """Return the conversations by the name of their mapping."""
    part = _part()
    unit_of = _unit()
    document = _with(part, sales_order=_NUMBER, reference=_REFERENCE)
    made = structure(True, number=needed(TEXT))
    unit = structure(code=TEXT, dms_code=TEXT)
    shipment = Conversation(_told("shipment", _shipment()))
    invoice = Conversation(_told("invoice", _invoice()))
    create = Conversation(
        structure(
            buyer=shape_of(Buyer),
            business_unit=unit_of,
            reference=TEXT,
            answers=listed(ANY),
        ),
        values=made,
    )
    looked_for = _with(
        shape_of(Buyer),
        organisation_code=TEXT,
        codes=listed(TEXT),
        phones=listed(TEXT),
        name_stem=TEXT,
        name_stems=listed(TEXT),
        city_stem=TEXT,
    )
    return _in_session({
        "storefront_order": Conversation(made=_order()),
        "sap_customer_change": Conversation(
            structure(
                number=_CUSTOMER,
                plain_number=_CUSTOMER,
                buyer=shape_of(Buyer),
                business_unit=unit_of,
                reference=TEXT,
                answers=listed(ANY),
            )
        ),
        "sap_customer_find": Conversation(
            _with(looked_for, buyers=listed(looked_for)),
            finds=frozenset({"number", "name", "code", "phone", "street", "city", "deleted",
                             "blocked"}),
        ),
        "sap_customer_create_company": create,
        "sap_customer_create_person": create,
        "sap_stock": Conversation(
            structure(plant=texts(4), material=TEXT, unit=TEXT, day=DATE),
            values=structure(
                True, available=needed(ANY), pieces=ANY, minimum=ANY, multiple=ANY,
                confirmed=listed(structure(True, day=ANY, quantity=needed(ANY))),
            ),
        ),
        "dms_sales_order": Conversation(part, values=made),
        "dms_amend": Conversation(_with(part, sales_order=_NUMBER), values=made),
        "dms_delivery_note": Conversation(_with_lines(document, allocated=NUMBER), values=made),
        "dms_invoice_application": Conversation(
            _with_lines(document, allocated=NUMBER), values=made
        ),
        "dms_return": Conversation(
            _with(
                document,
                reason=TEXT,
                return_lines=listed(structure(number=INTEGER, quantity=NUMBER)),
            ),
            values=made,
        ),
        "dms_cancel": Conversation(
            structure(
                sales_order=_NUMBER,
                external_number=TEXT,
                reference=_REFERENCE,
                business_unit=unit,
                reason=TEXT,
            )
        ),
        "dms_find": Conversation(
            structure(
                external_number=TEXT,
                business_unit=TEXT,
                reference=_REFERENCE,
                orders=listed(structure(external_number=TEXT, reference=_REFERENCE)),
            ),
            values=structure(True, orders=needed(listed(_found()))),
        ),
        "dms_status": Conversation(
            structure(since=TIME, page_token=TEXT),
            values=structure(
                True, changes=needed(listed(_changed())), next_page_token=needed(TEXT)
            ),
        ),
        "dms_order_status": Conversation(
            structure(orders=listed(_asked()), order=_asked()),
            values=structure(True, changes=needed(listed(_changed()))),
        ),
        "storefront_shipment": shipment,
        "storefront_shipment_note": shipment,
        "storefront_invoice": invoice,
        "storefront_invoice_note": invoice,
        **{name: Conversation(source) for name, source in tables().items()},
        "dms_session": Conversation(
            structure(user=TEXT, password=TEXT),
            values=structure(True, token=needed(TEXT)),
            optional=True,
        ),
    })  # fmt: skip


def _in_session(all_of_them: Mapping[str, Conversation]) -> dict[str, Conversation]:
    """Return the conversations; those with the DMS may speak of the session's token."""
    session = structure(token=TEXT)
    return {
        name: replace(each, source=_with(each.source, session=session))
        if name.startswith("dms_") and name != "dms_session" and each.source is not None
        else each
        for name, each in all_of_them.items()
    }


def _part() -> Shape:
    """What one business unit delivers of an order, and the storefront's payload as it came."""
    amount = Shape("number", decimals=2)
    opened = {"open_quantity": NUMBER, "open_amount": amount, "open_discount": amount}
    return structure(
        order=shape_of(Order),
        business_unit=_unit(),
        lines=listed(_with(shape_of(OrderLine), **opened)),
        external_number=TEXT,
        reference=_REFERENCE,
        customer_number=_CUSTOMER,
        freight=amount,
        total=amount,
        storefront=ANY,
    )


def _unit() -> Shape:
    """A business unit, as long as the settings let its words be."""
    lengths = {"plant": 4, "sales_org": 4, "distribution_channel": 2, "division": 2, "code": 20}
    return _with(shape_of(BusinessUnit), **{name: texts(most) for name, most in lengths.items()})


def _with(shape: Shape, **fields: Shape) -> Shape:
    return replace(shape, fields={**shape.fields, **fields})


def _with_lines(shape: Shape, **fields: Shape) -> Shape:
    line = shape.fields["lines"].item or ANY
    return _with(shape, lines=listed(_with(line, **fields)))


def _asked() -> Shape:
    return structure(
        sales_order=_NUMBER, external_number=TEXT, reference=_REFERENCE, business_unit=TEXT
    )


def _address() -> Shape:
    return structure(
        country=TEXT, province=needed(TEXT), city=needed(TEXT), street=needed(TEXT), postcode=TEXT
    )


def _order() -> Shape:
    """What `connector.domain.reading` reads; amounts may be texts, for no digit to be lost."""
    line = structure(
        line_id=needed(ANY), sku=needed(TEXT), name=TEXT, product_id=TEXT, variation_id=TEXT,
        quantity=needed(ANY), unit=texts(12),
        subtotal=_AMOUNT, subtotal_tax=_AMOUNT, total=needed(_AMOUNT), total_tax=needed(_AMOUNT),
    )  # fmt: skip
    refunded = structure(
        line_id=needed(ANY), quantity=needed(ANY), amount=needed(_AMOUNT), tax=_AMOUNT
    )
    taxed = structure(total=needed(_AMOUNT), total_tax=_AMOUNT)
    return structure(
        order_id=needed(TEXT), number=needed(TEXT), status=needed(TEXT),
        payment_state=needed(shape_of(PaymentState)), placed_at=needed(ANY), modified_at=ANY,
        paid_at=ANY, completed_at=ANY, shipment_told=TEXT, currency=needed(TEXT),
        buyer=needed(structure(
            kind=needed(TEXT), name=needed(TEXT), code=needed(TEXT), contact_name=needed(TEXT),
            phone=needed(TEXT), email=TEXT, address=needed(_address()),
        )),
        ship_to=needed(structure(
            name=needed(TEXT), company=TEXT, phone=needed(TEXT), address=needed(_address()),
        )),
        lines=needed(listed(line)),
        fees=needed(listed(structure(name=TEXT, total=needed(_AMOUNT), total_tax=needed(_AMOUNT)))),
        freight=needed(_AMOUNT), freight_tax=_AMOUNT, total=needed(_AMOUNT),
        invoice_kind=needed(shape_of(InvoiceKind)),
        payment_method=TEXT, note=TEXT,
        refunds=needed(listed(structure(
            refund_id=needed(ANY), amount=needed(_AMOUNT), reason=TEXT, refunded_at=ANY,
            request=TEXT,
            lines=needed(listed(refunded)), fees=listed(taxed), freight=listed(taxed),
        ))),
        return_requests=listed(structure(
            request_id=ANY, kind=TEXT, reason=TEXT, requested_at=ANY,
            lines=listed(structure(line_id=ANY, quantity=ANY)),
        )),
        open=True,
    )  # fmt: skip


def _status() -> Shape:
    words = ("open", "partly_shipped", "shipped", "cancelled", "unknown")
    return Shape("text", allowed=words)


def _found() -> Shape:
    document = structure(True, number=needed(TEXT), reference=needed(TEXT))
    return structure(
        True, number=needed(TEXT), status=needed(_status()),
        delivery_notes=needed(listed(document)), invoice_applications=needed(listed(document)),
    )  # fmt: skip


def _shipment() -> Shape:
    line = structure(True, line_number=needed(INTEGER), quantity=needed(NUMBER))
    return structure(
        True, delivery_note=TEXT, carrier_code=TEXT, carrier=TEXT,
        tracking_number=needed(TEXT), shipped_at=TIME, lines=listed(line),
    )  # fmt: skip


def _invoice() -> Shape:
    return structure(
        True, number=needed(TEXT), application=TEXT, code=TEXT, kind=TEXT, date=needed(TEXT),
        net=NUMBER, tax=NUMBER, gross=NUMBER, url=TEXT,
        red=needed(BOOLEAN),
    )  # fmt: skip


def _changed() -> Shape:
    return structure(
        True, number=needed(TEXT), external_number=needed(TEXT), status=needed(_status()),
        status_code=needed(TEXT), shipments=needed(listed(_shipment())),
        invoices=needed(listed(_invoice())),
    )  # fmt: skip


def _told(kind: str, shape: Shape) -> Shape:
    document = _with(shape, number=TEXT, shipment=TEXT, sales_order=_NUMBER)
    return _with(structure(order_id=TEXT, number=TEXT, complete=BOOLEAN), **{kind: document})
