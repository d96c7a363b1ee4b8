"""What alerts of held orders say, by the cause; and what such words are made of."""

from __future__ import annotations

from dataclasses import dataclass

from connector.domain.lifecycle import HoldCause


@dataclass(frozen=True)
class Words:
    """One kind of alert in words. `{…}` stands for what the alert holds: subject, orders, detail.

    `what` names the matter, `then` what happens next by itself, each in (Chinese, English);
    `command` is what a person types, empty where nothing is to be typed.
    """

    what: tuple[str, str]
    then: tuple[str, str]
    command: str = ""


HELD = {
    HoldCause.INVALID: Words(
        ("{orders} 个订单资料不全或有误", "{orders} orders lack data or hold wrong data"),
        ("商城更正后自动继续", "each goes on by itself once the storefront corrects it"),
        "connector orders list --hold invalid",
    ),
    HoldCause.SHOP_DATA: Words(
        ("{orders} 个订单的商城数据有误", "{orders} orders hold data that the shop has wrong"),
        (
            "电商平台在商城更正后自动继续",
            "each goes on by itself once the e-commerce platform corrects it in the storefront",
        ),
        "connector orders list --hold shop_data",
    ),
    HoldCause.UNPAID: Words(
        ("{orders} 个订单未付款", "{orders} orders are not paid"),
        ("付款后自动继续", "each goes on by itself once it is paid"),
        "connector orders list --hold unpaid",
    ),
    HoldCause.REFUNDED: Words(
        (
            "{orders} 个订单放行前已全额退款，但未取消",
            "{orders} orders were refunded before release, yet not cancelled",
        ),
        (
            "不会自动继续：请在商城取消订单",
            "nothing by itself: cancel them in the storefront, or here",
        ),
        "connector orders list --hold refunded；connector orders cancel NUMBER",
    ),
    HoldCause.REFUND_AMOUNT: Words(
        (
            "{orders} 个订单放行前的退款与订单行对不上",
            "{orders} orders have a refund before release that no line explains",
        ),
        (
            "在商城改按订单行退款后自动继续",
            "each goes on by itself once it is refunded by lines in the storefront",
        ),
        "connector orders list --hold refund_amount",
    ),
    HoldCause.MAYBE_SHIPPED: Words(
        (
            "{orders} 个订单首次出现时已有发货迹象",
            "{orders} orders may have been shipped before they were first seen",
        ),
        (
            "不会自动继续：请核实是否已发货，再回复未发货或已发货",
            "nothing by itself: find out whether the goods are out, then say so",
        ),
        "connector orders list --hold maybe_shipped；connector orders place NUMBER"
        "；connector orders known NUMBER",
    ),
    HoldCause.UNASSIGNED: Words(
        (
            "{orders} 个订单含有没有事业部销售的零件",
            "{orders} orders hold a part that no business unit sells",
        ),
        (
            "不会自动继续：请在设置中补充 sku_patterns 并重启服务",
            "nothing by itself: name the part in a business unit's sku_patterns, restart, then",
        ),
        "connector orders retry --hold unassigned",
    ),
    HoldCause.CUSTOMER_REVIEW: Words(
        (
            "{orders} 个订单的客户在 SAP 中无法确定",
            "{orders} orders have a buyer who is not certainly known in SAP",
        ),
        (
            "SAP 客户资料更正后自动继续；否则请关联或新建",
            "each goes on by itself once SAP is corrected; otherwise link or create",
        ),
        "connector customers review；connector customers link NUMBER CUSTOMER"
        "；connector customers create NUMBER",
    ),
    HoldCause.STOCK: Words(
        ("{orders} 个订单缺货", "{orders} orders wait for stock"),
        (
            "会定时再次询问 SAP，到货后自动继续",
            "SAP is asked again and again; each goes on by itself once there is stock",
        ),
        "connector orders list --hold stock",
    ),
    HoldCause.REJECTED: Words(
        ("{orders} 个订单被 SAP、DMS 或商城拒绝", "{orders} orders were refused by another system"),
        (
            "不会自动继续：按对方的说明更正后重试",
            "nothing by itself: mend what the other system's words say, then retry",
        ),
        "connector orders list --hold rejected；connector orders retry --hold rejected",
    ),
    HoldCause.IN_DOUBT: Words(
        (
            "{orders} 个订单的单据是否已生成无法确定",
            "{orders} orders have a document of which it cannot be told whether it was made",
        ),
        (
            "不会重复发送：请到对方系统查找后回复结果",
            "nothing is sent again by itself: look in the other system and say what is there",
        ),
        "connector calls list --in-doubt；connector calls ask ID"
        "；connector calls resolve ID --found DOCUMENT | --absent",
    ),
    HoldCause.MAPPING: Words(
        (
            "{orders} 个订单无法按映射转换",
            "{orders} orders cannot be carried over by a mapping",
        ),
        (
            "不会自动继续：修改 mappings/ 并检查后重试",
            "nothing by itself: mend the mapping, check it, then retry",
        ),
        "connector orders list --hold mapping；connector check"
        "；connector orders retry --hold mapping",
    ),
    HoldCause.CHANGED: Words(
        (
            "{orders} 个订单下达 DMS 后在商城被修改",
            "{orders} orders were changed in the storefront after they went to the DMS",
        ),
        (
            "不会自动继续：按差异人工处理后登记",
            "nothing by itself: settle by hand the difference that each shows, then say so",
        ),
        "connector orders show NUMBER；connector orders done NUMBER --what difference --reason WHY",
    ),
    HoldCause.BY_HAND: Words(
        (
            "{orders} 个订单需在 DMS 中手工处理",
            "{orders} orders need something done by hand in the DMS",
        ),
        (
            "不会自动继续：在 DMS 中办理后登记单号",
            "nothing by itself: do in the DMS what each shows, then say so with its number",
        ),
        "connector orders list --hold by_hand；connector orders done NUMBER --what WHAT",
    ),
    HoldCause.DISCREPANCY: Words(
        (
            "{orders} 个订单在另一系统中的内容不一致",
            "{orders} orders differ from what another system holds under their number",
        ),
        (
            "不会自动继续：按差异处理后，执行该订单中写明的命令",
            "nothing by itself: settle the difference that each shows, then do what it names: a"
            " retry before its release, a word that it is settled after it",
        ),
        "connector orders show NUMBER；connector orders retry NUMBER"
        "；connector orders done NUMBER --what difference --reason WHY",
    ),
}
