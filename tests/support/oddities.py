"""What SAP servers do that nobody prepared for us: each oddity as faults of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox

FIND, NEW, READ = "Z_CUSTOMER_FIND", "Z_CUSTOMER_CREATE", "BAPI_CUSTOMER_GETDETAIL2"
TABLE, COMMIT = "RFC_READ_TABLE", "BAPI_TRANSACTION_COMMIT"
BAPI, TAX, CVI = "BAPI_CUSTOMER_CREATEFROMDATA1", "Z_CUSTOMER_TAX_SET", "RFC_CVI_EI_INBOUND_MAIN"
STOCK = "BAPI_MATERIAL_AVAILABILITY"
SHIPPED, FLAT, BY_CVI = "", "sap_z_flat", "sap_cvi"
SOAP, RFC, ODATA = "soap", "rfc", "odata"


@dataclass(frozen=True)
class Oddity:
    """One way in which SAP is odd, for a site with these mappings.

    `only` is the transport that can suffer it; `unseen` says that no check can see it before a
    customer is created; `prepare` changes the records of customers whom SAP has. With `heals` every
    buyer has a customer by itself once it is over.
    """

    name: str
    faults: tuple[str | Fault, ...] = ()
    site: str = SHIPPED
    only: str = ""
    unseen: bool = False
    prepare: Callable[[Sandbox], None] | None = None
    heals: bool = False

    def __str__(self) -> str:
        return self.name


def message(place: str, kind: str = "E", *, row: bool = False) -> str:
    """Return a message of a site as it stands in an answer, in a structure or as a row."""
    inner = f"<TYPE>{kind}</TYPE><ID>ZC</ID><NUMBER>001</NUMBER><MESSAGE>no</MESSAGE>"
    return f"<{place}>{'<item>' + inner + '</item>' if row else inner}</{place}>"


def _found(name: str, kind: str, text: str, only: str = "") -> Oddity:
    fault = f"{kind}:operation={FIND},status=200,text={text}"
    return Oddity(f"{FIND}: {name}", (fault,), FLAT, only)


def _made(name: str, kind: str, text: str, only: str = "") -> Oddity:
    fault = f"{kind}:operation={NEW},status=200,text={text}"
    return Oddity(f"{NEW}: {name}", (fault,), FLAT, only, unseen=True)


def _read(name: str, kind: str, text: str, only: str = "") -> Oddity:
    return Oddity(f"{TABLE}: {name}", (f"{kind}:operation={TABLE},status=200,text={text}",), "",
                  only)  # fmt: skip


def _commit(name: str, *faults: str, only: str = "") -> Oddity:
    return Oddity(f"commit: {name}", faults, only=only, unseen=True)


def _spelled(**spellings: str) -> Callable[[Sandbox], None]:
    """Write the codes of customers as SAP may hold them."""

    def prepare(sandbox: Sandbox) -> None:
        for number, code in spellings.items():
            key = number.removeprefix("n")
            row = sandbox.books.get("sap.customer", key) or {}
            sandbox.books.put("sap.customer", key, {**row, "STCD5": code})

    return prepare


def _flood(sandbox: Sandbox) -> None:
    """Let a thousand records resemble each buyer by the letters of the name."""
    other = sandbox.books.get("sap.customer", "0000100010") or {}
    for place in range(1100):
        number = f"{300000 + place:010d}"
        same = {"NAME1": "起重", "MCOD1": "起重", "STRAS": "试验路2号"}
        row = {**other, "KUNNR": number, "STCD5": "", "TELF1": "", **same}
        sandbox.books.put("sap.customer", number, row)


_ENVELOPE = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>{}</e:Body>"
_PING = _ENVELOPE.format("<RFC_PING.Response/>") + "</e:Envelope>"
_ENTITIES = "<!DOCTYPE e [<!ENTITY x 'y'>]>" + _PING
_NOT_ALLOWED = "business:operation={},code=RFC_NO_AUTHORITY"
_ELSEWHERE = "<DATA/><ET_DATA><item><LINE>x</LINE></item></ET_DATA>"
_SHORT = "<item><WA>0000100001</WA></item>"
_OTHERS = "<EV_KUNNR>0000100001</EV_KUNNR>"

ODDITIES: tuple[Oddity, ...] = (
    # What may not be asked.
    Oddity("interfaces may not be read, none is stored",
           (_NOT_ALLOWED.format("RFC_GET_FUNCTION_INTERFACE"),), FLAT),
    Oddity("structures may not be read, none is stored",
           (_NOT_ALLOWED.format("DDIF_FIELDINFO_GET"),), FLAT, SOAP),
    Oddity("customers may not be read", (f"business:operation={TABLE},code=NOT_AUTHORIZED",)),
    Oddity("the creating module may not be called", (_NOT_ALLOWED.format(BAPI),), unseen=True),
    Oddity("the creating module is not there",
           (f"business:operation={BAPI},code=FU_NOT_FOUND",), unseen=True),
    # An answer without its parts, or of another function.
    *(_read(f"without {parts}", "without", parts)
      for parts in ("FIELDS", "DATA", "FIELDS+DATA", "OFFSET", "WA")),
    _read("the rows elsewhere", "with", _ELSEWHERE, SOAP),
    _read("of no columns", "with", "<FIELDS/>"),
    _read("columns shifted by a code page", "with", f"<DATA>{_SHORT}</DATA>"),
    _read("an error in RETURN", "with", message("RETURN"), SOAP),
    _read("of another function", "garbage", _PING, SOAP),
    _read("with entities", "garbage", _ENTITIES, SOAP),
    _found("without its table", "without", "CUSTOMERS"),
    _found("of another function", "garbage", _PING, SOAP),
    _found("one row as a structure", "with", "<CUSTOMERS><KUNNR>1</KUNNR></CUSTOMERS>", SOAP),
    _found("a word for a table", "with", "<CUSTOMERS>none</CUSTOMERS>", SOAP),
    # Messages wherever they stand.
    *(_found(f"nobody, and an error in {name}", "with", f"<CUSTOMERS/>{text}", only)
      for name, text, only in (
          ("ET_RETURN", message("ET_RETURN", row=True), ""),
          ("ES_RETURN", message("ES_RETURN", "A"), ""),
          ("RETURN", message("RETURN", row=True), ""),
          ("MESSAGES", message("MESSAGES", row=True), SOAP),
          ("a structure", f"<ES_RESULT>{message('RETURN')}</ES_RESULT>", SOAP),
          ("E_SUBRC", "<E_SUBRC>4</E_SUBRC>", ""),
          ("EV_ERROR", "<EV_ERROR>X</EV_ERROR>", ""),
      )),
    _found("a flag that is always filled", "with", "<EV_ERROR>K</EV_ERROR>"),
    *(_made(f"another's number, and an error in {name}", "with", f"{_OTHERS}{text}", only)
      for name, text, only in (
          ("ET_RETURN", message("ET_RETURN", row=True), ""),
          ("E_SUBRC", "<E_SUBRC>8</E_SUBRC>", ""),
          ("ES_RETURN", message("ES_RETURN", "A"), SOAP),
      )),
    # Systems that lie.
    _made("another's number, and no word of it", "with", _OTHERS),
    _made("without the number", "without", "EV_KUNNR"),
    _commit("its update ends in SM13", f"update-terminated:operation={COMMIT}"),
    Oddity("a service that keeps no session", ("no-session",), only=SOAP),
    _commit("served outside its session", f"no-session:operation={COMMIT}", only=SOAP),
    _commit("served in another session", f"other-session:operation={COMMIT}", only=SOAP),
    # A commit whose answer tells nothing of what it did.
    *(_commit(kind, f"{kind}:operation={COMMIT}") for kind in ("reset", "lost-answer", "cut")),
    _commit("a page of whoever stands before", f"garbage:operation={COMMIT},text=<html>"),
    *(_commit(f"HTTP {status}", f"http:operation={COMMIT},status={status}")
      for status in (302, 401, 403, 404, 500, 503)),
    _commit("the link breaks, the new logon is refused", f"lost-answer:operation={COMMIT}",
            "http:operation=RFC_PING,status=401,text=Logon not possible", only=RFC),
    _commit("an error in its RETURN", f"business:operation={COMMIT}"),
    _commit("a lock in its RETURN", f"business:operation={COMMIT},code=MC/601"),
    _commit("the read after it lost", f"lost-answer:operation={TABLE},every=3"),
    # A module that commits by itself.
    *(Oddity(f"{CVI}: {kind}", (f"{kind}:operation={CVI}",), BY_CVI, unseen=True)
      for kind in ("lost-answer", "reset", "cut")),
    Oddity(f"{CVI}: an error in CT_RETURN", (
        f"with:operation={CVI},text={message('CT_RETURN', row=True)}",), BY_CVI, unseen=True),
    # Locks and passing refusals.
    Oddity("a lock, and a row behind it", (f"business:operation={TAX},code=F2/042+BAPI/001",),
           unseen=True),
    Oddity("a lock, raised as a message", (f"business:operation={BAPI},code=raised F2/042",),
           unseen=True),
    Oddity("a call that ran out of time", (f"business:operation={BAPI},code=TIME_OUT",),
           unseen=True),
    Oddity("SAP is being shut down",
           ("http:status=401,text=Logon not possible (system is being shut down)",)),
    Oddity("the password is refused", ("http:status=401,text=Name or password is incorrect",)),
    Oddity("SAP is away", ("outage",)),
    # Whom SAP has, written otherwise; or whom too many resemble.
    Oddity("codes in other spellings", unseen=True,
           prepare=_spelled(n0000100001="91320300ma11000abp", n0000100002="320300820101017")),
    Oddity("a thousand records for one name", prepare=_flood, unseen=True),
    Oddity("stock: without its quantity", (f"without:operation={STOCK},text=AV_QTY_PLT",)),
)  # fmt: skip

PARTNERS, MAKE = "GET A_BusinessPartner", "POST A_BusinessPartner"
OTHER = '{{"error": {{"code": "{}", "message": {{"lang": "en", "value": "no"}}}}}}'


def _odd(
    name: str, kind: Any, operation: str, values: Mapping[str, Any] | None = None, ends: str = "one"
) -> Oddity:
    """Return an oddity of SAP over OData; `ends`: one customer for each buyer, or another end."""
    unseen = operation == MAKE or "expanded" in name
    fault = Fault("sap", kind, operation, **(values or {}))
    return Oddity(name, (fault,), only=ODATA, unseen=unseen, heals=ends == "one")


def _reads(kind: str, *rows: tuple[str, dict[str, Any], str]) -> Iterator[Oddity]:
    for operation in (PARTNERS, "GET A_BusinessPartnerTaxNumber"):
        for name, values, ends in rows:
            yield _odd(f"{name}: {operation}", kind, operation, values, ends)


ODATA_ODDITIES = (
    *_reads(
        "garbage",
        ("an empty object", {"status": 200, "text": '{"d": {}}'}, "one"),
        ("no list", {"status": 200, "text": '{"d": {"results": {}}}'}, "one"),
        ("fewer than it counts", {"status": 200,
         "text": '{"d": {"results": [], "__count": "1"}}'}, "one"),
        ("the same page again", {"status": 200,
         "text": '{"d": {"results": [], "__count": "0", "__next": "x?$skiptoken=1"}}'}, "one"),
        ("no count", {"status": 200, "text": '{"d": {"results": []}}'}, "one"),
        ("a page of a proxy", {"status": 200, "text": "<html>Sorry</html>"}, "one"),
        ("a logon page", {"status": 200, "text": "<html>name='sap-user'</html>"}, "one"),
        ("nothing", {"status": 200, "text": ""}, "one"),
    ),
    *_reads(
        "without",
        ("without its type", {"text": "__metadata"}, "one"),
        ("without the partner's number", {"text": "BusinessPartner"}, "one"),
        ("without results", {"text": "results"}, "one"),
    ),
    *_reads("with", ("of another type", {"text": '{"__metadata": {"type": "X.Y"}}'}, "one")),
    *_reads(
        "http",
        ("401", {"status": 401, "text": ""}, "one"),
        ("403 of a firewall", {"status": 403, "text": "<html>no</html>"}, "one"),
        ("404", {"status": 404, "text": "Not Found"}, "one"),
        ("500", {"status": 500, "text": "<html>Dump</html>"}, "one"),
        ("429", {"status": 429, "text": ""}, "one"),
        ("302", {"status": 302, "text": ""}, "one"),
        ("302 to a logon page", {"status": 302, "code": "/logon", "text": ""}, "one"),
    ),
    *_reads("headers", ("an error in sap-message",
            {"code": "sap-message", "text": '{"severity": "abort", "code": "R1/9"}'}, "held")),
    *_reads("cut", ("cut", {}, "one")),
    *_reads("business", ("an error in OData's words", {"code": "R1/224", "text": "no"}, "held")),
    _odd("a page without what was expanded", "without", PARTNERS,
         {"text": "to_BusinessPartnerTax"}),
    _odd("401 to all", "http", "*", {"status": 401, "text": ""}, "acts"),
    _odd("no $metadata", "http", "GET $metadata", {"status": 404, "text": ""}),
    _odd("no CSRF token", "headers", "GET API_BUSINESS_PARTNER",
           {"code": "x-csrf-token", "text": "dropped"}),
    _odd("a token that is not taken", "no-session", MAKE),
    _odd("a lost answer", "lost-answer", MAKE),
    _odd("a cut answer", "cut", MAKE),
    _odd("reset", "reset", MAKE, {}, "doubt"),
    _odd("a gateway's 502 after the work", "garbage", MAKE, {"status": 502, "text": "<html>"}),
    _odd("a logon page after the work", "garbage", MAKE,
           {"status": 200, "text": "<html>sap-password"}),
    _odd("401 after the work", "garbage", MAKE, {"status": 401, "text": ""}),
    _odd("403 after the work", "garbage", MAKE, {"status": 403, "text": "<html>"}),
    _odd("500 after the work", "garbage", MAKE, {"status": 500, "text": OTHER.format("R1/1")}),
    _odd("a gateway's 400 after the work", "garbage", MAKE,
           {"status": 400, "text": '{"error": {"message": "upstream timed out"}}'}),
    _odd("429 after the work", "garbage", MAKE, {"status": 429, "text": ""}),
    _odd("412 after the work", "garbage", MAKE, {"status": 412, "text": ""}),
    _odd("an error in sap-message after the work", "headers", MAKE,
           {"code": "sap-message", "text": '{"severity": "error", "code": "R1/9"}'}),
    _odd("204 for 201", "garbage", MAKE, {"status": 204, "text": ""}),
    _odd("an empty answer", "garbage", MAKE, {"status": 201, "text": ""}),
    _odd("another's entity", "with", MAKE,
           {"text": '{"BusinessPartner": "100001", "BusinessPartnerIDByExtSystem": "OTHER1"}'}),
    _odd("no number", "without", MAKE, {"text": "BusinessPartner"}),
    _odd("503", "http", MAKE, {"status": 503, "text": "<html>"}, "doubt"),
    _odd("locked", "business", MAKE, {"code": "R1/412", "text": "locked"}),
    _odd("refused", "business", MAKE, {"code": "R1/224", "text": "no"}, "held"),
    _odd("an update that is terminated", "update-terminated", MAKE, {}, "acts"),
    _odd("a partner without a customer", "no-customer", MAKE, {}, "partner"),
)  # fmt: skip
