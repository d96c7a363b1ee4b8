"""The status page's words in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from connector.wording import Said, quarantine, terms

Language = Literal["zh", "en"]

STAGES = {word: (chinese, word) for word, chinese in terms.STAGES.items()}
# Cause → its name, and what happens next and by whom, in either language.
HOLDS = {
    "invalid": (
        ("信息不合格", "买家在商城更正后自动继续"),
        ("invalid", "goes on by itself once the buyer corrects it in the storefront"),
    ),
    "shop_data": (
        ("商城数据有误", "电商平台在商城更正后自动继续"),
        ("shop data", "goes on by itself once the e-commerce platform corrects it"),
    ),
    "unpaid": (
        ("未付款", "付款后自动继续"),
        ("unpaid", "goes on by itself once paid"),
    ),
    "refunded": (
        ("已退款未取消", "销售代表：在商城取消订单或退清余款"),
        ("refunded", "sales rep: cancel it in the storefront, or refund the rest"),
    ),
    "refund_amount": (
        ("退款无行可对", "事业部财务：在商城改按订单行退款，之后自动继续"),
        ("refund amount", "BU finance: have it refunded by lines; then goes on by itself"),
    ),
    "maybe_shipped": (
        ("或已发货", "运维：核实后 orders place（未发货）或 orders known（已发货）"),
        ("maybe shipped", "ops: find out, then orders place (it was not) or orders known (it was)"),
    ),
    "unassigned": (
        ("无事业部", "信息部：把物料分配给事业部，然后重试"),
        ("unassigned", "IT: give the part to a business unit, then retry"),
    ),
    "customer_review": (
        ("客户待识别", "销售代表：customers review、link 或 create；SAP 更正后自动继续"),
        ("customer review", "sales rep: customers review, link or create; or correct SAP"),
    ),
    "stock": (
        ("缺货", "配件管理员：SAP 到货后自动继续"),
        ("stock", "goes on by itself once SAP has the parts"),
    ),
    "rejected": (
        ("被对方拒绝", "运维：排除原因后 orders retry --hold rejected"),
        ("rejected", "ops: mend the cause, then orders retry --hold rejected"),
    ),
    "in_doubt": (
        ("结果不明", "运维：calls list --in-doubt，再 calls ask 或 resolve"),
        ("in doubt", "ops: calls list --in-doubt, then calls ask or resolve"),
    ),
    "mapping": (
        ("映射不适用", "信息部：改映射后 orders retry --hold mapping"),
        ("mapping", "IT: mend the mapping, then orders retry --hold mapping"),
    ),
    "changed": (
        ("下单后被改", "运维：按差异处理，再 orders done NUMBER --what difference"),
        ("changed", "ops: settle it by hand, then orders done NUMBER --what difference"),
    ),
    "by_hand": (
        ("需手工处理", "配件管理员：在 DMS 中办理，再 orders done NUMBER --what …"),
        ("by hand", "parts administrator: do it in the DMS, then orders done NUMBER --what …"),
    ),
    "discrepancy": (
        ("两边不一致", "运维：按差异处理，再执行订单中写明的命令"),
        ("discrepancy", "ops: settle the difference, then do what the order names"),
    ),
}
PROMISES = {
    "recognised": ("识别客户", "customer known"),
    "placed": ("下销售订单", "order placed"),
    "ready": ("准备放行", "ready for its wave"),
}
ROLES = {
    "ops": ("运维", "ops"),
    "it": ("信息部", "IT"),
    "sales": ("销售代表", "sales"),
    "parts": ("配件管理员", "parts"),
    "warehouse": ("仓库管理员", "warehouse"),
    "finance": ("财务", "finance"),
}
JOBS = {
    "intake": ("拉取订单", "intake"),
    "advance": ("推进订单", "advance"),
    "wave": ("放行批次", "wave"),
    "status": ("发货开票状态", "status"),
    "writeback": ("回写商城", "write back"),
    "reconcile": ("夜间对账", "reconcile"),
    "deliver": ("文件交付", "deliver"),
    "review": ("客户识别表导出", "customer review out"),
    "reviewed": ("客户识别表导回", "customer review in"),
    "announce": ("批次通知", "announce"),
    "promises": ("承诺兑现", "promises"),
    "watch": ("时限监视", "watch"),
    "housekeeping": ("数据清理", "housekeeping"),
    "settlement": ("月结算单", "settlement"),
    "aftersales": ("售后", "after sales"),
}
TEXTS = {
    "title": ("订单连接器", "Order connector"),
    "good": ("一切正常", "All is well"),
    "attention": ("有事待处理", "Somebody is needed"),
    "trouble": ("有故障", "Trouble"),
    "leader": ("主运行", "leads"),
    "standby": ("备用", "stands by"),
    "starting": ("启动中", "is starting"),
    "ticked": ("上次运行", "last tick"),
    "find": ("查订单号", "Order number"),
    "go": ("查看", "Show"),
    "unreached": ("以下角色收不到任何提醒", "Messages reach none of these roles"),
    "unreached_then": (
        "请设置 notify.ops 或该角色的渠道",
        "set notify.ops, or a channel of each role",
    ),
    "paused": ("已人工暂停", "Paused by hand"),
    "until": ("至", "until"),
    "alerts": ("需要处理", "What calls for somebody"),
    "flow": ("在途订单", "Orders on their way"),
    "held": ("挂起", "held"),
    "oldest": ("最早", "oldest"),
    "none": ("无", "none"),
    "waves": ("今日批次", "Today's waves"),
    "next_waves": ("下一工作日批次", "Waves of the next working day"),
    "cutoff": ("截单", "cutoff"),
    "unit": ("事业部", "business unit"),
    "released_n": ("放行", "released"),
    "left_out": ("未放行", "left out"),
    "upcoming": ("未到时间", "to come"),
    "overdue": ("应已放行", "overdue"),
    "frozen": ("已放行", "released"),
    "holds": ("挂起的订单", "Held orders"),
    "cause": ("原因", "cause"),
    "orders": ("订单数", "orders"),
    "since": ("自", "since"),
    "next": ("下一步", "what happens next"),
    "no_holds": ("没有挂起的订单", "No order is held"),
    "risk": ("时限告急", "Deadlines at risk"),
    "order": ("订单", "order"),
    "stage_": ("阶段", "stage"),
    "promise_": ("承诺", "promise"),
    "deadline": ("时限", "deadline"),
    "left": ("剩余", "left"),
    "late": ("已超时", "late"),
    "no_risk": ("没有告急的时限", "No deadline is at risk"),
    "systems": ("各系统", "Systems"),
    "storefront": ("商城", "Storefront"),
    "answers": ("正常应答", "answers"),
    "failing": ("连续失败", "failures in a row"),
    "kept_back": ("熔断，暂停调用", "calls are kept back"),
    "downtime": ("停机时段，至", "in its downtime until"),
    "not_asked": ("本进程尚未调用", "not asked by this process yet"),
    "last_answer": ("上次应答", "last answer"),
    "open_calls": ("结果未定的外发调用", "Outbound calls without an outcome"),
    "untold": ("待回写商城的发货与发票", "Shipments and invoices to be written back"),
    "quarantine": ("隔离的数据", "In the quarantine"),
    "quarantine_next": (
        "信息部：quarantine list、show；查明后 quarantine retry 或 drop；来源更正后自动解除",
        "IT: quarantine list, show; then quarantine retry or drop; it ends by itself once mended",
    ),
    "entry": ("编号", "entry"),
    "source": ("来源", "from"),
    "jobs": ("任务", "Jobs"),
    "job": ("任务", "job"),
    "last_run": ("上次", "last run"),
    "took": ("用时", "took"),
    "state": ("状态", "state"),
    "done": ("完成", "done"),
    "running": ("运行中", "running"),
    "failed": ("失败", "failed"),
    "never": ("尚未运行", "never ran"),
    "windows": ("待补窗口", "windows due"),
    "files": ("最近交付的文件", "Newest batches and extracts"),
    "parcel": ("批次/日期", "of"),
    "files_n": ("文件数", "files"),
    "written": ("写出", "written"),
    "acts": ("人工操作", "What people did"),
    "who": ("谁", "who"),
    "what": ("操作", "act"),
    "why": ("为何", "why"),
    "outcome": ("结果", "outcome"),
    "when": ("时间", "when"),
    "unfinished": ("未结束", "not ended"),
    "other": ("English", "中文"),
    "back": ("返回总览", "Back to the overview"),
    "placed_at": ("下单时间", "placed"),
    "customer": ("SAP 客户", "SAP customer"),
    "total": ("金额", "total"),
    "units": ("事业部", "business units"),
    "revision": ("版次", "revision"),
    "backorder": ("欠货进度", "backorder"),
    "next_try": ("下次自动处理", "looked at again"),
    "reasons": ("挂起原因", "Why it is held"),
    "lines": ("行项目", "Lines"),
    "line": ("行", "line"),
    "sku": ("物料", "part"),
    "quantity": ("数量", "quantity"),
    "amount": ("金额", "amount"),
    "allocated": ("已分配", "allocated"),
    "shipped": ("已发货", "shipped"),
    "documents": ("单据", "Documents"),
    "kind": ("类型", "kind"),
    "number": ("号码", "number"),
    "system": ("系统", "system"),
    "told": ("已回写", "written back"),
    "calls": ("外发调用", "Outbound calls"),
    "operation": ("操作", "operation"),
    "attempts": ("次数", "attempts"),
    "document": ("单据", "document"),
    "error": ("说明", "what was said"),
    "wave_of": ("批次", "Waves"),
    "reasons_short": ("原因", "why"),
    "events": ("经过", "Its story"),
    "no_order": ("没有这个订单", "There is no such order"),
    "token": ("访问令牌", "Token"),
    "enter": ("进入", "Enter"),
    "wrong_token": ("令牌不对", "This is not the token"),
    "closed_page": (
        "本页未开放：服务监听在外部地址，但没有设置访问令牌。请设置 CONNECTOR_STATUS_TOKEN。",
        "This page is closed: the service listens to other machines and has no token."
        " Set CONNECTOR_STATUS_TOKEN.",
    ),
    "updated": ("更新于", "as of"),
    "refreshes": ("每 30 秒刷新", "refreshes every 30 s"),
    "days": ("天", "d"),
    "hours": ("小时", "h"),
    "minutes": ("分", "min"),
    "seconds": ("秒", "s"),
}
# What jobs count, where it is not a stage.
COUNTS = {
    "seen": "读取",
    "new": "新订单",
    "changed": "有变更",
    "echo": "无变化",
    "busy": "处理中",
    "quarantined": "隔离",
    "released": "放行",
    "left_out": "未放行",
    "files": "文件",
    "known": "已知",
    "news": "有更新",
    "unknown": "不认识",
    "orders": "订单",
    "differences": "差异",
    "told": "已回写",
    "asked": "询问",
    "held": "挂起",
    "waiting": "等待",
    "missed": "遗漏",
    "parcels": "批文件",
    "needs_person": "待人工",
    "not_compared": "未比对",
    "not_told": "未告知",
}
EVENTS = {
    "quarantine": "隔离解除",
    "received": "接收",
    "validated": "校验通过",
    "held": "挂起",
    "waiting": "等待对方系统",
    "recognised": "客户识别",
    "placed": "下销售订单",
    "sales_order": "销售订单",
    "confirmed": "库存确认",
    "noted": "发货单",
    "ready": "开票申请",
    "released": "放行",
    "wave": "批次放行",
    "news": "DMS 消息",
    "written_back": "回写商城",
    "closed": "完结",
    "retry": "人工重试",
    "cancel_requested": "请求取消",
    "cancelled": "取消",
    "customer_settled": "客户已确定",
    "known": "启用前已完成",
    "call_resolved": "调用已认定",
    "changed": "商城变更",
    "amended": "已修改",
    "storefront": "商城状态",
    "ignored": "不处理",
    "cancellation": "取消单据",
    "cancelled_late": "放行后取消",
    "deleted_late": "放行后被删除",
    "not_told": "未回写商城",
    "after_sale": "售后",
    "return": "退货登记",
    "merged_invoice": "合并开票分摊",
    "promise_at_risk": "时限将至",
    "promise_broken": "超过时限",
    "shipped": "已发货",
    "delivery_note": "发货单",
    "invoice_application": "开票申请",
    "backorder_ended": "欠货已清",
    "remapped": "重新读取",
}
CALL_STATES = {
    "pending": "待发送",
    "sent": "已发送",
    "confirmed": "已确认",
    "rejected": "被拒绝",
    "in_doubt": "结果不明",
}
DOCUMENTS = {word: (zh, word.replace("_", " ")) for word, zh in terms.DOCUMENTS.items()}


PARCELS = {
    "batch": ("仓库批次", "batch"),
    "extract": ("财务日报", "extract"),
    "settlement": ("月结算单", "settlement"),
    "review": ("客户识别表", "customer review"),
}


class Words:
    """The words of one language. What has none is shown as it is."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._side = 0 if language == "zh" else 1

    def __getattr__(self, name: str) -> str:
        try:
            return TEXTS[name][self._side]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> str:
        return TEXTS[name][self._side]

    def said(self, text: Said) -> str:
        """Return a text of the connector's; what is not its own reads as it is."""
        return text.chinese if self.language == "zh" else text

    def stage(self, stage: str) -> str:
        """Name a stage."""
        return self._of(STAGES, stage)

    def hold(self, cause: str) -> str:
        """Name a cause."""
        return HOLDS[cause][self._side][0] if cause in HOLDS else cause

    def next_for(self, cause: str) -> str:
        """Say what happens next to orders held for a cause."""
        return HOLDS[cause][self._side][1] if cause in HOLDS else ""

    def promise(self, promise: str) -> str:
        """Name a promise."""
        return self._of(PROMISES, promise)

    def role(self, role: str) -> str:
        """Name who gets messages."""
        return self._of(ROLES, role)

    def job_name(self, job: str) -> str:
        """Name a job."""
        return self._of(JOBS, job)

    def source_name(self, source: str) -> str:
        """Name where what is in the quarantine came from."""
        return self._of(quarantine.SOURCES, source)

    def document_kind(self, kind: str) -> str:
        """Name a kind of document."""
        return self._of(DOCUMENTS, kind)

    def parcel_kind(self, kind: str) -> str:
        """Name a kind of files that go together."""
        return self._of(PARCELS, kind)

    def event(self, kind: str) -> str:
        """Name a kind of event."""
        plain = kind.replace("_", " ")
        return EVENTS.get(kind, plain) if self.language == "zh" else plain

    def call_state(self, state: str) -> str:
        """Name how an outbound call stands."""
        plain = state.replace("_", " ")
        return CALL_STATES.get(state, plain) if self.language == "zh" else plain

    def counts(self, counts: Mapping[str, object]) -> str:
        """Say what a run counted, without what it did not find."""
        return " · ".join(f"{self._count(key)} {value}" for key, value in counts.items() if value)

    def _count(self, key: str) -> str:
        if self.language == "zh" and key in COUNTS:
            return COUNTS[key]
        return self._of(STAGES, key).replace("_", " ")

    def _of(self, names: Mapping[str, tuple[str, str]], key: str) -> str:
        return names[key][self._side] if key in names else key


def language_of(asked: str, accepted: str) -> Language:
    """Choose: what the address asks for, else what the browser prefers, else Chinese."""
    if asked in ("zh", "en"):
        return "zh" if asked == "zh" else "en"
    best: tuple[float, Language] = (0.0, "zh")
    for part in accepted.split(","):
        name, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        for language in ("zh", "en"):
            if name.lower().split("-")[0] == language and weight > best[0]:
                best = (weight, "zh" if language == "zh" else "en")
    return best[1]
