"""What alerts say: what is wrong, what happens next by itself, and the command that repairs it."""

from __future__ import annotations

from connector.domain.alerts import AlertKind
from connector.domain.lifecycle import HoldCause
from connector.notify.hold_words import HELD, Words

KINDS = {
    AlertKind.AT_RISK: Words(
        (
            "{orders} 个订单可能赶不上时限：{subject}，最早 {due} 到期",
            "{orders} orders may come too late ({subject}); the first is due at {due}",
        ),
        ("继续处理，最早到期的优先", "they are worked on, the first due first"),
        "connector orders list",
    ),
    AlertKind.BROKEN: Words(
        (
            "{orders} 个订单已超过时限，原因：{subject}",
            "{orders} orders are past what was promised, because {subject}",
        ),
        (
            "继续处理；赶不上本批的订单随下一批放行",
            "they are worked on; what missed its wave goes with the next",
        ),
        "connector orders list；connector orders show NUMBER",
    ),
    AlertKind.CALL_IN_DOUBT: Words(
        (
            "对 {subject} 的发送结果不明：{calls} 次",
            "sendings to {subject} of which nobody knows whether they arrived: {calls}",
        ),
        (
            "不会重复发送：请核实对方是否收到后回复结果",
            "nothing is sent again by itself: find out whether it arrived and say so",
        ),
        "connector calls list --in-doubt；connector calls resolve ID --found DOCUMENT | --absent",
    ),
    AlertKind.CALL_OPEN: Words(
        (
            "对 {subject} 的调用一直没有结果：{calls} 次",
            "calls to {subject} that have come to no outcome: {calls}",
        ),
        (
            "没有任务在处理：请查看该调用及其订单，重试订单，或核实对方后回复结果",
            "nothing works on them: look at the call and its order, then retry the order, or find"
            " out whether it arrived and say so",
        ),
        "connector calls show {call}；connector calls ask {call}；connector calls resolve {call}"
        " --found DOCUMENT | --absent",
    ),
    AlertKind.DOUBLED: Words(
        (
            "{subject} 可能重复生成单据（{calls} 个调用）：{error}",
            "{subject} may hold a document twice ({calls} calls): {error}",
        ),
        (
            "订单已挂起，不再继续：请在对方系统核对，只保留一份",
            "its order is held and goes no further: look in the other system, and keep one",
        ),
        "connector calls show {call}；connector orders list --hold discrepancy",
    ),
    AlertKind.NUMBER_GONE: Words(
        (
            "SAP 给出了编号并提交，但查不到（{calls} 个）：{numbers}",
            "SAP gave numbers and committed them, and they are not there ({calls}): {numbers}",
        ),
        (
            "不会另建：请在 SM13 中重复中断的更新，查到后订单自动继续；服务须保持会话（有状态）",
            "none is created in their place: repeat terminated updates in SM13, the orders then go"
            " on by themselves; where there are none, look whether the service keeps its sessions",
        ),
        "connector calls list --in-doubt；connector calls resolve {call} --found NUMBER | --absent",
    ),
    AlertKind.CREATIONS_WAIT: Words(
        (
            "一小时内已在 SAP 新建 {limit} 个客户，达到上限",
            "{limit} customers were created in SAP within an hour, as many as may be",
        ),
        (
            "其余买方等待：请核对是否重复新建；确属正常可提高 sap.limits.creations",
            "further buyers wait: look whether they are made twice; if all is well, raise"
            " sap.limits.creations",
        ),
        "connector calls list",
    ),
    AlertKind.NOT_DELIVERED: Words(
        (
            "发往 {subject} 的文件未送达：{calls} 次。{error}",
            "files for {subject} have not arrived: {calls} sendings. {error}",
        ),
        (
            "恢复后自动补发；文件已在输出目录中",
            "they are sent by themselves once it answers; the files lie in the output folder",
        ),
        "connector calls list；connector job history deliver",
    ),
    AlertKind.WAVE_LATE: Words(
        (
            "事业部 {subject} 的批次 {cutoff} 未按时放行，{orders} 个订单在等待",
            "the wave {cutoff} of {subject} is not released; {orders} orders wait for it",
        ),
        (
            "会自动重试；批次内订单不变",
            "it is tried again by itself, and takes exactly its orders",
        ),
        "connector job history wave --failed；connector job run wave --scope {subject}",
    ),
    AlertKind.JOB_FAILED: Words(
        ("任务 {subject} 失败 {attempts} 次：{error}", "job {subject} failed {attempts}×: {error}"),
        (
            "会自动重试，间隔不超过 15 分钟；之后的时段等待它",
            "it is tried again by itself at least every 15 minutes; later windows wait for it",
        ),
        "connector job history --failed；connector job rerun {run}",
    ),
    AlertKind.JOB_STUCK: Words(
        (
            "任务 {subject} 仍在运行，由 {owner} 执行",
            "job {subject} is still running, by {owner}",
        ),
        (
            "超过一小时服务会自行重启，由下一个进程接手",
            "after an hour the service ends itself and the next process takes the run over",
        ),
        "connector job history {subject}",
    ),
    AlertKind.JOB_BEHIND: Words(
        (
            "任务 {subject} 截至 {window} 的时段一直没有完成",
            "job {subject} has not done its window until {window}",
        ),
        (
            "会按先后继续处理；长时间如此，请看它在等哪个系统，或由谁执行",
            "it is worked off in its sequence; if it lasts, look what it waits for and who runs it",
        ),
        "connector job list；connector job history",
    ),
    AlertKind.SYSTEM_AWAY: Words(
        (
            "{subject} 连续调用失败，已暂停调用；{orders} 个订单在等待",
            "{subject} fails call after call and calls are kept back; {orders} orders wait",
        ),
        (
            "会不断试探，恢复后按到期先后自动处理，不会重复",
            "it is tried again and again; once back, orders go on, oldest deadline first",
        ),
        "connector check --live",
    ),
    AlertKind.SYSTEM_PAUSED: Words(
        (
            "{subject} 已由 {actor} 暂停，至 {until}：{reason}",
            "{subject} is paused until {until} by {actor}: {reason}",
        ),
        (
            "需要它的任务和订单等待，其余照常；到时自动恢复并通知",
            "jobs and orders that need it wait, all others go on; when it ends, you are told",
        ),
        "connector resume {subject}",
    ),
    AlertKind.SHORTAGE: Words(
        (
            "本机资源不足：{short}（{place}）",
            "this machine has run out of something: {short} ({place})",
        ),
        (
            "等待的订单和任务在恢复后自动继续，无需逐单处理",
            "orders and jobs that wait for it go on by themselves; no order needs anything",
        ),
        "connector check；connector job history --failed",
    ),
    AlertKind.CLOCK_SET: Words(
        (
            "本机时钟被调整了 {minutes} 分钟；{verdict}",
            "this machine's clock was set by {minutes} minutes; {verdict}",
        ),
        (
            "往回调整时照常工作；往前调整时，在其他时钟证实之前不放行批次",
            "set back, the work goes on; set forward, no wave is released before another clock"
            " agrees",
        ),
        "connector job list",
    ),
    AlertKind.CALENDAR_ENDS: Words(
        ("国家节假日日历只到 {ends}", "the national calendar ends on {ends}"),
        (
            "此后按每周工作日及 calendar.overrides 中的例外计算批次和时限：请升级 chinesecalendar，"
            "或在 calendar.overrides 中列出次年的休息日和调休工作日（其余日子不必列出）",
            "after it the working weekdays count, and the exceptions under calendar.overrides:"
            " update chinesecalendar, or name that year's days off and make-up days there, and"
            " no others",
        ),
        "connector check",
    ),
    AlertKind.DATABASE_LARGE: Words(
        ("数据库已达 {size}，上限 {bound}", "the database has {size}, more than {bound}"),
        (
            "每夜清理会继续；账目保留。请扩容或调整 retention",
            "the nightly housekeeping goes on and the books stay: give it more room, or shorten"
            " retention",
        ),
        "connector job run housekeeping",
    ),
    AlertKind.MAPPINGS_REFUSED: Words(
        (
            "映射文件夹未通过检查（{findings} 处），继续使用版本 {version}",
            "the mappings folder was refused ({findings} findings); version {version} goes on",
        ),
        (
            "订单照常处理；请按行号改正：{first}",
            "orders go on as before; mend the lines named: {first}",
        ),
        "connector mappings check",
    ),
    AlertKind.QUARANTINED: Words(
        (
            "{subject}的 {entries} 项数据无法接收，已隔离",
            "in the quarantine, as it could not be taken, from {subject}: {entries}",
        ),
        (
            "其余数据照常处理；来源更正后自动解除，或查明原因后重试、舍弃",
            "all else goes on; an entry ends by itself once its source shows it rightly, otherwise"
            " mend the cause and retry it, or drop it",
        ),
        "connector quarantine list；connector quarantine show {first}"
        "；connector quarantine retry {first}；connector quarantine drop {first} --reason WHY",
    ),
    AlertKind.UNJUDGED: Words(
        ("无法判断{subject}：{error}", "it cannot be told how {subject} stand: {error}"),
        (
            "每分钟重新判断；其余提醒照常。在此期间这一类提醒可能缺失",
            "it is tried again every minute and all other alerts go out; alerts about this may be"
            " missing meanwhile",
        ),
        "connector job history watch；connector check",
    ),
}
# What promises and the causes of their breach are called: (Chinese, English).
SUBJECTS = {
    "recognised": ("识别客户", "recognise the customer"),
    "placed": ("下达 DMS 订单", "sales order in the DMS"),
    "ready": ("备货、发货单与开票申请", "stock, delivery note and invoice application"),
    "released": ("随本批放行", "release with their wave"),
    "system_away": ("另一系统不可用", "another system was away"),
    "late_intake": ("从商城取单太晚", "they were pulled from the storefront too late"),
    "slow": ("处理太慢", "nothing held them up and they were not done in time"),
    "invalid": ("资料不全或有误", "their data are incomplete or wrong"),
    "shop_data": ("商城数据有误", "the shop has data of theirs wrong"),
    "unpaid": ("未付款", "they are not paid"),
    "refunded": ("已退款未取消", "they were refunded and not cancelled"),
    "refund_amount": ("退款与订单行对不上", "no line explains what was refunded"),
    "maybe_shipped": ("或已发货", "they may have been shipped before they were first seen"),
    "unassigned": ("没有事业部销售其零件", "no business unit sells a part of theirs"),
    "customer_review": ("客户待确认", "their customer is still to be settled"),
    "stock": ("缺货", "stock is short"),
    "rejected": ("被对方系统拒绝", "another system refused them"),
    "in_doubt": ("单据是否生成不明", "it cannot be told whether a document was made"),
    "mapping": ("映射无法转换", "a mapping cannot carry them over"),
    "changed": ("下达后被修改", "they were changed after they went to the DMS"),
    "by_hand": ("需在 DMS 手工处理", "something is to be done by hand in the DMS"),
    "discrepancy": ("与另一系统不一致", "another system holds something else"),
}
# What is watched, by the name under which it could not be judged: (Chinese, English).
WATCHED = {
    "holds": ("被扣订单", "held orders"),
    "promises": ("时限", "promises"),
    "following": ("时限（跟踪）", "promises that fall due"),
    "calls": ("发送结果", "outbound calls"),
    "doubles": ("重复的单据", "documents made twice"),
    "creations": ("在 SAP 新建的客户", "customers created in SAP"),
    "waves": ("批次", "waves"),
    "runs": ("任务", "job runs"),
    "windows": ("任务时段", "windows of jobs"),
    "systems": ("各系统", "the other systems"),
    "pauses": ("暂停的系统", "paused systems"),
    "machine": ("本机资源与时钟", "this machine's room and clock"),
    "calendar": ("工作日历", "working days"),
    "mappings": ("映射", "mappings"),
    "database": ("数据库", "the database's size and room"),
    "quarantine": ("隔离的数据", "what is in the quarantine"),
}

# A logon that was refused is the one failure that is not tried again by itself.
LOGON = Words(
    ("任务 {subject} 登录被拒绝：{error}", "job {subject} was refused the logon: {error}"),
    (
        "不会自动重试，以免锁定用户：请更正用户或密码后执行",
        "it is not tried again by itself, so that the user is not locked: correct user or"
        " password, then",
    ),
    "connector check --live；connector job rerun {run}",
)


def words_for(kind: AlertKind, subject: str, *, logon: bool = False) -> Words:
    """Return an alert's words."""
    if kind is AlertKind.HELD:
        return HELD[HoldCause(subject)]
    return LOGON if logon else KINDS[kind]
