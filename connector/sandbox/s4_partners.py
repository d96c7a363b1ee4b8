"""Business partners of the sandbox's S/4HANA, over the same records as its customers (CVI).

A partner with the role FLCU01 is a customer, and has a record like every other one; one without is
kept apart. Numbers of partners and customers are drawn from ranges of their own.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.s4_metadata import ENTITIES, Field
from connector.sandbox.sap_backoffice import CUSTOMER
from connector.sandbox.sap_seed import SALES_AREA

PARTNER = "sap.partner"
_ROLES = frozenset({"FLCU01"})
GROUPINGS = frozenset({"BP01", "BP02"})
TAX_TYPES = frozenset({"CN0", "CN1", "CN5"})
# The category that becomes KNA1-STCD5. It was CN1 once, then CN0: both are still found in use.
_TAX = "CN5"
_ORGANISATION, _PERSON = "2", "1"
_MOBILE = "3"  # mobile numbers stand in a list of their own
# Property → field of the record.
_OF_ORGANISATION = {f"OrganizationBPName{n}": f"NAME{n}" for n in (1, 2, 3, 4)}
_OF_PERSON = {"LastName": "NAME1", "FirstName": "NAME2"}
_OF_ADDRESS = {"StreetName": "STRAS", "CityName": "ORT01", "PostalCode": "PSTLZ",
               "Country": "LAND1", "Region": "REGIO"}  # fmt: skip
_EMPTY = {
    "NAME1": "", "NAME2": "", "NAME3": "", "NAME4": "", "LAND1": "", "STCD1": "", "STCD5": "",
    "TELF1": "", "STRAS": "", "ORT01": "", "PSTLZ": "", "LOEVM": "", "AUFSD": "", "REGIO": "",
    "SMTP_ADDR": "", "MCOD1": "",
}  # fmt: skip


class Refused(Exception):
    """What SAP says no to, as a message: class and number, text, and the property it is about."""

    def __init__(self, code: str, text: str, about: str = "") -> None:
        super().__init__(code, text)
        self.code, self.text, self.about = code, text, about


class Missing(Exception):
    """No entity has this key."""


class Partners:
    """Reads and writes partners. Its callers hold the lock of the books."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    def all(self, name: str) -> Iterator[Document]:
        """Give the entities of a set, each with what hangs on it under `to_…`."""
        for row in (*self._books.all(CUSTOMER), *self._books.all(PARTNER)):
            yield from _entities(row, name)

    def create(self, body: Document, fault: str, later: list[Callable[[], None]]) -> Document:
        """Create a partner with all that comes with it. Raises Refused.

        `later` is where an update goes that is terminated instead of done.
        """
        _check_partner(body)
        organisation = body["BusinessPartnerCategory"] == _ORGANISATION
        number = str(self._books.next_number("sap.partner", 1_000_001))
        roles = [each["BusinessPartnerRole"] for each in body.get("to_BusinessPartnerRole", [])]
        is_customer = bool(_ROLES & set(roles)) and fault != "no-customer"
        row: Document = {
            **_EMPTY,
            **SALES_AREA,
            "PARTNER": number,
            "CATEGORY": body["BusinessPartnerCategory"],
            "GROUPING": body["BusinessPartnerGrouping"],
            "BPEXT": body.get("BusinessPartnerIDByExtSystem", ""),
            "SORT1": body.get("SearchTerm1", ""),
            "ADRNR": str(self._books.next_number("sap.address", 30_001)),
            "ROLES": roles,
            "KUNNR": f"{self._books.next_number('sap.customer', 200_001):010d}"
            if is_customer
            else "",
        }
        _name(row, body, _OF_ORGANISATION if organisation else _OF_PERSON)
        for address in body.get("to_BusinessPartnerAddress", []):
            _name(row, address, _OF_ADDRESS)
            for phone in address.get("to_PhoneNumber", []):
                row["TELF1"] = phone.get("PhoneNumber", "")
        for tax in body.get("to_BusinessPartnerTax", []):
            _set_tax(row, tax)
        if fault == "update-terminated":
            later.append(lambda: self._put(row))
        else:
            self._put(row)
        made = next(iter(_entities(row, "A_BusinessPartner")))
        # The customer is made behind the partner: who wants its number reads it.
        return {**made, "Customer": ""}

    def add(self, name: str, body: Document) -> Document:
        """Add a tax number, a phone number or a role. Raises Refused, Missing."""
        key = "AddressID" if name == "A_AddressPhoneNumber" else "BusinessPartner"
        row = self._row(key, str(body.get(key, "")))
        if name == "A_BusinessPartnerTaxNumber":
            if body.get("BPTaxType") in _taxes(row):
                raise Refused("R1/253", "Tax number category already exists", "BPTaxType")
            _set_tax(row, body)
        elif name == "A_AddressPhoneNumber":
            row["TELF1"] = str(body.get("PhoneNumber", ""))
        elif name == "A_BusinessPartnerRole":
            row["ROLES"] = [*row.get("ROLES", []), str(body.get("BusinessPartnerRole", ""))]
            if _ROLES & set(row["ROLES"]) and not row["KUNNR"]:
                self._books.delete(PARTNER, row["PARTNER"])
                row["KUNNR"] = f"{self._books.next_number('sap.customer', 200_001):010d}"
        else:
            raise Refused("R11/000", f"{name} cannot be created")
        self._put(row)
        return next(each for each in _entities(row, name))

    def change(self, name: str, key: dict[str, str], body: Document) -> None:
        """Change an entity. Raises Missing. What nobody may write is left as it is."""
        found = next(
            (each for each in self.all(name) if all(each.get(k) == v for k, v in key.items())), None
        )
        if found is None:
            raise Missing
        row = self._row(*next(iter(key.items())))
        if name == "A_BusinessPartner":
            _name(row, body, _OF_ORGANISATION if _is_organisation(row) else _OF_PERSON)
            row["BPEXT"] = body.get("BusinessPartnerIDByExtSystem", row.get("BPEXT", ""))
        elif name == "A_BusinessPartnerAddress":
            _name(row, body, _OF_ADDRESS)
        elif name == "A_BusinessPartnerTaxNumber":
            _set_tax(row, {"BPTaxType": key["BPTaxType"], **body})
        elif name == "A_AddressPhoneNumber":
            row["TELF1"] = str(body.get("PhoneNumber", row["TELF1"]))
        self._put(row)

    def _row(self, key: str, value: str) -> Document:
        name = {"AddressID": "A_BusinessPartnerAddress"}.get(key, "A_BusinessPartner")
        for row in (*self._books.all(CUSTOMER), *self._books.all(PARTNER)):
            if any(each[key] == value for each in _entities(row, name)):
                return {**row}
        raise Missing

    def _put(self, row: Document) -> None:
        row["MCOD1"] = str(row["NAME1"]).upper()[:25]
        if row["KUNNR"]:
            self._books.put(CUSTOMER, row["KUNNR"], row)
        else:
            self._books.put(PARTNER, row["PARTNER"], row)


