"""The function modules of the sandbox's SAP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.sandbox.books import Books, Clock
from connector.sandbox.sap_backoffice import (
    BILLING,
    CUSTOMER,
    DELIVERY,
    STOCK,
    Values,
    correct_customer,
)
from connector.sandbox.sap_interfaces import STRUCTURES, field_info, function_interface
from connector.sandbox.sap_seed import SALES_AREA
from connector.sandbox.sap_where import NotValid, parse

_KNA1 = {
    "KUNNR": 10, "NAME1": 35, "NAME2": 35, "NAME3": 35, "NAME4": 35,
    "LAND1": 3, "ORT01": 35, "PSTLZ": 10, "REGIO": 3,
    "STRAS": 35, "TELF1": 16, "MCOD1": 25, "STCD1": 16, "STCD5": 60, "LOEVM": 1, "AUFSD": 2,
}  # fmt: skip
_ROW, _LINE = 512, 72
_REQUIRED = ("CITY", "POSTL_COD1", "COUNTRY", "LANGU_P", "CURRENCY")
_LENGTHS = {
    field.name: field.length
    for structure in ("BAPIKNA101_1", "BAPIKNA106")
    for field in STRUCTURES[structure]
} | {"STCD5": 60, "STCD1": 16}


class AbapException(Exception):
    """A classic exception that a function module raises; becomes a SOAP fault."""


@dataclass
class Session:
    """One stateful session: what was written and is not committed yet."""

    pending: list[Callable[[], None]] = field(default_factory=list)
    drawn: dict[str, Values] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """What the function modules work on."""

    books: Books
    clock: Clock


Function = Callable[[System, Session, Values], Values]


def rfc_ping(_system: System, _session: Session, _values: Values) -> Values:
    """Do nothing."""
    return {}


def stfc_connection(system: System, _session: Session, values: Values) -> Values:
    """Echo a text."""
    return {
        "ECHOTEXT": str(values.get("REQUTEXT", ""))[:255],
        "RESPTEXT": f"SAP sandbox at {system.clock.now().isoformat()}",
    }


def rfc_read_table(system: System, _session: Session, values: Values) -> Values:
    """Read rows of a table, with the limits of the real one."""
    table = str(values.get("QUERY_TABLE", "")).upper()
    if table != "KNA1":
        raise AbapException("TABLE_NOT_AVAILABLE")
    wanted = [str(each.get("FIELDNAME", "")).upper() for each in _table(values, "FIELDS")]
    fields = wanted or list(_KNA1)
    if any(name not in _KNA1 for name in fields):
        raise AbapException("FIELD_NOT_VALID")
    clause = " ".join(str(each.get("TEXT", ""))[:_LINE] for each in _table(values, "OPTIONS"))
    try:
        holds = parse(clause, frozenset(_KNA1))
    except NotValid:
        raise AbapException("OPTION_NOT_VALID") from None
    delimiter = str(values.get("DELIMITER", ""))[:1]
    described, offset = [], 0
    for name in fields:
        described.append(
            {
                "FIELDNAME": name,
                "OFFSET": f"{offset:06d}",
                "LENGTH": f"{_KNA1[name]:06d}",
                "TYPE": "C",
                "FIELDTEXT": name,
            }
        )
        offset += _KNA1[name] + len(delimiter)
    if offset - len(delimiter) > _ROW:
        raise AbapException("DATA_BUFFER_EXCEEDED")
    skip, most = _int(values.get("ROWSKIPS")), _int(values.get("ROWCOUNT"))
    rows = [row for row in system.books.all(CUSTOMER) if holds(row)]
    rows = rows[skip : skip + most if most else None]
    data = [
        {
            "WA": delimiter.join(
                str(row.get(name, ""))[: _KNA1[name]].ljust(_KNA1[name]) for name in fields
            ).rstrip()
            if not delimiter
            else delimiter.join(
                str(row.get(name, ""))[: _KNA1[name]].ljust(_KNA1[name]) for name in fields
            )
        }
        for row in rows
    ]
    return {"FIELDS": described, "DATA": data, "OPTIONS": []}


def read_table2(system: System, session: Session, values: Values) -> Values:
    """Read rows of a table, and name the table in which they are given."""
    answer = rfc_read_table(system, session, values)
    rows = answer.pop("DATA")
    return {**answer, "OUT_TABLE": "TBLOUT512", "TBLOUT128": [], "TBLOUT512": rows}


def customer_getlist(system: System, _session: Session, values: Values) -> Values:
    """List customers by ranges of numbers."""
    rows = []
    for row in system.books.all(CUSTOMER):
        for each in _table(values, "IDRANGE"):
            low, high = str(each.get("LOW", "")).zfill(10), str(each.get("HIGH", "")).zfill(10)
            option = str(each.get("OPTION", "EQ"))
            inside = low <= row["KUNNR"] <= high if option == "BT" else row["KUNNR"] == low
            if inside:
                rows.append({"CUSTOMER": row["KUNNR"], "NAME": row["NAME1"], "CITY": row["ORT01"]})
    if not rows:
        return {"ADDRESSDATA": [], "RETURN": _return1("E", "F2", "718", "没有找到客户 No customer")}
    return {"ADDRESSDATA": rows, "SPECIALDATA": [], "RETURN": _return1("", "", "000", "")}


def customer_getdetail2(system: System, _session: Session, values: Values) -> Values:
    """Read one customer."""
    row = system.books.get(CUSTOMER, str(values.get("CUSTOMERNO", "")).zfill(10))
    if row is None:
        return {"RETURN": _return1("E", "F2", "153", "客户不存在 Customer does not exist")}
    return {
        "CUSTOMERADDRESS": {
            "CUSTOMER": row["KUNNR"],
            "NAME": row["NAME1"],
            "STREET": row["STRAS"],
            "CITY": row["ORT01"],
            "POSTL_CODE": row["PSTLZ"],
            "TELEPHONE": row["TELF1"],
        },
        "CUSTOMERGENERALDETAIL": {"TAX_NO_5": row["STCD5"]},
        "RETURN": _return1("", "", "000", ""),
    }


def customer_create(system: System, session: Session, values: Values) -> Values:
    """Create a customer; it is there after the commit of the same session."""
    company, person = values.get("PI_COMPANYDATA"), values.get("PI_PERSONALDATA")
    if bool(company) == bool(person):
        return _refused("F2", "306", "请仅输入个人或公司数据 Either personal or company data")
    data = _cut(company or person or {})
    missing = [name for name in _REQUIRED if not data.get(name)]
    missing += (
        ["NAME" if company else "LASTNAME"]
        if not (data.get("NAME") or data.get("LASTNAME"))
        else []
    )
    if missing:
        return _refused("F2", "304", f"必填字段 Required field {', '.join(missing)}")
    copy = values.get("PI_COPYREFERENCE") or {}
    reference = system.books.get(CUSTOMER, str(copy.get("REF_CUSTMR", "")).zfill(10))
    area = {
        "VKORG": copy.get("SALESORG"),
        "VTWEG": copy.get("DISTR_CHAN"),
        "SPART": copy.get("DIVISION"),
    }
    if reference is None or area != SALES_AREA:
        return _refused("F2", "217", "参考客户不存在 Reference customer or sales area unknown")
    number = f"{system.books.next_number('sap.customer', 200001):010d}"
    name = data.get("NAME") or f"{data.get('LASTNAME', '')}{data.get('FIRSTNAME', '')}"
    row = {
        "KUNNR": number,
        # The address holds 40 characters of each name, the customer's record 35.
        "NAME1": name[:35],
        "NAME2": data.get("NAME_2", "")[:35],
        "NAME3": data.get("NAME_3", "")[:35],
        "NAME4": data.get("NAME_4", "")[:35],
        "MCOD1": name.upper()[:25],
        "LAND1": data.get("COUNTRY", ""),
        "ORT01": data.get("CITY", "")[:35],
        "PSTLZ": data.get("POSTL_COD1", ""),
        "REGIO": data.get("REGION", ""),
        "STRAS": f"{data.get('STREET', '')} {data.get('HOUSE_NO', '')}".strip()[:35],
        "TELF1": data.get("TEL1_NUMBR", "")[:16],
        "SMTP_ADDR": data.get("E_MAIL", ""),
        "STCD1": "",
        "STCD5": "",
        "LOEVM": "",
        "AUFSD": "",
        **SALES_AREA,
    }
    session.drawn[number] = row
    session.pending.append(lambda: system.books.put(CUSTOMER, number, row))
    return {"CUSTOMERNO": number, "RETURN": _return1("S", "F2", "174", f"客户 {number} 已创建")}


def customer_change(system: System, session: Session, values: Values) -> Values:
    """Change the fields of a customer that are flagged in the X structure."""
    number = str(values.get("CUSTOMERNO", "")).zfill(10)
    row = system.books.get(CUSTOMER, number)
    if row is None:
        return {"RETURN": _return1("E", "F2", "153", "客户不存在 Customer does not exist")}
    changes: Values = {}
    columns = {
        "NAME": "NAME1", "NAME_2": "NAME2", "NAME_3": "NAME3", "NAME_4": "NAME4",
        "LASTNAME": "NAME1", "CITY": "ORT01", "POSTL_COD1": "PSTLZ", "STREET": "STRAS",
        "TEL1_NUMBR": "TELF1", "COUNTRY": "LAND1",
    }  # fmt: skip
    for kind in ("PI_COMPANYDATA", "PI_PERSONALDATA"):
        data, flags = _cut(values.get(kind) or {}), values.get(f"{kind}X") or {}
        changes |= {
            column: data.get(name, "")[: _KNA1[column]]
            for name, column in columns.items()
            if str(flags.get(name, "")).upper() == "X"
        }
    session.pending.append(lambda: correct_customer(system.books, number, changes))
    return {"RETURN": _return1("S", "F2", "175", f"客户 {number} 已更改")}


def customer_tax_set(system: System, session: Session, values: Values) -> Values:
    """Set the tax numbers of a customer, in the same logical unit of work."""
    number = str(values.get("CUSTOMERNO", "")).zfill(10)
    data = _cut({name: values.get(name, "") for name in ("STCD5", "STCD1")})
    row = session.drawn.get(number) or system.books.get(CUSTOMER, number)
    if row is None:
        return {"RETURN": [_return2("E", "F2", "153", "客户不存在 Customer does not exist")]}
    session.pending.append(lambda: correct_customer(system.books, number, data))
    return {"RETURN": [_return2("S", "F2", "175", f"客户 {number} 已更改")]}


def commit(system: System, session: Session, _values: Values) -> Values:
    """Make what the session wrote real."""
    with system.books.lock:
        for change in session.pending:
            change()
    session.pending.clear()
    session.drawn.clear()
    return {"RETURN": _return2("", "", "000", "")}


def rollback(_system: System, session: Session, _values: Values) -> Values:
    """Forget what the session wrote."""
    session.pending.clear()
    session.drawn.clear()
    return {"RETURN": _return2("", "", "000", "")}


def material_availability(system: System, _session: Session, values: Values) -> Values:
    """Say how much of a part is available in a plant."""
    plant, material = str(values.get("PLANT", "")), str(values.get("MATERIAL", ""))
    row = system.books.get(STOCK, f"{plant}/{material}")
    if row is None:
        return {
            "AV_QTY_PLT": "0.000",
            "DIALOGFLAG": "N",
            "WMDVEX": [],
            "RETURN": _return0("E", "M3305", f"物料 {material} 不存在 Material does not exist"),
        }
    unit = str(values.get("UNIT", "")) or row["MEINS"]
    if unit != row["MEINS"]:
        return {
            "AV_QTY_PLT": "0.000",
            "DIALOGFLAG": "N",
            "WMDVEX": [],
            "RETURN": _return0("E", "M7064", f"单位 {unit} 没有定义 Unit not defined"),
        }
    asked = _table(values, "WMDVSX")
    left = Decimal(row["LABST"]) - Decimal(row.get("RESERVED", 0))
    confirmed, short = [], False
    for each in asked:
        # Without a date and a quantity nothing is checked, and no flag tells so.
        wanted = Decimal(str(each.get("REQ_QTY") or 0))
        quantity = max(Decimal(0), min(wanted, left))
        left, short = left - quantity, short or quantity < wanted
        confirmed.append(
            {
                "REQ_DATE": each.get("REQ_DATE", ""), "REQ_QTY": f"{wanted:.3f}",
                "COM_DATE": each.get("REQ_DATE", ""), "COM_QTY": f"{quantity:.3f}",
            }
        )  # fmt: skip
        if short and row.get("INCOMING"):
            confirmed.append({**confirmed[-1], "COM_DATE": "2099-12-31",
                              "COM_QTY": f"{Decimal(row['INCOMING']):.3f}"})  # fmt: skip
    unchecked = bool(row.get("UNCHECKED"))
    return {
        "AV_QTY_PLT": f"{Decimal(row['LABST']):.3f}",
        "DIALOGFLAG": "N" if unchecked else "X" if short else "",
        "ENDLEADTME": "0000-00-00",
        "WMDVEX": [] if unchecked else confirmed,
        "RETURN": _return0("", "", ""),
    }


def delivery_getlist(system: System, session: Session, values: Values) -> Values:
    """List deliveries by number; items and status only where the caller asks for them."""
    wanted = values.get("IS_DLV_DATA_CONTROL") or {}
    answer = site_deliveries(system, session, {"IT_VBELN": values.get("IT_VBELN", "")})
    for switch, part in (("ITEM", "ET_DELIVERY_ITEM"), ("HEAD_STATUS", "ET_DELIVERY_HEADER_STS")):
        if str(wanted.get(switch, "")) != "X":
            answer[part] = []
    return answer


def billingdoc_getlist(system: System, _session: Session, values: Values) -> Values:
    """List billing documents by the number of what was billed; there is no other selection."""
    asked = values.get("REFDOCRANGE") or {}
    low = str(asked.get("REF_DOC_LOW", ""))
    if not low:
        error = _return1("E", "VF", "041", "缺少参考凭证 No reference document")
        return {"BILLINGDOCUMENTDETAIL": [], "RETURN": error}
    high = str(asked.get("REF_DOC_HIGH", "")) or low
    rows = [
        {
            "BILLINGDOC": row["VBELN"], "BILL_TYPE": row["FKART"], "NET_VALUE": row["NETWR"],
            "TAX_VALUE": row["MWSBK"], "CANCELLED": row["FKSTO"],
        }
        for row in system.books.all(BILLING)
        if low <= row["BSTNK"] <= high
    ]  # fmt: skip
    return {"BILLINGDOCUMENTDETAIL": rows, "RETURN": _return1("S", "VF", "000", "")}


def site_deliveries(system: System, _session: Session, values: Values) -> Values:
    """List deliveries by number, day of goods issue, order or change; all without a range."""
    rows = [
        row
        for row in system.books.all(DELIVERY)
        if _inside(row["VBELN"], _table(values, "IT_VBELN"), "DELIV_NUMB_")
        and _inside(row["WADAT_IST"], _table(values, "IT_WADAT_IST"))
        and _inside(row.get("AEDAT") or row["WADAT_IST"], _table(values, "IT_AEDAT"))
        and any(_inside(item["VGBEL"], _table(values, "IT_VGBEL")) for item in row["ITEMS"])
    ]
    return {
        "ET_DELIVERY_HEADER": [
            {"VBELN": row["VBELN"], "BOLNR": row["BOLNR"], "WADAT_IST": row["WADAT_IST"]}
            for row in rows
        ],
        "ET_DELIVERY_HEADER_STS": [{"VBELN": row["VBELN"], "WBSTK": "C"} for row in rows],
        "ET_DELIVERY_ITEM": [item for row in rows for item in row["ITEMS"]],
        "RETURN": [],
    }


def site_billing(system: System, _session: Session, values: Values) -> Values:
    """List billing documents by day, customer reference or change; all without a range."""
    rows = [
        row
        for row in system.books.all(BILLING)
        if _inside(row["FKDAT"], _table(values, "IT_FKDAT"))
        and _inside(row["BSTNK"], _table(values, "IT_BSTNK"))
        and _inside(row.get("AEDAT") or row["FKDAT"], _table(values, "IT_AEDAT"))
    ]
    return {"BILLINGDOCUMENTDETAIL": rows, "RETURN": []}


def customer_find(system: System, _session: Session, values: Values) -> Values:
    """Find customers by code, phone or the beginning of a name, as a site's own module would.

    The table BUYERS asks for several at once; rows do not say whom they were found for.
    """
    asked = [
        tuple(str(one.get(key, "")).strip() for key in ("CODE", "PHONE", "NAME"))
        for one in values.get("BUYERS") or [values]
    ]
    found = [
        {
            "KUNNR": row["KUNNR"],
            "NAME": "".join(row.get(f"NAME{part}", "") for part in (1, 2, 3, 4)),
            **{key: row[key] for key in ("STCD5", "TELF1", "STRAS", "ORT01", "PSTLZ", "LOEVM",
                                         "AUFSD")},
        }
        for row in system.books.all(CUSTOMER)
        if any(
            (code and row["STCD5"] == code)
            or (phone and row["TELF1"] == phone)
            or (name and row["MCOD1"].startswith(name.upper()))
            for code, phone, name in asked
        )
    ]  # fmt: skip
    return {
        "CUSTOMERS": found, "RETURN": [], "ET_RETURN": [], "ES_RETURN": _return2("", "", "000", ""),
        "E_SUBRC": "0", "EV_ERROR": "",
    }  # fmt: skip


def site_customer_create(system: System, session: Session, values: Values) -> Values:
    """Create a customer with its code, as a site's own module would: messages in ET_RETURN."""
    data = dict(values.get("IS_CUSTOMER") or {})
    reference = {"REF_CUSTMR": data.pop("REF_CUSTMR", ""), "SALESORG": SALES_AREA["VKORG"],
                 "DISTR_CHAN": SALES_AREA["VTWEG"], "DIVISION": SALES_AREA["SPART"]}  # fmt: skip
    code = {"STCD5": data.pop("STCD5", "")}
    company = {**data, "POSTL_COD1": "000000", "COUNTRY": "CN", "LANGU_P": "1", "CURRENCY": "CNY"}
    made = customer_create(
        system, session, {"PI_COMPANYDATA": company, "PI_COPYREFERENCE": reference}
    )
    number, said = made["CUSTOMERNO"], made["RETURN"]
    if number:
        customer_tax_set(system, session, {"CUSTOMERNO": number, **code})
    message = _return2(said["TYPE"], said["ID"], said["NUMBER"], said["MESSAGE"])
    return {"EV_KUNNR": number, "ET_RETURN": [message], "E_SUBRC": "0" if number else "4"}


