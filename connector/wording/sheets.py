"""What is said of a workbook that people hand in, and of each of its rows."""

from __future__ import annotations

from connector.wording.said import Sentence

# The file as a whole.
NO_WORKBOOK = Sentence("no_workbook", "is no workbook ({what})", "不是 Excel 工作簿（{what}）")
OLD_OR_LOCKED = Sentence(
    "old_or_locked",
    "is a workbook of the old kind (.xls), or one with a password",
    "是旧格式（.xls）或带密码的工作簿",
)
SAVE_AS_XLSX = Sentence(
    "save_as_xlsx", "save it as .xlsx, without a password", "请另存为 .xlsx，且不要设置密码"
)
TOO_LARGE = Sentence(
    "too_large",
    "is too large: {what} of more than {most}",
    "文件过大：{what}超过 {most}",
)
SHEET_TOO_LONG = Sentence(
    "sheet_too_long",
    "holds more than {most} rows below its headings",
    "标题行之下超过 {most} 行",
)
HOLDS_MORE_THAN_CELLS = Sentence(
    "holds_more_than_cells",
    "holds more than cells: {what}",
    "除单元格外还含有其他内容：{what}",
)
DAMAGED = Sentence("damaged", "cannot be read whole ({what})", "无法完整读取（{what}）")
NO_SHEET = Sentence("no_sheet", "there is no sheet {sheet}", "没有工作表“{sheet}”")
OTHER_COLUMNS = Sentence(
    "other_columns",
    "the first columns are not {columns}",
    "前几列不是：{columns}",
)
FILL_IN_OURS = Sentence(
    "fill_in_ours",
    "fill in the workbook that was given out (`connector customers review --export`), and leave"
    " its columns as they are",
    "请填写系统导出的工作簿（`connector customers review --export`），并保持列不变",
)

# One row.
FORMULA = Sentence(
    "formula",
    "column {column} holds a formula: type the value",
    "“{column}”列是公式：请直接填写数值或文字",
)
NO_DECISION = Sentence(
    "no_decision",
    "decision {decision} is none: link (关联) or create (新建)",
    "决定“{decision}”无效：请填 关联（link）或 新建（create）",
)
NUMBER_MISSING = Sentence(
    "number_missing", "to link, give the SAP customer number", "选择关联时，请填写SAP客户号"
)
NUMBER_NOT_MEANT = Sentence(
    "number_not_meant",
    "a customer number is given although the decision is create: which is meant?",
    "决定为新建，却填写了SAP客户号：请确认是哪一个",
)
NOT_WAITING = Sentence(
    "not_waiting",
    "the order does not wait for the sales rep (any more)",
    "该订单（已）不在等待客户识别",
)
BUYER_CHANGED = Sentence(
    "buyer_changed",
    "the buyer's data changed since the sheet was made: decide in the newest one",
    "表格导出之后买方资料有变化：请在最新的表格中重新决定",
)
CONTRADICTED = Sentence(
    "contradicted",
    "this buyer is decided in several rows, and differently",
    "同一买方在多行中的决定互相矛盾",
)
LEFT_OPEN = Sentence("left_open", "left open", "未填写，保持待定")
SETTLED_ALREADY = Sentence("settled_already", "settled already: {stage}", "此前已处理：{stage}")
LINKED_ALREADY = Sentence(
    "linked_already", "is linked to this customer already", "此前已关联到该SAP客户"
)
WOULD_LINK = Sentence("would_link", "would be linked to {number}", "将关联到SAP客户 {number}")
WOULD_CREATE = Sentence("would_create", "would be created in SAP", "将在SAP中新建客户")
NOW_AT = Sentence("now_at", "{number}: {stage}", "{number}：{stage}")
