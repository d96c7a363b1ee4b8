"""What happens to an order on its way, and why it waits: events, holds, waves, after the sale."""

from __future__ import annotations

from connector.wording.said import Said, Sentence

_REMARKED = Sentence("remarked", "{text}: {remark}", "{text}：{remark}")

# Taken from the storefront.
RECEIVED = Sentence("received", "received", "已从商城接收")
CANCELLED_BEFORE_TAKEN = Sentence(
    "cancelled_before_taken",
    "cancelled in the storefront before it was taken",
    "接收前已在商城取消",
)
COMPLETED_BEFORE_TAKEN = Sentence(
    "completed_before_taken",
    "completed in the storefront before the connector's first day: known, not placed",
    "连接器启用前已在商城完成：仅登记，不下达",
)
SEEN_COMPLETED = Sentence(
    "seen_completed",
    "the storefront shows it as completed, and nothing of it went through the connector",
    "商城显示已完成，但未经连接器处理",
)
SEEN_ONCE_COMPLETED = Sentence(
    "seen_once_completed",
    "it was completed in the storefront once, and is open again",
    "商城曾标记为已完成，之后又重新打开",
)
SEEN_SHIPMENT = Sentence(
    "seen_shipment", "the storefront shows a shipment of it", "商城中已有发货记录"
)
SEEN_EARLIER = Sentence(
    "seen_earlier",
    "it was placed and paid before the time from which the connector takes orders",
    "下单和付款早于连接器开始接单的时间",
)
MAYBE_SHIPPED = Sentence(
    "maybe_shipped",
    "seen here for the first time, it may have been shipped already: {sign}."
    " Where nothing left the warehouse, `connector orders place {number}`; where it did,"
    " `connector orders known {number}`",
    "首次出现时可能已发货：{sign}。如未发货，请执行 `connector orders place {number}`；"
    "如已发货，请执行 `connector orders known {number}`",
)
DOCUMENT_ACCEPTED = Sentence(
    "document_accepted",
    "the buyer's document was seen and accepted, as no rule checks its number",
    "买方证件号码无法按规则校验，已人工核对并接受",
)
SAID_OPEN = Sentence("said_open", "nothing of it was shipped: it goes on", "确认未发货，继续处理")
SAID_KNOWN = Sentence(
    "said_known",
    "it was shipped without the connector: known, not placed",
    "确认已在连接器之外发货：仅登记，不下达",
)
KNOWN_CHANGED = Sentence(
    "known_changed",
    "the storefront says {status} and shows something new; nothing is done, as it was completed"
    " before the connector's first day",
    "商城状态：{status}，内容有更新；订单在连接器启用前已完成，不作处理",
)
KNOWN_BACK = Sentence(
    "known_back",
    "of the time before the connector's first day: its invoice lies outside the connector",
    "订单属于连接器启用前：发票不在连接器内",
)
AFTER_SALE_SHOWN = Sentence(
    "after_sale_shown",
    "the storefront shows a return, an exchange or a refund of what was released",
    "商城显示已放行的订单有退货、换货或退款",
)
KEEP_BACK = Sentence(
    "keep_back",
    "refunded in full after release: have the warehouse keep the goods, and cancel it in the DMS",
    "放行后已全额退款：请通知仓库停止发货，并在DMS取消订单",
)
STOREFRONT_SAYS = Sentence("storefront_says", "the storefront says {status}", "商城状态：{status}")
CHANGED_AFTER_CANCELLED = Sentence(
    "changed_after_cancelled", "changed after it was cancelled", "取消后在商城又有修改，不处理"
)
OPEN_AGAIN = Sentence(
    "open_again",
    "cancelled before, the storefront has it as {status} now: it starts anew",
    "曾被取消，商城现状态为 {status}：重新处理",
)
STARTS_ANEW = Sentence(
    "starts_anew", "changed in the storefront; starts anew", "商城有修改，重新处理"
)
STARTS_ANEW_WITH_DMS = Sentence(
    "starts_anew_with_dms",
    "changed in the storefront; starts anew, and what the DMS holds follows",
    "商城有修改，重新处理，DMS中的单据随之更改",
)
CHANGED_AFTER_RELEASE = Sentence(
    "changed_after_release", "changed in the storefront after it was released", "放行后在商城被修改"
)
CHANGED_AFTER_PLACED = Sentence(
    "changed_after_placed",
    "changed in the storefront after it was placed in the DMS",
    "下达DMS后在商城被修改",
)
AS_PLACED_AGAIN = Sentence(
    "as_placed_again",
    "in the storefront it is again as it was placed",
    "商城内容已恢复为下达时的样子",
)
NOT_TAKEN = Sentence(
    "not_taken",
    "what the storefront shows of this order now cannot be taken, and is quarantined under {entry}"
    " ({why}): correct the order there, and it is taken anew by itself",
    "商城中该订单现在的数据无法接收，已隔离（编号 {entry}，{why}）："
    "请在商城中更正订单，系统会自动重新接收",
)
TAKEN_ANEW = Sentence(
    "taken_anew",
    "taken anew from the storefront: what was stored could not be read",
    "已保存的数据无法读取，已从商城重新接收",
)
TAKEN_ANEW_AND_DIFFERS = Sentence(
    "taken_anew_and_differs",
    "what was stored could not be read, and is not what the storefront shows now:"
    " compare the order with its documents",
    "已保存的数据无法读取，且与商城现有内容不一致：请将订单与其单据核对",
)
CHANGED_FIELD = Sentence("changed_field", "{field}: {was} → {now}", "{field}：{was} → {now}")
CONTENT_DIFFERS = Sentence("content_differs", "content differs", "内容有变化")
SETTLE_BY_HAND = Sentence(
    "settle_by_hand",
    "the documents stay as they are: settle it by hand, then say so:"
    " `connector orders done {number} --what difference --reason WHY`",
    "单据保持不变：人工处理后登记：`connector orders done {number} --what difference --reason WHY`",
)
SETTLE_THERE = Sentence(
    "settle_there",
    "settle it in the DMS, then `connector orders retry {number}`; or stop the order:"
    " `connector orders cancel {number}`",
    "请在 DMS 中处理后执行 `connector orders retry {number}`；"
    "或终止订单：`connector orders cancel {number}`",
)
DIFFERENCE_SETTLED = Sentence(
    "difference_settled",
    "the difference is settled by hand; the documents stay as they are",
    "差异已人工处理，单据保持不变",
)
CANCELLED_AGAIN = Sentence("cancelled_again", "cancelled", "商城已取消")
UNPAID_LATE = Sentence(
    "unpaid_late",
    "the storefront's status is {status} after release: what has left is unpaid — have the"
    " warehouse keep back what has not, or have it paid; the hold ends by itself once it is",
    "放行后商城状态变为 {status}：已发货物尚未付款。"
    "请通知仓库停止发出其余货物，或催促付款；付款后自动解除",
)
CANCELLED_LATE = Sentence(
    "cancelled_late", "cancelled in the storefront after release", "放行后在商城取消"
)
TAKE_BACK = Sentence(
    "take_back",
    "cancelled in the storefront after release: have the warehouse keep back what has not left and"
    " cancel that in the DMS; what has left comes back as a return",
    "放行后在商城取消：未发出的请通知仓库停止发货并在DMS取消，已发出的按退货收回",
)
CANCELLED_THERE = Sentence("cancelled_there", "cancelled in the storefront", "已在商城取消")
DELETED_THERE = Sentence("deleted_there", "deleted in the storefront", "已在商城删除")
DELETED_LATE = Sentence(
    "deleted_late",
    "deleted in the storefront after release: ask the e-commerce platform whether the sale stands;"
    " if not, have the warehouse keep back what has not left, and take back what has",
    "放行后在商城被删除：请向电商平台核实订单是否有效；若无效，未发出的请通知仓库停止发货，已发出的收回",
)
IN_TRASH = Sentence(
    "in_trash",
    "the order is in the storefront's trash, where nothing is written onto it: have it restored"
    " there, and it is told by itself; or have the warehouse keep back what has not left, and take"
    " back what has",
    "订单在商城回收站中，不再回写：请在商城恢复订单，恢复后自动回写；或未发出的停止发货，已发出的收回货物",
)
CHANGED_THERE = Sentence("changed_there", "changed in the storefront", "商城有修改")
REMAPPED = Sentence(
    "remapped", "read anew by changed mappings; starts anew", "按修改后的映射重新读取，重新处理"
)
REMAPPED_LATE = Sentence(
    "remapped_late",
    "changed mappings read it otherwise; what was sent stays as it is",
    "按修改后的映射读取结果不同，已发送的内容保持不变",
)

