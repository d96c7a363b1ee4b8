"""What went wrong with another system or a mapping, and what a person then does."""

from __future__ import annotations

from connector.wording.said import Sentence

# How an error is told: where, what, and the remedy.
AT = Sentence("at", "{place}: {message}", "{place}：{message}")
REMEDY = Sentence("remedy", "{message} — {remedy}", "{message}。{remedy}")
NAMED = Sentence("named", "{name}: {message}", "{name}：{message}")
CODED = Sentence("coded", "{code} {text}", "{code} {text}")
UNEXPECTED = Sentence("unexpected", "unexpected {error}", "意外错误 {error}")

# What is stored of an order.
STORED_UNREADABLE = Sentence(
    "stored_unreadable",
    "what is stored of this order cannot be read any more",
    "该订单已保存的数据无法读取",
)
HAVE_IT_TAKEN_ANEW = Sentence(
    "have_it_taken_anew",
    "save the order once more in the storefront: it is then taken in anew by itself",
    "请在商城中重新保存该订单，系统会自动重新接收",
)

# Reaching another system.
UNREACHABLE = Sentence("unreachable", "cannot be reached", "无法连接")
UNREACHABLE_WHY = Sentence("unreachable_why", "cannot be reached: {why}", "无法连接：{why}")
DOWNTIME = Sentence("downtime", "in its downtime until {until}", "停机时段，至 {until}")
KEPT_BACK = Sentence(
    "kept_back",
    "{calls} calls in a row failed; calls are kept back",
    "连续 {calls} 次调用失败，暂停调用",
)
QUEUE = Sentence("queue", "too many calls wait", "等待的调用过多")
ANSWER_LOST = Sentence("answer_lost", "the answer was lost ({what})", "未收到应答（{what}）")
NO_RULE = Sentence("no_rule", "the answer fits no rule: {words}", "应答不符合任何规则：{words}")
SAY_WHAT_IT_MEANS = Sentence(
    "say_what_it_means",
    "say in mapping {mapping} what this answer means",
    "请信息部在映射 {mapping} 中说明此应答的含义",
)
BUSY = Sentence("busy", "busy", "对方正忙")
ASKS_FOR_LESS = Sentence("asks_for_less", "asks for less", "对方要求减少调用")
SESSIONS_BUSY = Sentence("sessions_busy", "all SAP sessions are busy", "SAP会话均被占用")
NO_SESSION = Sentence("no_session", "SAP has no free session", "SAP没有空闲会话")
OTHER_SESSION = Sentence("other_session", "SAP answered in another session", "SAP在另一会话中作答")
REFUSED_ONCE = Sentence(
    "refused_once",
    "the logon was refused once, and the next one admitted: {said}",
    "登录曾被拒绝，随后又成功：{said}",
)
NOTHING_COMMITTED = Sentence("nothing_committed", "nothing was committed", "尚未提交")
TOO_MANY_ROWS = Sentence(
    "too_many_rows",
    "more than {most} records are found by {column} alone: who this is, a person must say",
    "仅按 {column} 就查到 {most} 条以上记录，需人工确认",
)
NO_CUSTOMER_NUMBER = Sentence(
    "no_customer_number", "SAP created no customer number", "SAP未返回客户号"
)
OTHERS_NUMBER = Sentence(
    "others_number",
    "SAP gave number {number}, which is somebody else's record",
    "SAP给出的编号 {number} 属于其他客户",
)
NO_QUANTITY = Sentence(
    "no_quantity", "SAP says no quantity of {material}", "SAP未返回 {material} 的数量"
)
NOT_READ_BACK = Sentence("not_read_back", "not read back: {why}", "回读失败：{why}")
CUSTOMER_GONE = Sentence(
    "customer_gone",
    "customer {number} was {done} and committed, and is not there",
    "客户 {number} 已{done}并提交，但在SAP中查不到",
)
DONE_CREATED = Sentence("done_created", "created", "新建")
DONE_CHANGED = Sentence("done_changed", "changed", "更正")
NO_SUCH_CUSTOMER = Sentence(
    "no_such_customer", "SAP has no customer {number}", "SAP中没有客户 {number}"
)
SEE_CANDIDATES = Sentence(
    "see_candidates",
    "see the candidates with `connector customers review`",
    "请用 `connector customers review` 查看候选客户",
)
CUSTOMER_UNUSABLE = Sentence(
    "customer_unusable", "customer {number} is {state} in SAP", "客户 {number} 在SAP中{state}"
)
FOR_DELETION = Sentence("for_deletion", "marked for deletion", "已标记删除")
IS_BLOCKED = Sentence("is_blocked", "blocked", "已冻结")
RELEASE_IT = Sentence(
    "release_it", "have it released in SAP first, or take another", "请先在SAP解除，或改用其他客户"
)

