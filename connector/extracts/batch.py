"""The batch (订单信息) that a wave hands to warehouse and finance."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.extracts.table import Cell, Column, Kind, Table
from connector.wording.id_numbers import masked

_PICKING = (
    Column("sku", "零件号", "Part number"),
    Column("name", "名称", "Description"),
    Column("unit", "单位", "Unit"),
    Column("quantity", "数量", "Quantity", Kind.QUANTITY, total=True),
    Column("orders", "订单数", "Orders", Kind.INTEGER),
)
_ORDERS = (
    Column("number", "订单号", "Order"),
    Column("placed_at", "下单时间", "Placed at", Kind.TIME),
    Column("late", "上批顺延", "From an earlier wave"),
    Column("customer", "SAP客户号", "SAP customer"),
    Column("sales_order", "DMS订单号", "DMS order"),
    Column("delivery_note", "发货单号", "Delivery note"),
    Column("invoice_application", "开票申请号", "Invoice application"),
    Column("invoice_kind", "发票类型", "Invoice kind"),
    Column("ship_to", "收货人", "Ship to"),
    Column("company", "收货单位", "Company"),
    Column("phone", "电话", "Phone"),
    Column("address", "收货地址", "Address"),
    Column("postcode", "邮编", "Postcode"),
    Column("lines", "行数", "Lines", Kind.INTEGER),
    Column("quantity", "件数", "Quantity", Kind.QUANTITY, total=True),
    Column("freight", "运费", "Freight", Kind.AMOUNT, total=True),
    Column("total", "金额合计", "Total", Kind.AMOUNT, total=True),
    Column("currency", "币种", "Currency", Kind.CURRENCY),
    Column("note", "备注", "Note"),
    Column("remark", "提示", "To be known"),
)
_LINES = (
    Column("number", "订单号", "Order"),
    Column("line", "行号", "Line", Kind.INTEGER),
    Column("sku", "零件号", "Part number"),
    Column("name", "名称", "Description"),
    Column("quantity", "数量", "Quantity", Kind.QUANTITY, total=True),
    Column("unit", "单位", "Unit"),
    Column("amount", "金额", "Amount", Kind.AMOUNT, total=True),
    Column("currency", "币种", "Currency", Kind.CURRENCY),
    Column("plant", "工厂", "Plant"),
)
_LEFT_OUT = (
    Column("number", "订单号", "Order"),
    Column("placed_at", "下单时间", "Placed at", Kind.TIME),
    Column("stage", "阶段", "Stage"),
    Column("reason", "未放行原因", "Why it is not released"),
)
_EARLIER = (
    Column("file", "先前的批次文件", "Earlier batch file"),
    Column("number", "订单号", "Order"),
    Column("here", "本文件中", "In this file"),
)
_INVOICE_KINDS = {
    "special": "增值税专用发票 special",
    "ordinary": "普通发票 ordinary",
    "electronic": "电子发票 electronic",
}


@dataclass(frozen=True)
class Batch:
    """The tables of one wave."""

    picking: Table
    orders: Table
    lines: Table
    left_out: Table
    earlier: Table | None = None

    def __iter__(self) -> Iterator[Table]:
        told = (self.picking, self.orders, self.lines, self.left_out)
        return iter((*told, self.earlier) if self.earlier is not None else told)

    def after(self, editions: Mapping[str, Sequence[str]]) -> Batch:
        """Return the batch as it follows others under its name, with the orders that these hold."""
        here = {row[0] for row in self.orders.rows}
        rows = [
            [name, number, "是 yes" if number in here else "否 no"]
            for name, numbers in editions.items()
            for number in numbers
        ]
        return replace(self, earlier=Table("earlier", "先前批次", _EARLIER, rows))


def orders_in(path: Path) -> list[str]:
    """Return the orders that a batch's file of orders holds, as it was handed over."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row["number"].lstrip("'") for row in csv.DictReader(file)]


def batch_tables(
    orders: Sequence[dict[str, Any]], left_out: Sequence[tuple[str, Any, str, str]]
) -> Batch:
    """Return the tables of a wave. Shapes: see `connector.jobs.wave`."""
    return Batch(
        picking=Table("picking", "拣货单", _PICKING, _picking(orders)),
        orders=Table("orders", "订单", _ORDERS, [_order(each) for each in orders]),
        lines=Table("lines", "订单行", _LINES, list(_lines(orders))),
        left_out=Table("left_out", "未放行", _LEFT_OUT, list(left_out)),
    )


def _picking(orders: Sequence[dict[str, Any]]) -> list[list[Cell]]:
    parts: dict[tuple[str, str, str], list[Any]] = {}
    for each in orders:
        for line in each["lines"]:
            part = parts.setdefault(
                (line["sku"], line["unit"], masked(line["name"])), [Decimal(0), set[str]()]
            )
            part[0] += line["allocated"]
            part[1].add(each["order"].number)
    return [
        [sku, name, unit, quantity, len(numbers)]
        for (sku, unit, name), (quantity, numbers) in sorted(parts.items())
    ]


def _order(each: dict[str, Any]) -> list[Cell]:
    order, ship_to, documents = each["order"], each["order"].ship_to, each["documents"]
    return [
        order.number,
        order.placed_at,
        "是 yes" if each["late"] else "",
        each["row"].customer_number,
        ", ".join(documents.get("sales_order", [])),
        ", ".join(documents.get("delivery_note", [])),
        ", ".join(documents.get("invoice_application", [])),
        _INVOICE_KINDS.get(order.invoice_kind, str(order.invoice_kind)),
        # What a buyer typed may hold an ID number, which nobody needs to ship goods.
        *map(
            masked,
            (
                ship_to.name,
                ship_to.company,
                ship_to.phone,
                f"{ship_to.address.province}{ship_to.address.city}{ship_to.address.street}",
                ship_to.address.postcode,
            ),
        ),
        len(each["lines"]),
        each["quantity"],
        each["freight"],
        each["total"],
        order.currency,
        masked(order.note),
        each["remark"],
    ]


def _lines(orders: Sequence[dict[str, Any]]) -> Iterator[list[Cell]]:
    for each in orders:
        for line in each["lines"]:
            yield [
                each["order"].number,
                line["number"],
                line["sku"],
                masked(line["name"]),
                line["allocated"],
                line["unit"],
                line["open_amount"],
                each["order"].currency,
                each["plant"],
            ]
