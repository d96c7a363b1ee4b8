"""What the connector and its other mappings need of a folder and of a mapping in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from connector.mapping import model
from connector.mapping.conversations import conversations
from connector.mapping.document import Block
from connector.mapping.finding import Finding, near
from connector.mapping.load import Document, Folder
from connector.mapping.shape import ANY, BOOLEAN, TEXT, Shape, listed, needed, structure

NEWS = ("dms_status", "dms_order_status")
FOUND = "dms_find"
SESSION = "dms_session"
# What further calls may finish → where dms_find lists it within an order, "" for the order itself.
FINISHED = {
    "dms_sales_order": "",
    "dms_delivery_note": "delivery_notes",
    "dms_invoice_application": "invoice_applications",
    "dms_return": "returns",
    "dms_amend": "",
    "dms_cancel": "",
}
Given = dict[tuple[str, ...], list[tuple[model.FieldModel, Block]]]
_SHALLOW = 2  # levels of an answer that are looked at
_MOST_SHOWN = 12
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[a-z_]{3,}")


class Lack(NamedTuple):
    """Something that a target needs: where to say it, and in which words."""

    block: Block
    key: str
    rule: str
    message: str
    suggestion: str


def documents(folder: Folder, name: str, findings: list[Finding]) -> Iterator[Document]:
    """Give a mapping as each shop and each business unit has it; findings say what is wrong."""
    for shop in ("", *folder.shops()):
        for unit in ("", *folder.business_units(name)):
            document = folder.document(name, findings, shop=shop, business_unit=unit)
            if document is not None:
                yield document


def unread(spec: model.MappingModel, given: Shape) -> str:
    """Return what the other side gives and a mapping that reads some of it does not read."""
    words = set(_NAME.findall(str(spec.model_dump())))
    names = {path.rpartition(".")[2] for path in given.paths() if path.count(".") <= _SHALLOW}
    left = sorted(names - words)
    if not left or not names & words:
        return ""
    more = f" and {len(left) - _MOST_SHOWN} more" if len(left) > _MOST_SHOWN else ""
    return f"{', '.join(left[:_MOST_SHOWN])}{more}"


def _told(folder: Folder) -> frozenset[str]:
    """Return the names that the mappings of shipments and invoices to the storefront speak of."""
    names: set[str] = set()
    for name in folder.names():
        if name.startswith(("storefront_shipment", "storefront_invoice")):
            names |= set(_WORD.findall(folder.files[f"{name}.yaml"].decode(errors="replace")))
    return frozenset(names)


class Spoken(NamedTuple):
    """What the mappings of a folder speak of in each other's answers.

    `names` are those in the mappings of shipments and invoices to the storefront; `flags` are the
    fields by which `dms_find` says that a document is finished, by where it lists the document
    ("" for the orders).
    """

    names: frozenset[str] = frozenset()
    flags: Mapping[str, frozenset[str]] = MappingProxyType({})


def spoken_of(folder: Folder) -> Spoken:
    """Return what the mappings of a folder speak of."""
    flags: dict[str, frozenset[str]] = {}
    for name, place in FINISHED.items():
        for document in documents(folder, name, []) if name in folder.names() else ():
            if not document.spec.absent:
                named = frozenset(filter(None, document.spec.then.values()))
                flags[place] = flags.get(place, frozenset()) | named
    return Spoken(_told(folder), flags)


def sharpened(document: Document, shape: Shape, spoken: Spoken) -> Shape:
    """Return the shape of an answer with what this folder makes needed in it.

    News need the fields of shipments and invoices that are spoken of; what is found for many
    numbers at once needs the number that it is for, and what is finished by a further call needs
    the truth value that says so.
    """
    if document.name in NEWS:
        return _speaking(shape, spoken.names)
    if document.name == FOUND:
        orders = shape.fields["orders"]
        one = orders.item or ANY
        fields = dict(one.fields)
        if document.spec.batch > 1:
            fields["external_number"] = needed(fields.get("external_number", TEXT))
        for place, flags in spoken.flags.items():
            if place and flags:
                rows = fields.get(place) or listed(structure(True))
                item = _flagged(rows.item or ANY, flags)
                fields[place] = replace(rows, required=True, item=item)
        one = _flagged(replace(one, fields=fields), spoken.flags.get("", frozenset()))
        return replace(shape, fields={**shape.fields, "orders": replace(orders, item=one)})
    return shape


def _flagged(one: Shape, flags: frozenset[str]) -> Shape:
    return replace(one, fields={**one.fields, **dict.fromkeys(flags, needed(BOOLEAN))})


def _speaking(shape: Shape, names: frozenset[str]) -> Shape:
    changes = shape.fields["changes"].item or ANY
    fields = dict(changes.fields)
    for kind in ("shipments", "invoices"):
        document = fields[kind].item or ANY
        spoken = {
            name: replace(each, required=each.required or name in names)
            for name, each in document.fields.items()
        }
        fields[kind] = replace(fields[kind], item=replace(document, fields=spoken))
    news = replace(shape.fields["changes"], item=replace(changes, fields=fields))
    return replace(shape, fields={**shape.fields, "changes": news})


def missing(folder: Folder) -> Iterator[Finding]:
    """Give the mappings that the connector needs and the folder has not."""
    for name, conversation in conversations().items():
        if name not in folder.names() and not conversation.optional:
            suggestion = near(name, set(folder.names()) - set(conversations()))
            yield Finding(
                folder.path(f"{name}.yaml"), 1, 1, "no-mapping", "this mapping is needed",
                suggestion if suggestion.startswith("did you mean") else "",
            )  # fmt: skip


def uncarried(folder: Folder) -> Iterator[Finding]:
    """Give a login whose token no header carries and no request."""
    spec = (
        next((each.spec for each in documents(folder, SESSION, [])), None)
        if (SESSION in folder.names())
        else None
    )
    if spec is None or spec.absent:
        return
    carrier = spec.session
    if carrier and (carrier.soap_header or carrier.http_header or carrier.cookie):
        return
    if not any(
        b"session.token" in data for name, data in folder.content.items() if name.endswith(".yaml")
    ):
        text = "no call carries the token of this login"
        remedy = "session: {soap_header: …}, or http_header, cookie; or source: session.token"
        yield Finding(folder.path(f"{SESSION}.yaml"), 1, 1, "session", text, remedy)


def lacking(
    path: tuple[str, ...], target: Shape, given: Given, around: Block, *, certain: bool
) -> Iterator[Lack]:
    """Give what the target needs and no field gives, or none for certain."""
    for name, shape in target.fields.items():
        here = (*path, name)
        below = any(each[: len(here)] == here and len(each) > len(here) for each in given)
        if below and shape.kind == "object":
            yield from lacking(here, shape, given, around, certain=certain)
        elif shape.required and here not in given and not below:
            yield _absent(here, target, given, around)
        elif shape.required and here in given and certain:
            yield from _uncertain(given[here])


def _absent(path: tuple[str, ...], target: Shape, given: Given, around: Block) -> Lack:
    """Say that a name is needed, at the field that was probably meant to be it."""
    dotted = ".".join(path)
    for other, fields in given.items():
        stray = len(other) == len(path) and other[-1] not in target.fields
        if stray and near(other[-1], [path[-1]]).startswith("did you mean"):
            text = f"{dotted} is needed, and nobody reads {'.'.join(other)}"
            return Lack(fields[0][1], "field", "missing", text, f"did you mean {dotted}?")
    suggestion = f"- {{field: {dotted}, source: …}}"
    return Lack(around, "", "missing", f"{dotted} is needed", suggestion)


def _certain(spec: model.FieldModel) -> bool:
    """Whether a field cannot come out empty; of a message, whether one of its fields cannot."""
    if spec.as_ is not None and any(map(_certain, spec.fields or ())):
        return True
    return spec.required or spec.constant is not None or spec.default is not None


def _uncertain(fields: Sequence[tuple[model.FieldModel, Block]]) -> Iterator[Lack]:
    for spec, block in fields:
        if not _certain(spec):
            text = f"{spec.field} is needed there and may come out empty"
            yield Lack(block, "field", "required", text, "required: true, or a default")
    if len(fields) == 1 and fields[0][0].when is not None:
        spec, block = fields[0]
        text = f"{spec.field} is needed there and stands only under a condition"
        yield Lack(block, "when", "required", text, "a second field for the other case")


def tables_of(spec: model.MappingModel) -> set[str]:
    """Return the lookup tables that a mapping uses."""
    found: set[str] = set()

    def look(converters: Sequence[model.Converter]) -> None:
        for each in converters:
            if isinstance(each, model.LookupConverter):
                found.add(each.lookup.table)

    def walk(fields: Sequence[model.FieldModel]) -> None:
        for each in fields:
            look(each.convert)
            walk(each.fields or ())

    walk(spec.request)
    walk(spec.answer.fields)
    for call in spec.calls:
        walk(call.request)
    for by in spec.read_table.find_by if spec.read_table else ():
        look(by.convert)
    return found
