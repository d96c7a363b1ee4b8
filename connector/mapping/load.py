"""Loads a folder of mappings; what is wrong is said with file, line and column."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from connector.errors import Misconfigured
from connector.mapping import model
from connector.mapping.convert import Lookup
from connector.mapping.engine import ExpressionError, Mapping, MappingSet


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong in a mapping file."""

    file: str
    line: int
    column: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message} [{self.rule}]"


class MappingsInvalid(Misconfigured):
    """Raised when mappings cannot be taken; `findings` lists every reason."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(
            "; ".join(map(str, findings[:20])),
            place="mappings",
            remedy="mend the lines named, then `connector check`",
        )
        self.findings = list(findings)


def load(folder: Path) -> MappingSet:
    """Return the mappings of a folder. Raises MappingsInvalid."""
    findings: list[Finding] = []
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise MappingsInvalid(
            [Finding(str(folder), 0, 0, "no-mappings", "the folder holds no mappings")]
        )
    lookups, versions = _lookups(folder / "lookups", findings)
    mappings: dict[str, Mapping] = {}
    for path in files:
        content = path.read_bytes()
        spec = _read(path, content, findings)
        if spec is None:
            continue
        digest = hashlib.sha256(content + "".join(versions).encode()).hexdigest()[:12]
        mapping = _compile(path, content, spec, digest, lookups, findings)
        if mapping is not None:
            mappings[path.stem] = mapping
    if findings:
        raise MappingsInvalid(findings)
    version = hashlib.sha256(
        "".join(f"{name}{each.version}" for name, each in sorted(mappings.items())).encode()
    ).hexdigest()[:12]
    return MappingSet(version, mappings)


def _lookups(folder: Path, findings: list[Finding]) -> tuple[dict[str, Lookup], list[str]]:
    tables: dict[str, Lookup] = {}
    versions = []
    for path in sorted(folder.glob("*.csv")):
        content = path.read_bytes()
        versions.append(hashlib.sha256(content).hexdigest())
        table: dict[str, dict[str, str]] = {}
        try:
            reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
            for number, row in enumerate(reader, start=2):
                key = (row.get("key") or "").strip()
                if not key or None in row or None in row.values():
                    findings.append(
                        Finding(str(path), number, 1, "lookup-row", "wrong number of columns")
                    )
                elif key in table:
                    findings.append(
                        Finding(str(path), number, 1, "lookup-twice", f"{key!r} occurs twice")
                    )
                else:
                    table[key] = {name: str(value).strip() for name, value in row.items()}
        except (UnicodeDecodeError, csv.Error) as error:
            findings.append(Finding(str(path), 1, 1, "lookup-file", f"unreadable: {error}"))
        tables[path.stem] = table
    return tables, versions


def _read(path: Path, content: bytes, findings: list[Finding]) -> model.MappingModel | None:
    try:
        data = yaml.safe_load(content)
        return model.MappingModel.model_validate(data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        findings.append(Finding(str(path), line, column, "yaml", str(error.problem)))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        findings.append(Finding(str(path), 1, 1, "yaml", str(error).splitlines()[0]))
    except ValidationError as error:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
        for each in error.errors(include_url=False, include_input=False):
            line, column = _position(node, each["loc"])
            name = ".".join(str(part) for part in each["loc"])
            findings.append(
                Finding(str(path), line, column, each["type"], f"{name}: {each['msg']}")
            )
    return None


def _compile(
    path: Path,
    content: bytes,
    spec: model.MappingModel,
    version: str,
    lookups: dict[str, Lookup],
    findings: list[Finding],
) -> Mapping | None:
    try:
        return Mapping(path.stem, version, spec, lookups)
    except ExpressionError as error:
        rule, message = "jmespath", str(error)
    except KeyError as error:
        rule, message = "lookup-missing", f"there is no lookup table {error.args[0]}.csv"
    line = _line_of(spec, content, lookups)
    findings.append(Finding(str(path), line, 1, rule, message))
    return None


def _line_of(spec: model.MappingModel, content: bytes, lookups: dict[str, Lookup]) -> int:
    """Find the first field that cannot be compiled on its own, and its line."""
    node = yaml.compose(content, Loader=yaml.SafeLoader)
    bare = {"target": spec.target}
    for index, field in enumerate(spec.request):
        try:
            Mapping("", "", model.MappingModel(**bare, request=[field]), lookups)
        except (ExpressionError, KeyError):
            return _position(node, ("request", index))[0]
    return 1


def _position(node: Any, location: tuple[Any, ...]) -> tuple[int, int]:
    for part in location:
        if isinstance(node, yaml.MappingNode):
            inner = next((value for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            inner = node.value[part] if part < len(node.value) else None
        else:
            inner = None
        if inner is None:
            continue
        node = inner
    return (node.start_mark.line + 1, node.start_mark.column + 1) if node else (1, 1)
