"""Words of the field that stand in sentences: documents, stages, causes, fields, who acts."""

from __future__ import annotations

import re
from typing import Literal

from connector.wording.said import Said, Sentence, quoted

Group = Literal[
    "document", "stage", "cause", "promise", "owner", "field", "evidence", "sale", "sale_state"
]

STAGES = {
    "received": "已接收",
    "valid": "信息完整",
    "recognised": "客户已识别",
    "placed": "销售订单",
    "confirmed": "库存已确认",
    "noted": "发货单",
    "ready": "待放行",
    "released": "已放行",
    "shipped": "已发货",
    "closed": "已完结",
    "cancelled": "已取消",
    "known": "启用前已完成",
}
DOCUMENTS = {
    "sales_order": "销售订单",
    "amendment": "订单修改",
    "cancellation": "取消",
    "delivery_note": "发货单",
    "invoice_application": "开票申请",
    "shipment": "发货",
    "invoice": "发票",
    "refund": "退款",
    "return": "退货单",
    "return_receipt": "退货收货",
}
CAUSES = {
    "invalid": "信息不合格",
    "shop_data": "商城数据有误",
    "unpaid": "未付款",
    "refunded": "已退款未取消",
    "refund_amount": "退款无行可对",
    "maybe_shipped": "或已发货",
    "unassigned": "无事业部",
    "customer_review": "客户待识别",
    "stock": "缺货",
    "rejected": "被对方拒绝",
    "in_doubt": "结果不明",
    "mapping": "映射不适用",
    "changed": "下单后被改",
    "by_hand": "需手工处理",
    "discrepancy": "两边不一致",
    "system_away": "对方系统不可用",
    "late_intake": "从商城取单太晚",
    "slow": "处理太慢",
}
PROMISES = {
    "recognised": "识别客户",
    "placed": "下销售订单",
    "ready": "准备放行",
    "released": "按批放行",
}
OWNERS = {
    "buyer": "买家",
    "e-commerce platform": "电商平台",
    "sales rep": "销售代表",
    "parts administrator": "配件管理员",
    "IT": "信息部",
    "ops": "运维",
    "warehouse administrator": "仓库管理员",
    "BU finance": "事业部财务",
    "nobody": "无需处理",
}
# Fields of an order by the last parts of their paths: where a problem lies.
FIELDS = {
    "number": "订单号",
    "order_id": "商城订单标识",
    "lines": "订单行",
    "refunds": "退款",
    "refund_id": "退款号",
    "fees": "费用",
    "subsidy": "线上补贴",
    "freight": "运费",
    "total": "订单金额",
    "currency": "币种",
    "placed_at": "下单时间",
    "modified_at": "修改时间",
    "paid_at": "付款时间",
    "customer_number": "SAP客户号",
    "reference": "参考号",
    "note": "备注",
    "payment_method": "付款方式",
    "invoice_kind": "发票类型",
    "buyer.kind": "买家类型",
    "buyer.name": "买家名称",
    "buyer.code": "买家代码/证件号",
    "buyer.contact_name": "责任人",
    "buyer.phone": "买家联系方式",
    "buyer.email": "买家邮箱",
    "buyer.address.street": "买家地址（街道门牌号）",
    "buyer.address.city": "买家所在城市",
    "buyer.address.province": "买家所在省份",
    "buyer.address.postcode": "买家邮编",
    "ship_to.name": "收货人",
    "ship_to.company": "收货单位",
    "ship_to.phone": "收货电话",
    "ship_to.address.street": "收货地址（街道门牌号）",
    "ship_to.address.city": "收货城市",
    "ship_to.address.province": "收货省份",
    "ship_to.address.postcode": "收货邮编",
    "sku": "零件号",
    "name": "名称",
    "unit": "单位",
    "quantity": "数量",
    "amount": "金额",
    "unit_price": "单价",
    "discount": "折扣",
    "refunded_quantity": "退款数量",
    "refunded_amount": "退款金额",
    "line_id": "行标识",
    "total_tax": "税额",
    "subtotal": "折前金额",
    "refunded_at": "退款时间",
    "lines.quantity": "行数量",
    "lines.amount": "行金额",
}
EVIDENCE = {
    "code": "代码",
    "name": "名称",
    "phone": "电话",
    "address": "地址",
    "equal": "一致",
    "close": "相近",
    "different": "不同",
    "absent": "缺失",
}
SALES = {"return": "退货", "exchange": "换货", "refund": "退款", "cancellation": "取消"}
SALE_STATES = {
    "new": "新登记",
    "requested": "已申请",
    "returning": "退货途中",
    "received": "待退款",
    "invoicing": "待开票",
    "refunded": "退款发票未回收",
    "outside": "启用前订单，发票不在连接器",
    "settled": "已办结",
    "refused": "退货被拒绝",
    "withdrawn": "商城已撤销，待核对",
}
_GROUPS: dict[Group, dict[str, str]] = {
    "document": DOCUMENTS,
    "stage": STAGES,
    "cause": CAUSES,
    "promise": PROMISES,
    "owner": OWNERS,
    "field": FIELDS,
    "evidence": EVIDENCE,
    "sale": SALES,
    "sale_state": SALE_STATES,
}
_TERMS = {
    (group, word): Sentence(f"{group}.{word}", word, chinese)
    for group, words in _GROUPS.items()
    for word, chinese in words.items()
}
_LINE_FIELD = Sentence("line_field", "lines[{line}].{field}", "第{line}行{field}")
_REFUND_FIELD = Sentence("refund_field", "refunds[{refund}].{field}", "第{refund}笔退款的{field}")
_FEE_FIELD = Sentence("fee_field", "fees[{fee}].{field}", "第{fee}项费用的{field}")
_INNER = re.compile(r"(lines|refunds|fees)\[(\d+)\]\.(.+)")


def term(group: Group, word: str, english: str = "") -> Said:
    """Return a word of the field, in other English words if given; an unknown one as it is."""
    known = _TERMS.get((group, word))
    if known is None:
        return quoted(english or word)
    return known.worded(english) if english else known()


def field(path: str) -> Said:
    """Return where in an order something lies, by a dotted path (`buyer.code`, `lines[2].sku`)."""
    inner = _INNER.fullmatch(path)
    if inner is None:
        return term("field", path)
    of, number, name = inner.group(1), inner.group(2), term("field", inner.group(3))
    if of == "lines":
        return _LINE_FIELD(line=number, field=name)
    if of == "refunds":
        return _REFUND_FIELD(refund=number, field=name)
    return _FEE_FIELD(fee=number, field=name)
