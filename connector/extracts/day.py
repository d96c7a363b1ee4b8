"""Finance's extract of one business day: what was ordered, shipped, invoiced, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connector.domain.order import Order
from connector.extracts.table import Cell, Column, Kind, Table

_ORDERS = (
    Column("number", "订单号", "Order"),
    Column("shop", "商城", "Shop"),
    Column("placed_at", "下单时间", "Placed at", Kind.TIME),
    Column("paid_at", "付款时间", "Paid at", Kind.TIME),
    Column("status", "商城状态", "Storefront status"),
    Column("stage", "阶段", "Stage"),
    Column("hold", "挂起原因", "Hold"),
    Column("buyer_kind", "买方类型", "Buyer kind"),
    Column("customer", "SAP客户号", "SAP customer"),
    Column("business_units", "事业部", "Business units"),
    Column("sales_orders", "DMS订单号", "DMS orders"),
    Column("lines", "行数", "Lines", Kind.INTEGER, total=True),
    Column("goods", "货款", "Goods", Kind.AMOUNT, total=True),
    Column("discount", "折扣", "Discount", Kind.AMOUNT, total=True),
    Column("freight", "运费", "Freight", Kind.AMOUNT, total=True),
    Column("total", "订单金额", "Total", Kind.AMOUNT, total=True),
    Column("refunded", "已退款", "Refunded", Kind.AMOUNT, total=True),
    Column("invoiced", "已开票", "Invoiced", Kind.AMOUNT, total=True),
    Column("currency", "币种", "Currency"),
    Column("payment_method", "付款方式", "Payment method"),
    Column("invoice_kind", "发票类型", "Invoice kind"),
    Column("released_at", "放行时间", "Released at", Kind.TIME),
)
_LINES = (
    Column("number", "订单号", "Order"),
    Column("line", "行号", "Line", Kind.INTEGER),
    Column("sku", "零件号", "Part number"),
    Column("name", "名称", "Description"),
    Column("business_unit", "事业部", "Business unit"),
    Column("quantity", "数量", "Quantity", Kind.QUANTITY, total=True),
    Column("unit", "单位", "Unit"),
    Column("unit_price", "单价", "Unit price", Kind.AMOUNT),
    Column("discount", "折扣", "Discount", Kind.AMOUNT, total=True),
    Column("amount", "金额", "Amount", Kind.AMOUNT, total=True),
    Column("refunded_quantity", "退货数量", "Refunded quantity", Kind.QUANTITY, total=True),
    Column("shipped", "已发数量", "Shipped", Kind.QUANTITY, total=True),
)
_SHIPMENTS = (
    Column("number", "订单号", "Order"),
    Column("business_unit", "事业部", "Business unit"),
    Column("delivery_note", "发货单号", "Delivery note"),
    Column("carrier", "承运商", "Carrier"),
    Column("tracking_number", "运单号", "Tracking number"),
    Column("shipped_at", "发货时间", "Shipped at", Kind.TIME),
    Column("quantity", "件数", "Quantity", Kind.QUANTITY, total=True),
    Column("written_back", "已回写商城", "In the storefront"),
)
_INVOICES = (
    Column("number", "订单号", "Order"),
    Column("business_unit", "事业部", "Business unit"),
    Column("invoice_number", "发票号码", "Invoice number"),
    Column("invoice_code", "发票代码", "Invoice code"),
    Column("kind", "发票类型", "Invoice kind"),
    Column("date", "开票日期", "Date"),
    Column("net", "不含税金额", "Net", Kind.AMOUNT, total=True),
    Column("tax", "税额", "Tax", Kind.AMOUNT, total=True),
    Column("gross", "价税合计", "Gross", Kind.AMOUNT, total=True),
    Column("written_back", "已回写商城", "In the storefront"),
)
_REFUNDS = (
    Column("number", "订单号", "Order"),
    Column("refund", "退款号", "Refund"),
    Column("refunded_at", "退款时间", "Refunded at", Kind.TIME),
    Column("amount", "退款金额", "Amount", Kind.AMOUNT, total=True),
    Column("reason", "原因", "Reason"),
)
_DIFFERENCES = (
    Column("number", "订单号", "Order"),
    Column("kind", "差异类型", "Kind"),
    Column("field", "项目", "Field"),
    Column("storefront", "商城", "Storefront"),
    Column("connector", "连接器", "Connector"),
    Column("dms", "DMS", "DMS"),
    Column("amount", "涉及金额", "Amount at stake", Kind.AMOUNT, total=True),
    Column("owner", "责任人", "Owner"),
    Column("explanation", "说明", "Explanation"),
)


@dataclass(frozen=True)
class DayOrder:
    """One order of the day as the extract shows it.

    `order` is empty where the storefront's data cannot be read; `facts` are the columns of our
    own books, `shipments` and `invoices` their documents' details.
    """

    number: str
    order: Order | None
    facts: dict[str, Any]
    shipments: Sequence[dict[str, Any]]
    invoices: Sequence[dict[str, Any]]
    shipped: dict[int, Decimal]


def day_tables(orders: Sequence[DayOrder], differences: Sequence[Sequence[Cell]]) -> list[Table]:
    """Return the tables of a day's extract, orders in the sequence given."""
    return [
        Table("orders", "订单", _ORDERS, [_order(each) for each in orders]),
        Table("lines", "订单行", _LINES, [row for each in orders for row in _lines(each)]),
        Table("shipments", "发货", _SHIPMENTS, [row for each in orders for row in _ships(each)]),
        Table("invoices", "发票", _INVOICES, [row for each in orders for row in _invoices(each)]),
        Table("refunds", "退款", _REFUNDS, [row for each in orders for row in _refunds(each)]),
        Table("differences", "差异", _DIFFERENCES, differences),
    ]


