"""The reference page and the JSON Schemas of the format, all made from its models."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from connector.mapping import model

_TITLE = "A mapping file of the connector"
_OVERLAY_TITLE = "A part, or what a shop or a business unit does otherwise"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What can be said in part where it is laid over something, and the key by which it is known.
_IN_PART: dict[str, str | None] = {
    "MappingModel": None,
    "TargetModel": None,
    "AnswerModel": None,
    "CallModel": "function",
    "ReadTableModel": None,
    "FindByModel": "column",
    "FieldModel": "field",
    "ColumnModel": None,
    "RefusalModel": None,
    "SessionModel": None,
}
_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("A mapping file", model.MappingModel),
    ("target", model.TargetModel),
    ("A field", model.FieldModel),
    ("include", model.IncludeModel),
    ("remove", model.RemoveModel),
    ("calls", model.CallModel),
    ("read_table", model.ReadTableModel),
    ("read_table: find_by", model.FindByModel),
    ("answer", model.AnswerModel),
    ("answer: outcome", model.RuleModel),
    ("refusal", model.RefusalModel),
    ("session", model.SessionModel),
)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) with which editors complete and check mapping files."""
    parts = _definitions()
    return {
        "$schema": _DIALECT,
        "title": _TITLE,
        **parts.pop("MappingModel"),
        "$defs": parts,
    }


def overlay_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the files in parts/, shops/ and business_units/.

    A part is a list of whole fields. The others name only what differs: nothing but the name of a
    field, function module or column is required, and null takes a name away.
    """
    whole = _definitions()
    defined = {name: whole[name] for name in sorted(whole) if name != "MappingModel"}
    for name, key in _IN_PART.items():
        defined[f"{name}Change"] = _in_part(whole[name], key)
    defined["FieldModelChange"]["properties"]["remove"] = {
        "const": True,
        "description": "takes the field of the common file away",
    }
    part = {"type": "array", "items": {"$ref": "#/$defs/FieldModel"}}
    return {
        "$schema": _DIALECT,
        "title": _OVERLAY_TITLE,
        "anyOf": [part, {"$ref": "#/$defs/MappingModelChange"}],
        "$defs": defined,
    }


def _in_part(whole: dict[str, Any], key: str | None) -> dict[str, Any]:
    made = {name: each for name, each in deepcopy(whole).items() if name != "required"}
    if key is not None:
        made["required"] = [key]
    for name, each in made["properties"].items():
        if name != key and {"type": "null"} not in each.get("anyOf", ()):
            words = {"description": each.pop("description")} if "description" in each else {}
            named = each.get("additionalProperties")
            if isinstance(named, dict):
                each["additionalProperties"] = _or_null(named)
            made["properties"][name] = {**words, **_or_null(each)}
    text = json.dumps(made)
    for name in _IN_PART:
        text = text.replace(f'"#/$defs/{name}"', f'"#/$defs/{name}Change"')
    changed: dict[str, Any] = json.loads(text)
    return changed


def _or_null(each: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [each, {"type": "null"}]}


def _definitions() -> dict[str, Any]:
    models: list[tuple[type[BaseModel], Any]] = [
        (each, "validation") for each in (model.MappingModel, model.IncludeModel)
    ]
    _, whole = models_json_schema(models, ref_template="#/$defs/{model}")
    parts: dict[str, Any] = whole["$defs"]
    field = {"$ref": "#/$defs/FieldModel"}
    either = {"anyOf": [field, {"$ref": "#/$defs/IncludeModel"}]}
    for name, key in (
        ("MappingModel", "request"),
        ("CallModel", "request"),
        ("AnswerModel", "fields"),
    ):
        parts[name]["properties"][key]["items"] = either
    return parts


def schema_text(*, overlay: bool = False) -> str:
    """Return the JSON Schema of mapping files, or that of what is laid over them, as text."""
    made = overlay_schema() if overlay else schema()
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def reference() -> str:
    """Return the reference page, in Markdown."""
    page = [
        "# Mapping files: reference",
        "",
        "Made from the models by `connector mappings schema --reference`; do not edit by hand."
        " How to work with mappings is told in [mappings.md](mappings.md).",
    ]
    for title, kind in _PARTS:
        page += ["", f"## {title}", "", _words(kind), "", *_table(kind)]
    page += ["", "## Converters (转换器)", ""]
    page += [
        "`convert` is a list; each converter takes what the one before it made, and an error of any"
        " of them is an error of the field.",
    ]
    for kind in model.converters():
        page += ["", f"### {_words(kind)}", "", *_table(kind)]
        page += _parameters(kind)
    return "\n".join(page) + "\n"


def _words(kind: type[BaseModel]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _parameters(kind: type[BaseModel]) -> list[str]:
    lines: list[str] = []
    for field in kind.model_fields.values():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            lines += ["", *_table(inner)]
    return lines


def _table(kind: type[BaseModel]) -> list[str]:
    described = kind.model_json_schema(by_alias=True)
    described = described.get("$defs", {}).get(kind.__name__, described)
    required = set(described.get("required", ()))
    rows = ["| key | form | | meaning |", "| --- | --- | --- | --- |"]
    for name, each in described.get("properties", {}).items():
        default = each.get("default")
        need = "required" if name in required else ""
        if not need and default not in (None, [], {}, False):
            need = f"default {json.dumps(default)}"
        words = str(each.get("description", "")).replace("|", "\\|")
        rows.append(f"| `{name}` | {_form(each)} | {need} | {words} |")
    return rows


def _form(each: dict[str, Any]) -> str:
    if "enum" in each:
        return " · ".join(f"`{word}`" for word in each["enum"])
    if "const" in each:
        return f"`{json.dumps(each['const'])}`"
    if "$ref" in each:
        return "block"
    if "anyOf" in each:
        forms = [_form(one) for one in each["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(forms))
    if each.get("type") == "array":
        return "list"
    if each.get("type") == "object":
        return "block"
    return {"string": "text", "integer": "whole number", "number": "number"}.get(
        str(each.get("type")), "yes or no" if each.get("type") == "boolean" else "any"
    )
