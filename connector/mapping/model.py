"""The form of a mapping file, as typed models: what may stand where.

The reference page and the JSON Schema for editors are made from these models, so each docstring
and description here is read by IT.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

Outcome = Literal["ok", "rejected", "exists", "passing", "absent", "unknown"]
Rounding = Literal["half_up", "half_even", "down", "up"]


_STEP = r"(\{[^{}]*\})?[^/{}\s]+"
_SOAP_HEADER = re.compile(rf"{_STEP}(/{_STEP})*")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetModel(_Part):
    """Which conversation with which system: function module, WSDL operation, or REST route.

    With `files` it is a table of finance's files, and `request` its columns.
    """

    system: Literal["storefront", "sap", "dms", "files"]
    operation: str = Field(min_length=1, max_length=120)


class Text(_Part):
    """`text`: one line, common widths, single spaces, no HTML entities (文本规范化)."""

    text: Literal["normal"] = "normal"


class Case(_Part):
    """`case`: upper or lower (大小写)."""

    case: Literal["upper", "lower"]


class Places(_Part):
    """Parameters of `decimal`."""

    places: int = Field(default=2, ge=0, le=6, description="decimals that are kept")
    rounding: Rounding | None = Field(
        default=None,
        description="how more decimals are rounded, half_up being the fiscal way 四舍五入;"
        " without it a value that has more is a finding 未写明则不舍入",
    )


class DecimalConverter(_Part):
    """`decimal`: money or a quantity with so many decimals (金额、数量)."""

    decimal: Places


class TaxParameters(_Part):
    """Parameters of `tax`."""

    rate: Decimal = Field(gt=0, lt=1, description='for example "0.13"')
    to: Literal["net", "gross", "part"] = Field(
        description="net: taken out of a gross amount; gross: put on a net one; part: the tax in a"
        " gross amount"
    )
    places: int = Field(default=2, ge=0, le=6)


class TaxConverter(_Part):
    """`tax`: takes tax out of an amount or puts it on (含税/不含税)."""

    tax: TaxParameters


class UnitParameters(_Part):
    """Parameters of `unit`."""

    factor: Decimal = Field(gt=0, description="how many of the target's unit make one of ours")
    places: int = Field(default=3, ge=0, le=6)


class UnitConverter(_Part):
    """`unit`: a quantity in another unit; its word comes from a lookup table (单位换算)."""

    unit: UnitParameters


class DateParameters(_Part):
    """Parameters of `date`."""

    format: str = Field(
        default="iso",
        description="iso, date, time (kept as such for SOAP and SAP), or strftime: %Y%m%d",
    )
    zone: str = Field(default="UTC", description="zone in which it is written: Asia/Shanghai")
    parse: str | None = Field(
        default=None, description="strptime form of a text that is not ISO 8601: %d.%m.%Y"
    )
    parse_zone: str = Field(default="UTC", description="zone of a time that names none")


class DateConverter(_Part):
    """`date`: a time read from ISO 8601 or by `parse`, written in a form and a zone (日期)."""

    date: DateParameters


class WholeConverter(_Part):
    """`to`: a whole number, a truth value, or text (类型)."""

    to: Literal["integer", "boolean", "text"]


class LookupParameters(_Part):
    """Parameters of `lookup`: a CSV beside the mappings, two columns of it, and the miss."""

    table: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    column: str = "value"
    miss: Literal["reject", "keep", "default"] = Field(
        default="reject", description="what a word that is not in the table becomes"
    )
    default: str | None = None

    @model_validator(mode="after")
    def _a_default_for_a_miss(self) -> LookupParameters:
        if (self.miss == "default") != (self.default is not None):
            raise ValueError("`miss: default` and `default` belong together")
        return self


class LookupConverter(_Part):
    """`lookup`: another word for a word (对照表)."""

    lookup: LookupParameters


class CutConverter(_Part):
    """`cut`: at most so many characters, silently (for comparison, not for data) (截取)."""

    cut: int = Field(gt=0)


class PadParameters(_Part):
    """Parameters of `pad`."""

    width: int = Field(gt=0, le=255)
    fill: str = Field(default="0", min_length=1, max_length=1)
    side: Literal["left", "right"] = "left"


class PadConverter(_Part):
    """`pad`: filled up to a width (补位)."""

    pad: PadParameters


class AlphaConverter(_Part):
    """`alpha`: SAP's inner form of a number: digits are filled up with zeros, others stay."""

    alpha: int = Field(gt=0, le=40, description="10 for customers, 18 or 40 (S/4) for materials")


class ReplaceConverter(_Part):
    """`format`: text around the value, which stands at `{}` (前后缀)."""

    format: str


class ExchangeParameters(_Part):
    """Parameters of `replace`."""

    what: str = Field(min_length=1, max_length=100)
    by: str = Field(default="", max_length=100)


