"""The sections of the settings: what each says, its defaults and its limits."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from connector.domain.allocation import StockPolicy
from connector.domain.identity import USUAL, Document
from connector.domain.refunds import RefundPolicy
from connector.domain.variations import VariationPolicy

Seconds = Annotated[float, Field(gt=0)]


def _clock(value: Any) -> Any:
    # A number would be taken for seconds after midnight: 12:00 without quotes is 720 in YAML.
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if not isinstance(value, str) or not _CLOCK.fullmatch(value.strip()):
        raise ValueError('must be a time of day in quotes, for example "12:00"')
    hour, minute, second = (int(part) for part in f"{value.strip()}:00".split(":")[:3])
    return time(hour, minute, second)


def _day(value: Any) -> Any:
    # A number would be taken for seconds since 1970.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value.strip()):
        raise ValueError("must be a date, for example 2027-01-01")
    return date.fromisoformat(value.strip())


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except Exception:
        raise ValueError(f"{value!r} is no time zone; for example Asia/Shanghai") from None
    return value


_CLOCK, _DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2})?"), re.compile(r"\d{4}-\d{2}-\d{2}")
Clock = Annotated[time, BeforeValidator(_clock)]
Day = Annotated[date, BeforeValidator(_day)]
# A SOAP header: {namespace}Name, or the path {namespace}Outer/Inner.
SoapHeader = Annotated[str, Field(pattern=r"^(\{[^{}]*\})?[^/{}\s]+(/(\{[^{}]*\})?[^/{}\s]+)*$")]
Zone = Annotated[str, AfterValidator(_zone)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AnswersSection(_Section):
    """What an answer of any system may be at most; one that is more is not read."""

    largest: int = Field(default=20_000_000, ge=10_000, description="bytes, unpacked")
    deepest: int = Field(default=100, ge=10, le=250, description="parts within one another")
    parts: int = Field(
        default=500_000, ge=1_000, description="elements and attributes, or members of JSON"
    )


class StorefrontSection(_Section):
    """The storefront's REST interface."""

    url: str = "http://127.0.0.1:8803"
    consumer_key: str = "ck_sandbox"
    consumer_secret: SecretStr = SecretStr("")
    key_in: Literal["header", "query"] = Field(
        default="header", description="query where the web server drops the header Authorization"
    )
    page_size: int = Field(default=100, ge=1, le=100, description="orders asked for at a time")
    ordering: Literal["modified", "id"] = Field(
        default="modified", description="id where the shop refuses to list by modification"
    )
    ca_file: Path | None = None
    proxy: str | None = None
    user_agent: str = "connector"
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="HTTP headers sent with every request"
    )
    connect_timeout: Seconds = 10
    read_timeout: Seconds = 30
    call_deadline: Seconds = 60


class LimitsSection(_Section):
    """What a system bears: a rate, its own downtime, and when calls are kept back altogether."""

    calls_per_second: Annotated[float, Field(gt=0)] | None = None
    downtime: list[tuple[Clock, Clock]] = Field(
        default=[], description="daily windows in the calendar's zone in which calls wait"
    )
    break_after: int = Field(default=5, ge=1, description="failures in a row that open the breaker")
    break_for: Seconds = 10


class SapLimitsSection(LimitsSection):
    """What SAP bears, and how many customers may be made there at most."""

    creations: int = Field(
        default=60,
        ge=1,
        description="customers created within an hour, by all processes; more wait and IT is told",
    )


