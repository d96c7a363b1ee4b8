"""Loads a folder of mappings; what is wrong is said with file, line and column.

NAME.yaml                          one conversation
parts/NAME.yaml                    fields that several files include
parts/dms_refusals.yaml            how the DMS refuses, for all of its operations
shops/SHOP/NAME.yaml               what one shop does otherwise
business_units/CODE/NAME.yaml      what one business unit does otherwise
lookups/NAME.csv                   words for words
interfaces/…                       what the other systems take and give, as it was last seen
examples/…                         folders to copy from; they are not read
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from connector.mapping import model
from connector.mapping.convert import Lookup
from connector.mapping.document import (
    Block,
    Unreadable,
    included,
    not_utf8,
    nowhere,
    overlaid,
    place_of,
    read,
    step,
)
from connector.mapping.engine import Mapping as FieldMapping
from connector.mapping.engine import MappingSet, Observer
from connector.mapping.finding import Finding, MappingsInvalid, near
from connector.mapping.usable import schemas_of, unusable

__all__ = ["Document", "Finding", "Folder", "MappingsInvalid", "load"]

# What makes requests, and with that the version; interfaces only judge it.
_CONTENT = (".yaml", ".csv")
# The part that says for all operations of the DMS how it refuses, and what its codes mean.
REFUSALS = "dms_refusals"
_OF_UNITS = frozenset({"request", "calls"})


@dataclass(frozen=True)
class Document:
    """One effective mapping: its model, and the text that it was read from."""

    name: str
    folder: str
    file: str
    tree: Block
    spec: model.MappingModel
    shop: str = ""
    business_unit: str = ""


class Folder:
    """The files of a folder of mappings, read at one moment.

    `files` are by path below the folder, with `/`; `name` is how the folder is called in
    findings.
    """

    def __init__(self, files: Mapping[str, bytes], name: str = "mappings") -> None:
        self.files = dict(sorted(files.items()))
        self.name = name.rstrip("/")

    @classmethod
    def read(cls, path: Path) -> Folder:
        """Return a folder's files as they are now."""
        files = {
            each.relative_to(path).as_posix(): each.read_bytes()
            for each in sorted(path.rglob("*"))
            if each.is_file()
            and not any(part.startswith(".") for part in each.parts)
            # Worked examples to copy from; they take no effect where they lie.
            and each.relative_to(path).parts[0] != "examples"
        }
        return cls(files, str(path))

    @property
    def content(self) -> dict[str, bytes]:
        """The files that make requests: YAML and lookup tables, without the interfaces."""
        return {
            name: data
            for name, data in self.files.items()
            if name.endswith(_CONTENT) and not name.startswith("interfaces/")
        }

    @property
    def version(self) -> str:
        """Twelve characters that follow every byte that makes requests."""
        return _digest(self.content)

    @property
    def fingerprint(self) -> str:
        """The same over all files, the interfaces too."""
        return _digest(self.files)

    def path(self, name: str) -> str:
        """Return how a file is called in findings."""
        return f"{self.name}/{name}"

    def interfaces(self) -> dict[str, bytes]:
        """Return the files below interfaces/, by their names there."""
        return {
            name.removeprefix("interfaces/"): data
            for name, data in self.files.items()
            if name.startswith("interfaces/")
        }

    def names(self) -> list[str]:
        """Return the conversations that have a file."""
        return [name[:-5] for name in self.files if name.endswith(".yaml") and "/" not in name]

    def shops(self) -> list[str]:
        """Return the shops that do something otherwise."""
        return sorted({name.split("/")[1] for name in self._below("shops")})

    def business_units(self, name: str) -> list[str]:
        """Return the business units that do something otherwise in a conversation."""
        return [
            each.split("/")[1]
            for each in self._below("business_units")
            if each.endswith(f"/{name}.yaml")
        ]

    def lookups(self, findings: list[Finding]) -> dict[str, Lookup]:
        """Return the lookup tables, and add what is wrong with them to the findings."""
        return {
            name.split("/")[-1][:-4]: _table(self.path(name), data, findings)
            for name, data in self.files.items()
            if name.startswith("lookups/") and name.endswith(".csv")
        }

    def document(
        self, name: str, findings: list[Finding], *, shop: str = "", business_unit: str = ""
    ) -> Document | None:
        """Return an effective mapping; None when it is wrong, which the findings then say."""
        file = f"{name}.yaml"
        layers = [file]
        if shop and f"shops/{shop}/{file}" in self.files:
            layers.append(f"shops/{shop}/{file}")
        if business_unit and f"business_units/{business_unit}/{file}" in self.files:
            layers.append(f"business_units/{business_unit}/{file}")
        try:
            tree: Any = None
            for number, layer in enumerate(layers):
                read_in = included(read(self.path(layer), self.files[layer]), self._part)
                if layer.startswith("business_units/"):
                    _only_requests(self.path(layer), read_in)
                tree = read_in if number == 0 else overlaid(tree, read_in)
            if name.startswith("dms_"):
                tree = self._with_refusals(tree)
        except Unreadable as error:
            findings.append(error.finding)
            return None
        except KeyError as error:
            findings.append(self._no_part(str(error.args[0]), layers))
            return None
        try:
            spec = model.MappingModel.model_validate(tree)
        except ValidationError as error:
            findings += _invalid(self.path(layers[-1]), tree, error)
            return None
        return Document(name, self.name, self.path(file), tree, spec, shop, business_unit)

    def _with_refusals(self, tree: Any) -> Any:
        """Return a DMS mapping's text with what holds for refusals of all operations."""
        file = f"parts/{REFUSALS}.yaml"
        if file not in self.files or not isinstance(tree, Block):
            return tree
        common = read(self.path(file), self.files[file])
        if not isinstance(common, Block) or common.keys() - {"refusal", "faults"}:
            message = "holds refusal and faults, and nothing else"
            raise Unreadable(Finding(self.path(file), 1, 1, "refusals", message))
        # What the mapping itself says counts before what holds for all of them.
        return overlaid(common, tree)

    def _part(self, name: str) -> Any:
        file = f"parts/{name}.yaml"
        if file not in self.files:
            raise KeyError(name)
        return read(self.path(file), self.files[file])

    def _no_part(self, name: str, layers: list[str]) -> Finding:
        known = [each.split("/")[-1][:-5] for each in self._below("parts")]
        for layer in layers:
            for number, line in enumerate(self.files[layer].decode(errors="replace").splitlines()):
                if "include" in line and name in line:
                    place = line.index("include") + 1
                    message = f"there is no parts/{name}.yaml"
                    return Finding(
                        self.path(layer), number + 1, place, "include", message, near(name, known)
                    )
        return Finding(self.path(layers[-1]), 1, 1, "include", f"there is no parts/{name}.yaml")

    def _below(self, folder: str) -> Iterator[str]:
        return (name for name in self.files if name.startswith(f"{folder}/") and "/" in name)


