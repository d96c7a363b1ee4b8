"""What the sandbox's S/4HANA says of its OData services: names, types and lengths.

Those of API_BUSINESS_PARTNER are a part of SAP's public description of it (the tests hold each line
against that); those of API_PRODUCT_AVAILY_INFO_BASIC are SAP's as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from lxml import etree

PARTNERS, AVAILABILITY = "API_BUSINESS_PARTNER", "API_PRODUCT_AVAILY_INFO_BASIC"
_EDMX = "http://schemas.microsoft.com/ado/2007/06/edmx"
_EDM = "http://schemas.microsoft.com/ado/2008/09/edm"
_M = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
_SAP = "http://www.sap.com/Protocols/SAPData"


class Field(NamedTuple):
    """A property. `upper`: SAP keeps it in capital letters. `given`: nobody may write it."""

    edm: str
    length: int = 0
    upper: bool = False
    given: bool = False
    scale: int = 0


@dataclass(frozen=True)
class Entity:
    """An entity set with the type of its entities; navigations lead to (set, many)."""

    keys: tuple[str, ...]
    fields: dict[str, Field]
    navigations: dict[str, tuple[str, bool]] = field(default_factory=dict)


def _text(length: int, *, upper: bool = False, given: bool = False) -> Field:
    return Field("Edm.String", length, upper, given)


def _key(length: int = 10) -> Field:
    return Field("Edm.String", length, True)


_TRUTH = Field("Edm.Boolean")
ENTITIES: dict[str, Entity] = {
    "A_BusinessPartner": Entity(
        ("BusinessPartner",),
        {
            "BusinessPartner": _key(),
            "Customer": _text(10, upper=True, given=True),
            "Supplier": _text(10, upper=True, given=True),
            "BusinessPartnerCategory": _text(1, upper=True),
            "BusinessPartnerFullName": _text(81, given=True),
            "BusinessPartnerGrouping": _text(4, upper=True),
            "BusinessPartnerName": _text(81, given=True),
            "BusinessPartnerUUID": Field("Edm.Guid", given=True),
            "CorrespondenceLanguage": _text(2),
            "CreationDate": Field("Edm.DateTime", given=True),
            "FirstName": _text(40),
            "FormOfAddress": _text(4, upper=True),
            "Language": _text(2),
            "LastName": _text(40),
            "OrganizationBPName1": _text(40),
            "OrganizationBPName2": _text(40),
            "OrganizationBPName3": _text(40),
            "OrganizationBPName4": _text(40),
            "SearchTerm1": _text(20, upper=True),
            "SearchTerm2": _text(20, upper=True),
            "BusinessPartnerIsBlocked": _TRUTH,
            "IsMarkedForArchiving": _TRUTH,
            "BusinessPartnerIDByExtSystem": _text(20, upper=True),
        },
        {
            "to_BusinessPartnerAddress": ("A_BusinessPartnerAddress", True),
            "to_BusinessPartnerRole": ("A_BusinessPartnerRole", True),
            "to_BusinessPartnerTax": ("A_BusinessPartnerTaxNumber", True),
            "to_Customer": ("A_Customer", False),
        },
    ),
    "A_BusinessPartnerAddress": Entity(
        ("BusinessPartner", "AddressID"),
        {
            "BusinessPartner": _key(),
            "AddressID": _key(),
            "ValidityStartDate": Field("Edm.DateTimeOffset"),
            "CityName": _text(40),
            "Country": _text(3, upper=True),
            "HouseNumber": _text(10),
            "Language": _text(2),
            "PostalCode": _text(10, upper=True),
            "Region": _text(3, upper=True),
            "StreetName": _text(60),
        },
        {
            "to_MobilePhoneNumber": ("A_AddressPhoneNumber", True),
            "to_PhoneNumber": ("A_AddressPhoneNumber", True),
        },
    ),
    "A_AddressPhoneNumber": Entity(
        ("AddressID", "Person", "OrdinalNumber"),
        {
            "AddressID": _key(),
            "Person": _key(),
            "OrdinalNumber": Field("Edm.String", 3),
            "DestinationLocationCountry": _text(3, upper=True),
            "IsDefaultPhoneNumber": _TRUTH,
            "PhoneNumber": _text(30, upper=True),
            "PhoneNumberExtension": _text(10, upper=True),
            "PhoneNumberType": _text(1, upper=True),
        },
    ),
    "A_BusinessPartnerTaxNumber": Entity(
        ("BusinessPartner", "BPTaxType"),
        {
            "BusinessPartner": _key(),
            "BPTaxType": _key(4),
            "BPTaxNumber": _text(20, upper=True),
            "BPTaxLongNumber": _text(60, upper=True),
        },
    ),
    "A_BusinessPartnerRole": Entity(
        ("BusinessPartner", "BusinessPartnerRole"),
        {
            "BusinessPartner": _key(),
            "BusinessPartnerRole": _key(6),
            "ValidFrom": Field("Edm.DateTimeOffset"),
        },
    ),
    "A_Customer": Entity(
        ("Customer",),
        {
            "Customer": _key(),
            "CustomerAccountGroup": _text(4, upper=True),
            "CustomerName": _text(80, given=True),
            "DeletionIndicator": _TRUTH,
            "OrderIsBlockedForCustomer": _text(2, upper=True),
            "TaxNumber5": _text(60, upper=True, given=True),
        },
        {"to_CustomerSalesArea": ("A_CustomerSalesArea", True)},
    ),
    "A_CustomerSalesArea": Entity(
        ("Customer", "SalesOrganization", "DistributionChannel", "Division"),
        {
            "Customer": _key(),
            "SalesOrganization": _key(4),
            "DistributionChannel": _key(2),
            "Division": _key(2),
            "Currency": _text(5),
            "CustomerPaymentTerms": _text(4, upper=True),
        },
    ),
}
_QUANTITY = Field("Edm.Decimal", 16, scale=3)
RECORD = Entity(
    (),
    {
        "PeriodStartUTCDateTime": Field("Edm.DateTime"),
        "PeriodStartTimeZone": _text(6),
        "PeriodEndUTCDateTime": Field("Edm.DateTime"),
        "PeriodEndTimeZone": _text(6),
        "AvailableQuantityInBaseUnit": _QUANTITY,
        "BaseUnit": _text(3),
    },
)
AVAILABILITY_AT = {
    "SupplyingPlant": _text(4),
    "Material": _text(40),
    "ATPCheckingRule": _text(2),
    "RequestedUTCDateTime": Field("Edm.DateTimeOffset"),
}


@cache
def metadata(service: str) -> bytes:
    """Return a service's $metadata."""
    root = etree.Element(f"{{{_EDMX}}}Edmx", nsmap={"edmx": _EDMX, "m": _M, "sap": _SAP})
    root.set("Version", "1.0")
    services = etree.SubElement(root, f"{{{_EDMX}}}DataServices")
    services.set(f"{{{_M}}}DataServiceVersion", "2.0")
    schema = etree.SubElement(services, f"{{{_EDM}}}Schema", nsmap={None: _EDM})  # type: ignore[dict-item]
    schema.set("Namespace", service)
    container = etree.Element(f"{{{_EDM}}}EntityContainer", Name=f"{service}_Entities")
    if service == PARTNERS:
        for name, entity in ENTITIES.items():
            _type(schema, "EntityType", f"{name}Type", entity)
            etree.SubElement(
                container, f"{{{_EDM}}}EntitySet", Name=name, EntityType=f"{service}.{name}Type"
            )
    else:
        _type(schema, "ComplexType", "AvailabilityRecord", RECORD)
        function = etree.SubElement(
            container,
            f"{{{_EDM}}}FunctionImport",
            Name="DetermineAvailabilityAt",
            ReturnType=f"{service}.AvailabilityRecord",
        )
        function.set(f"{{{_M}}}HttpMethod", "GET")
        for name, each in AVAILABILITY_AT.items():
            parameter = etree.SubElement(function, f"{{{_EDM}}}Parameter", Name=name, Mode="In")
            _typed(parameter, each)
    schema.append(container)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _type(schema: etree._Element, kind: str, name: str, entity: Entity) -> None:
    element = etree.SubElement(schema, f"{{{_EDM}}}{kind}", Name=name)
    if entity.keys:
        keys = etree.SubElement(element, f"{{{_EDM}}}Key")
        for each in entity.keys:
            etree.SubElement(keys, f"{{{_EDM}}}PropertyRef", Name=each)
    for each, known in entity.fields.items():
        one = etree.SubElement(element, f"{{{_EDM}}}Property", Name=each)
        _typed(one, known)
        if each in entity.keys or not entity.keys:
            one.set("Nullable", "false")
        if known.upper:
            one.set(f"{{{_SAP}}}display-format", "UpperCase")
        if known.given:
            one.set(f"{{{_SAP}}}creatable", "false")
            one.set(f"{{{_SAP}}}updatable", "false")
    namespace = schema.get("Namespace")
    for each, (target, many) in entity.navigations.items():
        relation = f"assoc_{name}_{each}"
        etree.SubElement(
            element,
            f"{{{_EDM}}}NavigationProperty",
            Name=each,
            Relationship=f"{namespace}.{relation}",
            FromRole="From",
            ToRole="To",
        )
        association = etree.SubElement(schema, f"{{{_EDM}}}Association", Name=relation)
        for role, kind_of, multiplicity in (
            ("From", name, "1"),
            ("To", f"{target}Type", "*" if many else "0..1"),
        ):
            etree.SubElement(
                association,
                f"{{{_EDM}}}End",
                Type=f"{namespace}.{kind_of}",
                Multiplicity=multiplicity,
                Role=role,
            )


def _typed(element: etree._Element, known: Field) -> None:
    element.set("Type", known.edm)
    if known.edm == "Edm.Decimal":
        element.set("Precision", str(known.length))
        element.set("Scale", str(known.scale))
    elif known.length:
        element.set("MaxLength", str(known.length))
    elif known.edm == "Edm.DateTimeOffset":
        element.set("Precision", "0")