class SapSection(_Section):
    """SAP. `transport` soap and odata need no SDK; rfc needs the extra `rfc` and SAP's NW RFC SDK.

    odata is for S/4HANA, with the mappings of `mappings/examples/s4_odata`.
    """

    transport: Literal["soap", "rfc", "odata"] = "soap"
    url: str = Field(
        default="http://127.0.0.1:8801/sap/bc/soap/rfc",
        description="odata: the folder of the services, https://HOST/sap/opu/odata/sap",
    )
    services: dict[str, str] = Field(
        default_factory=dict, description="odata: service → its address, where it lies elsewhere"
    )
    client: str = Field(default="100", description="empty: the one that the address stands for")
    user: str = "RFC_CONNECTOR"
    password: SecretStr = SecretStr("")
    language: str = "ZH"
    namespace_style: Literal["rfc", "mc"] = "rfc"
    authentication: Literal["basic", "oauth2", "certificate"] = Field(
        default="basic",
        description="soap and odata; oauth2, over odata alone, is by client credentials: user and"
        " password are the client's",
    )
    token_url: str = Field(default="", description="oauth2: who gives the access tokens")
    scope: str = Field(default="", description="oauth2: only where the token service wants one")
    client_certificate: Path | None = Field(
        default=None, description="soap and odata: PEM with certificate and key"
    )
    proxy: str | None = Field(default=None, description="soap and odata")
    ca_file: Path | None = None
    connection: dict[str, str] = Field(
        default_factory=dict,
        description="parameters of the rfc transport: ashost, sysnr, mshost, saprouter, snc_…",
    )
    connect_timeout: Seconds = 10
    read_timeout: Seconds = 60
    call_deadline: Seconds = 90
    sessions: int = Field(
        default=8,
        ge=1,
        description="sessions that SAP bears: of all processes on one PostgreSQL, else of each",
    )
    remember_customers: timedelta = Field(
        default=timedelta(minutes=10),
        ge=timedelta(0),
        description="how long a recognised buyer is not looked up again",
    )
    limits: SapLimitsSection = SapLimitsSection()

    @model_validator(mode="after")
    def _says_how_to_log_on(self) -> SapSection:
        if self.authentication == "oauth2" and self.transport == "soap":
            raise ValueError("authentication oauth2 is for transport odata")
        if self.authentication == "oauth2" and not self.token_url:
            raise ValueError("authentication oauth2 needs token_url")
        if self.authentication == "certificate" and self.client_certificate is None:
            raise ValueError("authentication certificate needs client_certificate")
        return self

    def logon(self) -> dict[str, object]:
        """Return all by which SAP admits or refuses us, the password in clear."""
        names = {"transport", "connection" if self.transport == "rfc" else "url", "client", "user"}
        if self.transport != "rfc":
            names |= {"authentication", "token_url", "scope", "client_certificate"}
        known = self.model_dump(include=names, mode="json")
        return {**known, "password": self.password.get_secret_value()}


class ArchiveSection(_Section):
    """Envelopes kept for a while: masked, or encrypted with a Fernet key."""

    folder: Path
    mode: Literal["masked", "encrypted"] = "masked"
    key: SecretStr = SecretStr("")
    retention_days: int = Field(default=30, ge=1)


class SignatureSection(_Section):
    """A signature over the SOAP body (its exclusive canonical form, in hexadecimal)."""

    recipe: Literal["hmac_sha256", "md5"] = Field(
        description="hmac_sha256 with the key, or md5 of key, body and key"
    )
    header: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,80}$", description="the HTTP header it stands in"
    )
    key: SecretStr


class DmsSection(_Section):
    """The DMS's SOAP interface."""

    wsdl: str = "http://127.0.0.1:8802/dms/service?wsdl"
    wsdl_cache: Path = Field(
        default=Path("var/wsdl"), description="where the last good WSDL is kept"
    )
    wsdl_again: Seconds = Field(default=3600, description="how often it is looked at for changes")
    endpoint: str | dict[str, str] | None = Field(
        default=None, description="instead of the WSDL's address: for all ports, or by port"
    )
    service: str | None = None
    port: str | None = None
    user: str = "connector"
    password: SecretStr = SecretStr("")
    authentication: Literal["username_text", "username_digest", "basic", "digest", "none"] = Field(
        default="username_text",
        description="WS-Security's UsernameToken as text or digest, HTTP's basic or digest; none"
        " where a login (dms_session), a header or a certificate says who calls",
    )
    token_lifetime: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=0, description="seconds of a timestamp beside the UsernameToken; 0 for none"
    )
    ca_file: Path | None = None
    client_certificate: Path | None = None
    proxy: str | None = None
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="HTTP headers sent with every request"
    )
    soap_headers: dict[SoapHeader, SecretStr] = Field(
        default_factory=dict,
        description="SOAP headers of every envelope, such as a key: {namespace}Name or"
        " {namespace}Outer/Inner → text",
    )
    signature: SignatureSection | None = None
    connect_timeout: Seconds = 10
    read_timeout: Seconds = 30
    call_deadline: Seconds = 60
    retry_for: Annotated[float, Field(ge=0)] = Field(
        default=5, description="how long a call that had no effect is made again at once"
    )
    zone: Zone = Field(
        default="Asia/Shanghai", description="of times in answers that come without a zone"
    )
    extra_elements: Literal["refuse", "note"] = Field(
        default="refuse",
        description="an answer that holds more than the WSDL knows is in doubt, or read and noted",
    )
    archive: ArchiveSection | None = None
    limits: LimitsSection = LimitsSection()

    def logon(self) -> dict[str, object]:
        """Return all by which the DMS admits or refuses us, the password in clear."""
        return {
            **self.model_dump(include={"wsdl", "endpoint", "user"}),
            "password": self.password.get_secret_value(),
        }


