"""Why something is in the quarantine, and what became of it."""

from __future__ import annotations

from connector.wording.said import Sentence

# Bounds that a payload exceeds.
ORDER_TOO_LARGE = Sentence(
    "order_too_large",
    "its texts hold more than {most} characters: nobody means that",
    "文本超过 {most} 个字符，不可能是正常数据",
)
ORDER_TOO_MANY_VALUES = Sentence(
    "order_too_many_values",
    "it holds more than {most} values: nobody means that",
    "数据项超过 {most} 个，不可能是正常数据",
)
ORDER_TOO_DEEP = Sentence(
    "order_too_deep",
    "it is nested deeper than {most} levels: nobody means that",
    "嵌套超过 {most} 层，不可能是正常数据",
)
ORDER_TOO_MANY_DIGITS = Sentence(
    "order_too_many_digits",
    "a number in it has more than {most} digits: nobody means that",
    "其中的数字超过 {most} 位，不可能是正常数据",
)
ANSWER_TOO_LARGE = Sentence(
    "answer_too_large", "the answer is not read: {what}", "应答超出限制，未读取（{what}）"
)
NO_ORDER = Sentence("no_order", "it is {what}, and no order", "内容是 {what}，不是订单")
NOT_FORESEEN = Sentence(
    "not_foreseen",
    "nobody foresaw what stands in it ({error}): have IT look at it",
    "其中的内容无法处理（{error}），请信息部查看",
)
NOT_READ = Sentence(
    "not_read",
    "the storefront names this order and does not tell of it in full: {why}",
    "商城列出了该订单，但未能读到完整内容：{why}",
)
NOT_BELIEVED = Sentence(
    "not_believed",
    "what the storefront shows of this order cannot be how it is, and what is known of it stays"
    " ({why}): have the platform keep caches and plug-ins off /wp-json; where the order is as it"
    " is shown, repeat this entry (`connector quarantine retry`)",
    "商城给出的该订单内容不可能属实，系统沿用此前已知内容（{why}）：请电商平台"
    "让缓存和插件不处理 /wp-json；"
    "若订单确如商城所示，请对本条执行 `connector quarantine retry`",
)
OLDER_THAN_KNOWN = Sentence(
    "older_than_known",
    "it was last changed at {at}, and a change of {known} is known",
    "其最近修改时间为 {at}，而系统已知 {known} 的修改",
)
WITHOUT_LINES = Sentence(
    "without_lines",
    "it has no lines any more, and its total still holds them",
    "订单行全部缺失，而订单总额仍包含这些行",
)
VANISHED = Sentence(
    "vanished",
    "of {asked} orders that it was asked for the storefront says of {gone} that it has them no"
    " more; so many at once are no deletions: have the platform look whether the shop was restored"
    " or moved. It goes on once the shop shows it; where it was deleted, repeat this entry"
    " (`connector quarantine retry`)",
    "查询的 {asked} 张订单中，商城称 {gone} 张已不存在；数量过多，不按删除处理："
    "请电商平台核实商城是否恢复过备份或迁移过存储。商城重新显示后订单自动继续；"
    "若确已删除，请对本条执行 `connector quarantine retry`",
)

ORDER_MOVES = Sentence(
    "order_moves",
    "the order is being moved this very moment: try again",
    "该订单正在处理中，请稍后再试",
)

# How an entry ended.
TAKEN_LATER = Sentence("taken_later", "a later version of it was taken", "之后的版本已正常接收")
STEP_WORKED = Sentence("step_worked", "the step was repeated: {came_to}", "已重新处理：{came_to}")
GONE_THERE = Sentence(
    "gone_there", "the storefront does not have it any more", "商城中已没有该订单"
)
TOO_OLD = Sentence("too_old", "older than personal data is kept", "超过个人数据保存期限")

# What an order's story says of it.
NOT_COUNTED = Sentence(
    "not_counted",
    "what could not be taken of the storefront was dropped: {why}",
    "商城中无法接收的版本已舍弃：{why}",
)
TAKEN_AFTER_ALL = Sentence(
    "taken_after_all",
    "what could not be taken is settled: the order goes on",
    "无法接收的数据已处理，订单继续",
)

# Where what is in the quarantine came from: (Chinese, English).
SOURCES = {
    "storefront": ("商城", "the storefront"),
    "sap": ("SAP", "SAP"),
    "dms": ("DMS", "the DMS"),
    "file": ("交来的文件", "files that were handed in"),
    "database": ("本地数据库", "the connector's own database"),
}
