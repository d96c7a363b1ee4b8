"""The form of a mapping file, as typed models: what may stand where."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Outcome = Literal["ok", "rejected", "exists", "passing", "absent", "unknown"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetModel(_Part):
    """Which conversation with which system: function module, WSDL operation, or REST route."""

    system: Literal["storefront", "sap", "dms"]
    operation: str = Field(min_length=1, max_length=120)


class Text(_Part):
    """`text`: NFKC form, one line, single spaces, no control characters."""

    text: Literal["normal"] = "normal"


class Case(_Part):
    """`case`: upper or lower."""

    case: Literal["upper", "lower"]


class Places(_Part):
    """Parameters of `decimal`."""

    places: int = Field(default=2, ge=0, le=6)


class DecimalConverter(_Part):
    """`decimal`: a number with so many decimals, rounded half up."""

    decimal: Places


class DateParameters(_Part):
    """Parameters of `date`: a strftime format, and the zone in which it is shown."""

    format: str = "iso"
    zone: str = "UTC"


class DateConverter(_Part):
    """`date`: a time read from ISO 8601 (UTC where it says none) and written in a format."""

    date: DateParameters


class WholeConverter(_Part):
    """`to`: a whole number, a truth value, or text."""

    to: Literal["integer", "boolean", "text"]


class LookupParameters(_Part):
    """Parameters of `lookup`: a CSV beside the mappings, two columns of it, and the miss."""

    table: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    column: str = "value"
    miss: Literal["reject", "keep", "default"] = "reject"
    default: str | None = None


class LookupConverter(_Part):
    """`lookup`: another word for a word."""

    lookup: LookupParameters


class CutConverter(_Part):
    """`cut`: at most so many characters, silently (for comparison, not for data)."""

    cut: int = Field(gt=0)


class PadParameters(_Part):
    """Parameters of `pad`."""

    width: int = Field(gt=0, le=255)
    fill: str = Field(default="0", min_length=1, max_length=1)


class PadConverter(_Part):
    """`pad`: filled up on the left."""

    pad: PadParameters


class ReplaceConverter(_Part):
    """`format`: text around the value, which stands at `{}`."""

    format: str


Converter = (
    Text
    | Case
    | DecimalConverter
    | DateConverter
    | WholeConverter
    | LookupConverter
    | CutConverter
    | PadConverter
    | ReplaceConverter
)


class FieldModel(_Part):
    """One field of a request: where it goes and what it is made of.

    Exactly one of `source` (JMESPath, or several of which the first non-empty counts),
    `constant`, and `each` with `fields` (a list).
    """

    field: str = Field(min_length=1)
    source: str | list[str] | None = None
    constant: str | int | bool | list[Any] | dict[str, Any] | None = None
    each: str | None = None
    fields: list[FieldModel] | None = None
    convert: list[Converter] = []
    default: str | int | bool | None = None
    required: bool = False
    max_length: Annotated[int, Field(gt=0)] | None = None
    too_long: Literal["reject", "cut"] = "reject"
    when: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> FieldModel:
        origins = [
            name
            for name in ("source", "constant", "each")
            if name in self.model_fields_set and getattr(self, name) is not None
        ]
        if len(origins) != 1:
            raise ValueError("give exactly one of source, constant and each")
        if (self.each is None) != (self.fields is None):
            raise ValueError("each and fields belong together")
        return self


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
    """What is read from an answer."""

    values: dict[str, str] = {}
    fields: list[FieldModel] = []
    outcome: list[RuleModel] = []


class CallModel(_Part):
    """One of several function modules called in one session."""

    function: str = Field(min_length=1, max_length=30)
    request: list[FieldModel] = []


class FindByModel(_Part):
    """One condition by which records are looked for; conditions are joined with OR.

    With `prefix`, records whose column begins with the value.
    """

    column: str
    source: str | list[str]
    convert: list[Converter] = []
    prefix: bool = False
    when: str | None = None


class ReadTableModel(_Part):
    """A look-up in an SAP table by RFC_READ_TABLE: column of the table → name here."""

    table: str = Field(pattern=r"^[A-Z0-9_/]{1,30}$")
    columns: dict[str, str]
    find_by: list[FindByModel] = Field(min_length=1)


class MappingModel(_Part):
    """A whole mapping file. `batch` is how many orders one request may ask for."""

    target: TargetModel
    absent: bool = False
    batch: Annotated[int, Field(ge=1, le=1000)] = 1
    request: list[FieldModel] = []
    calls: list[CallModel] = []
    read_table: ReadTableModel | None = None
    answer: AnswerModel = AnswerModel()
    faults: dict[str, Outcome] = {}
