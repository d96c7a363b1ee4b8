"""What a function module takes: read from SAP's dictionary as SAP really writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connector.mapping.interfaces import of_function, read_interfaces
from connector.sandbox.sap_interfaces import INTERFACES, function_interface
from connector.sap.fitting import findings
from connector.sap.interface import (
    fields_in,
    file_of,
    from_snapshot,
    parameters,
    snapshot_of,
)
from connector.sap.port import FieldType

FIELDS = {"TYPE": FieldType("TYPE", "C", 1), "ITEMS": FieldType("ITEMS", "h", 0)}


def row(
    name: str, exid: str, tabname: str = "", fieldname: str = "", **more: Any
) -> dict[str, Any]:
    return {
        "PARAMCLASS": "I", "PARAMETER": name, "TABNAME": tabname, "FIELDNAME": fieldname,
        "EXID": exid, "INTLENGTH": 10, "DECIMALS": 0, "OPTIONAL": "X", **more,
    }  # fmt: skip


def read(*rows: Mapping[str, Any]) -> Any:
    return parameters(rows, lambda _name, _of_table_type: FIELDS)


@pytest.mark.parametrize(
    "each",
    [
        row("NO", "C", "KNA1", "KUNNR"),  # typed by a field of a structure
        row("NO", "C", "KUNNR"),  # by a data element
        row("NO", "C"),  # by a built-in type
    ],
)
def test_a_scalar_is_a_scalar_whatever_types_it(each: dict[str, Any]) -> None:
    found = read(each)["NO"]
    assert found.type == FieldType("NO", "C", 10)
    assert (found.fields, found.rows) == ({}, False)
    assert findings({"NO": found}, {"NO": "0000100001"}) == []
    assert findings({"NO": found}, {"NO": "00001000011"})


@pytest.mark.parametrize(("exid", "rows"), [("u", False), ("v", False), ("h", True)])
def test_structures_and_table_types_have_fields(exid: str, rows: bool) -> None:
    found = read(row("IT", exid, "ZTYPE", INTLENGTH=0))["IT"]
    assert (found.type, found.fields, found.rows) == (None, FIELDS, rows)
    fitting, unfit = ([{"TYPE": "S"}], {"TYPE": "S"}) if rows else ({"TYPE": "S"}, [])
    assert findings({"IT": found}, {"IT": fitting}) == []
    assert findings({"IT": found}, {"IT": unfit})
    # A table within a structure: its own parts are not known, and not judged.
    nested = {"ITEMS": [{"WHATEVER": "x"}]}
    assert findings({"IT": found}, {"IT": [nested] if rows else nested}) == []


def test_a_packed_number_has_digits_and_not_bytes() -> None:
    found = read(row("QTY", "P", "BAPIWMDVE", "COM_QTY", INTLENGTH=8, DECIMALS=3))["QTY"]
    assert found.type == FieldType("QTY", "P", 15, 3)


def test_the_rows_of_a_table_type_are_those_of_its_line() -> None:
    described = {"FIELDNAME": "TYPE", "INTTYPE": "C", "LENG": "000001", "DECIMALS": "000000"}
    line = {"TYPENAME": "BAPIRET2", "FIELDS": [described]}
    answer = {"DFIES_TAB": [], "LINES_DESCR": [{"TYPENAME": "BAPIRET2_T", "FIELDS": []}, line]}
    assert fields_in(answer, "BAPIRET2_T") == {"TYPE": FieldType("TYPE", "C", 1)}
    assert fields_in({"DFIES_TAB": "", "LINES_DESCR": ""}, "ZSTRINGS") == {}


def test_the_sandbox_counts_bytes_unless_it_is_asked_for_characters() -> None:
    for characters, length in ((False, 20), (True, 10)):
        rows = function_interface("BAPI_CUSTOMER_GETDETAIL2", characters=characters)
        assert (rows[0]["TABNAME"], rows[0]["FIELDNAME"]) == ("BAPICUSTOMER_ID", "CUSTOMER")
        assert rows[0]["INTLENGTH"] == length


def test_an_interface_is_kept_and_read_alike() -> None:
    described = read(row("NO", "C", "KNA1", "KUNNR"), row("IT", "h", "ZT"), row("IS", "u", "ZS"))
    kept = snapshot_of("/ABC/Z_F", described)
    assert from_snapshot(kept) == described
    assert file_of("/ABC/Z_F") == "sap/_-ABC_-Z_F.json"
    interfaces, wrong = read_interfaces({file_of("/ABC/Z_F"): kept})
    request = interfaces.sap["/ABC/Z_F"].request
    assert wrong == {}
    assert [request.fields[name].kind for name in ("NO", "IT", "IS")] == ["text", "list", "object"]


def test_every_function_of_the_sandbox_keeps_its_parameters() -> None:
    for function in INTERFACES:
        rows = function_interface(function, characters=True)
        described = read(*rows)
        scalars = {each.name for each in INTERFACES[function] if each.scalar is not None}
        assert {name for name, each in described.items() if each.type is not None} == scalars
    assert of_function({}).request.fields == {}