# Valid, recognised.
COMPLETE = Sentence("complete", "complete and in form", "信息完整、格式正确")
KNOWN_CUSTOMER = Sentence("known_customer", "customer {number} ({how})", "客户 {number}（{how}）")
HOW_CREATED = Sentence("how_created", "created", "系统新建")
HOW_LINKED = Sentence("how_linked", "linked", "人工关联")
CUSTOMER_RECOGNISED = Sentence(
    "customer_recognised",
    "customer {number} recognised: {reason}",
    "识别为客户 {number}：{reason}",
)
CUSTOMER_CREATED = Sentence(
    "customer_created", "customer {number} created: {reason}", "新建客户 {number}：{reason}"
)
AS_THE_REP_SAID = Sentence("as_the_rep_said", "as the sales rep said", "销售代表确认为新客户")

# In the DMS.
IN_THE_DMS = Sentence("in_the_dms", "sales order in the DMS", "DMS销售订单已就绪")
SALES_ORDER = Sentence(
    "sales_order", "sales order {number} ({unit})", "销售订单 {number}（{unit}）"
)
SALES_ORDER_OF_REVISION = Sentence(
    "sales_order_of_revision",
    "sales order {number} ({unit}) of revision {revision}",
    "销售订单 {number}（{unit}），第 {revision} 版",
)
AMENDED = Sentence(
    "amended",
    "sales order {number} ({unit}) amended to revision {revision}",
    "销售订单 {number}（{unit}）已修改为第 {revision} 版",
)
SALES_ORDER_CANCELLED = Sentence(
    "sales_order_cancelled",
    "sales order {number} ({unit}) cancelled in the DMS: {reason}",
    "DMS销售订单 {number}（{unit}）已取消：{reason}",
)
MAKE_BY_HAND = Sentence(
    "make_by_hand",
    "make the {kind} for sales order {number} ({unit}) in the DMS, then"
    " `connector orders done {order} --what {what} --document NUMBER`",
    "请在 DMS 中为销售订单 {number}（{unit}）办理{kind}，然后执行"
    " `connector orders done {order} --what {what} --document 单号`",
)
CANCEL_BY_HAND = Sentence(
    "cancel_by_hand",
    "cancel sales order {number} ({unit}) in the DMS ({reason}), then"
    " `connector orders done {order} --what cancel --document {number}`",
    "请在 DMS 中取消销售订单 {number}（{unit}）（{reason}），然后执行"
    " `connector orders done {order} --what cancel --document {number}`",
)
LEFT_TO_PEOPLE = Sentence(
    "left_to_people",
    "{kind} for sales order {number} ({unit}) is left to people in the DMS; here it is {reference}",
    "销售订单 {number}（{unit}）的{kind}由 DMS 中人工办理，本处记为 {reference}",
)
DONE_BY_HAND = Sentence(
    "done_by_hand", "{kind} {number} ({unit}), done by hand", "{kind} {number}（{unit}），手工办理"
)
CANCELLED_BY_PEOPLE = Sentence(
    "cancelled_by_people",
    "sales order {number} ({unit}) was cancelled in the DMS by hand",
    "DMS销售订单 {number}（{unit}）已由人工取消",
)
STOPPED_EVERYWHERE = Sentence(
    "stopped_everywhere", "stopped everywhere before release", "放行前已全部取消"
)
SOMETHING_ELSE = Sentence(
    "something_else",
    "the DMS holds something else under this number",
    "DMS中此订单号的内容不一致",
)
SEVERAL_ORDERS = Sentence(
    "several_orders",
    "the DMS holds {count} orders for {number}: {numbers}",
    "DMS中 {number} 有 {count} 个订单：{numbers}",
)
NOT_AMONG_OPEN = Sentence(
    "not_among_open",
    "{document} is not among the DMS's open orders for {number}",
    "DMS中 {number} 的未结订单里没有 {document}",
)
OF_DOCUMENT = Sentence("of_document", "{document}: {difference}", "{document}：{difference}")
IS_THERE_AND_HERE = Sentence(
    "is_there_and_here",
    "{field} is {theirs} there, {ours} here",
    "{field}对方为 {theirs}，我方为 {ours}",
)
LINE_MISSING_THERE = Sentence(
    "line_missing_there", "line {line} is missing there", "对方缺少第 {line} 行"
)
LINE_UNKNOWN_HERE = Sentence(
    "line_unknown_here", "line {line} is unknown here", "我方没有第 {line} 行"
)
LINE_DIFFERS = Sentence(
    "line_differs",
    "line {line}: {field} is {theirs} there, {ours} here",
    "第 {line} 行{field}对方为 {theirs}，我方为 {ours}",
)
DOCUMENT = Sentence("document", "{kind} {number} ({unit})", "{kind} {number}（{unit}）")