def etag(row: Document) -> str:
    """Return the state of a record: it changes with everything that does."""
    digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
    return f"W/\"'{digest[:20]}'\""


def _entities(row: Document, name: str) -> Iterator[Document]:
    number = row.get("PARTNER") or row["KUNNR"].lstrip("0")
    customer = row["KUNNR"].lstrip("0")
    state = etag(row)
    address = row.get("ADRNR") or f"2{number}"
    if name == "A_BusinessPartner":
        yield _partner(row, number, customer) | {"__etag": state}
    elif name == "A_BusinessPartnerAddress":
        phones = list(_entities(row, "A_AddressPhoneNumber"))
        yield {
            "BusinessPartner": number,
            "AddressID": address,
            **{each: row[field] for each, field in _OF_ADDRESS.items()},
            "HouseNumber": "",
            "Language": "ZH",
            "ValidityStartDate": "/Date(1764547200000+0000)/",
            "to_PhoneNumber": [each for each in phones if each["PhoneNumberType"] != _MOBILE],
            "to_MobilePhoneNumber": [e for e in phones if e["PhoneNumberType"] == _MOBILE],
            "__etag": state,
        }
    elif name == "A_AddressPhoneNumber":
        for place, (kind, phone) in enumerate(
            (("1", row["TELF1"]), (_MOBILE, row.get("MOBILE"))), start=1
        ):
            if phone:
                yield {
                    "AddressID": address,
                    "Person": "",
                    "OrdinalNumber": str(place),
                    "DestinationLocationCountry": row["LAND1"],
                    "IsDefaultPhoneNumber": True,
                    "PhoneNumber": phone,
                    "PhoneNumberExtension": "",
                    "PhoneNumberType": kind,
                    "__etag": state,
                }
    elif name == "A_BusinessPartnerTaxNumber":
        for kind, tax in _taxes(row).items():
            short = len(tax) <= 20
            yield {
                "BusinessPartner": number,
                "BPTaxType": kind,
                "BPTaxNumber": tax if short else "",
                "BPTaxLongNumber": "" if short else tax,
                "__etag": state,
            }
    elif name == "A_BusinessPartnerRole":
        for role in row.get("ROLES", ["FLCU00", "FLCU01"]):
            yield {"BusinessPartner": number, "BusinessPartnerRole": role, "ValidFrom": None}
    elif name == "A_Customer" and customer:
        yield {
            "Customer": customer,
            "CustomerAccountGroup": "KUNA",
            "CustomerName": row["NAME1"],
            "DeletionIndicator": bool(row["LOEVM"]),
            "OrderIsBlockedForCustomer": row["AUFSD"],
            "TaxNumber5": row["STCD5"],
            "to_CustomerSalesArea": list(_entities(row, "A_CustomerSalesArea")),
            "__etag": state,
        }
    elif name == "A_CustomerSalesArea" and customer:
        yield {
            "Customer": customer,
            "SalesOrganization": row.get("VKORG", ""),
            "DistributionChannel": row.get("VTWEG", ""),
            "Division": row.get("SPART", ""),
            "Currency": "CNY",
            "CustomerPaymentTerms": "",
            "__etag": state,
        }