class CalendarSection(_Section):
    """Working days, hours and cutoffs (workflow.md, "Who" and step 5)."""

    zone: Zone = "Asia/Shanghai"
    working_weekdays: list[int] = Field(default=[1, 2, 3, 4, 5, 6], description="1 is Monday")
    hours: list[tuple[Clock, Clock]] = [(time(8), time(18))]
    cutoffs: list[Clock] = [time(12), time(15)]
    overrides: dict[Day, bool] = Field(
        default_factory=dict, description="date → working day or not, over the national calendar"
    )


class BusinessUnitSection(_Section):
    """One business unit (事业部)."""

    code: str = Field(pattern=r"^[A-Za-z0-9_]{1,20}$")
    name: str
    sku_patterns: list[str] = Field(min_length=1)
    plant: str = Field(max_length=4)
    sales_org: str = Field(max_length=4)
    distribution_channel: str = Field(max_length=2)
    division: str = Field(max_length=2)
    reference_company: str
    reference_person: str
    dms_code: str
    calendar: CalendarSection | None = Field(
        default=None, description="the unit's own calendar, whole; without it the site's applies"
    )


class ScheduleSection(_Section):
    """How often the recurring jobs run; waves follow the cutoffs."""

    intake: timedelta = timedelta(minutes=5)
    advance: timedelta = timedelta(minutes=1)
    status: timedelta = timedelta(minutes=10)
    writeback: timedelta = timedelta(minutes=10)
    deliver: timedelta = timedelta(minutes=1)
    aftersales: timedelta = timedelta(minutes=30)
    reconcile_at: Clock = time(1, 30)
    watch: timedelta = timedelta(minutes=1)
    announce: timedelta = timedelta(minutes=1)
    promises_at: Clock = time(1, 45)
    housekeeping_at: Clock = time(3, 30)


# Goods that are exempt (免税) or not taxed at all (不征税) bear no tax on their invoices.
_UNTAXED = ("exempt", "免税", "not taxed", "不征税")


def _rate(value: object) -> object:
    return Decimal(0) if value in _UNTAXED else value


class ReconciliationSection(_Section):
    """When the books differ (workflow.md, step 9)."""

    tolerance: Annotated[Decimal, Field(ge=0)] = Field(
        default=Decimal("0.01"), description="up to this amount a difference is rounding"
    )
    tax_rates: list[Annotated[Decimal, BeforeValidator(_rate), Field(ge=0, lt=1)]] = Field(
        default=[Decimal("0.13"), Decimal("0.09"), Decimal("0.06")],
        min_length=1,
        description="rates in tax-inclusive prices: 0.13, 0, exempt (免税), not taxed (不征税)",
    )
    invoice_after: int = Field(
        default=1, ge=0, description="days after which shipped goods must be invoiced"
    )


class PromisesSection(_Section):
    """How soon an order must have come how far, in working time (workflow.md, steps 2 to 5)."""

    recognised: timedelta = timedelta(minutes=15)
    placed: timedelta = timedelta(minutes=30)
    ready: timedelta = timedelta(hours=1)
    released_grace: timedelta = Field(
        default=timedelta(minutes=10), description="how long after its cutoff a wave may go out"
    )
    warn_share: float = Field(
        default=0.8, gt=0, lt=1, description="share of the working time after which it is at risk"
    )


class NotifySection(_Section):
    """Who gets messages, and in which language. Each channel is an apprise URL, and a secret.

    The texts of the files for people follow the language too; their headings are in both.

    A role without channels is reached through those of ops.
    """

    language: Literal["zh", "en", "both"] = "both"
    ops: list[SecretStr] = []
    it: list[SecretStr] = []
    sales: list[SecretStr] = []
    parts: list[SecretStr] = []
    warehouse: list[SecretStr] = []
    finance: list[SecretStr] = []
    repeat_first: timedelta = Field(
        default=timedelta(minutes=30), description="then after twice as long each time"
    )
    repeat_longest: timedelta = timedelta(hours=24)
    quiet: timedelta = Field(
        default=timedelta(minutes=5), description="nobody gets two messages within so long"
    )
    heartbeat: SecretStr | None = Field(
        default=None,
        description="URL that is asked for after each good tick: whoever listens there raises the"
        " alarm when it stops",
    )