class ExchangeConverter(_Part):
    """`replace`: plain text for plain text, wherever it stands (替换)."""

    replace: ExchangeParameters


class JoinConverter(_Part):
    """`join`: a list as one text, empty parts left out (连接)."""

    join: str = Field(max_length=20)


class FirstConverter(_Part):
    """`first`: the first part of a list that is not empty (取第一个非空值)."""

    first: Literal[True]


class SplitParameters(_Part):
    """Parameters of `split`."""

    width: int = Field(gt=0, le=500, description="characters of one part")
    part: int = Field(ge=1, le=20, description="which part: 1 is the first")
    of: int | None = Field(
        default=None, ge=2, le=20, description="how many there are: the last takes what is left"
    )
    at: Literal["width", "words"] = Field(
        default="width",
        description="words: before a legal form or a bracket, or at a space, where there is one",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> SplitParameters:
        if self.of is not None and self.part > self.of:
            raise ValueError(f"there is no part {self.part} of {self.of}")
        return self


class SplitConverter(_Part):
    """`split`: one part of a long text that a system keeps in several fields (分段)."""

    split: SplitParameters


class AddressConverter(_Part):
    """`address`: the street or the house number of a Chinese address (拆分地址).

    驮蓝山路26号3栋 is the street 驮蓝山路 and the house number 26号3栋; without a number the street
    is everything.
    """

    address: Literal["street", "house_number"]


_CONVERTERS: dict[str, type[_Part]] = {
    "text": Text, "case": Case, "decimal": DecimalConverter, "tax": TaxConverter,
    "unit": UnitConverter, "date": DateConverter, "to": WholeConverter, "lookup": LookupConverter,
    "cut": CutConverter, "pad": PadConverter, "alpha": AlphaConverter, "format": ReplaceConverter,
    "replace": ExchangeConverter, "join": JoinConverter, "first": FirstConverter,
    "split": SplitConverter, "address": AddressConverter,
}  # fmt: skip


def converters() -> tuple[type[BaseModel], ...]:
    """Return the models of all converters."""
    return tuple(_CONVERTERS.values())


def _which(value: Any) -> str:
    """Return which converter is meant, so that an error speaks of that one alone."""
    if isinstance(value, dict):
        return next((name for name in _CONVERTERS if name in value), str(next(iter(value), "")))
    return next((name for name in _CONVERTERS if hasattr(value, name)), "")


Converter = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[Case, Tag("case")]
    | Annotated[DecimalConverter, Tag("decimal")]
    | Annotated[TaxConverter, Tag("tax")]
    | Annotated[UnitConverter, Tag("unit")]
    | Annotated[DateConverter, Tag("date")]
    | Annotated[WholeConverter, Tag("to")]
    | Annotated[LookupConverter, Tag("lookup")]
    | Annotated[CutConverter, Tag("cut")]
    | Annotated[PadConverter, Tag("pad")]
    | Annotated[AlphaConverter, Tag("alpha")]
    | Annotated[ReplaceConverter, Tag("format")]
    | Annotated[ExchangeConverter, Tag("replace")]
    | Annotated[JoinConverter, Tag("join")]
    | Annotated[FirstConverter, Tag("first")]
    | Annotated[SplitConverter, Tag("split")]
    | Annotated[AddressConverter, Tag("address")],
    Discriminator(_which),
]