def _order(each: DayOrder) -> list[Cell]:
    order, facts = each.order, each.facts
    zero = Decimal(0)
    return [
        each.number,
        facts["shop"],
        facts["placed_at"],
        order.paid_at if order else None,
        facts["status"],
        facts["stage"],
        facts["hold"],
        order.buyer.kind.value if order else None,
        facts["customer"],
        facts["business_units"],
        ", ".join(facts["sales_orders"]),
        len(order.lines) if order else 0,
        sum((line.amount for line in order.lines), zero) if order else None,
        sum((line.discount for line in order.lines), zero) if order else None,
        order.freight if order else None,
        order.total if order else None,
        sum((refund.amount for refund in order.refunds), zero) if order else None,
        sum((Decimal(str(invoice["gross"])) for invoice in each.invoices), zero),
        order.currency if order else None,
        order.payment_method if order else None,
        order.invoice_kind.value if order else None,
        facts["released_at"],
    ]


def _lines(each: DayOrder) -> Iterator[list[Cell]]:
    for line in each.order.lines if each.order else ():
        yield [
            each.number,
            line.number,
            line.sku,
            line.name,
            line.business_unit,
            line.quantity,
            line.unit,
            line.unit_price,
            line.discount,
            line.amount,
            line.refunded_quantity,
            each.shipped.get(line.number, Decimal(0)),
        ]


def _ships(each: DayOrder) -> Iterator[list[Cell]]:
    for shipment in each.shipments:
        yield [
            each.number,
            shipment["business_unit"],
            shipment.get("delivery_note"),
            shipment.get("carrier"),
            shipment.get("tracking_number"),
            shipment["at"],
            sum((Decimal(str(line["quantity"])) for line in shipment["lines"]), Decimal(0)),
            "是 yes" if shipment["written_back"] else "否 no",
        ]


def _invoices(each: DayOrder) -> Iterator[list[Cell]]:
    for invoice in each.invoices:
        yield [
            each.number,
            invoice["business_unit"],
            invoice["number"],
            invoice.get("code"),
            invoice.get("kind"),
            str(invoice.get("date") or ""),
            Decimal(str(invoice["net"])),
            Decimal(str(invoice["tax"])),
            Decimal(str(invoice["gross"])),
            "是 yes" if invoice["written_back"] else "否 no",
        ]


def _refunds(each: DayOrder) -> Iterator[list[Cell]]:
    for refund in each.order.refunds if each.order else ():
        yield [each.number, refund.refund_id, refund.refunded_at, refund.amount, refund.reason]
