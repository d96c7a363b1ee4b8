"""What is wrong with an order as the storefront has it, and who the buyer is in SAP."""

from __future__ import annotations

from connector.wording.said import Sentence

PROBLEM = Sentence("problem", "{field}: {reason} — {remedy}", "{field}：{reason}。{remedy}")

# What is to be done.
HAVE_IT_CORRECTED = Sentence(
    "have_it_corrected", "have the buyer correct it in the storefront", "请买家在商城更正"
)
CORRECT_IN_SHOP = Sentence(
    "correct_in_shop",
    "have the e-commerce platform correct it in the storefront",
    "请电商平台在商城更正",
)
CORRECT_OR_ACCEPT = Sentence(
    "correct_or_accept",
    "have the buyer correct it in the storefront; or, where somebody has seen the document,"
    " accept it: `connector orders accept {number}`",
    "请买家在商城更正；如已有人核对过证件，请接受：`connector orders accept {number}`",
)
CORRECT_REFUND = Sentence(
    "correct_refund",
    "BU finance: have the e-commerce platform delete the refund in the storefront, and book it anew"
    " for no more than was ordered",
    "请事业部财务处理：请电商平台在商城删除该退款，并按不超过订购的数量和金额重新退款",
)
REFUND_BY_LINES = Sentence(
    "refund_by_lines",
    "BU finance: have the e-commerce platform delete the refund in the storefront, and book it anew"
    " with the amount that its lines or its shipping come to (a part of a line's price is booked on"
    " that line, with quantity 0); or have IT set `policy.refund_of_amount: spread`, which puts it"
    " on the open lines",
    "请事业部财务处理：请电商平台在商城删除该退款，改按订单行或运费重新退款，金额与行金额一致"
    "（只退部分价款的，记在该行，数量为0）；"
    "或请信息部设置 `policy.refund_of_amount: spread`，分摊到未退的订单行",
)
REFUND_BEYOND_GOODS = Sentence(
    "refund_beyond_goods",
    "BU finance: have the e-commerce platform delete the refund in the storefront, and book it anew"
    " on the lines and the shipping that it is for: it is more than the open lines are worth",
    "请事业部财务处理：请电商平台在商城删除该退款，改按对应的订单行和运费重新退款："
    "退款金额超过未退订单行的价值",
)
LESS_SUBSIDY = Sentence(
    "less_subsidy",
    "have the e-commerce platform lower the subsidy to what the goods come to, and take the rest"
    " off the shipping",
    "请电商平台把补贴降到不超过货款，其余从运费中减免",
)
TAKE_CURRENCY = Sentence(
    "take_currency",
    "IT: let the DMS take this currency, or {mapping}.yaml say it in its words, then"
    " `connector orders retry --hold mapping`; in the storefront a paid order keeps its currency",
    "请信息部处理：让DMS接受该币种，或在 {mapping}.yaml 中转换，"
    "再执行 `connector orders retry --hold mapping`；已付款的订单在商城无法更改币种",
)
CORRECT_TOTAL = Sentence(
    "correct_total",
    "what else was charged or taken off must be a fee; have the e-commerce platform correct the"
    " order in the storefront",
    "其他收费或优惠应作为附加费计入，请电商平台在商城更正订单",
)
CORRECT_OR_MAP = Sentence(
    "correct_or_map",
    "have the e-commerce platform correct it in the storefront, or IT make it fit in"
    " {mapping}.yaml",
    "请电商平台在商城更正，或请信息部在 {mapping}.yaml 中处理",
)
CORRECT_MAPPING = Sentence(
    "correct_mapping",
    "IT: correct {mapping}.yaml or its lookup table, then `connector orders retry --hold mapping`",
    "请信息部更正 {mapping}.yaml 或其对照表，再执行 `connector orders retry --hold mapping`",
)
CORRECT_PATTERNS = Sentence(
    "correct_patterns",
    "correct business_units[].sku_patterns in the configuration",
    "请信息部更正设置 business_units[].sku_patterns",
)

