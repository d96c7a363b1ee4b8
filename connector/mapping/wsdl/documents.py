"""A WSDL with every document that it imports: read, hashed, and kept for when it is away."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lxml import etree
from zeep import Settings
from zeep.loader import is_relative_path, normalize_location

from connector.errors import Misconfigured

XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
SOAP_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
XML = "http://www.w3.org/XML/1998/namespace"
ZEEP_SETTINGS = Settings(strict=True, xml_huge_tree=False, forbid_entities=True, forbid_dtd=True)
_MOST_DOCUMENTS = 300
# Namespaces whose schemas everybody imports and nobody serves → the copy that comes with us.
_PACKAGED = {SOAP_ENCODING: "soap-encoding.xsd", XML: "xml.xsd"}
_REFERENCES = {
    f"{{{WSDL}}}import": "location",
    f"{{{XSD}}}import": "schemaLocation",
    f"{{{XSD}}}include": "schemaLocation",
    f"{{{XSD}}}redefine": "schemaLocation",
}


@dataclass(frozen=True, eq=False)
class Description:
    """A WSDL: its location, and all its documents by location. `hash` tells when any changed."""

    location: str
    documents: Mapping[str, bytes]

    @property
    def hash(self) -> str:
        """The hash of all documents, in canonical form: spaces and comments do not count."""
        digest = hashlib.sha256()
        for location in sorted(self.documents):
            # Where a document lies may differ between hosts of one system; what it says may not.
            digest.update(location.rpartition("/")[2].encode())
            digest.update(etree.tostring(parse(self.documents[location]), method="c14n"))
        return digest.hexdigest()


def parse(content: bytes) -> etree._Element:
    """Parse a document without entities, document type and network. Raises XMLSyntaxError."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_blank_text=True,
    )
    root = etree.fromstring(content, parser)
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise Misconfigured(
            "a document type is not accepted",
            place="WSDL",
            remedy="name the WSDL itself in dms.wsdl; a page or an error in its place has one",
        )
    return root


@cache
def packaged(namespace: str) -> bytes | None:
    """Return the schema of a namespace whose schema comes with the connector."""
    name = _PACKAGED.get(namespace)
    return importlib.resources.files(__package__).joinpath(name).read_bytes() if name else None


def references(root: etree._Element, base: str) -> dict[etree._Element, str]:
    """Return the elements that import another document → its location.

    A namespace whose schema comes with the connector is nowhere to be fetched.
    """
    found = {}
    for element in root.iter(*_REFERENCES):
        if element.get("namespace") in _PACKAGED:
            continue
        where = element.get(_REFERENCES[str(element.tag)])
        if where:
            found[element] = str(normalize_location(ZEEP_SETTINGS, where, base))
    return found


def read(location: str, load: Callable[[str], bytes]) -> Description:
    """Read a WSDL and all that it imports. Raises what `load` raises, and Misconfigured."""
    if is_relative_path(location):
        location = str(Path(location).absolute())
    documents: dict[str, bytes] = {}
    wanted = [location]
    while wanted:
        at = wanted.pop()
        if at in documents:
            continue
        if len(documents) == _MOST_DOCUMENTS:
            raise Misconfigured(
                f"imports more than {_MOST_DOCUMENTS} documents",
                place=location,
                remedy="check dms.wsdl: is it the WSDL of the DMS?",
            )
        documents[at] = load(at)
        try:
            wanted += references(parse(documents[at]), at).values()
        except etree.XMLSyntaxError as error:
            raise Misconfigured(
                f"the WSDL is unusable: {error.msg}", place=at, remedy="check dms.wsdl"
            ) from None
    return Description(location, documents)


class Cache:
    """The last WSDL that was found good, on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, description: Description) -> None:
        """Keep a WSDL: complete or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        whole = {
            "location": description.location,
            "hash": description.hash,
            "documents": {
                location: content.decode("latin-1")
                for location, content in description.documents.items()
            },
        }
        path = self._path(description.location)
        aside = path.with_suffix(f".{os.getpid()}.part")
        aside.write_text(json.dumps(whole, indent=1), encoding="utf-8")
        aside.replace(path)

    def kept(self, location: str) -> Description | None:
        """Return what was kept of this location, if it can still be read."""
        if is_relative_path(location):
            location = str(Path(location).absolute())
        try:
            whole = json.loads(self._path(location).read_text(encoding="utf-8"))
            return Description(
                whole["location"],
                {name: text.encode("latin-1") for name, text in whole["documents"].items()},
            )
        except (OSError, ValueError, KeyError, AttributeError):
            return None

    def _path(self, location: str) -> Path:
        return self._folder / f"{hashlib.sha256(location.encode()).hexdigest()[:16]}.json"
