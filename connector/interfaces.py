"""Reads from the living systems what they take and give, in the form of the stored snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog

from connector.bootstrap import Connector
from connector.errors import ConnectorError, Misconfigured
from connector.gateways import dms_of, sap_of, storefront_of
from connector.mapping.check import check
from connector.mapping.described import snapshot
from connector.mapping.finding import Finding
from connector.mapping.interfaces import Interfaces, read_interfaces
from connector.mapping.load import Folder
from connector.mapping.shape import differences
from connector.sap.interface import file_of, snapshot_of
from connector.sap.port import SapSystem
from connector.settings import Settings
from connector.store.database import Database
from connector.storefront.port import Storefront

_log = structlog.get_logger(__name__)

STOREFRONT = "storefront.json"


def functions_of(folder: Folder) -> tuple[set[str], set[str]]:
    """Return the function modules and the tables that the mappings name."""
    functions: set[str] = set()
    tables: set[str] = set()
    for name in folder.names():
        document = folder.document(name, [])
        if document is None or document.spec.target.system != "sap" or document.spec.absent:
            continue
        spec = document.spec
        if spec.read_table is not None:
            tables.add(spec.read_table.table)
        elif spec.calls:
            functions |= {call.function for call in spec.calls}
        else:
            functions.add(spec.target.operation)
    return functions, tables


def sap_snapshots(sap: SapSystem, folder: Folder) -> dict[str, bytes]:
    """Return SAP's interfaces by the name of their file. Raises RetryLater, Misconfigured.

    A function module that SAP does not have is left out.
    """
    functions, tables = functions_of(folder)
    files: dict[str, bytes] = {}
    for function in sorted(functions):
        try:
            described = sap.describe(function)
        except Misconfigured as error:
            if "FU_NOT_FOUND" in str(error):
                continue
            raise
        files[file_of(function)] = snapshot_of(function, described)
    for table in sorted(tables):
        answer = sap.call("RFC_READ_TABLE", {"QUERY_TABLE": table, "NO_DATA": "X"})
        columns = {
            str(row["FIELDNAME"]): {"kind": str(row["TYPE"]), "length": int(row["LENGTH"])}
            for row in answer.get("FIELDS") or []
        }
        files[f"sap/{table.replace('/', '_-')}.table.json"] = _dumped(
            {"table": table, "fields": columns}
        )
    return files


def storefront_snapshots(storefront: Storefront, folder: Folder) -> dict[str, bytes]:
    """Return the storefront's interface by the name of its file; none if it does not describe it.

    Raises RetryLater, Misconfigured, LogonFailed.
    """
    stored = folder.interfaces().get(STOREFRONT)
    try:
        made = snapshot(storefront.describe(), stored)
    except ValueError:
        made = None  # the stored snapshot is broken, which the check says
    return {STOREFRONT: made} if made is not None else {}


def changes(stored: Interfaces, live: Interfaces) -> Iterator[tuple[str, str]]:
    """Give how the living interfaces differ from the stored ones: the system's part, and what."""
    for system in ("dms", "sap", "storefront"):
        was, now = stored.of(system), live.of(system)
        for name in sorted(was.keys() & now.keys()):
            for side in ("request", "answer"):
                for each in differences(getattr(was[name], side), getattr(now[name], side)):
                    yield f"{system} {name}", each
        for name in sorted(was.keys() - now.keys()) if now else ():
            yield f"{system} {name}", "is gone"
    for table, columns in stored.tables.items():
        current = live.tables.get(table)
        for column in columns if current is not None else ():
            if current is not None and current.get(column) != columns[column]:
                yield f"sap {table}", f"{column}: was {columns[column]}, is {current.get(column)}"


def _dumped(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def checked(settings: Settings, *, live: bool, store: bool = False) -> list[Finding]:
    """Return what is to be said of the mappings folder that the settings name.

    With `live`, the systems are asked and what changed since the snapshots is said too; with
    `store`, the snapshots are then replaced. Raises RetryLater, Misconfigured.
    """
    folder = Folder.read(settings.mappings)
    if not live:
        return check(folder)
    files = live_files(settings, folder)
    stored, _ = read_interfaces(folder.interfaces())
    current, wrong = read_interfaces({**folder.interfaces(), **files})
    findings = [
        Finding(folder.path(f"interfaces/{name}"), 1, 1, "interface", why)
        for name, why in wrong.items()
    ]
    findings += [
        Finding(folder.path("interfaces"), 1, 1, "interface-changed", f"{where}: {what}",
                "look, then `connector mappings check --live --store`", "warning")
        for where, what in changes(stored, current)
    ]  # fmt: skip
    if STOREFRONT not in files:
        findings.append(
            Finding(folder.path(f"interfaces/{STOREFRONT}"), 1, 1, "not-described",
                    "the storefront does not describe itself: its stored snapshot is taken",
                    level="info")
        )  # fmt: skip
    findings += check(folder, current)
    if store:
        for name, data in files.items():
            path = settings.mappings / "interfaces" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return findings


def live_files(settings: Settings, folder: Folder) -> dict[str, bytes]:
    """Return what the systems say of themselves now, by the name of the snapshot's file."""
    database = Database.if_current(settings.database_url)
    sap = sap_of(settings, database)
    try:
        files = sap_snapshots(sap, folder)
    finally:
        sap.close()
        if database is not None:
            database.close()
    files["dms.wsdl"] = dms_of(settings).served()
    files |= storefront_snapshots(storefront_of(settings), folder)
    return files


def watch(connector: Connector) -> None:
    """Look whether the interfaces changed under the mappings; each change is told of once.

    A system that is away, or refuses us, is told of by those who need it.
    """
    folder = Folder.read(connector.settings.mappings)
    files: dict[str, bytes] = {}
    readers: dict[str, Callable[[], dict[str, bytes]]] = {
        "sap": lambda: sap_snapshots(connector.sap, folder),
        "dms": lambda: {"dms.wsdl": dms_of(connector.settings).served()},
        "storefront": lambda: storefront_snapshots(connector.storefront, folder),
    }
    for system, read in readers.items():
        try:
            files |= read()
        except ConnectorError as error:
            _log.info("interfaces not looked at", system=system, error=str(error))
    stored, _ = read_interfaces(folder.interfaces())
    live, _ = read_interfaces({**folder.interfaces(), **files})
    for place, what in changes(stored, live):
        if connector.versions.notice("interface", place, what):
            _log.warning("an interface changed under the mappings", place=place, change=what)