# What cannot be read.
NO_NUMBER = Sentence("no_number", "the order has no number", "没有订单号")
NO_LINES = Sentence("no_lines", "the order has no lines", "没有订单行")
MISSING = Sentence("missing", "is missing", "未填写")
NOT_A_NUMBER = Sentence("not_a_number", "is not a number", "不是数字")
NO_NUMBER_IS = Sentence("no_number_is", "{value} is not a number", "{value} 不是数字")
WORD_UNKNOWN = Sentence("word_unknown", "{word} is none of {known}", "{word} 不在 {known} 之中")
VALUE_OUT_OF_RANGE = Sentence("value_out_of_range", "{value} is out of range", "{value} 超出范围")
DECIMALS = Sentence("decimals", "{value} has more than four decimals", "{value} 超过四位小数")
PLACES_EXCEEDED = Sentence(
    "places_exceeded",
    "{value} has more than {places} decimals: money has as many as its currency (`places`, and what"
    " the other system takes); only what is calculated is rounded (`rounding`)",
    "{value} 超过 {places} 位小数：金额按币种的小数位（`places`，并以对方系统为准），"
    "只有计算值才舍入（`rounding`）",
)
NO_WORKING_YEAR = Sentence(
    "no_working_year",
    "{value} lies in a year in which nobody works on it",
    "{value} 所在年份无人处理",
)
PLACED_AHEAD = Sentence(
    "placed_ahead",
    "placed at {placed}, which is still to come: it is {now} now",
    "下单时间 {placed} 尚未到来：现在是 {now}",
)
NOT_A_TIME = Sentence("not_a_time", "{value} is not a time", "{value} 不是时间")

# What is missing or wrong in form (workflow.md, step 1).
NAME_MISSING = Sentence("name_missing", "the {title} is missing", "缺少{title}")
COMPANY_NAME = Sentence("company_name", "company name (单位名称)", "单位名称")
PERSON_NAME = Sentence("person_name", "name (姓名)", "姓名")
TOO_LONG = Sentence("too_long", "{length} characters long", "过长（{length} 个字符）")
CONTACT_MISSING = Sentence(
    "contact_missing", "the responsible person (责任人) is missing", "缺少责任人"
)
PHONE_MISSING = Sentence("phone_missing", "the phone number (联系方式) is missing", "缺少联系方式")
PHONE_WRONG = Sentence("phone_wrong", "{phone} is no phone number", "{phone} 不是有效的电话号码")
CREDIT_CODE = Sentence(
    "credit_code", "unified social credit code (统一社会信用代码)", "统一社会信用代码"
)
ID_CARD = Sentence("id_card", "ID card number (身份证号码)", "身份证号码")
CODE_MISSING = Sentence(
    "code_missing",
    "the {title} or organisation code is missing",
    "缺少{title}或组织机构代码",
)
ID_MISSING = Sentence("id_missing", "the {title} is missing", "缺少{title}")
CODE_WRONG = Sentence(
    "code_wrong", "{code} is no {title}: {why}", "{code} 不是有效的{title}：{why}"
)
CHECK_DIGIT = Sentence(
    "check_digit", "the number's checksum or check digit is invalid", "校验码不符"
)
WRONG_LENGTH = Sentence("wrong_length", "the number has an invalid length", "位数不对")
WRONG_FORMAT = Sentence("wrong_format", "the number has an invalid format", "格式不对")
NEITHER_CODE = Sentence(
    "neither_code",
    "it has neither the 18 characters of that code, nor the 9 of an organisation code"
    " (组织机构代码) with its check digit",
    "既不是18位，也不是含校验码的9位组织机构代码",
)
NO_SUCH_DATE = Sentence("no_such_date", "there is no such date of birth", "出生日期不存在")
IN_THE_FUTURE = Sentence("in_the_future", "the date of birth is in the future", "出生日期在将来")
DOCUMENT_NOT_TAKEN = Sentence(
    "document_not_taken",
    "documents of the kind {document} are not taken (policy.person_documents)",
    "不接受此类证件（{document}，设置 policy.person_documents）",
)
SPECIAL_FOR_A_PERSON = Sentence(
    "special_for_a_person",
    "a special VAT invoice (增值税专用发票) is not made out to a person",
    "增值税专用发票不能开给个人",
)
SPECIAL_WITHOUT_CODE = Sentence(
    "special_without_code",
    "a special VAT invoice (增值税专用发票) needs the company's tax code",
    "增值税专用发票需要单位税号",
)
CHOOSE_ANOTHER_INVOICE = Sentence(
    "choose_another_invoice",
    "have the buyer choose an ordinary or electronic invoice, or order as a company",
    "请买家改选普通发票或电子发票，或以单位名义下单",
)
GIVE_THE_TAX_CODE = Sentence(
    "give_the_tax_code",
    "have the buyer give the tax code, or choose an ordinary or electronic invoice",
    "请买家填写税号，或改选普通发票、电子发票",
)