# Stock.
NOTHING_OWED = Sentence("nothing_owed", "nothing is owed any more", "欠货已清")
SHORT = Sentence(
    "short",
    "{sku} in plant {plant}: {quantity} {unit} ordered, {free} free",
    "{sku}（工厂 {plant}）：订购 {quantity} {unit}，可用 {free}",
)
BELOW_MINIMUM = Sentence(
    "below_minimum",
    "{sku} in plant {plant}: {quantity} {unit} ordered, at least {minimum} are to be ordered",
    "{sku}（工厂 {plant}）：订购 {quantity} {unit}，最少订购 {minimum}",
)
NO_MULTIPLE = Sentence(
    "no_multiple",
    "{sku} in plant {plant}: {quantity} {unit} ordered, at least {minimum} are to be ordered"
    " in multiples of {multiple}",
    "{sku}（工厂 {plant}）：订购 {quantity} {unit}，最少订购 {minimum}，且须为 {multiple} 的倍数",
)
ALLOCATED = Sentence("allocated", "stock allocated line by line", "库存已逐行分配")
PARTLY_ALLOCATED = Sentence(
    "partly_allocated", "stock allocated to part of it: {reason}", "库存部分分配：{reason}"
)

# What the DMS tells.
CAME = Sentence("came", "{kind} {number}", "{kind} {number}")
SEVERAL_CAME = Sentence("several_came", "{each}", "{each}")
NOT_ISSUED_YET = Sentence(
    "not_issued_yet",
    "{amount} of {application} not issued yet",
    "{application} 尚有 {amount} 未开票",
)
UNKNOWN_STATUS = Sentence(
    "unknown_status",
    "status {status} of {number} in the DMS is unknown: add it to the lookup table",
    "DMS单据 {number} 的状态 {status} 未知：请信息部补充到对照表",
)
NEWS_WITHOUT_NUMBER = Sentence(
    "news_without_number",
    "the DMS tells of a document ({kind}) of {number} without its number: correct the mapping",
    "DMS返回 {number} 的单据（{kind}）没有单据号：请信息部更正映射",
)
NOT_OURS = Sentence(
    "not_ours",
    "the DMS tells of {number} under this number, which is not ours",
    "DMS在此订单号下有 {number}，并非我方创建",
)
CANCELLED_BY_OTHERS = Sentence(
    "cancelled_by_others",
    "{number} was cancelled in the DMS, not by us",
    "{number} 在DMS被取消，并非我方操作",
)
MORE_SHIPPED = Sentence(
    "more_shipped",
    "line {line}: {shipped} shipped, {ordered} ordered",
    "第 {line} 行：发货 {shipped}，订购 {ordered}",
)
STOPPED_AFTER_REFUND = Sentence(
    "stopped_after_refund",
    "sales order {number} ({unit}) was cancelled in the DMS: it was refunded in full",
    "已全额退款，DMS销售订单 {number}（{unit}）已取消",
)
MERGED_INVOICE = Sentence(
    "merged_invoice",
    "invoice {number} of {whole} is merged with that of"
    " {others}: {mine} of it is this order's, split by {by}",
    "发票 {number}（{whole}）与订单 {others} 合并开具，其中 {mine} 属于本订单（{by}）",
)

