"""Turns what a storefront says of itself into the form of its snapshot, `storefront.json`.

WooCommerce describes its orders by `OPTIONS /orders`: `schema` is what it gives, the arguments of
the endpoint that makes orders are what it takes, for changes too. The description is neither
complete nor precise. Where it leaves a type open the snapshot's word stays, and so does what the
snapshot marks as `undescribed`: true for a field, a list for words of an enumeration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_GIVEN, _TAKEN = ("GET /orders", "answer"), ("PUT /orders/{order_id}", "request")
_OURS = ("additionalProperties", "required", "examples", "undescribed")


def snapshot(description: Mapping[str, Any], stored: bytes | None) -> bytes | None:
    """Return the snapshot that a description and the stored snapshot make together.

    None for an answer that describes nothing. Raises ValueError for a stored one that is no JSON.
    """
    given = _block(_block(description.get("schema")).get("properties"))
    if not given:
        return None
    whole = _block(json.loads(stored)) if stored is not None else {}
    routes = dict(_block(whole.get("routes")))
    seen = {name: each for name, each in given.items() if "view" in _contexts(each)}
    for (route, side), fields in ((_GIVEN, seen), (_TAKEN, _arguments(description))):
        if fields:
            known = _block(routes.get(route))
            told = {"type": "object", "properties": fields}
            merged = _merged(told, _block(known.get(side)), taken=side == "request")
            routes[route] = {**known, side: merged}
    return (json.dumps({**whole, "routes": routes}, ensure_ascii=False, indent=1) + "\n").encode()


def _arguments(description: Mapping[str, Any]) -> dict[str, Any]:
    endpoints = description.get("endpoints")
    for each in endpoints if isinstance(endpoints, list) else ():
        if isinstance(each, dict) and "POST" in (each.get("methods") or ()):
            return _block(each.get("args"))
    return {}


def _merged(told: Mapping[str, Any], known: Mapping[str, Any], *, taken: bool) -> dict[str, Any]:
    kind = told.get("type", "mixed")
    if _open(kind) and not told.get("properties"):
        return dict(known)
    made: dict[str, Any] = {"type": kind}
    made |= {name: known[name] for name in _OURS if name in known}
    words = told.get("enum")
    if words:
        # PHP writes a list with a gap as an object.
        listed = list(words.values() if isinstance(words, dict) else words)
        also = known.get("undescribed")
        made["enum"] = listed + [
            each for each in (also if isinstance(also, list) else ()) if each not in listed
        ]
    if "maxLength" in told:
        made["maxLength"] = told["maxLength"]
    fields = {
        name: each
        for name, each in _block(told.get("properties")).items()
        if isinstance(each, dict) and not (taken and each.get("readonly"))
    }
    was = _block(known.get("properties"))
    if fields or was:
        made["properties"] = {
            name: _merged(each, _block(was.get(name)), taken=taken) for name, each in fields.items()
        } | {
            name: each
            for name, each in was.items()
            if name not in fields and _block(each).get("undescribed") is True
        }
    if kind == "array":
        items = _merged(_block(told.get("items")), _block(known.get("items")), taken=taken)
        made["items"] = items
    return made


def _open(kind: Any) -> bool:
    several = isinstance(kind, list) and len([each for each in kind if each != "null"]) > 1
    return kind == "mixed" or several


def _contexts(each: Any) -> Any:
    # Without the word a field is seen by everybody.
    return _block(each).get("context") or ("view",)


def _block(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