NOT_THE_BUYER = Sentence(
    "not_the_buyer",
    "customer {number} is not the buyer {name}, as SAP has it: {evidence}",
    "SAP中的客户 {number} 与买方 {name} 不符：{evidence}",
)
NOT_MAYBE_SHIPPED = Sentence(
    "not_maybe_shipped",
    "order {number} is not held as maybe_shipped",
    "订单 {number} 未因“或已发货”挂起",
)
NO_SUCH_DOCUMENT = Sentence(
    "no_such_document",
    "order {number} is not held for a person's document that no rule can check",
    "订单 {number} 并非因无法按规则校验的个人证件而挂起",
)
LOOK_AT_ORDER = Sentence(
    "look_at_order",
    "look where it stands with `connector orders show {number}`",
    "请用 `connector orders show {number}` 查看",
)
LOOK_OR_CORRECT = Sentence(
    "look_or_correct",
    "look where it stands with `connector orders show {number}`;"
    " a number that fails its check digit is corrected in the storefront",
    "请用 `connector orders show {number}` 查看；校验码不符的号码须在商城更正",
)
CORRECT_RECORD_FIRST = Sentence(
    "correct_record_first",
    "if it is the buyer's, correct the record in SAP first and say it again;"
    " if SAP has none of the buyer's, say --absent",
    "如确为该买方，请先在SAP更正客户资料，再执行一次；如SAP中没有该买方，请用 --absent",
)

UNFORESEEN = Sentence("unforeseen", "unforeseen {error}", "意外错误 {error}")
ABAP = Sentence("abap", "ABAP exception {key}", "ABAP异常 {key}")
NOT_A_DATE = Sentence("not_a_date", "{value} is not a date", "{value} 不是日期")
NO_ANSWER = Sentence("no_answer", "HTTP {status} without an answer", "HTTP {status}，没有应答内容")
UNREADABLE_ANSWER = Sentence(
    "unreadable_answer", "HTTP {status}, the answer is unreadable", "HTTP {status}，应答无法读取"
)
DOCUMENT_TYPE = Sentence(
    "document_type", "the answer declares a document type", "应答声明了文档类型（DOCTYPE）"
)
OTHER_ANSWER = Sentence(
    "other_answer",
    "that is another function's answer: {answered}",
    "收到的是其他函数的应答：{answered}",
)
NO_SOAP = Sentence("no_soap", "HTTP {status} without a SOAP answer", "HTTP {status}，不是SOAP应答")
KEY_REFUSED_NOW = Sentence(
    "key_refused_now",
    "the storefront refuses the key that it took before: {text}",
    "商城拒绝了此前接受过的密钥：{text}",
)
NOT_WOOCOMMERCE = Sentence(
    "not_woocommerce", "HTTP {status}, not WooCommerce's answer", "HTTP {status}，不是商城的应答"
)
NO_WOOCOMMERCE = Sentence(
    "no_woocommerce",
    "WordPress answers, WooCommerce does not: the plug-in is switched off or being updated, or"
    " storefront.url leads to another site",
    "WordPress 有应答而 WooCommerce 没有：插件已停用或正在更新，或 storefront.url 指向了其他站点",
)
OF_NO_SHAPE = Sentence(
    "of_no_shape",
    "what came is not what was asked for: {what}",
    "应答不是所查询的内容：{what}",
)
MORE_THAN_GIVEN = Sentence(
    "more_than_given",
    "the list says that it has {total} entries and gave {read}",
    "列表称共有 {total} 条，实际只给出 {read} 条",
)
NO_COUNT = Sentence(
    "no_count",
    "the list does not say how many entries there are",
    "列表未说明共有多少条",
)
SAME_PAGE = Sentence(
    "same_page", "the list gives the same page again and again", "列表反复给出同一页"
)
CHANGED_MEANWHILE = Sentence(
    "changed_meanwhile",
    "somebody changed it in SAP since it was read: it is read and changed anew",
    "读取之后SAP中的数据已被他人更改，将重新读取后再更改",
)
PARTNER_WITHOUT_CUSTOMER = Sentence(
    "partner_without_customer",
    "business partner {partner} is this buyer and no customer: have its role as a customer added"
    " in SAP (FLCU01), the order then goes on by itself",
    "业务伙伴 {partner} 是该买方，但还不是客户：请在SAP中为其添加客户角色（FLCU01），"
    "之后订单自动继续",
)
REFUNDS_LACKING = Sentence(
    "refunds_lacking",
    "the order names refunds that its list of refunds does not give: {refunds}",
    "订单中的退款未出现在退款列表中：{refunds}",
)
ORDERS_NOT_READ = Sentence(
    "orders_not_read",
    "these orders could not be read, the others were: {orders}; the first: {why}",
    "以下订单无法读取，其余已读取：{orders}；首个原因：{why}",
)
NO_TIME_LEFT = Sentence("no_time_left", "no time is left for the answer", "应答时间已用完")
FAULT = Sentence("fault", "fault {code}: {words}", "对方报错 {code}：{words}")
UNREADABLE = Sentence("unreadable", "the answer is unreadable: {words}", "应答无法读取：{words}")
SENT_LATER = Sentence(
    "sent_later",
    "nothing new is sent for a while: call {call} was answered as if settings were wrong ({error})",
    "暂不发送新的调用：调用 {call} 的应答表明设置可能有误（{error}）",
)
BREAKS_WSDL = Sentence(
    "breaks_wsdl", "the answer breaks the WSDL: {finding}", "应答不符合WSDL：{finding}"
)
NO_WSDL = Sentence("no_wsdl", "the WSDL cannot be read ({error})", "WSDL无法读取（{error}）")
KEPT_WSDL = Sentence(
    "kept_wsdl",
    "the WSDL cannot be read; a kept one is used",
    "WSDL无法读取，使用已保存的版本",
)
UNASKED = Sentence(
    "unasked", "{number} is not of the orders that were asked for", "{number} 不在所查询的订单中"
)
LOGONS_WAIT = Sentence("logons_wait", "other logons wait for SAP", "其他登录正在等待SAP")
ADMITS_NOBODY = Sentence(
    "admits_nobody", "SAP admits nobody now: {said}", "SAP暂不允许登录：{said}"
)
NO_CONNECTION = Sentence("no_connection", "no connection in time", "未能及时连接")
FIRST_LOGON = Sentence("first_logon", "the first logon takes too long", "首次登录超时")
RETURN_WAITS = Sentence(
    "return_waits",
    "return {reference} waits: the DMS does not answer",
    "退货 {reference} 等待中：DMS没有应答",
)

