"""What of SAP can be tried without changing anything: logon, function modules, authorisations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connector.errors import ConnectorError, LogonFailed, Rejected, RetryLater
from connector.mapping import Mapping, MappingSet
from connector.sap.port import SapSystem
from connector.sap.readtable import Condition, read
from connector.sap.stock import StockDesk

# A part that no plant has: SAP's answer to it shows that we may ask.
_NO_PART = "CONNECTOR-CHECK"


@dataclass(frozen=True)
class Tried:
    """One thing that was tried; `error` says with its remedy why it did not work."""

    what: str
    error: ConnectorError | None = None


def try_everything(system: SapSystem, mappings: MappingSet, plant: str) -> Iterator[Tried]:
    """Log on, then try each function module that the mappings call; give what came of it.

    Writing ones are only described: whether the user may call them shows at the first order.
    Nothing more is tried after a refused logon, or when SAP is away.
    """
    try:
        yield Tried(system.ping())
    except ConnectorError as error:
        yield Tried("logon", error)
        return
    spoken = [mappings[name] for name in mappings.names() if mappings[name].target.system == "sap"]
    for function in sorted({each for mapping in spoken for each in _functions(mapping)}):
        tried = _described(system, function)
        yield tried
        if isinstance(tried.error, LogonFailed | RetryLater):
            return
    for mapping in spoken:
        if mapping.read_table is not None:
            yield _table(system, mapping)
    yield _stock(system, mappings, plant)


def _functions(mapping: Mapping) -> list[str]:
    if not mapping.calls:
        return [mapping.target.operation]
    written = [function for function, _ in mapping.calls]
    return [*written, "BAPI_TRANSACTION_COMMIT", "BAPI_TRANSACTION_ROLLBACK"]


def _described(system: SapSystem, function: str) -> Tried:
    try:
        system.describe(function)
    except ConnectorError as error:
        return Tried(function, error)
    return Tried(f"{function} is there")


def _table(system: SapSystem, mapping: Mapping) -> Tried:
    spec = mapping.read_table
    assert spec is not None
    column = next(iter(spec.columns))
    searched = [column for column, _, _ in mapping.find_by]
    columns = list(dict.fromkeys([*spec.columns, *searched]))
    try:
        list(read(system, spec.table, columns, [Condition(column, "-")]))
    except ConnectorError as error:
        return Tried(f"table {spec.table}", error)
    return Tried(f"table {spec.table} may be read, with every column of {mapping.name}.yaml")


def _stock(system: SapSystem, mappings: MappingSet, plant: str) -> Tried:
    try:
        StockDesk(system, lambda: mappings).available(plant=plant, material=_NO_PART, unit="PCE")
    except Rejected:
        pass
    except ConnectorError as error:
        return Tried("stock", error)
    return Tried("stock may be asked")