def _partner(row: Document, number: str, customer: str) -> Document:
    organisation = _is_organisation(row)
    names = dict.fromkeys((*_OF_ORGANISATION, *_OF_PERSON), "")
    of = _OF_ORGANISATION if organisation else _OF_PERSON
    names |= {each: row.get(field, "") for each, field in of.items()}
    shown = " ".join(filter(None, (row["NAME1"], row["NAME2"])))
    return {
        "BusinessPartner": number,
        "Customer": customer,
        "Supplier": "",
        "BusinessPartnerCategory": _ORGANISATION if organisation else _PERSON,
        "BusinessPartnerFullName": shown[:81],
        "BusinessPartnerGrouping": row.get("GROUPING", "BP02"),
        "BusinessPartnerName": shown[:81],
        "BusinessPartnerUUID": str(uuid.uuid5(uuid.NAMESPACE_OID, number)),
        "CorrespondenceLanguage": "" if organisation else "ZH",
        "CreationDate": "/Date(1764547200000)/",
        **names,
        "FormOfAddress": "",
        "Language": "ZH",
        "SearchTerm1": row.get("SORT1", ""),
        "SearchTerm2": "",
        "BusinessPartnerIsBlocked": False,
        "IsMarkedForArchiving": bool(row["LOEVM"]),
        "BusinessPartnerIDByExtSystem": row.get("BPEXT", ""),
        **{
            each: list(_entities(row, target))
            for each, (target, many) in ENTITIES["A_BusinessPartner"].navigations.items()
            if many
        },
        "to_Customer": next(iter(_entities(row, "A_Customer")), None),
    }