# Delivering files and messages.
HOLDS_SEVERAL = Sentence("holds_several", "it holds {numbers}", "对方持有 {numbers}")
DOUBLED = Sentence(
    "doubled",
    "{operation} for {reference} may have been made twice, as a process that stood still sent it"
    " after another had: {numbers}. {why}",
    "{reference} 的 {operation} 可能生成了两次（停顿的进程醒来后又发送了一次）：{numbers}。{why}",
)
KEEP_ONE = Sentence(
    "keep_one",
    "look in {system}, cancel there all but the one that the order shows, then"
    " `connector orders done NUMBER --what difference --reason WHY`",
    "请在 {system} 中核对，只保留订单所示的一份，作废其余，再执行"
    " `connector orders done NUMBER --what difference --reason WHY`",
)
NO_CHANNEL = Sentence("no_channel", "no channel took the message", "没有渠道收下消息")
SERVER_SAID = Sentence("server_said", "the server said {words}", "服务器答复 {words}")
BROKE_OFF = Sentence("broke_off", "the server broke off: {error}", "服务器中断：{error}")
LOGON_PUT_OFF = Sentence("logon_put_off", "logon put off ({code})", "登录被推迟（{code}）")
NO_SFTP = Sentence("no_sftp", "the server opens no SFTP session", "服务器不提供SFTP会话")
NO_SFTP_WHY = Sentence("no_sftp_why", "no session: {error}", "无法建立会话：{error}")
WHILE_RENAMING = Sentence("while_renaming", "{error} while renaming", "改名时出错：{error}")
WHILE_WRITING = Sentence("while_writing", "{error} while writing", "写入时出错：{error}")
FOLDER_SILENT = Sentence(
    "folder_silent", "the folder does not answer: {words}", "文件夹无法访问：{words}"
)
FILE_UNREADABLE = Sentence(
    "file_unreadable",
    "the file cannot be read: {error}; nothing was sent",
    "文件无法读取：{error}；尚未发送",
)
FILE_CHANGED = Sentence(
    "file_changed",
    "the file is not as it was written; nothing was sent",
    "文件在写出后被改动；尚未发送",
)
BUILD_AGAIN = Sentence(
    "build_again",
    "build it again, with `connector extracts build` or `connector job rerun`",
    "请用 `connector extracts build` 或 `connector job rerun` 重新生成",
)