class RetentionSection(_Section):
    """How long payloads and personal data are kept. Orders, documents and events stay."""

    mask_after: timedelta = Field(default=timedelta(days=180), ge=timedelta(days=1))
    drop_after: timedelta = Field(default=timedelta(days=730), ge=timedelta(days=1))
    runs_after: timedelta = Field(default=timedelta(days=90), ge=timedelta(days=7))
    largest_gib: float = Field(
        default=20, gt=0, description="IT is told when the database grows beyond"
    )

    @model_validator(mode="after")
    def _masks_first(self) -> RetentionSection:
        if self.mask_after > self.drop_after:
            raise ValueError("mask_after must not be longer than drop_after")
        return self


class PolicySection(_Section):
    """What the site decides about the way of orders."""

    review_again: timedelta = timedelta(minutes=15)
    stock: StockPolicy = Field(
        default=StockPolicy.HOLD_ORDER,
        description="what becomes of an order when stock is short",
    )
    stock_again: timedelta = timedelta(minutes=30)
    refund_of_amount: RefundPolicy = Field(
        default=RefundPolicy.HOLD,
        description="what becomes of an order when no line explains a refund before release",
    )
    variation_sku: VariationPolicy = Field(
        default=VariationPolicy.HOLD,
        description="what becomes of an order of a variation that bears its parent's part number",
    )
    correct_linked: bool = Field(
        default=False, description="correct an SAP customer by the buyer who is linked to it"
    )
    person_documents: frozenset[Document] = Field(
        default=USUAL, description="documents by which a person may say who it is"
    )
    resend: int = Field(
        default=2,
        ge=0,
        description="how often a write that is proved absent is sent again before ops look at it",
    )
    settling: timedelta = Field(
        default=timedelta(minutes=3),
        description="how long an unanswered write may still take effect; more than any deadline",
    )


class TermsSection(_Section):
    """What was agreed with a business unit (结算条款), from a month on."""

    since: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="YYYY-MM")
    fee_percent: Decimal = Field(default=Decimal(0), ge=0, le=100)
    monthly_fee: Decimal = Field(default=Decimal(0), ge=0)
    freight_to_unit: bool = True
    subsidy_to_unit: bool = True


class SettlementSection(_Section):
    """The monthly settlement; `terms` are by business unit, `""` for units not named."""

    at: Clock = time(3)
    terms: dict[str, list[TermsSection]] = {}


ParcelKind = Literal["batch", "extract", "settlement", "review"]


_WHOLE_FILE = Field(default=120, gt=0, description="seconds for a whole file or message")


class _DeliverySection(_Section):
    kinds: list[ParcelKind] = Field(min_length=1, description="which files go there")


class FolderDelivery(_DeliverySection):
    """A folder, often a mounted share."""

    type: Literal["folder"]
    path: Path


class SftpDelivery(_DeliverySection):
    """An SFTP server, known by its host key as ssh-keyscan prints it behind the name."""

    type: Literal["sftp"]
    host: str
    port: int = Field(default=22, ge=1, le=65535)
    user: str
    password: SecretStr = SecretStr("")
    key_file: Path | None = None
    host_key: str
    root: str = "."
    timeout: Seconds = 30
    call_deadline: float = _WHOLE_FILE

    @model_validator(mode="after")
    def _logs_on(self) -> SftpDelivery:
        if not self.password.get_secret_value() and self.key_file is None:
            raise ValueError("give a password or a key_file")
        return self


class MailDelivery(_DeliverySection):
    """A mail server; each recipient gets a message with the whole parcel."""

    type: Literal["mail"]
    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    recipients: list[Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]] = Field(min_length=1)
    timeout: Seconds = 60
    call_deadline: float = _WHOLE_FILE


class S3Delivery(_DeliverySection):
    """A bucket of an S3-compatible store (extra `s3`); without an endpoint it is AWS."""

    type: Literal["s3"]
    endpoint: str = ""
    region: str = "us-east-1"
    bucket: str
    prefix: str = ""
    access_key: str
    secret_key: SecretStr
    timeout: Seconds = 30
    call_deadline: float = _WHOLE_FILE


Delivery = Annotated[
    FolderDelivery | SftpDelivery | MailDelivery | S3Delivery, Field(discriminator="type")
]
TargetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
