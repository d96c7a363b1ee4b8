"""What of SAP can be tried without changing anything: logon, function modules, authorisations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from connector.errors import ConnectorError, LogonFailed, Misconfigured, Rejected, RetryLater
from connector.mapping import Mapping, MappingSet
from connector.sap.answers import understood, whole
from connector.sap.books import SapBooks
from connector.sap.finding import Finder
from connector.sap.interface import Snapshots, unreadable
from connector.sap.port import SapSystem
from connector.sap.readtable import READ_TABLE, Condition, any_row, read

# A part, an order and a code that nobody has: SAP's answer to them shows that we may ask, and how
# it says that there is nothing.
_NOBODY = "CONNECTOR-CHECK"
_ODATA = re.compile(r"(GET|POST|PATCH) ")
# Their interface is the same everywhere, and need not be read.
_EVERYWHERE = frozenset({"BAPI_TRANSACTION_COMMIT", "BAPI_TRANSACTION_ROLLBACK", READ_TABLE})


@dataclass(frozen=True)
class Tried:
    """One thing that was tried; `error` says with its remedy why it did not work.

    What works only for now is `passable`.
    """

    what: str
    error: ConnectorError | None = None
    passable: bool = False


def try_everything(
    system: SapSystem, mappings: MappingSet, plant: str, stored: Snapshots | None = None
) -> Iterator[Tried]:
    """Log on, then try each function module that the mappings call; give what came of it.

    Writing ones are only described: whether the user may call them shows at the first order.
    Nothing more is tried after a refused logon, or when SAP is away. `stored` are the interfaces
    that are known though SAP does not tell them.
    """
    try:
        yield Tried(system.ping())
    except ConnectorError as error:
        yield Tried("logon", error)
        return
    named = [mappings[name] for name in mappings.names()]
    spoken = [each for each in named if each.target.system == "sap" and not each.absent]
    wrong: set[str] = set()
    for function in sorted({each for mapping in spoken for each in _functions(mapping)}):
        tried = _described(system, function, stored)
        if tried is None:
            continue
        yield tried
        if isinstance(tried.error, LogonFailed | RetryLater):
            return
        if tried.error is not None:
            wrong.add(function)
    if any(_in_one_session(mapping) for mapping in spoken):
        yield _tried("a session is kept", lambda: _in_session(system))
    for mapping in spoken:
        # Of a function module that cannot be called at all, that is said once.
        if mapping.target.operation not in wrong:
            yield from _asked(system, mappings, mapping, plant)


def _asked(
    system: SapSystem, mappings: MappingSet, mapping: Mapping, plant: str
) -> Iterator[Tried]:
    finder, books = Finder(system, lambda: mappings), SapBooks(system, lambda: mappings)
    if mapping.read_table is not None:
        yield _table(system, mapping)
    elif mapping.name == "sap_customer_find":
        yield _tried("customers may be looked for", lambda: finder.by_code(_NOBODY))
    elif mapping.name == "sap_customer_read":
        yield _tried("customers may be read", lambda: finder.by_number("0"))
    elif mapping.name == "sap_deliveries":
        yield _tried("deliveries may be listed", lambda: books.deliveries_of(_NOBODY))
    elif mapping.name == "sap_billing":
        yield _tried("billing documents may be listed", lambda: books.billing_of(_NOBODY))
    elif mapping.name == "sap_stock":
        yield _stock(system, mapping, plant)


def _tried(what: str, ask: Callable[[], object]) -> Tried:
    try:
        ask()
    except ConnectorError as error:
        return Tried(what, error)
    return Tried(what)


def _in_session(system: SapSystem) -> None:
    """Call twice what changes nothing, as a creation and its commit are called."""
    with system.session() as session:
        for _ in range(2):
            session.call("STFC_CONNECTION", {"REQUTEXT": "connector"})


def _in_one_session(mapping: Mapping) -> bool:
    """Whether a mapping's calls are committed together, behind them."""
    over_odata = bool(mapping.calls) and _ODATA.match(mapping.calls[0][0]) is not None
    return bool(mapping.calls) and not mapping.commits_itself and not over_odata


def _functions(mapping: Mapping) -> list[str]:
    if not mapping.calls:
        return [mapping.target.operation]
    written = [function for function, _ in mapping.calls]
    if not _in_one_session(mapping):
        return written  # nothing is left to be committed
    return [*written, "BAPI_TRANSACTION_COMMIT", "BAPI_TRANSACTION_ROLLBACK"]


def _described(system: SapSystem, function: str, stored: Snapshots | None) -> Tried | None:
    try:
        system.describe(function)
    except (LogonFailed, RetryLater) as error:
        return Tried(function, error)
    except ConnectorError as error:
        if "FU_NOT_FOUND" in error.message:
            named = Misconfigured(error.message, place=f"SAP {function}", remedy=error.remedy)
            return Tried(function, named)
        if function in _EVERYWHERE:
            return None
        if _ODATA.match(function):
            return Tried(function, error)  # no stored interface stands in for the service itself
        if stored is not None and stored(function) is not None:
            said = f"{function}: SAP does not let us read its interface ({error.message});"
            return Tried(f"{said} the stored one is used", passable=True)
        return Tried(function, unreadable(function, error.message))
    return Tried(f"{function} is there")


def _table(system: SapSystem, mapping: Mapping) -> Tried:
    spec = mapping.read_table
    assert spec is not None
    column = next(iter(spec.columns))
    searched = [column for column, _, _ in mapping.find_by]
    columns = list(dict.fromkeys([*spec.columns, *searched]))
    try:
        any_row(system, spec.table, columns, mapping.target.operation)
        list(read(system, spec.table, columns, [Condition(column, "-")], mapping.target.operation))
    except ConnectorError as error:
        return Tried(f"table {spec.table}", error)
    return Tried(f"table {spec.table} may be read, with every column of {mapping.name}.yaml")


def _stock(system: SapSystem, mapping: Mapping, plant: str) -> Tried:
    function, source = (
        mapping.target.operation,
        {"plant": plant, "material": _NOBODY, "unit": "PCE", "day": date.today()},
    )
    try:
        answer = system.call(function, mapping.apply(source).body)
    except ConnectorError as error:
        if isinstance(error, Rejected) and _ODATA.match(function):
            return Tried("stock may be asked")  # that there is no such part
        return Tried("stock", error)
    try:
        whole(mapping, answer)
        understood(mapping, answer, source)
    except Rejected:
        pass  # that there is no such part
    except ConnectorError as error:
        return Tried("stock", error)
    return Tried("stock may be asked")