def site_customer_create_now(system: System, session: Session, values: Values) -> Values:
    """Create a customer and commit it, as a module does that ends with COMMIT WORK."""
    answer = site_customer_create(system, session, values)
    commit(system, session, {})
    return answer


def get_function_interface(_system: System, _session: Session, values: Values) -> Values:
    """Describe the parameters of a function module."""
    try:
        function = str(values.get("FUNCNAME", "")).upper()
        characters = str(values.get("NONE_UNICODE_LENGTH", "")) == "X"
        return {"PARAMS": function_interface(function, characters=characters)}
    except KeyError:
        raise AbapException("FU_NOT_FOUND") from None


def fieldinfo_get(_system: System, _session: Session, values: Values) -> Values:
    """Describe the fields of a structure, or of the rows of a table type."""
    try:
        name = str(values.get("TABNAME", "")).upper()
        return field_info(name, all_types=str(values.get("ALL_TYPES", "")) == "X")
    except KeyError:
        raise AbapException("NOT_FOUND") from None


# Function module → what it does, and whether it writes. Taking back what was begun is no write.
FUNCTIONS: dict[str, tuple[Function, bool]] = {
    "RFC_PING": (rfc_ping, False),
    "STFC_CONNECTION": (stfc_connection, False),
    "RFC_READ_TABLE": (rfc_read_table, False),
    "Z_RFC_READ_TABLE": (rfc_read_table, False),
    "/BODS/RFC_READ_TABLE2": (read_table2, False),
    "BAPI_CUSTOMER_GETLIST": (customer_getlist, False),
    "BAPI_CUSTOMER_GETDETAIL2": (customer_getdetail2, False),
    "BAPI_CUSTOMER_CREATEFROMDATA1": (customer_create, True),
    "BAPI_CUSTOMER_CHANGEFROMDATA1": (customer_change, True),
    "Z_CUSTOMER_TAX_SET": (customer_tax_set, True),
    "BAPI_TRANSACTION_COMMIT": (commit, True),
    "BAPI_TRANSACTION_ROLLBACK": (rollback, False),
    "BAPI_MATERIAL_AVAILABILITY": (material_availability, False),
    "BAPI_DELIVERY_GETLIST": (delivery_getlist, False),
    "BAPI_BILLINGDOC_GETLIST": (billingdoc_getlist, False),
    "Z_DELIVERY_LIST": (site_deliveries, False),
    "Z_BILLING_LIST": (site_billing, False),
    "Z_CUSTOMER_FIND": (customer_find, False),
    "Z_CUSTOMER_CREATE": (site_customer_create, True),
    "Z_CUSTOMER_CREATE_NOW": (site_customer_create_now, True),
    "RFC_GET_FUNCTION_INTERFACE": (get_function_interface, False),
    "DDIF_FIELDINFO_GET": (fieldinfo_get, False),
}


