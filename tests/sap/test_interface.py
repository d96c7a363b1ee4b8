"""What a function module takes: read from SAP's dictionary as SAP really writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connector.mapping.interfaces import of_function, read_interfaces
from connector.sandbox.sap_interfaces import INTERFACES, field_info, function_interface
from connector.sap.dictionary import Dictionary, asked_of, fields_in, parameters
from connector.sap.fitting import findings
from connector.sap.interface import file_of, from_snapshot, snapshot_of
from connector.sap.port import FieldType, Parameter
from connector.sap.sdk import parameter_of
from tests.support import pyrfc_double

pytestmark = pytest.mark.unit

FIELDS = {
    "TYPE": FieldType("TYPE", "C", 1),
    "ITEMS": FieldType("ITEMS", "h", 0, fields={"CITY": FieldType("CITY", "C", 4)}),
    "LINES": FieldType("LINES", "h", 0),  # of rows that are no structure
}


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
    # A table within a structure is judged as any other.
    for nested, wrong in (
        ({"ITEMS": [{"CITY": "Köln"}]}, ""),
        ({"ITEMS": [{"CITY": "Köln"}, {"CITY": "Kassel"}]}, "ITEMS[2].CITY: 6 characters"),
        ({"ITEMS": [{"TOWN": "Köln"}]}, "ITEMS[1].TOWN: there is no such field"),
        ({"ITEMS": {"CITY": "Köln"}}, "ITEMS: must be a table"),
        ({"LINES": [{"X": "x"}]}, "LINES[1]: of which fields it is SAP does not tell"),
    ):
        said = findings({"IT": found}, {"IT": [nested] if rows else nested})
        assert [wrong in each for each in said] == ([True] if wrong else [])


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


def of_sandbox(function: str) -> dict[str, Parameter]:
    def answered(asked: str, values: Mapping[str, Any]) -> dict[str, Any]:
        if asked == "DDIF_FIELDINFO_GET":
            return field_info(values["TABNAME"], all_types=bool(values.get("ALL_TYPES")))
        return {"PARAMS": function_interface(values["FUNCNAME"], characters=True)}

    return dict(asked_of(answered)(function))


@pytest.mark.parametrize("function", sorted(INTERFACES))
def test_both_transports_read_the_same_interface_to_its_depth(function: str) -> None:
    described = of_sandbox(function)
    library = [parameter_of(pyrfc_double.described(each)) for each in INTERFACES[function]]
    kinds = {"v": "u"}  # flat or deep is no matter: the library does not tell

    def alike(fields: Mapping[str, FieldType]) -> dict[str, Any]:
        return {
            name: (kinds.get(each.kind, each.kind), each.length, alike(each.fields))
            for name, each in fields.items()
        }

    for each in library:
        assert alike(each.fields) == alike(described[each.name].fields)
        assert each.rows == described[each.name].rows


def test_the_parts_of_parts_are_known_kept_and_checked() -> None:
    described = of_sandbox("Z_BP_SAVE")
    partner = described["IS_PARTNER"].fields
    phone = partner["ADDRESSES"].fields["COMMUNICATION"].fields["PHONES"].fields["TELEPHONE"]
    assert phone == FieldType("TELEPHONE", "C", 30)
    assert from_snapshot(snapshot_of("Z_BP_SAVE", described)) == described
    kept, _ = read_interfaces({"sap/Z_BP_SAVE.json": snapshot_of("Z_BP_SAVE", described)})
    taken = kept.sap["Z_BP_SAVE"].request.fields["IS_PARTNER"]
    found = taken.at("ADDRESSES", "COMMUNICATION", "PHONES", "TELEPHONE")
    assert found is not None
    assert found.max_length == 30
    long = {"ADDRESSES": [{"COMMUNICATION": {"PHONES": [{"TELEPHONE": "1" * 31}]}}]}
    (said,) = findings(described, {"IS_PARTNER": long})
    assert "ADDRESSES[1].COMMUNICATION.PHONES[1].TELEPHONE: 31 characters, 30 allowed" in said


def test_an_interface_is_asked_for_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(function: str) -> dict[str, Parameter]:
        asked.append(function)
        return {}

    known = Dictionary()
    for _ in range(3):
        known.interface("F", ask)
    assert asked == ["F"]
    monkeypatch.setattr("connector.sap.dictionary._KEPT", 0.0)
    known.interface("F", ask)
    assert asked == ["F", "F"]


def test_every_function_of_the_sandbox_keeps_its_parameters() -> None:
    for function in INTERFACES:
        rows = function_interface(function, characters=True)
        described = read(*rows)
        scalars = {each.name for each in INTERFACES[function] if each.scalar is not None}
        assert {name for name, each in described.items() if each.type is not None} == scalars
    assert of_function({}).request.fields == {}
