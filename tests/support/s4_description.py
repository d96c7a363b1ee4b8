"""SAP's own description of API_BUSINESS_PARTNER: each entity's properties, types and lengths.

It is read from SAP's package of generated classes, which `make peers` fetches; it is not ours to
keep.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.peers import MissingPeer

_PACKAGE = Path("var/peers/s4/package").resolve()
_FIELD = re.compile(r"fieldBuilder\.buildEdmTypeField\('(\w+)', '(Edm\.\w+)', (true|false)\)")
_LINK = re.compile(r"new odata_v2_1\.(Link|OneToOneLink)\('(\w+)', this, linkedApis\[(\d+)\]\)")
_SET = re.compile(r"_entityName = '(\w+)'")
_KEYS = re.compile(r"_keys = \[([^\]]*)\]")
_MEMBER = re.compile(r"/\*\*(?P<words>.*?)\*/\s*(?P<name>\w+)\??: DeserializedType", re.S)
_LENGTH = re.compile(r"Maximum length: (\d+)")


@dataclass(frozen=True)
class Described:
    """An entity set; of each property its type, whether it may be null, its length or 0."""

    keys: tuple[str, ...]
    properties: dict[str, tuple[str, bool, int]]
    navigations: dict[str, tuple[str, bool]] = field(default_factory=dict)


@cache
def described() -> dict[str, Described]:
    """Return the entity sets by name. Raises MissingPeer."""
    if not _PACKAGE.is_dir():
        raise MissingPeer("SAP's description of the partner service is needed: make peers")
    classes = {path.name.removesuffix("Api.js"): path for path in _PACKAGE.glob("*Api.js")}
    names = {
        each: found[1]
        for each in classes
        if (found := _SET.search((_PACKAGE / f"{each}.js").read_text(encoding="utf-8")))
    }
    return {
        names[each]: _of_class(each, path.read_text(encoding="utf-8"), names)
        for each, path in classes.items()
        if each in names
    }


def _of_class(name: str, code: str, names: dict[str, str]) -> Described:
    lengths = {}
    for member in _MEMBER.finditer((_PACKAGE / f"{name}.d.ts").read_text(encoding="utf-8")):
        length = _LENGTH.search(member["words"])
        lengths[member["name"].lower()] = int(length[1]) if length else 0
    keys = _KEYS.search((_PACKAGE / f"{name}.js").read_text(encoding="utf-8"))
    linked = re.search(
        r"_addNavigationProperties\(linkedApis: \[([^\]]*)\]",
        (_PACKAGE / f"{name}Api.d.ts").read_text(encoding="utf-8"),
    )
    targets = re.findall(r"(\w+)Api<", linked[1]) if linked else []
    return Described(
        tuple(re.findall(r"'(\w+)'", keys[1])) if keys else (),
        {
            each: (edm, null == "true", lengths.get(each.lower(), 0))
            for each, edm, null in _FIELD.findall(code)
        },
        {
            each: (names[targets[int(place)]], kind == "Link")
            for kind, each, place in _LINK.findall(code)
            if int(place) < len(targets)
        },
    )