# Our own database.
DATABASE_BUSY = Sentence("database_busy", "the database is busy", "数据库正忙")
DATABASE_SILENT = Sentence(
    "database_silent", "the database does not answer: {error}", "数据库没有应答：{error}"
)
START_DATABASE = Sentence(
    "start_database",
    "start the database, then look with `connector db check`",
    "请启动数据库，再用 `connector db check` 查看",
)
COUNTING_SILENT = Sentence(
    "counting_silent",
    "the database that counts sessions does not answer: {error}",
    "统计会话数的数据库没有应答：{error}",
)
WRITING_BROKEN_OFF = Sentence("writing_broken_off", "the writing was broken off", "写入中断")
MOVED_ALL_THE_TIME = Sentence(
    "moved_all_the_time", "orders are being moved all the time", "订单一直在变动"
)

# A call whose outcome is open (docs/architecture.md, "Outbound calls").
ON_ITS_WAY = Sentence("on_its_way", "the call is on its way", "调用进行中")
LEFT_LATE = Sentence(
    "left_late", "not sent: it waited too long since it was recorded", "记录后等待过久，未发送"
)
ANOTHER_PROCESS = Sentence(
    "another_process", "another process is making this call", "另一进程正在调用"
)
FREE_AGAIN = Sentence("free_again", "the call is free to be sent again", "可以重新发送")
NOT_FOUND_YET = Sentence(
    "not_found_yet",
    "not found yet; asked again when the call has settled",
    "尚未查到，稍后再次查询",
)
ENDED_BEFORE = Sentence(
    "ended_before",
    "the process ended before the answer was noted",
    "进程在记录应答前已结束",
)
FORGOTTEN = Sentence(
    "forgotten",
    "the database was restored since: it may have been sent before",
    "数据库已从备份恢复：此前可能已发送",
)
NOT_WANTED = Sentence(
    "not_wanted", "not wanted any more: settled otherwise", "不再需要：已另行处理"
)
NO_DOCUMENT_NUMBER = Sentence(
    "no_document_number",
    "the other side names a document without a number",
    "对方返回的单据没有单据号",
)
CANNOT_BE_ASKED = Sentence("cannot_be_asked", "the other side cannot be asked", "无法向对方查询")
NO_REFERENCE = Sentence(
    "no_reference",
    "the other side shows {number} with the same content and without our number",
    "对方的单据 {number} 内容相同，但没有我方单号",
)
NO_FLAG = Sentence(
    "no_flag",
    "dms_find does not say as a truth value whether it is done: {field}",
    "dms_find 的字段 {field} 未以真/假值说明是否已完成",
)
NOT_SHOWN = Sentence(
    "not_shown",
    "the other side says that it is there, and does not show it",
    "对方称已存在，却查不到",
)
ASKING_REFUSED = Sentence("asking_refused", "asking was refused: {error}", "查询被拒绝：{error}")
ABSENT = Sentence("absent", "asked: provably absent", "已查询，确认对方没有")
ABSENT_AGAIN = Sentence(
    "absent_again",
    "asked: not there, {times} times; it is not sent again by itself",
    "已 {times} 次查询，对方均没有；不再自动重发",
)
ABSENT_SAID = Sentence("absent_said", "absent, says {actor}", "{actor} 确认对方没有")
SENT_AGAIN = Sentence("sent_again", "to be sent again: {actor}", "由 {actor} 要求重新发送")
IN_DOUBT = Sentence(
    "in_doubt",
    "{why}; {operation} for {reference}, {sent}, attempt {attempts}, then: {error}",
    "{why}；{operation}，参考号 {reference}，{sent}，第 {attempts} 次，之后：{error}",
)
SENT_AT = Sentence("sent_at", "sent {at} UTC", "发送于 {at} UTC")
SENT = Sentence("sent", "sent", "已发送")
NOTHING_NOTED = Sentence("nothing_noted", "no answer was noted", "没有应答记录")
RESOLVE = Sentence(
    "resolve",
    "look there for {reference}, then"
    " `connector calls resolve {call} --found DOCUMENT` or `--absent`",
    "请在对方系统查找 {reference}，再执行"
    " `connector calls resolve {call} --found 单据号` 或 `--absent`",
)
NUMBER_GONE = Sentence(
    "number_gone",
    "SAP gave number {numbers} and committed it (call {call}), and it is not there:"
    " none is created in its place",
    "SAP已给出编号 {numbers} 并提交（调用 {call}），但查不到；不会另建",
)
RESOLVE_NUMBER = Sentence(
    "resolve_number",
    "look in SM13 for a terminated update and repeat it, the order then goes on by itself;"
    " or say `connector calls resolve {call} --found NUMBER`, or `--absent` to have one created",
    "请在SM13中查找中断的更新并重复执行，之后订单自动继续；"
    "或执行 `connector calls resolve {call} --found 编号`，确认没有则用 `--absent` 重新创建",
)
TOO_MANY_CREATIONS = Sentence(
    "too_many_creations",
    "{limit} customers were created within an hour, no more are: the next at {at} UTC",
    "一小时内已新建 {limit} 个客户，暂停新建，{at} UTC 后继续",
)
NO_SUCH_UNIT = Sentence(
    "no_such_unit",
    "the call is of a business unit that is not configured",
    "调用所属的事业部未配置",
)
DMS_UNASKABLE = Sentence(
    "dms_unaskable",
    "the DMS cannot be asked by external number",
    "DMS不能按外部订单号查询",
)
DMS_TELLS_NOTHING = Sentence(
    "dms_tells_nothing", "the DMS tells nothing of the order's content", "DMS未返回订单内容"
)