# What is unusual, and no reason to hold an order.
COUNTY_UNKNOWN = Sentence(
    "county_unknown",
    "no table knows the county {county} in the ID number",
    "身份证号码中的地区代码 {county} 未收录",
)
OLD_NUMBER = Sentence(
    "old_number", "the ID number is of the old form with 15 digits", "身份证号码为15位旧号"
)
NOT_CHECKABLE = Sentence(
    "not_checkable", "no rule checks the number of this document", "该证件号码无法按规则校验"
)
PHONE_UNUSUAL = Sentence(
    "phone_unusual", "{phone} is an unusual phone number", "电话号码 {phone} 不常见"
)
CONSIGNEE_MISSING = Sentence("consignee_missing", "the consignee (收货人) is missing", "缺少收货人")
STREET_MISSING = Sentence("street_missing", "the street (街道) is missing", "缺少街道")
HOUSE_NUMBER_MISSING = Sentence(
    "house_number_missing", "the house number (门牌号) is missing", "缺少门牌号"
)
NO_HOUSE_NUMBER = Sentence(
    "no_house_number", "{field} has no house number (门牌号)", "{field}没有门牌号"
)
CITY_MISSING = Sentence("city_missing", "the city is missing", "缺少城市")
POSTCODE_WRONG = Sentence(
    "postcode_wrong", "{postcode} is no postcode (邮编)", "{postcode} 不是有效的邮编"
)
POSTCODE_ABROAD = Sentence(
    "postcode_abroad",
    "the address is not in mainland China, and its postcode may well be right: have the"
    " e-commerce platform settle with the parts administrator how it is shipped, and leave the"
    " postcode empty in the storefront or have IT map it",
    "地址不在中国大陆，邮编本身可能无误：请电商平台与配件管理员确定发货方式，"
    "并在商城中将邮编留空，或由信息部调整映射",
)
SKU_MISSING = Sentence("sku_missing", "the part number is missing", "缺少零件号")
PARENTS_PART = Sentence(
    "parents_part",
    "variation {variation} has no part number of its own: {sku} is its parent product's",
    "商品变体 {variation} 没有自己的零件号，{sku} 是其父商品的零件号",
)
GIVE_VARIATION_PART = Sentence(
    "give_variation_part",
    "have the e-commerce platform give the variation its part number in the storefront, or let"
    " `policy.variation_sku: accept` take the parent's",
    "请电商平台在商城为该商品变体填写零件号；"
    "或设置 `policy.variation_sku: accept`，采用父商品的零件号",
)
VARIATION_NOT_ASKED = Sentence(
    "variation_not_asked",
    "the storefront did not tell whether a variation bears its parent's part number;"
    " the order goes on with the part numbers that it shows",
    "商城未答复商品变体的零件号是否取自父商品，订单按所示零件号继续",
)
NOT_POSITIVE = Sentence("not_positive", "{value} is not positive", "{value} 应大于零")
NEGATIVE = Sentence("negative", "{value} is negative", "{value} 不能为负")
SUBSIDY_BEYOND = Sentence(
    "subsidy_beyond",
    "the subsidy of {subsidy} is more than the {amount} of its line",
    "补贴 {subsidy} 超过该行金额 {amount}",
)
OVER_REFUNDED = Sentence(
    "over_refunded", "{refunded} refunded of {quantity}", "共 {quantity}，却退了 {refunded}"
)
REFUND_UNEXPLAINED = Sentence(
    "refund_unexplained",
    "{refunded} {currency} was refunded before release, of which open lines and freight explain"
    " {explained}: {rest} {currency} stands on no line",
    "放行前共退款 {refunded} {currency}，订单行与运费只对应 {explained}，"
    "另有 {rest} {currency} 无行可对",
)
REFUND_LESS = Sentence(
    "refund_less",
    "{refunded} {currency} was refunded before release, for lines and freight that come to"
    " {explained}: {rest} {currency} less than they say was given back",
    "放行前共退款 {refunded} {currency}，而所退订单行与运费合计 {explained}，"
    "少退 {rest} {currency}",
)
LINE_ID_TWICE = Sentence(
    "line_id_twice", "line id {line_id} occurs {times} times", "行标识 {line_id} 出现 {times} 次"
)
CURRENCY_WRONG = Sentence(
    "currency_wrong", "{currency} is no currency", "{currency} 不是有效的币种"
)
TOTAL_WRONG = Sentence(
    "total_wrong",
    "lines and freight add up to {added}, the order says {total}",
    "订单行与运费合计 {added}，订单金额却是 {total}",
)
SAME_NUMBER = Sentence(
    "same_number",
    "number: the storefront's orders {other} and {this} bear the same number — give"
    " {this} another one in the storefront, then `connector orders cancel"
    " '{number}'`",
    "商城订单 {other} 与 {this} 订单号相同。请在商城给 {this} 换一个订单号，"
    "再执行 `connector orders cancel '{number}'`",
)
STATUS_NOT_KNOWN = Sentence(
    "status_not_known",
    "the storefront's status {status} is in no lookup table: add it to {file},"
    " then `connector orders retry --hold mapping`",
    "商城状态 {status} 不在对照表中：请信息部补充到 {file}，"
    "再执行 `connector orders retry --hold mapping`",
)
UNPAID = Sentence(
    "unpaid",
    "the storefront's status is {status}:"
    " goes on by itself once the storefront says that it is paid",
    "商城状态为 {status}，付款后自动继续",
)
REFUNDED = Sentence(
    "refunded",
    "every line was refunded before release ({refunded} {currency} of {total});"
    " {left} {currency} of it is still paid —"
    " cancel the order in the storefront, or refund the rest there",
    "放行前已全部退货退款（已退 {refunded}，共 {total} {currency}），"
    "仍有已付 {left} {currency} 未退。请在商城取消订单，或退清余款",
)
SOLD_BY = Sentence("sold_by", "{sku} is sold by {units}", "零件 {sku} 同时由 {units} 销售")
AND = Sentence("and", "{one} and {other}", "{one} 和 {other}")
SOLD_BY_NOBODY = Sentence(
    "sold_by_nobody", "{sku} is sold by no business unit", "没有事业部销售零件 {sku}"
)