def load(path: Path, shop: str = "", observe: Observer | None = None) -> MappingSet:
    """Return the mappings of a folder, as one shop has them. Raises MappingsInvalid.

    What is checked here is the form; `connector.mapping.check` holds it against the interfaces.
    """
    return build(Folder.read(path), shop, observe)


def no_mappings(folder: Folder) -> Finding:
    """Return what is said of a folder without mappings."""
    return Finding(folder.name, 0, 0, "no-mappings", "the folder holds no mappings")


def build(folder: Folder, shop: str = "", observe: Observer | None = None) -> MappingSet:
    """Return the mappings of files that were read. Raises MappingsInvalid."""
    findings: list[Finding] = []
    if not folder.names():
        raise MappingsInvalid([no_mappings(folder)])
    lookups = folder.lookups(findings)
    mappings: dict[str, FieldMapping] = {}
    for name in folder.names():
        variants = {}
        for unit in folder.business_units(name):
            mapping = _mapping(folder, name, lookups, findings, shop=shop, business_unit=unit)
            if mapping is not None:
                variants[unit] = mapping
        mapping = _mapping(folder, name, lookups, findings, variants, observe, shop=shop)
        if mapping is not None:
            mappings[name] = mapping
    if findings:
        raise MappingsInvalid(_once(findings))
    return MappingSet(folder.version, mappings)


def _mapping(
    folder: Folder,
    name: str,
    lookups: Mapping[str, Lookup],
    findings: list[Finding],
    variants: Mapping[str, FieldMapping] | None = None,
    observe: Observer | None = None,
    *,
    shop: str,
    business_unit: str = "",
) -> FieldMapping | None:
    document = folder.document(name, findings, shop=shop, business_unit=business_unit)
    if document is None:
        return None
    wrong = list(unusable(document.spec, document.tree, lookups, folder.interfaces()))
    if wrong:
        findings += wrong
        return None
    return FieldMapping(
        name,
        folder.version,
        document.spec,
        lookups,
        document.tree,
        variants,
        observe,
        schemas_of(document.spec, folder.interfaces()),
    )


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:12]


def _once(findings: list[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))


def _only_requests(file: str, tree: Any) -> None:
    if not isinstance(tree, Block):
        raise Unreadable(Finding(file, 1, 1, "overlay", "must hold request or calls"))
    for key, at in tree.places.items():
        if key not in _OF_UNITS:
            message = f"a business unit cannot change {key}"
            raise Unreadable(Finding(*at, "overlay", message, "it can change request and calls"))


def _invalid(file: str, tree: Any, error: ValidationError) -> Iterator[Finding]:
    for each in error.errors(include_url=False, include_input=False):
        where = place_of(tree, each["loc"])
        if where == nowhere():
            where = where._replace(file=file, line=1, column=1)
        name = ".".join(str(part) for part in each["loc"])
        message = each["msg"].removeprefix("Value error, ")
        suggestion = _suggested(tree, each["loc"])
        text = f"{name}: {message}" if name else message
        yield Finding(where.file, where.line, where.column, each["type"], text, suggestion)


def _suggested(tree: Any, location: tuple[Any, ...]) -> str:
    """Return near names for a key that no model knows."""
    block: Any = tree
    for part in location[:-1]:
        found = step(block, part)
        block = found[0] if found else block
    if not location or not isinstance(block, Block) or location[-1] not in block:
        return ""
    return near(str(location[-1]), _KEYS - set(block))


_KEYS = frozenset(
    name
    for each in vars(model).values()
    if isinstance(each, type) and issubclass(each, BaseModel)
    for name in each.model_fields
) - {"is_", "as_", "schema_"}


def _table(file: str, content: bytes, findings: list[Finding]) -> Lookup:
    table: dict[str, dict[str, str]] = {}
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        for row in reader:
            number = reader.line_num
            key = (row.get("key") or "").strip()
            if not key or None in row or None in row.values():
                findings.append(Finding(file, number, 1, "lookup-row", "wrong number of columns"))
            elif key in table:
                findings.append(Finding(file, number, 1, "lookup-twice", f"{key!r} occurs twice"))
            else:
                table[key] = {name: str(value).strip() for name, value in row.items()}
    except UnicodeDecodeError as error:
        findings.append(not_utf8(file, content, error))
    except csv.Error as error:
        findings.append(Finding(file, 1, 1, "lookup-file", f"unreadable: {error}"))
    return table