def refused_by(function: str, code: str, text: str) -> Values:
    """Return how a function module says no on demand, in the shape that its RETURN has.

    A code is CLASS/NUMBER or a word; several with `+` between them are rows where there is room.
    """
    rows = [(*each.partition("/")[::2], text) for each in code.split("+")]
    identity, number, _ = rows[0]
    if function == "BAPI_MATERIAL_AVAILABILITY":
        return {"RETURN": _return0("E", f"{identity}{number}", text)}
    if function in ("Z_CUSTOMER_TAX_SET",):
        return {"RETURN": [_return2("E", each[:20], no or "001", said) for each, no, said in rows]}
    if function.startswith("BAPI_TRANSACTION"):
        return {"RETURN": _return2("E", identity[:20], number or "001", text)}
    return {"RETURN": _return1("E", identity[:20], number or "001", text)}


def _refused(identity: str, number: str, text: str) -> Values:
    return {"CUSTOMERNO": "", "RETURN": _return1("E", identity, number, text)}


def _return0(kind: str, code: str, text: str) -> Values:
    return {"TYPE": kind, "CODE": code[:5], "MESSAGE": text[:220], "LOG_NO": "", "LOG_MSG_NO": ""}


def _return1(kind: str, identity: str, number: str, text: str) -> Values:
    return {"TYPE": kind, "ID": identity, "NUMBER": number, "MESSAGE": text[:220]}


def _return2(kind: str, identity: str, number: str, text: str) -> Values:
    return {**_return1(kind, identity, number, text), "PARAMETER": "", "ROW": "0", "FIELD": ""}


def _cut(data: Any) -> Values:
    """Cut values to their fields' lengths without a word, as SAP does."""
    return {
        name: str(value)[: _LENGTHS[name]]
        for name, value in (data.items() if isinstance(data, dict) else ())
        if name in _LENGTHS
    }


def _table(values: Values, name: str) -> list[Values]:
    rows = values.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _inside(value: str, ranges: list[Values], prefix: str = "") -> bool:
    """Return whether a value lies in any of the ranges; without ranges everything does."""
    plain = value.replace("-", "")
    for each in ranges:
        low = str(each.get(f"{prefix}LOW", "")).replace("-", "")
        high = str(each.get(f"{prefix}HIGH", "")).replace("-", "") or low
        option = each.get("OPTION")
        if (
            low <= plain <= high
            if option == "BT"
            else plain >= low
            if option == "GE"
            else plain == low
        ):
            return True
    return not ranges


def _int(value: Any) -> int:
    try:
        return int(Decimal(str(value or 0)))
    except InvalidOperation:
        return 0