# What another system would refuse, by its own interface or by the mapping to it.
UNFIT = Sentence(
    "unfit",
    "{value} does not fit the {document} ({target}): {why}",
    "{value} 不适用于{document}（{target}）：{why}",
)
UNFIT_NOTHING = Sentence(
    "unfit_nothing",
    "the {document} ({target}) cannot be made: {why}",
    "无法生成{document}（{target}）：{why}",
)
CUSTOMER_RECORD = Sentence("customer_record", "customer record in SAP", "SAP客户资料")

# Who the buyer is in SAP (workflow.md, step 2).
SEVERAL = Sentence(
    "several",
    "several SAP customers have this code: {numbers}",
    "SAP中有多个客户使用此代码：{numbers}",
)
CODE_AND_NAME = Sentence("code_and_name", "code equal, name {name}", "代码一致，名称{name}")
BLOCKED = Sentence(
    "blocked", "the SAP customer with this code is blocked", "SAP中使用此代码的客户已冻结"
)
ANOTHER_NAME = Sentence(
    "another_name",
    "the SAP customer with this code has quite another name",
    "SAP中使用此代码的客户名称差异很大",
)
SIMILAR = Sentence(
    "similar",
    "similar SAP customers, none certainly the same",
    "SAP中有相似客户，但无法确定是同一家",
)
NOBODY_LIKE_IT = Sentence(
    "nobody_like_it", "no SAP customer resembles the buyer", "SAP中没有相似的客户"
)
EVIDENCE = Sentence("evidence", "{what} {how}", "{what}{how}")
EVIDENCES = Sentence("evidences", "{each}", "{each}")
BLOCKED_IN_SAP = Sentence("blocked_in_sap", "blocked in SAP", "SAP中已冻结")
BUYER = Sentence("buyer", "{name}: {reason}", "{name}：{reason}")
CANDIDATE = Sentence("candidate", "candidate {number}: {evidence}", "候选客户 {number}：{evidence}")
SETTLE_CUSTOMER = Sentence(
    "settle_customer",
    "correct the record in SAP (it is then recognised by itself), or"
    " `connector customers link {number} CUSTOMER`, or"
    " `connector customers create {number}`",
    "请在SAP中更正客户资料（之后自动识别）；或关联："
    "`connector customers link {number} 客户号`；或新建：`connector customers create {number}`",
)
