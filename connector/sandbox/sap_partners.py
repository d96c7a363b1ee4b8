"""Function modules of the sandbox's SAP that take a customer as a business partner.

Z_BP_… are a site's own, over nested data; RFC_CVI_EI_INBOUND_MAIN is SAP's, over many tables whose
rows belong together by their RUN_ID. Each cuts what is too long, without a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.sap_backoffice import CUSTOMER, Values, correct_customer
from connector.sandbox.sap_functions import (
    Session,
    System,
    commit,
    customer_create,
    customer_tax_set,
)
from connector.sandbox.sap_interfaces import STRUCTURES
from connector.sandbox.sap_seed import SALES_AREA

_CODE = "CN5"  # the tax type of the unified code or ID number
_PERSON = "1"
_SALES_ROLE = "FLCU01"
_CUSTOMER_ROLES = frozenset({"FLCU00", _SALES_ROLE})
_NAMES = {"NAME1": "NAME", "NAME2": "NAME_2", "NAME3": "NAME_3", "NAME4": "NAME_4"}
_ADDRESS = ("STREET", "CITY", "POSTL_COD1", "COUNTRY")


def partner_find(system: System, _session: Session, values: Values) -> Values:
    """Find partners by tax number, phone or the beginning of a name."""
    asked = _cut("ZBP_SEARCH", values.get("IS_SEARCH"))
    codes = {each["TAXNUMBER"] for each in asked["TAXNUMBERS"]} - {""}
    phones = {each["TELEPHONE"] for each in asked["PHONES"]} - {""}
    name = asked["NAME"].upper()
    found = [
        _partner(row)
        for row in system.books.all(CUSTOMER)
        if row["STCD5"] in codes
        or row["TELF1"] in phones
        or (name and row["MCOD1"].startswith(name))
    ]
    return {"ET_PARTNERS": found, "ES_RESULT": {"PARTNER": "", "RETURN": []}}


def partner_read(system: System, _session: Session, values: Values) -> Values:
    """Read one partner."""
    row = system.books.get(CUSTOMER, str(values.get("IV_PARTNER", "")).zfill(10))
    if row is None:
        said = _message("E", "R1", "120", "业务伙伴不存在 Business partner does not exist")
        return {"ES_PARTNER": _cut("ZBP", {}), "ES_RESULT": {"PARTNER": "", "RETURN": [said]}}
    return {"ES_PARTNER": _partner(row), "ES_RESULT": {"PARTNER": row["KUNNR"], "RETURN": []}}


def partner_save(system: System, session: Session, values: Values) -> Values:
    """Create a partner with its customer, or change the one whose number is given.

    It is so after the commit of the same session.
    """
    partner = _cut("ZBP", values.get("IS_PARTNER"))
    central = partner["CENTRAL"]
    address = _first(partner["ADDRESSES"], "ZBP_ADDRESS")
    if partner["PARTNER"]:
        return _changed(system, session, partner, address)
    number, said = _create(
        system,
        session,
        central["CATEGORY"],
        {
            **_names(central),
            "LASTNAME": central["NAME1"],
            **{name: address[name] for name in _ADDRESS},
            "TEL1_NUMBR": _first(address["COMMUNICATION"]["PHONES"], "ZBP_PHONE")["TELEPHONE"],
            "LANGU_P": central["LANGU"],
        },
        partner["TAXNUMBERS"],
        central["REF_CUSTMR"],
    )
    return {"ES_RESULT": {"PARTNER": number, "RETURN": [said]}}


def _changed(system: System, session: Session, partner: Values, address: Values) -> Values:
    number = partner["PARTNER"].zfill(10)
    if system.books.get(CUSTOMER, number) is None:
        said = _message("E", "R1", "120", "业务伙伴不存在 Business partner does not exist")
        return {"ES_RESULT": {"PARTNER": "", "RETURN": [said]}}
    phone = _first(address["COMMUNICATION"]["PHONES"], "ZBP_PHONE")["TELEPHONE"]
    fields = {
        **{part: partner["CENTRAL"][part][:35] for part in _NAMES},
        "STRAS": address["STREET"][:35],
        "ORT01": address["CITY"][:35],
        "PSTLZ": address["POSTL_COD1"],
        "TELF1": phone[:16],
        "STCD5": _first(partner["TAXNUMBERS"], "ZBP_TAX")["TAXNUMBER"],
    }
    given = {name: value for name, value in fields.items() if value}
    session.pending.append(lambda: correct_customer(system.books, number, given))
    said = _message("S", "R1", "000", "已更改 Changed")
    return {"ES_RESULT": {"PARTNER": number, "RETURN": [said]}}


def cvi_inbound_main(system: System, session: Session, values: Values) -> Values:
    """Create partners with their customers, each whole or not at all; no answer tells a number."""
    told = []
    for each in _table(values, "IT_BP_GENERAL"):
        partner = _cut("CVIS_BP_GENERAL", each)
        said = _inserted(system, session, partner, values)
        told.append({"RUN_ID": partner["RUN_ID"], "OBJECT_KEY": "", **said})
    if str(values.get("IV_DOCOMMIT", "X")) == "X":
        commit(system, session, {})
    return {"CT_RETURN": told}


def _inserted(system: System, session: Session, partner: Values, values: Values) -> Values:
    run = partner["RUN_ID"].lstrip("0")

    def of(table: str, structure: str) -> list[Values]:
        rows = [_cut(structure, each) for each in _table(values, table)]
        return [each for each in rows if each["RUN_ID"].lstrip("0") == run]

    roles = {each["DATA_KEY"] for each in of("IT_BP_ROLE", "CVIS_BP_ROLE")}
    if partner["OBJECT_TASK"] != "I" or not roles & _CUSTOMER_ROLES:
        return _message("E", "CVI_EI", "008", "只能新建客户 Only customers can be inserted")
    areas = of("IT_CUST_SALES", "CVIS_CUSTOMER_SALES")
    if _SALES_ROLE in roles and SALES_AREA not in [
        {name: each[name] for name in SALES_AREA} for each in areas
    ]:
        return _message("E", "F2", "217", "缺少销售范围 Sales area is missing")
    address = _first(of("IT_BP_ADDRESS", "CVIS_BP_ADDRESS"), "CVIS_BP_ADDRESS")
    phones = of("IT_BP_ADDRESS_TELENO", "CVIS_BP_ADDRESS_TELENO")
    number, said = _create(
        system,
        session,
        partner["CATEGORY"],
        {
            **_names(partner),
            "LASTNAME": partner["LASTNAME"],
            "FIRSTNAME": partner["FIRSTNAME"],
            **{name: address[name] for name in _ADDRESS},
            "TEL1_NUMBR": _first(phones, "CVIS_BP_ADDRESS_TELENO")["TELEPHONE"],
            "LANGU_P": address["LANGU"],
        },
        of("IT_BP_TAX_NUMBER_COMMON", "CVIS_BP_TAX_NUMBER_COMMON"),
    )
    return _message("S", "CVI_EI", "000", "已新建 Created") if number else said


def _cut(structure: str, data: Any) -> Values:
    """Return every field of a structure, each cut to its length without a word."""
    given = data if isinstance(data, Mapping) else {}
    whole: Values = {}
    for field in STRUCTURES[structure]:
        value = given.get(field.name)
        if field.kind == "h":
            rows = value if isinstance(value, list) else []
            whole[field.name] = [_cut(field.parts, each) for each in rows]
        elif field.kind == "u":
            whole[field.name] = _cut(field.parts, value)
        else:
            whole[field.name] = str(value or "")[: field.length]
    return whole


def _table(values: Values, name: str) -> list[Any]:
    rows = values.get(name)
    return rows if isinstance(rows, list) else []


def _names(given: Values) -> Values:
    return {name: given[part] for part, name in _NAMES.items()}


def _first(rows: Sequence[Values], structure: str) -> Values:
    return rows[0] if rows else _cut(structure, {})


def _create(
    system: System,
    session: Session,
    category: str,
    data: Values,
    codes: Sequence[Values],
    reference: str = "",
) -> tuple[str, Values]:
    """Create a customer and its code in the session; return its number, if any, and the message."""
    kind = "PI_PERSONALDATA" if category == _PERSON else "PI_COMPANYDATA"
    other = _NAMES.values() if category == _PERSON else ("LASTNAME", "FIRSTNAME")
    copied = {
        "REF_CUSTMR": reference or "1",
        "SALESORG": SALES_AREA["VKORG"],
        "DISTR_CHAN": SALES_AREA["VTWEG"],
        "DIVISION": SALES_AREA["SPART"],
    }
    given = {name: each for name, each in data.items() if name not in other}
    made = customer_create(
        system, session, {kind: {**given, "CURRENCY": "CNY"}, "PI_COPYREFERENCE": copied}
    )
    number = str(made["CUSTOMERNO"])
    if number:
        code = next((each["TAXNUMBER"] for each in codes if each["TAXTYPE"] == _CODE), "")
        customer_tax_set(system, session, {"CUSTOMERNO": number, "STCD5": code})
    return number, made["RETURN"]


def _partner(row: Values) -> Values:
    return {
        "PARTNER": row["KUNNR"],
        "CENTRAL": {part: row.get(part, "") for part in _NAMES},
        "STATUS": {"DELETED": row["LOEVM"], "BLOCKED": "X" if row["AUFSD"] else ""},
        "ADDRESSES": [
            {
                "STREET": row["STRAS"],
                "CITY": row["ORT01"],
                "POSTL_COD1": row["PSTLZ"],
                "COMMUNICATION": {"PHONES": [{"TELEPHONE": row["TELF1"]}], "E_MAIL": ""},
            }
        ],
        "TAXNUMBERS": [{"TAXTYPE": _CODE, "TAXNUMBER": row["STCD5"]}],
    }


def _message(kind: str, identity: str, number: str, text: str) -> Values:
    return {"TYPE": kind, "ID": identity, "NUMBER": number, "MESSAGE": text}


# Function module → what it does, and whether it writes.
PARTNERS = {
    "Z_BP_FIND": (partner_find, False),
    "Z_BP_READ": (partner_read, False),
    "Z_BP_SAVE": (partner_save, True),
    "RFC_CVI_EI_INBOUND_MAIN": (cvi_inbound_main, True),
}
