"""A WSDL as it lies among the snapshots: `dms.wsdl`, and what it imports in `dms/` beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from lxml import etree

from connector.errors import Misconfigured
from connector.mapping.wsdl.documents import Description, parse, read, references

WSDL = "dms.wsdl"
_IMPORTED = "dms/"
_BASE = "file:///"


def is_part(name: str) -> bool:
    """Whether a file of the snapshots belongs to the WSDL."""
    return name == WSDL or name.startswith(_IMPORTED)


def stored(description: Description) -> dict[str, bytes]:
    """Return the files that stand for a WSDL and all that it imports.

    Each import leads to the file beside it, so that any tool can read the snapshot. A WSDL that
    imports nothing is stored as it was served.
    """
    others = [each for each in description.documents if each != description.location]
    if not others:
        return {WSDL: description.documents[description.location]}
    names = {description.location: WSDL}
    for number, location in enumerate(others, start=1):
        kind = etree.QName(parse(description.documents[location])).localname
        ending = "xsd" if kind == "schema" else "wsdl"
        names[location] = f"{_IMPORTED}{number:02}.{ending}"
    files = {}
    for location, name in names.items():
        root = parse(description.documents[location])
        for element, target in references(root, location).items():
            key = "location" if element.get("location") else "schemaLocation"
            element.set(key, _relative(names[target], name))
        files[name] = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return files


def described(files: Mapping[str, bytes]) -> Description | None:
    """Return the WSDL of a folder's snapshots; None where there is none.

    Raises ValueError where it cannot be read, or where something that it imports is missing.
    """
    if WSDL not in files:
        return None

    def load(location: str) -> bytes:
        name = location.removeprefix(_BASE)
        if name not in files:
            raise ValueError(
                f"imports {name}, which is not among the snapshots:"
                " `connector mappings check --live --store`"
            )
        return files[name]

    try:
        return read(f"{_BASE}{WSDL}", load)
    except Misconfigured as error:
        raise ValueError(error.message) from None


def _relative(target: str, source: str) -> str:
    inside = source.startswith(_IMPORTED)
    if target == WSDL:
        return f"../{WSDL}" if inside else WSDL
    return PurePosixPath(target).name if inside else target
