"""Reads from the living systems what they take and give, in the form of the stored snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog

from connector.bootstrap import Connector
from connector.errors import ConnectorError, LogonFailed, Misconfigured, Rejected
from connector.gateways import dms_of, sap_of, storefront_of
from connector.mapping.check import check
from connector.mapping.described import snapshot
from connector.mapping.finding import Finding
from connector.mapping.interfaces import Interfaces, read_interfaces
from connector.mapping.load import Folder
from connector.mapping.shape import differences
from connector.mapping.wsdl.shapes import Operation
from connector.mapping.wsdl.snapshot import is_part
from connector.sap.interface import file_of, snapshot_of, unreadable
from connector.sap.port import SapSystem
from connector.sap.readtable import READ_TABLE
from connector.settings import Settings
from connector.store.database import Database
from connector.storefront.port import Storefront

_log = structlog.get_logger(__name__)

STOREFRONT = "storefront.json"


def functions_of(folder: Folder) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the function modules that the mappings name, and the tables with who reads them."""
    functions: set[str] = set()
    tables: set[tuple[str, str]] = set()
    for name in folder.names():
        document = folder.document(name, [])
        if document is None or document.spec.target.system != "sap" or document.spec.absent:
            continue
        spec = document.spec
        if spec.read_table is not None:
            tables.add((spec.target.operation, spec.read_table.table))
            if spec.target.operation != READ_TABLE:
                functions.add(spec.target.operation)
        elif spec.calls:
            functions |= {call.function for call in spec.calls}
        else:
            functions.add(spec.target.operation)
    return functions, tables


def sap_snapshots(sap: SapSystem, folder: Folder) -> tuple[dict[str, bytes], list[Misconfigured]]:
    """Return SAP's interfaces by the name of their file, and why others cannot be read.

    A function module that SAP does not have is left out. Raises RetryLater, LogonFailed.
    """
    functions, tables = functions_of(folder)
    files: dict[str, bytes] = {}
    unread: list[Misconfigured] = []
    for function in sorted(functions):
        try:
            files[file_of(function)] = snapshot_of(function, sap.describe(function))
        except LogonFailed:
            raise
        except (Misconfigured, Rejected) as error:
            if " " in function:  # an OData service: its own words say what helps
                unread.append(Misconfigured(error.message, place=error.place, remedy=error.remedy))
            elif "FU_NOT_FOUND" not in str(error):
                unread.append(unreadable(function, error.message))
    for function, table in sorted(tables):
        try:
            answer = sap.call(function, {"QUERY_TABLE": table, "NO_DATA": "X"})
        except LogonFailed:
            raise
        except (Misconfigured, Rejected) as error:
            unread.append(
                Misconfigured(
                    f"{table}: {error.message}",
                    place=f"SAP {function}",
                    remedy="permit the user to read it (S_TABU_NAM)",
                )
            )
            continue
        columns = {
            str(row["FIELDNAME"]): {"kind": str(row["TYPE"]), "length": int(row["LENGTH"])}
            for row in answer.get("FIELDS") or []
        }
        files[file_of(table, "table.json")] = _dumped({"table": table, "fields": columns})
    return files, unread


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
        for name in sorted(_once(system, was) & _once(system, now)):
            for side in ("request", "answer"):
                for each in differences(getattr(was[name], side), getattr(now[name], side)):
                    yield f"{system} {name}", each
        for name in sorted(_once(system, was) - _once(system, now)) if now else ():
            yield f"{system} {name}", "is gone"
    for table, columns in stored.tables.items():
        current = live.tables.get(table)
        for column in columns if current is not None else ():
            if current is not None and current.get(column) != columns[column]:
                yield f"sap {table}", f"{column}: was {columns[column]}, is {current.get(column)}"


def _once(system: str, operations: Mapping[str, Operation]) -> set[str]:
    """Return the names of operations; those of a WSDL without the longer ones of the same."""
    return {name for name in operations if system != "dms" or "/" not in name}


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
    files, unread = live_files(settings, folder)
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
    findings += [
        Finding(folder.path("interfaces/sap"), 1, 1, "interface", str(error)) for error in unread
    ]
    if STOREFRONT not in files:
        findings.append(
            Finding(folder.path(f"interfaces/{STOREFRONT}"), 1, 1, "not-described",
                    "the storefront does not describe itself: its stored snapshot is taken",
                    level="info")
        )  # fmt: skip
    findings += check(folder, current)
    if store:
        for name in folder.interfaces():
            if is_part(name) and name not in files:
                (settings.mappings / "interfaces" / name).unlink()  # imported no longer
        for name, data in files.items():
            path = settings.mappings / "interfaces" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return findings


def live_files(settings: Settings, folder: Folder) -> tuple[dict[str, bytes], list[Misconfigured]]:
    """Return what the systems say of themselves now, by the name of the snapshot's file.

    What SAP does not tell this user stands beside it.
    """
    database = Database.if_current(settings.database_url)
    sap = sap_of(settings, database)
    try:
        files, unread = sap_snapshots(sap, folder)
    finally:
        sap.close()
        if database is not None:
            database.close()
    files |= dms_of(settings).served()
    files |= storefront_snapshots(storefront_of(settings), folder)
    return files, unread


def unfit(sap: SapSystem, folder: Folder) -> list[Finding]:
    """Return which of SAP's mappings do not fit the function modules as SAP has them now."""
    files, _ = sap_snapshots(sap, folder)
    current, _ = read_interfaces({**folder.interfaces(), **files})
    return [
        each
        for each in check(folder, current)
        if each.level == "error" and Path(each.file).name.startswith("sap_")
    ]


def watch(connector: Connector) -> None:
    """Look whether the interfaces changed under the mappings; each change is told of once.

    A system that is away, or refuses us, is told of by those who need it.
    """
    folder = Folder.read(connector.settings.mappings)
    files: dict[str, bytes] = {}
    readers: dict[str, Callable[[], dict[str, bytes]]] = {
        "sap": lambda: sap_snapshots(connector.sap, folder)[0],
        "dms": lambda: dms_of(connector.settings).served(),
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