def _is_organisation(row: Document) -> bool:
    known = row.get("CATEGORY")
    # Records of old have none: names of up to four characters are those of persons.
    return known == _ORGANISATION if known else len(row["NAME1"]) > 4


def _name(row: Document, body: Document, of: dict[str, str]) -> None:
    row |= {field: str(body[name] or "") for name, field in of.items() if name in body}


def _set_tax(row: Document, tax: Document) -> None:
    if tax.get("BPTaxType") not in TAX_TYPES:
        raise Refused("FKKTAX/001", f"Tax number category {tax.get('BPTaxType')} does not exist")
    number = str(tax.get("BPTaxLongNumber") or tax.get("BPTaxNumber") or "")
    if not number:
        raise Refused("FKKTAX/002", "Enter a tax number", "BPTaxNumber")
    kind = str(tax["BPTaxType"])
    if row["STCD5"] and kind != row.get("TAXTYPE", _TAX):
        row["TAXES"] = {**row.get("TAXES", {}), kind: number}
    else:
        row["STCD5"], row["TAXTYPE"] = number, kind


def _taxes(row: Document) -> dict[str, str]:
    """Return a partner's tax numbers by category."""
    held = {row.get("TAXTYPE", _TAX): row["STCD5"]} if row["STCD5"] else {}
    return {**held, **row.get("TAXES", {})}


def _check_partner(body: Document) -> None:
    category = body.get("BusinessPartnerCategory")
    if category not in (_ORGANISATION, _PERSON):
        raise Refused("R1/103", "Enter a business partner category", "BusinessPartnerCategory")
    if body.get("BusinessPartnerGrouping") not in GROUPINGS:
        raise Refused("R1/142", "Enter a valid grouping", "BusinessPartnerGrouping")
    needed = "OrganizationBPName1" if category == _ORGANISATION else "LastName"
    if not body.get(needed):
        raise Refused("R1/301", "Enter a name", needed)
    for address in body.get("to_BusinessPartnerAddress", []):
        if not address.get("Country"):
            raise Refused("AM/021", "Enter a country", "Country")
    if body.get("to_Customer") and not _ROLES & {
        each.get("BusinessPartnerRole") for each in body.get("to_BusinessPartnerRole", [])
    }:
        raise Refused("CVI_API/002", "Customer data needs the role FLCU01", "to_Customer")


def checked(name: str, body: Any) -> Document:
    """Return a body as SAP keeps it. Raises Refused for an unknown name, type or length."""
    entity = ENTITIES[name]
    if not isinstance(body, dict):
        raise Refused("CX_SXML_PARSE_ERROR", "Error while parsing the request body")
    kept: Document = {}
    for each, value in body.items():
        if each in entity.navigations:
            target, many = entity.navigations[each]
            rows: Any = value.get("results") if isinstance(value, dict) and many else value
            if many is not isinstance(rows, list):
                raise Refused("CX_SXML_PARSE_ERROR", f"{each} is no {'list' if many else 'entity'}")
            kept[each] = [checked(target, one) for one in rows] if many else checked(target, rows)
        elif each not in entity.fields:
            raise Refused("/IWBEP/CM_MGW_RT/021", f"Property {each} is not known", each)
        else:
            known = entity.fields[each]
            found = _checked(each, known, value)
            if not known.given:
                kept[each] = found
    return kept


def _checked(name: str, known: Field, value: Any) -> Any:
    wrong = Refused("/IWBEP/CM_MGW_RT/022", f"Property {name} has an invalid value", name)
    if value is None:
        return None
    if known.edm == "Edm.Boolean":
        if not isinstance(value, bool):
            raise wrong
        return value
    if not isinstance(value, str) or (known.length and len(value) > known.length):
        raise wrong
    return value.upper() if known.upper else value