class ColumnModel(_Part):
    """How a field is shown as a column of a file; `total` gives it a control total."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    kind: Literal["text", "integer", "quantity", "amount", "currency", "date", "time"] = "text"
    total: bool = False

    @model_validator(mode="after")
    def _adds_up(self) -> ColumnModel:
        if self.total and self.kind not in ("integer", "quantity", "amount"):
            raise ValueError(f"a column of kind {self.kind} has no total")
        return self


class FieldModel(_Part):
    """One field of a request: where it goes and what it is made of.

    Exactly one of `source` (JMESPath, or several of which the first non-empty counts),
    `constant`, `each` with `fields` (a list), and `as` with `fields` (a message as a text).
    """

    field: str = Field(min_length=1, description="where it goes: dotted path in the request")
    source: str | list[str] | None = Field(
        default=None, description="JMESPath; of several, the first that gives something"
    )
    constant: str | int | bool | list[Any] | dict[str, Any] | None = None
    each: str | None = Field(default=None, description="JMESPath of a list; one row for each")
    as_: Literal["xml", "json"] | None = Field(
        default=None, alias="as", description="the fields make a message that is sent as a text"
    )
    root: str | None = Field(
        default=None, description="of `as: xml`, the root element: name or {namespace}name"
    )
    cdata: bool = Field(default=False, description="of `as`: sent in a CDATA section")
    schema_: str | None = Field(
        default=None, alias="schema", description="of `as: xml`: an XML Schema in interfaces/"
    )
    fields: list[FieldModel] | None = Field(
        default=None,
        description="the fields of each row, or of a text; within XML `@name` is an attribute and"
        " `#text` the text beside attributes",
    )
    convert: list[Converter] = Field(default=[], description="one after the other")
    default: str | int | bool | None = Field(default=None, description="when there is nothing")
    required: bool = Field(default=False, description="nothing is an error that holds the order")
    max_length: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="longest text, in characters"
    )
    too_long: Literal["reject", "cut"] = Field(
        default="reject", description="what a longer text becomes; a cut is noted at the order"
    )
    when: str | None = Field(default=None, description="JMESPath; only where it holds")
    column: ColumnModel | None = Field(
        default=None, description="in a table of finance's files: how it is shown there"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> FieldModel:
        origins = [
            name
            for name in ("source", "constant", "each", "as_")
            if name in self.model_fields_set and getattr(self, name) is not None
        ]
        if len(origins) != 1:
            raise ValueError("give exactly one of source, constant, each and as")
        if (self.each is None and self.as_ is None) != (self.fields is None):
            raise ValueError("each and fields, or as and fields, belong together")
        if (self.as_ == "xml") != (self.root is not None):
            raise ValueError("`as: xml` and root belong together")
        if self.schema_ is not None and self.as_ != "xml":
            raise ValueError("a schema is for `as: xml`")
        if self.cdata and self.as_ is None:
            raise ValueError("cdata is for a field with `as`")
        return self


class IncludeModel(_Part):
    """In place of a field: all fields of a file in `parts/`, below `prefix` if given (引用)."""

    include: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    prefix: str | None = Field(default=None, description="dotted path put before each field")


class RemoveModel(_Part):
    """In a file of a shop or business unit: takes a field of the common file away (删除)."""

    field: str
    remove: Literal[True]


class RuleModel(_Part):
    """One rule of an answer's outcome; the first whose `when` holds decides."""

    when: str | None = None
    otherwise: Outcome | None = None
    is_: Outcome | None = Field(default=None, alias="is")
    code: str | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _either(self) -> RuleModel:
        if (self.otherwise is None) == (self.when is None or self.is_ is None):
            raise ValueError("a rule is either `when` with `is`, or `otherwise`")
        return self


class AnswerModel(_Part):
    """What is read from an answer.

    An answer that is a message within a text is read by `as`, with `text` where it stands: the
    expressions then speak of what the text says.
    """

    as_: Literal["xml", "json"] | None = Field(default=None, alias="as")
    text: str | None = Field(default=None, description="JMESPath of the text that `as` reads")
    schema_: str | None = Field(
        default=None, alias="schema", description="of `as: xml`: an XML Schema in interfaces/"
    )
    values: dict[str, str] = Field(default={}, description="name here → JMESPath in the answer")
    fields: list[FieldModel] = []
    outcome: list[RuleModel] = Field(default=[], description="the first rule that holds decides")
    number_pattern: str | None = Field(
        default=None,
        description="DMS: regular expression of the document's whole number 单据号格式;"
        " an answer that gives another is in doubt",
    )
    messages: list[str] = Field(
        default=[],
        description="SAP: JMESPath of where the module says that it failed, beside the usual names"
        " (RETURN, ET_RETURN, E_SUBRC, EV_ERROR …): rows, a return code, or a flag",
    )

    @model_validator(mode="after")
    def _a_text(self) -> AnswerModel:
        if (self.as_ is None) != (self.text is None):
            raise ValueError("as and text belong together")
        if self.as_ is not None and not self.outcome:
            raise ValueError("an answer in a text needs `outcome`: which of them are ok")
        if self.schema_ is not None and self.as_ != "xml":
            raise ValueError("a schema is for `as: xml`")
        return self

    @model_validator(mode="after")
    def _compiles(self) -> AnswerModel:
        try:
            re.compile(self.number_pattern or "")
        except re.error as error:
            raise ValueError(f"number_pattern is no regular expression: {error}") from None
        return self


class SessionModel(_Part):
    """In `dms_session`: how calls carry the token of the login, and when it is over.

    Without soap_header, http_header and cookie the requests carry it: `source: session.token`.
    """

    soap_header: str | None = Field(
        default=None, description="{namespace}Name, or the path {namespace}Outer/Inner"
    )
    http_header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,80}$")
    cookie: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,80}$")
    expired: list[str] = Field(
        default=[],
        description="codes by which the DMS refuses a token that is over, in a fault or an answer:"
        " the call had no effect and is made again after one login",
    )

    @model_validator(mode="after")
    def _one_way(self) -> SessionModel:
        if sum(each is not None for each in (self.soap_header, self.http_header, self.cookie)) > 1:
            raise ValueError("give one of soap_header, http_header and cookie")
        if self.soap_header is not None and not _SOAP_HEADER.fullmatch(self.soap_header):
            raise ValueError("write soap_header as {namespace}Name or {namespace}Outer/Inner")
        return self