BY_LINES = Sentence("by_lines", "its lines", "按发票行")
BY_APPLICATIONS = Sentence("by_applications", "what each applied for", "按各自申请金额")

# Waves and promises.
RELEASED = Sentence("released", "released with the wave of {unit}", "随 {unit} 的批次放行")
NOT_LISTED = Sentence(
    "not_listed",
    "released, but not in this list: {why}; look it up in the DMS",
    "已放行，但无法列入本清单：{why}；请在DMS中查看",
)
NOT_ASKED = Sentence(
    "not_asked",
    "the storefront did not answer before release: it may have changed or been cancelled there",
    "放行前商城没有应答：订单可能已在商城修改或取消",
)
BEING_CANCELLED = Sentence("being_cancelled", "being cancelled", "正在取消")
NOT_READY = Sentence("not_ready", "not ready yet: {stage}", "尚未就绪：{stage}")
HELD = Sentence(
    "held", "held ({cause}, {owner}): {reasons}", "挂起（{cause}，{owner}处理）：{reasons}"
)
AT_RISK = Sentence("at_risk", "{promise}: at risk", "{promise}：可能超时")
NOT_KEPT = Sentence("not_kept", "{promise}: not kept ({cause})", "{promise}：已超时（{cause}）")

# Written back.
NOT_WRITTEN_BACK = Sentence(
    "not_written_back",
    "{kind} {number} not written back: {reason}",
    "{kind} {number} 未回写商城：{reason}",
)
GOES_ON = Sentence("goes_on", "goes on", "继续")
IN_THE_STOREFRONT = Sentence(
    "in_the_storefront", "{kind} {number} in the storefront", "{kind} {number} 已回写商城"
)
ALL_SHIPPED = Sentence("all_shipped", "every line is shipped", "全部发货")
ALL_DONE = Sentence("all_done", "shipped, invoiced and written back", "已发货、已开票、已回写商城")