# A mapping that cannot be applied.
EMPTY = Sentence("empty", "is empty", "为空")
SOURCE_MISSING = Sentence("source_missing", "is missing ({sources})", "缺少（{sources}）")
LIST_MISSING = Sentence(
    "list_missing",
    "no list is there ({path}); where that means none: each: {path} || `[]`",
    "没有列表（{path}）；若表示为空，请写 each: {path} || `[]`",
)
OR = Sentence("or", "{one} or {other}", "{one} 或 {other}")
CHARACTERS = Sentence(
    "characters", "{length} characters, {most} allowed", "{length} 个字符，最多 {most} 个"
)
TOO_SHORT = Sentence(
    "too_short", "{length} characters, at least {least} needed", "{length} 个字符，至少 {least} 个"
)
NONE_OF = Sentence("none_of", "is none of {allowed}", "不在允许的值之中：{allowed}")
NOT_OF_FORM = Sentence("not_of_form", "has not the form {pattern}", "不符合格式 {pattern}")
MORE_DIGITS = Sentence("more_digits", "has more than {most} digits", "超过 {most} 位数字")
MORE_DECIMALS = Sentence("more_decimals", "has more than {most} decimals", "超过 {most} 位小数")
CUT = Sentence("cut", "{said}, cut", "{said}，已截断")
NOT_WHOLE = Sentence("not_whole", "{value} is not a whole number", "{value} 不是整数")
NEITHER = Sentence("neither", "{value} is neither true nor false", "{value} 既非真也非假")
NOT_IN_TABLE = Sentence(
    "not_in_table",
    "{value} is not in the lookup table {table}.csv",
    "{value} 不在对照表 {table}.csv 中",
)
NO_ORDER_NAMED = Sentence(
    "no_order_named", "order_id: the payload names no order", "order_id：数据中没有订单标识"
)
NO_PARAMETER = Sentence(
    "no_parameter", "the function module takes no such parameter", "函数模块没有此参数"
)
NEEDED = Sentence("needed", "is needed", "必填")
NO_STRUCTURE = Sentence("no_structure", "must be a structure", "须为结构")
NO_TABLE = Sentence("no_table", "must be a table of rows", "须为表（多行）")
PARTS_UNKNOWN = Sentence(
    "parts_unknown",
    "of which fields it is SAP does not tell: store the interface with"
    " `connector mappings check --live --store`",
    "SAP未说明其字段，请执行 `connector mappings check --live --store` 保存接口",
)
NO_FIELD = Sentence("no_field", "there is no such field", "没有此字段")
NOT_OF_KIND = Sentence("not_of_kind", "is no {kind}", "不是 {kind} 类型的值")
NO_SINGLE_VALUE = Sentence("no_single_value", "must be a single value", "须为单个值")
DIGITS_ONLY = Sentence("digits_only", "digits only (NUMC)", "只能是数字（NUMC）")
DATE_NEEDED = Sentence("date_needed", "a date as YYYYMMDD is needed", "须为 YYYYMMDD 格式的日期")
NUMBER_NEEDED = Sentence("number_needed", "a number is needed", "须为数字")