class RefusalModel(_Part):
    """How a DMS refuses in a SOAP fault, where it does not by `code` and `message` in the detail.

    JMESPath over `faultcode` and, of SOAP 1.2, the innermost `subcode` (both without prefix),
    `faultstring`, and `detail`, which holds each leaf of the fault's detail by its name. A `code`
    that gives nothing is no refusal: the fault may have come after the work, and the call is in
    doubt.
    """

    code: str = Field(default="detail.code", description="detail.errorCode || faultcode")
    text: str = Field(
        default="detail.message || detail.text || faultstring", description="the words for people"
    )


# Operations of an OData service that write; SAP commits each by itself.
_WRITES = ("POST ", "PATCH ")


class CallModel(_Part):
    """One of several calls in one session: function modules, or operations of OData services."""

    function: str = Field(
        min_length=1,
        max_length=120,
        description="a function module, or GET, POST or PATCH SERVICE/EntitySet",
    )
    when: str | None = Field(
        default=None, description="JMESPath; only where it holds, else its answer is empty"
    )
    request: list[FieldModel] = []
    commits_itself: bool = Field(
        default=False,
        description="it ends with a COMMIT WORK of its own: a lost answer is then in doubt. Only"
        " the last call may. A write over OData always does",
    )

    @property
    def commits(self) -> bool:
        """Whether nothing takes it back."""
        return self.commits_itself or self.function.startswith(_WRITES)


class WithinModel(_Part):
    """`within`: only records where this column too begins with the value (并且以此开头)."""

    column: str
    source: str


class FindByModel(_Part):
    """One condition by which records are looked for; conditions are joined with OR.

    With `prefix`, records whose column begins with the value; with `contains`, where it stands
    anywhere in the column. A source that gives several spellings is a condition for each.
    """

    column: str
    source: str | list[str]
    convert: list[Converter] = []
    prefix: bool = False
    contains: bool = False
    within: WithinModel | None = None
    when: str | None = None


class ReadTableModel(_Part):
    """A look-up in an SAP table: column of the table → name here.

    `operation` is RFC_READ_TABLE, or a function module of the same form in its place.
    """

    table: str = Field(pattern=r"^[A-Z0-9_/]{1,30}$")
    columns: dict[str, str]
    find_by: list[FindByModel] = Field(min_length=1)


class MappingModel(_Part):
    """A whole mapping file."""

    target: TargetModel
    absent: bool = Field(default=False, description="the other system has no such operation")
    by_hand: bool = Field(
        default=False,
        description="beside `absent`, of a delivery note or an invoice application: orders wait"
        " until `connector orders done` names what people made",
    )
    then: dict[str, str] = Field(
        default={},
        description="of a write: the mappings called"
        " next, such as an approval → the field of dms_find, a truth value, that says whether it is"
        " done, or ''",
    )
    batch: int = Field(
        default=1, ge=1, le=1000, description="how many orders one request may ask for"
    )
    request: list[FieldModel] = []
    calls: list[CallModel] = []
    read_table: ReadTableModel | None = None
    answer: AnswerModel = AnswerModel()
    session: SessionModel | None = None
    refusal: RefusalModel = RefusalModel()
    faults: dict[str, Outcome] = Field(
        default={},
        description="code of a refusal → what it means, in a fault or in an answer that a rule"
        " calls rejected; `*` is any other. A fault whose code is not here is in doubt for a write",
    )
    ignores: list[str] = Field(
        default=[],
        description="paths that may appear and need no mapping, with * for any: meta_data._wc_*",
    )

    @model_validator(mode="after")
    def _by_hand_where_absent(self) -> MappingModel:
        if self.by_hand and not self.absent:
            raise ValueError("by_hand stands beside `absent: true`")
        return self

    @model_validator(mode="after")
    def _commits_last(self) -> MappingModel:
        for call in self.calls[:-1]:
            if call.commits_itself:
                raise ValueError(
                    f"{call.function} commits by itself and must be the last call: what comes"
                    " behind it could not be taken back together with it"
                )
        return self

    @model_validator(mode="after")
    def _is_a_table(self) -> MappingModel:
        if self.target.system != "files":
            return self
        names = [field.field for field in self.request]
        for field in self.request:
            if field.column is None:
                raise ValueError(f"the column {field.field} needs `column: {{zh: …, en: …}}`")
            if "." in field.field or field.each is not None:
                raise ValueError(f"{field.field!r}: a column is one value with a plain name")
        if not names or len(set(names)) < len(names):
            raise ValueError("a table needs columns, each with a name of its own")
        return self