# After the sale.
SALE_MOVED = Sentence(
    "sale_moved",
    "{kind} {reference}: {was} → {now} ({owner})",
    "{kind} {reference}：{was} → {now}（{owner}）",
)
SALE_MOVED_WHY = Sentence("sale_moved_why", "{moved} {why}", "{moved} {why}")
KEEP_PIECES = Sentence(
    "keep_pieces",
    "refunded before it was shipped: keep {pieces} back",
    "发货前已退款：请仓库留下{pieces}",
)
PIECES = Sentence("pieces", "{pieces} of line {line}", "第 {line} 行 {pieces} 件")
SALE_GONE = Sentence(
    "sale_gone",
    "the storefront shows it no more, and nothing was done for it",
    "商城已不再显示，且未作任何处理",
)
SALE_GONE_DONE = Sentence(
    "sale_gone_done",
    "the storefront shows it no more, but a return was registered or documents are less by it:"
    " settle that in the DMS, then `connector aftersales recovered`",
    "商城已不再显示，但已登记退货或单据已相应减少：请在 DMS 处理，"
    "再执行 connector aftersales recovered",
)
SALE_GONE_BY_HAND = Sentence(
    "sale_gone_by_hand",
    "the storefront shows it no more; {actor} settled what was done for it",
    "商城已不再显示；{actor} 已处理后续",
)
RETURN_REGISTERED = Sentence(
    "return_registered", "return {number} registered", "退货 {number} 已登记"
)
RETURN_ASKED_AGAIN = Sentence(
    "return_asked_again",
    "return of {reference} asked for again by hand",
    "人工重新登记退货 {reference}",
)

# What people do.
LOOKED_AGAIN = Sentence("looked_again", "looked at again by hand", "人工重试")
CANCELLED_BY_HAND = Sentence("cancelled_by_hand", "cancelled by hand", "人工取消")
LINKED = Sentence("linked", "linked to customer {number}", "关联到客户 {number}")
CORRECTED = Sentence("corrected", "{text} (which was corrected)", "{text}（SAP资料已更正）")
SAID_TO_BE_NEW = Sentence("said_to_be_new", "said to be new", "确认为新客户")
CUSTOMER = Sentence("customer", "customer {number}", "客户 {number}")
CALL_CONFIRMED = Sentence(
    "call_confirmed", "call {call} confirmed as {document}", "调用 {call} 已确认为 {document}"
)
CALL_TAKEN_BACK = Sentence(
    "call_taken_back",
    "call {call} was not {document}, and is in doubt again",
    "调用 {call} 并非 {document}，重新待确认",
)
CALL_WITHOUT_EFFECT = Sentence(
    "call_without_effect", "call {call} took no effect", "调用 {call} 未生效"
)


def with_remark(text: Said, remark: Said) -> Said:
    """Return a sentence with another of ours that is to be known with it."""
    return _REMARKED(text=text, remark=remark)


def remarked(text: Said, remark: str) -> Said:
    """Return a sentence with what a person remarked on it, if anything."""
    return _REMARKED(text=text, remark=remark) if remark else text
