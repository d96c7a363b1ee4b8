"""What `connector check` looks at, one finding a thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from connector.bootstrap import timetables_of
from connector.dms.session import NAME as SESSION
from connector.dms.session import has_session
from connector.domain.alerts import Role
from connector.domain.calendar import Timetable
from connector.errors import ConnectorError, LogonFailed, Misconfigured, RetryLater
from connector.gateways import dms_of, sap_of, session_of, storefront_of, targets_of
from connector.interfaces import unfit
from connector.mapping import load
from connector.mapping.check import check as check_mappings
from connector.mapping.finding import errors
from connector.mapping.load import Folder
from connector.sap.interface import stored_in
from connector.sap.live import Tried, try_everything
from connector.sap.port import SapSystem
from connector.settings import Settings, config_file, load_settings, unknown_variables
from connector.store.database import Database
from connector.store.runs import Runs
from connector.store.shop import refuse_other_shop
from connector.unattended import heartbeat_of, notifier_of, unreached

_ENDS_SOON = timedelta(days=45)
_IGNORED = {
    "include": "the shop ignores `include` and lists other orders than those asked for: each order"
    " is asked for by itself before a wave, which takes longer — have the platform find the"
    " plug-in or proxy that drops it",
    "modified_after": "the shop ignores `modified_after` and lists orders of all times: each"
    " reading takes as long as all its orders do — have the platform find the plug-in or proxy"
    " that drops it",
}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Result:
    """One finding: `good`, `warning`, `wrong` or `unreachable`."""

    state: Literal["good", "warning", "wrong", "unreachable"]
    what: str
    text: str


def run_checks(*, live: bool) -> list[Result]:
    """Return all findings, in a fixed sequence."""
    try:
        settings = load_settings()
    except ConnectorError as error:
        return [Result("wrong", "settings", str(error))]
    results = [Result("good", "settings", f"{config_file()} and the environment")]
    results += [
        Result(
            "warning",
            "settings",
            f"{name} is no setting" + (f" — meant {near}?" if near else ""),
        )
        for name, near in unknown_variables().items()
    ]
    results += _secrets(settings)
    results += _gateways(settings)
    results += _mappings(settings)
    results += _people(settings)
    results += [*_calendar(settings), _database(settings), _intake(settings)]
    if live:
        results += [
            *_storefront(settings),
            *_sap(settings),
            *_dms(settings),
        ]
    return results


def _gateways(settings: Settings) -> list[Result]:
    """Make what reaches the systems around us; nobody is reached."""
    made: list[tuple[str, Callable[[Settings], object]]] = [
        ("storefront", storefront_of),
        ("dms", dms_of),
        ("delivery", targets_of),
    ]
    if settings.sap.transport != "rfc":
        made.append(("sap", sap_of))
    results = []
    for name, make in made:
        try:
            make(settings)
        except Misconfigured as error:
            results.append(Result("wrong", name, str(error)))
    return results


def _storefront(settings: Settings) -> list[Result]:
    """Log on to the shop, and ask it what has a known answer: whether it heeds its questions."""
    results = [_ping("storefront", lambda: storefront_of(settings).ping())]
    if results[0].state == "good":
        try:
            ignored = storefront_of(settings).ignored()
            results += [Result("warning", "storefront", _IGNORED[each]) for each in ignored]
        except ConnectorError as error:
            results.append(Result("warning", "storefront", str(error)))
    return results


def _dms(settings: Settings) -> list[Result]:
    """Read the WSDL, and knock at every endpoint that the mappings use."""

    def knock(address: str, operations: Sequence[str]) -> str:
        dms.knock(address)
        return f"{address} answers: {', '.join(sorted(set(operations)))}"

    def log_on() -> str:
        database = Database.if_current(settings.database_url)
        try:
            session_of(settings, dms, lambda: mappings, database, asking=True).open()
        finally:
            if database is not None:
                database.close()
        return "the login (dms_session) gives a token"

    try:
        mappings = load(settings.mappings)
        dms = dms_of(settings, lambda: mappings)
        # The WSDL is held against the mappings before anything is said of it.
        read = _ping("dms", dms.ping)
        return (
            [read]
            if read.state != "good"
            else [
                read,
                *([_ping("dms", log_on)] if has_session(mappings) else []),
                *(
                    _ping("dms", partial(knock, address, operations))
                    for address, operations in dms.endpoints(mappings).items()
                ),
            ]
        )
    except ConnectorError as error:
        return [Result("wrong", "dms", str(error))]


def _dms_secret(settings: Settings) -> list[tuple[str, SecretStr]]:
    login = (settings.mappings / f"{SESSION}.yaml").is_file()
    if settings.dms.authentication == "none" and not login:
        return []  # a client certificate, or a header that holds a key
    return [("CONNECTOR_DMS__PASSWORD", settings.dms.password)]


def _secrets(settings: Settings) -> list[Result]:
    return [
        Result("good", "secrets", f"{name} is set")
        if secret.get_secret_value()
        else Result(
            "wrong", "secrets", f"{name} is missing — set it in the environment or a secret file"
        )
        for name, secret in (
            ("CONNECTOR_STOREFRONT__CONSUMER_SECRET", settings.storefront.consumer_secret),
            *_sap_secret(settings),
            *_dms_secret(settings),
        )
    ]


def _sap_secret(settings: Settings) -> list[tuple[str, SecretStr]]:
    # A certificate alone may log on.
    sap = settings.sap
    if sap.transport == "rfc" and "snc_partnername" in sap.connection:
        return []
    if sap.transport != "rfc" and sap.authentication == "certificate":
        return []
    return [("CONNECTOR_SAP__PASSWORD", sap.password)]


def _people(settings: Settings) -> list[Result]:
    """Say who is reached by messages, and who is not."""
    found = [
        Result(
            "warning",
            "notify",
            f"{role} is reached by nobody's channel: what {role} must know is not told — set"
            + (" notify.ops" if role is Role.OPS else f" notify.{role}, or notify.ops for all"),
        )
        for role in unreached(settings)
    ]
    try:
        notifier_of(settings)
        heartbeat_of(settings)
    except Misconfigured as error:
        found.append(Result("wrong", "notify", str(error)))
    return found or [Result("good", "notify", "every role is reached by a channel")]


def _mappings(settings: Settings) -> list[Result]:
    folder = Folder.read(settings.mappings)
    found = [each for each in check_mappings(folder) if each.level != "info"]
    if not errors(found):
        text = f"{len(folder.names())} files, version {folder.version}"
        found_good = [Result("good", "mappings", text)]
    else:
        found_good = []
    return found_good + [
        Result("wrong" if each.level == "error" else "warning", "mappings", str(each))
        for each in found
    ]


def _calendar(settings: Settings, today: date | None = None) -> list[Result]:
    """Say how the clocks of the site and of each unit were understood, and how long they are known.

    A cutoff that was meant otherwise is seen here, before a wave goes at the wrong hour.
    """
    today = today or datetime.now(UTC).date()
    try:
        tables = timetables_of(settings)
    except ConnectorError as error:
        return [Result("wrong", "calendar", str(error))]
    found = [
        Result("good", "calendar", f"{unit or 'site'}: {_clock(table)}")
        for unit, table in tables.items()
        if not unit or table is not tables[""]
    ]
    ends = min(table.calendar.ends_on() for table in tables.values())
    if ends - today >= _ENDS_SOON:
        return [*found, Result("good", "calendar", f"known until {ends}")]
    text = (
        f"the national calendar {'ends' if ends >= today else 'ended'} on {ends}; after it the"
        " working weekdays count, and the exceptions under calendar.overrides — update"
        " chinesecalendar, or name that year's days off and make-up days there, and no others"
    )
    return [*found, Result("warning", "calendar", text)]


def _clock(table: Timetable) -> str:
    calendar = table.calendar
    days = ", ".join(_WEEKDAYS[day - 1] for day in sorted(calendar.weekdays))
    hours = ", ".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in calendar.hours)
    cutoffs = ", ".join(f"{each:%H:%M}" for each in table.cutoffs.times)
    return f"{calendar.zone.key}, {days}, hours {hours}, cutoffs {cutoffs}"


def _database(settings: Settings) -> Result:
    try:
        if not Database.exists(settings.database_url):
            return Result("good", "database", "not there yet; the first start makes it")
        database = Database(settings.database_url)
        try:
            has, needs = database.revision()
            if has == needs:
                refuse_other_shop(database, settings.shop)
        finally:
            database.close()
    except RetryLater as error:
        return Result("unreachable", "database", str(error))
    except ConnectorError as error:
        return Result("wrong", "database", str(error))
    except Exception as error:
        # Drivers raise what they like for a server that is away.
        return Result("unreachable", "database", f"does not answer: {type(error).__name__}")
    if has is None:
        return Result("good", "database", f"empty; the first start makes revision {needs}")
    if has != needs:
        return Result(
            "warning", "database", f"has revision {has}, needs {needs} — `connector db upgrade`"
        )
    return Result("good", "database", f"revision {has}")


def _intake(settings: Settings) -> Result:
    """Say from when orders are pulled."""
    done, begun = None, None
    try:
        if Database.exists(settings.database_url):
            database = Database(settings.database_url)
            with closing(database):
                runs = Runs(database)
                done, begun = runs.done_until("intake"), runs.reached("intake", "")
        zone = ZoneInfo(settings.calendar.zone)
        if done or begun:
            word = "up to" if done else "from"
            at = (done or begun or datetime.now(UTC)).astimezone(zone)
            return Result("good", "intake", f"orders are pulled {word} {at:%Y-%m-%d %H:%M}")
        begin = timetables_of(settings)[""].wave_of(datetime.now(UTC)).window_from
        return Result(
            "good",
            "intake",
            f"the first start pulls orders changed since {begin.astimezone(zone):%Y-%m-%d %H:%M};"
            " `connector run --since` says otherwise",
        )
    except Exception:
        # What is wrong with the database or the calendar is said of those.
        return Result("warning", "intake", "cannot be told from when orders are pulled")


def _sap(settings: Settings) -> list[Result]:
    try:
        database = Database.if_current(settings.database_url)
        system = sap_of(settings, database, asking=True)
        mappings = load(settings.mappings)
    except ConnectorError as error:
        return [Result("wrong", "sap", str(error))]
    plant, stored = settings.business_units[0].plant, stored_in(settings.mappings)
    tried = list(try_everything(system, mappings, plant, stored))
    found = [_of_tried(each) for each in tried]
    if not any(isinstance(each.error, LogonFailed | RetryLater) for each in tried):
        found += _unfit(system, settings)
    system.close()
    if database is not None:
        database.close()
    return found


def _of_tried(tried: Tried) -> Result:
    if tried.error is None:
        return Result("warning" if tried.passable else "good", "sap", tried.what)
    state: Literal["unreachable", "wrong"] = (
        "unreachable" if isinstance(tried.error, RetryLater) else "wrong"
    )
    return Result(state, "sap", str(tried.error))


def _unfit(system: SapSystem, settings: Settings) -> list[Result]:
    """Hold the mappings against the function modules as SAP has them now."""
    try:
        findings = unfit(system, Folder.read(settings.mappings))
    except ConnectorError as error:
        return [Result("wrong", "sap", str(error))]
    return [Result("wrong", "sap", str(each)) for each in findings]


def _ping(name: str, ping: Callable[[], str]) -> Result:
    try:
        return Result("good", name, ping())
    except LogonFailed as error:
        return Result("wrong", name, str(error))
    except RetryLater as error:
        return Result("unreachable", name, str(error))
    except ConnectorError as error:
        return Result("wrong", name, str(error))
