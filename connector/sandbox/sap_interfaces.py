"""The interfaces of the sandbox's function modules, as SAP's dictionary describes them.

A field is `NAME:TYPE LENGTH[.DECIMALS]`: C text, N digits, D date, P packed number, I integer. One
that has parts itself is `NAME:u=STRUCTURE` or `NAME:h=TABLE-TYPE`.
A parameter is `CLASS NAME STRUCTURE-or-TYPE`, with `?` when optional;
its class is I (importing, given by the caller), E (exporting) or T (table), as in
RFC_GET_FUNCTION_INTERFACE. A scalar is typed by a field of a structure, `C4=BAPIMATVP-WERKS`, or
by a data element of its own name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Values = dict[str, Any]


class Field(NamedTuple):
    """One field of a structure, or a parameter that is no structure.

    `parts` is the structure of its own parts, or of its rows; `typed` what the dictionary calls it.
    """

    name: str
    kind: str
    length: int
    decimals: int
    parts: str = ""
    typed: str = ""


class Parameter(NamedTuple):
    """One parameter of a function module.

    `structure` is that of a table's rows too; `typed` is what the dictionary calls its type.
    """

    kind: str
    name: str
    structure: str
    scalar: Field | None
    optional: bool
    typed: str = ""

    @property
    def is_table(self) -> bool:
        """Whether it has rows: of class T, or typed by a table type."""
        return self.kind == "T" or self.typed in TABLE_TYPES


_RETURNS = {
    "BAPIRETURN": "TYPE:C1 CODE:C5 MESSAGE:C220 LOG_NO:C20 LOG_MSG_NO:N6",
    "BAPIRETURN1": "TYPE:C1 ID:C20 NUMBER:N3 MESSAGE:C220",
    "BAPIRET2": "TYPE:C1 ID:C20 NUMBER:N3 MESSAGE:C220 PARAMETER:C32 ROW:I4 FIELD:C30",
}
_ADDRESS = (
    "CITY:C40 POSTL_COD1:C10 STREET:C60 HOUSE_NO:C10 COUNTRY:C3 REGION:C3 TEL1_NUMBR:C30"
    " E_MAIL:C241 LANGU_P:C1 CURRENCY:C5"
)
_PERSON = f"FIRSTNAME:C40 LASTNAME:C40 {_ADDRESS}"
_COMPANY = f"NAME:C40 NAME_2:C40 NAME_3:C40 NAME_4:C40 {_ADDRESS}"


# Table type → the structure of its rows.
TABLE_TYPES = {
    "BAPIRET2_T": "BAPIRET2",
    "ZCUSTOMER_ASKED_T": "ZCUSTOMER_ASKED",
    "ZBP_T": "ZBP",
    "ZBP_ADDRESS_T": "ZBP_ADDRESS",
    "ZBP_TAX_T": "ZBP_TAX",
    "ZBP_PHONE_T": "ZBP_PHONE",
}


def _fields(text: str) -> tuple[Field, ...]:
    fields = []
    for word in text.split():
        name, _, form = word.partition(":")
        if form[1] == "=":
            typed = form[2:]
            fields.append(Field(name, form[0], 0, 0, TABLE_TYPES.get(typed, typed), typed))
            continue
        length, _, decimals = form[1:].partition(".")
        fields.append(Field(name, form[0], int(length), int(decimals or 0)))
    return tuple(fields)


def _flags(text: str) -> str:
    return " ".join(f"{field.name}:C1" for field in _fields(text))


STRUCTURES: dict[str, tuple[Field, ...]] = {
    name: _fields(text)
    for name, text in {
        **_RETURNS,
        "RFC_DB_OPT": "TEXT:C72",
        "RFC_DB_FLD": "FIELDNAME:C30 OFFSET:N6 LENGTH:N6 TYPE:C1 FIELDTEXT:C60",
        "TAB512": "WA:C512",
        "BAPICUSTOMER_IDRANGE": "SIGN:C1 OPTION:C2 LOW:C10 HIGH:C10",
        "BAPICUSTOMER_ADDRESSDATA": "CUSTOMER:C10 NAME:C40 CITY:C40",
        "BAPICUSTOMER_SPECIALDATA": "CUSTOMER:C10",
        "BAPICUSTOMER_04": "CUSTOMER:C10 NAME:C40 STREET:C60 CITY:C40 POSTL_CODE:C10 TELEPHONE:C30",
        "BAPICUSTOMER_KNA1": "TAX_NO_5:C60",
        "BAPIKNA101_1": _PERSON,
        "BAPIKNA101_1X": _flags(_PERSON),
        "BAPIKNA106": _COMPANY,
        "BAPIKNA106X": _flags(_COMPANY),
        "BAPIKNA102": "SALESORG:C4 DISTR_CHAN:C2 DIVISION:C2 REF_CUSTMR:C10",
        "BAPIWMDVS": "REQ_DATE:D8 REQ_QTY:P13.3",
        "BAPIWMDVE": "COM_DATE:D8 COM_QTY:P13.3 REQ_DATE:D8 REQ_QTY:P13.3",
        "BAPIDLV_RANGE_VBELN": "SIGN:C1 OPTION:C2 DELIV_NUMB_LOW:C10 DELIV_NUMB_HIGH:C10",
        "BAPIDLV_RANGE_WADAT_IST": "SIGN:C1 OPTION:C2 LOW:D8 HIGH:D8",
        "BAPI_RANGE_REFERENCE": "SIGN:C1 OPTION:C2 LOW:C20 HIGH:C20",
        "BAPI_RANGE_AEDAT": "SIGN:C1 OPTION:C2 LOW:D8 HIGH:D8",
        "BAPIDELIVERYHDR": "VBELN:C10 BOLNR:C35 WADAT_IST:D8",
        "BAPIDELIVERYHDRSTS": "VBELN:C10 WBSTK:C1",
        "BAPIDELIVERYITEM": "VBELN:C10 POSNR:N6 MATNR:C18 LFIMG:P13.3 VGBEL:C20",
        "BAPI_BILLING_RANGE_FKDAT": "SIGN:C1 OPTION:C2 LOW:D8 HIGH:D8",
        "BAPIDLVBUFFERCONTROL": (
            "BYPASSING_BUFFER:C1 HEAD_STATUS:C1 HEAD_PARTNER:C1 ITEM:C1 ITEM_STATUS:C1 DOC_FLOW:C1"
            " FT_DATA:C1 HU_DATA:C1 SERNO:C1"
        ),
        "BAPI_REF_DOC_RANGE": "SIGN:C1 OPTION:C2 REF_DOC_LOW:C10 REF_DOC_HIGH:C10",
        "BAPIVBRKOUT": ("BILLINGDOC:C10 BILL_TYPE:C4 NET_VALUE:P15.2 TAX_VALUE:P13.2 CANCELLED:C1"),
        "ZBILLING": (
            "VBELN:C10 FKART:C4 FKDAT:D8 NETWR:P15.2 MWSBK:P13.2 WAERK:C5 FKSTO:C1 XBLNR:C20"
            " SFAKN:C10 BSTNK:C20"
        ),
        "RFC_FUNINT": (
            "PARAMCLASS:C1 PARAMETER:C30 TABNAME:C30 FIELDNAME:C30 EXID:C1 POSITION:I4 OFFSET:I4"
            " INTLENGTH:I4 DECIMALS:I4 DEFAULT:C21 PARAMTEXT:C79 OPTIONAL:C1"
        ),
        "DFIES": (
            "TABNAME:C30 FIELDNAME:C30 LFIELDNAME:C132 ROLLNAME:C30 POSITION:N4 LENG:N6 DECIMALS:N6"
            " DATATYPE:C4 INTTYPE:C1"
        ),
    }.items()
}

_INTERFACES = {
    "RFC_PING": "",
    "STFC_CONNECTION": "I REQUTEXT C255?; E ECHOTEXT C255; E RESPTEXT C255",
    "RFC_READ_TABLE": (
        "I QUERY_TABLE C30=DD02L-TABNAME; I DELIMITER C1=SONV-FLAG?; I NO_DATA C1=SONV-FLAG?;"
        " I ROWSKIPS I4?; I ROWCOUNT I4?; T OPTIONS RFC_DB_OPT; T FIELDS RFC_DB_FLD; T DATA TAB512"
    ),
    "Z_RFC_READ_TABLE": (
        "I QUERY_TABLE C30=DD02L-TABNAME; I DELIMITER C1=SONV-FLAG?; I NO_DATA C1=SONV-FLAG?;"
        " I ROWSKIPS I4?; I ROWCOUNT I4?; T OPTIONS RFC_DB_OPT; T FIELDS RFC_DB_FLD; T DATA TAB512"
    ),
    "/BODS/RFC_READ_TABLE2": (
        "I QUERY_TABLE C30=DD02L-TABNAME; I DELIMITER C1=SONV-FLAG?; I NO_DATA C1=SONV-FLAG?;"
        " I ROWSKIPS I4?; I ROWCOUNT I4?; E OUT_TABLE C30=DD02L-TABNAME;"
        " T OPTIONS RFC_DB_OPT; T FIELDS RFC_DB_FLD; T TBLOUT128 TAB512; T TBLOUT512 TAB512"
    ),
    "BAPI_CUSTOMER_GETLIST": (
        "I MAXROWS I4?; I CPDONLY C1?; E RETURN BAPIRETURN1; T IDRANGE BAPICUSTOMER_IDRANGE;"
        " T ADDRESSDATA BAPICUSTOMER_ADDRESSDATA?; T SPECIALDATA BAPICUSTOMER_SPECIALDATA?"
    ),
    "BAPI_CUSTOMER_GETDETAIL2": (
        "I CUSTOMERNO C10=BAPICUSTOMER_ID-CUSTOMER; I COMPANYCODE C4?;"
        " E CUSTOMERADDRESS BAPICUSTOMER_04; E CUSTOMERGENERALDETAIL BAPICUSTOMER_KNA1;"
        " E RETURN BAPIRETURN1"
    ),
    "BAPI_CUSTOMER_CREATEFROMDATA1": (
        "I PI_PERSONALDATA BAPIKNA101_1?; I PI_COMPANYDATA BAPIKNA106?;"
        " I PI_COPYREFERENCE BAPIKNA102; E CUSTOMERNO C10=BAPIKNA103-CUSTOMER; E RETURN BAPIRETURN1"
    ),
    "BAPI_CUSTOMER_CHANGEFROMDATA1": (
        "I CUSTOMERNO C10=BAPIKNA103-CUSTOMER;"
        " I PI_PERSONALDATA BAPIKNA101_1?; I PI_PERSONALDATAX BAPIKNA101_1X?;"
        " I PI_COMPANYDATA BAPIKNA106?; I PI_COMPANYDATAX BAPIKNA106X?; I PI_SALESORG C4;"
        " I PI_DISTR_CHAN C2; I PI_DIVISION C2; E RETURN BAPIRETURN1"
    ),
    "Z_CUSTOMER_FIND": (
        "I CODE C60?; I PHONE C30?; I NAME C80?; T BUYERS ZCUSTOMER_ASKED?;"
        " E ET_RETURN BAPIRET2_T; E ES_RETURN BAPIRET2; E E_SUBRC I4; E EV_ERROR C1;"
        " T CUSTOMERS ZCUSTOMER_FOUND; T RETURN BAPIRET2"
    ),
    "Z_CUSTOMER_CREATE": (
        "I IS_CUSTOMER ZCUSTOMER_NEW; E EV_KUNNR C10=KNA1-KUNNR; E ET_RETURN BAPIRET2_T;"
        " E E_SUBRC I4"
    ),
    "Z_CUSTOMER_CREATE_NOW": (
        "I IS_CUSTOMER ZCUSTOMER_NEW; E EV_KUNNR C10=KNA1-KUNNR; E ET_RETURN BAPIRET2_T;"
        " E E_SUBRC I4"
    ),
    "Z_CUSTOMER_TAX_SET": (
        "I CUSTOMERNO C10=KNA1-KUNNR; I STCD5 C60=KNA1-STCD5?; I STCD1 C16?; T RETURN BAPIRET2"
    ),
    "BAPI_TRANSACTION_COMMIT": "I WAIT C1?; E RETURN BAPIRET2",
    "BAPI_TRANSACTION_ROLLBACK": "E RETURN BAPIRET2",
    "BAPI_MATERIAL_AVAILABILITY": (
        "I PLANT C4=BAPIMATVP-WERKS; I MATERIAL C18=BAPIMATVP-MATNR; I UNIT C3;"
        " I CHECK_RULE C2?; I STGE_LOC C4?;"
        " E AV_QTY_PLT P15.3; E DIALOGFLAG C1; E ENDLEADTME D8; E RETURN BAPIRETURN;"
        " T WMDVSX BAPIWMDVS?; T WMDVEX BAPIWMDVE?"
    ),
    "BAPI_DELIVERY_GETLIST": (
        "I IS_DLV_DATA_CONTROL BAPIDLVBUFFERCONTROL?; T IT_VBELN BAPIDLV_RANGE_VBELN?;"
        " T ET_DELIVERY_HEADER BAPIDELIVERYHDR?; T ET_DELIVERY_HEADER_STS BAPIDELIVERYHDRSTS?;"
        " T ET_DELIVERY_ITEM BAPIDELIVERYITEM?; T RETURN BAPIRET2?"
    ),
    "BAPI_BILLINGDOC_GETLIST": (
        "I REFDOCRANGE BAPI_REF_DOC_RANGE?; E RETURN BAPIRETURN1;"
        " T BILLINGDOCUMENTDETAIL BAPIVBRKOUT?"
    ),
    "Z_DELIVERY_LIST": (
        "T IT_VBELN BAPIDLV_RANGE_VBELN?; T IT_WADAT_IST BAPIDLV_RANGE_WADAT_IST?;"
        " T IT_VGBEL BAPI_RANGE_REFERENCE?; T IT_AEDAT BAPI_RANGE_AEDAT?;"
        " T ET_DELIVERY_HEADER BAPIDELIVERYHDR?; T ET_DELIVERY_HEADER_STS BAPIDELIVERYHDRSTS?;"
        " T ET_DELIVERY_ITEM BAPIDELIVERYITEM?; T RETURN BAPIRET2?"
    ),
    "Z_BILLING_LIST": (
        "T IT_FKDAT BAPI_BILLING_RANGE_FKDAT?; T IT_BSTNK BAPI_RANGE_REFERENCE?;"
        " T IT_AEDAT BAPI_RANGE_AEDAT?; T BILLINGDOCUMENTDETAIL ZBILLING?;"
        " T RETURN BAPIRET2?"
    ),
    # Business partners as nested data: structures and tables within structures.
    "Z_BP_FIND": "I IS_SEARCH ZBP_SEARCH; E ET_PARTNERS ZBP_T; E ES_RESULT ZBP_RESULT",
    "Z_BP_READ": "I IV_PARTNER C10=BUT000-PARTNER; E ES_PARTNER ZBP; E ES_RESULT ZBP_RESULT",
    "Z_BP_SAVE": "I IS_PARTNER ZBP; E ES_RESULT ZBP_RESULT",
    # SAP's own: rows of one partner have the same RUN_ID; it commits unless it is told not to.
    "RFC_CVI_EI_INBOUND_MAIN": (
        "I IV_DOCOMMIT C1?; I IV_CREATE_APPLOG C1?; I IV_SUPPRESS_TAXJUR_CHECK C1?;"
        " T IT_BP_GENERAL CVIS_BP_GENERAL?; T IT_BP_ROLE CVIS_BP_ROLE?;"
        " T IT_BP_TAX_NUMBER_COMMON CVIS_BP_TAX_NUMBER_COMMON?; T IT_BP_ADDRESS CVIS_BP_ADDRESS?;"
        " T IT_BP_ADDRESS_TELENO CVIS_BP_ADDRESS_TELENO?; T IT_CUST_SALES CVIS_CUSTOMER_SALES?;"
        " T CT_RETURN CVIS_BP_RETURN?"
    ),
    "RFC_GET_FUNCTION_INTERFACE": "I FUNCNAME C30; I NONE_UNICODE_LENGTH C1?; T PARAMS RFC_FUNINT",
    "DDIF_FIELDINFO_GET": "I TABNAME C30; I ALL_TYPES C1?; E DDOBJTYPE C8; T DFIES_TAB DFIES",
}  # fmt: skip

STRUCTURES["ZCUSTOMER_ASKED"] = _fields("CODE:C60 PHONE:C30 NAME:C80")
STRUCTURES["ZCUSTOMER_NEW"] = _fields("NAME:C40 STCD5:C60 STREET:C60 CITY:C40 REF_CUSTMR:C10")
STRUCTURES["ZCUSTOMER_FOUND"] = _fields(
    "KUNNR:C10 NAME:C80 STCD5:C60 TELF1:C16 STRAS:C35 ORT01:C35 PSTLZ:C10 LOEVM:C1 AUFSD:C2"
)
for _name, _text in {
    "ZBP_SEARCH": "TAXNUMBERS:h=ZBP_TAX_T PHONES:h=ZBP_PHONE_T NAME:C40",
    "ZBP_CENTRAL": "CATEGORY:C1 NAME1:C40 NAME2:C40 NAME3:C40 NAME4:C40 LANGU:C1 REF_CUSTMR:C10",
    "ZBP_PHONE": "TELEPHONE:C30",
    "ZBP_ADDRESS": (
        "STREET:C60 CITY:C40 POSTL_COD1:C10 COUNTRY:C3 COMMUNICATION:u=ZBP_COMMUNICATION"
    ),
    "ZBP_COMMUNICATION": "PHONES:h=ZBP_PHONE_T E_MAIL:C241",
    "ZBP_TAX": "TAXTYPE:C4 TAXNUMBER:C20",
    "ZBP_STATUS": "DELETED:C1 BLOCKED:C1",
    "ZBP": (
        "PARTNER:C10 CENTRAL:u=ZBP_CENTRAL STATUS:u=ZBP_STATUS ADDRESSES:h=ZBP_ADDRESS_T"
        " TAXNUMBERS:h=ZBP_TAX_T"
    ),
    "ZBP_RESULT": "PARTNER:C10 RETURN:h=BAPIRET2_T",
    "CVIS_BP_GENERAL": (
        "RUN_ID:N10 OBJECT_TASK:C1 BPARTNER:C10 CATEGORY:C1 GROUPING:C4 SEARCHTERM1:C20"
        " NAME1:C40 NAME2:C40 NAME3:C40 NAME4:C40 FIRSTNAME:C40 LASTNAME:C40"
    ),
    "CVIS_BP_ROLE": "RUN_ID:N10 DATA_KEY:C6 ROLECATEGORY:C6",
    "CVIS_BP_TAX_NUMBER_COMMON": "RUN_ID:N10 TAXTYPE:C4 TAXNUMBER:C20",
    "CVIS_BP_ADDRESS": (
        "RUN_ID:N10 STANDARDADDRESS:C1 STREET:C60 CITY:C40 POSTL_COD1:C10 COUNTRY:C3 LANGU:C1"
    ),
    "CVIS_BP_ADDRESS_TELENO": "RUN_ID:N10 STD_NO:C1 TELEPHONE:C30",
    "CVIS_CUSTOMER_SALES": "RUN_ID:N10 VKORG:C4 VTWEG:C2 SPART:C2",
    "CVIS_BP_RETURN": "RUN_ID:N10 OBJECT_KEY:C50 TYPE:C1 ID:C20 NUMBER:N3 MESSAGE:C220",
}.items():
    STRUCTURES[_name] = _fields(_text)


def is_deep(structure: str) -> bool:
    """Whether a structure holds a table, at whatever depth."""
    return any(
        each.kind == "h" or (each.kind == "u" and is_deep(each.parts))
        for each in STRUCTURES[structure]
    )


def _parameter(text: str) -> Parameter:
    kind, name, form = text.split()
    optional, form = form.endswith("?"), form.rstrip("?")
    if form in STRUCTURES or form in TABLE_TYPES:
        return Parameter(kind, name, TABLE_TYPES.get(form, form), None, optional, form)
    form, _, typed = form.partition("=")
    return Parameter(kind, name, "", _fields(f"{name}:{form}")[0], optional, typed or name)


INTERFACES: dict[str, tuple[Parameter, ...]] = {
    function: tuple(_parameter(part) for part in text.split(";") if part.strip())
    for function, text in _INTERFACES.items()
}


def function_interface(function: str, *, characters: bool) -> list[Values]:
    """Return the rows of PARAMS that RFC_GET_FUNCTION_INTERFACE gives. Raises KeyError.

    Lengths are bytes of a Unicode system, or `characters` where the caller asks for them.
    """
    rows = []
    for position, each in enumerate(INTERFACES[function], start=1):
        scalar = each.scalar
        table, _, field = each.typed.partition("-")
        rows.append(
            {
                "PARAMCLASS": each.kind,
                "PARAMETER": each.name,
                "TABNAME": table,
                "FIELDNAME": field,
                "EXID": scalar.kind
                if scalar
                else "h"
                if each.typed in TABLE_TYPES
                else _structure_kind(each.structure),
                "POSITION": position,
                "OFFSET": 0,
                "INTLENGTH": 0 if scalar is None else _bytes(scalar, 1 if characters else 2),
                "DECIMALS": 0 if scalar is None else scalar.decimals,
                "DEFAULT": "",
                "PARAMTEXT": "",
                "OPTIONAL": "X" if each.optional else "",
            }
        )
    return rows


_DATATYPES = {
    "C": "CHAR", "N": "NUMC", "D": "DATS", "P": "DEC", "I": "INT4", "u": "STRU", "h": "TTYP",
}  # fmt: skip


def _structure_kind(structure: str) -> str:
    return "v" if is_deep(structure) else "u"


def _bytes(field: Field, of_a_character: int) -> int:
    if field.kind == "P":
        return field.length // 2 + 1  # two digits a byte, and the sign
    return field.length * (1 if field.kind == "I" else of_a_character)


def field_info(name: str, *, all_types: bool) -> Values:
    """Return what DDIF_FIELDINFO_GET gives of a type. Raises KeyError.

    A data element or table type is no type to it unless the caller asks for `all_types`.
    """
    if name in STRUCTURES:
        return {"DDOBJTYPE": "INTTAB", "LINES_DESCR": [], "DFIES_TAB": _described(name)}
    if all_types and name in TABLE_TYPES:
        row = TABLE_TYPES[name]
        described = [{"TYPENAME": row, "TYPEKIND": "STRU", "FIELDS": _described(row)}]
        return {"DDOBJTYPE": "TTYP", "LINES_DESCR": described, "DFIES_TAB": []}
    raise KeyError(name)


def _described(structure: str, prefix: str = "") -> list[Values]:
    """Return the fields of a structure; those of one within it stand behind it, by long names."""
    rows: list[Values] = []
    for each in STRUCTURES[structure]:
        rows.append(
            {
                "TABNAME": structure,
                "FIELDNAME": each.name,
                "LFIELDNAME": prefix + each.name,
                "ROLLNAME": each.typed,
                "LENG": f"{each.length:06d}",
                "DECIMALS": f"{each.decimals:06d}",
                "DATATYPE": _DATATYPES[each.kind],
                "INTTYPE": _structure_kind(each.parts) if each.kind == "u" else each.kind,
            }
        )
        if each.kind == "u":
            rows += _described(each.parts, f"{prefix}{each.name}-")
    return [{**row, "POSITION": f"{place:04d}"} for place, row in enumerate(rows, start=1)]
