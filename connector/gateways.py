"""The systems around the connector, and the places its files go, as the settings describe them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connector.bounded import AnswerLimits
from connector.dms.archive import ArchiveSettings
from connector.dms.client import DmsSettings, SoapDms
from connector.dms.port import Dms
from connector.dms.security import Signature
from connector.dms.session import Session
from connector.encryption import check_encrypted, is_loopback
from connector.errors import Misconfigured
from connector.extracts.deliver import FolderTarget, Target
from connector.extracts.mail import MailTarget
from connector.extracts.s3 import S3Target
from connector.extracts.sftp import SftpTarget
from connector.gate import Gate, Limits
from connector.logons import Logons
from connector.mapping import MappingSet
from connector.sap.connection import check_connection
from connector.sap.interface import stored_in
from connector.sap.odata.system import ODataSap
from connector.sap.odata.wire import ODataSettings
from connector.sap.port import SapSystem
from connector.sap.rfc import RfcSap, RfcSettings
from connector.sap.slots import LocalSlots, Slots
from connector.sap.soap import SoapSap, SoapSettings
from connector.sections import (
    FolderDelivery,
    LimitsSection,
    MailDelivery,
    S3Delivery,
    SapSection,
    SftpDelivery,
)
from connector.settings import Settings
from connector.store.database import Database
from connector.store.logons import SharedLogons
from connector.store.pauses import Pauses
from connector.store.slots import SharedSlots
from connector.storefront.port import Storefront
from connector.storefront.woocommerce import WooCommerce, WooCommerceSettings

Clock = Callable[[], datetime]


def real_clock() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


def storefront_of(
    settings: Settings, pauses: Pauses | None = None, clock: Clock = real_clock
) -> Storefront:
    """Return the storefront that the settings describe; a paused one is asked nothing."""

    def may() -> None:
        paused = pauses.of(settings.shop) if pauses else None
        if paused is not None:
            raise paused.kept_back(clock(), f"storefront {settings.shop}")

    section = settings.storefront
    return WooCommerce(
        WooCommerceSettings(
            url=section.url,
            consumer_key=section.consumer_key,
            consumer_secret=section.consumer_secret.get_secret_value(),
            connect_timeout=section.connect_timeout,
            read_timeout=section.read_timeout,
            call_deadline=section.call_deadline,
            page_size=section.page_size,
            ordering=section.ordering,
            key_in=section.key_in,
            headers={name: each.get_secret_value() for name, each in section.headers.items()},
            user_agent=section.user_agent,
            ca_file=section.ca_file,
            proxy=section.proxy,
            answers=answers_of(settings),
        ),
        may,
    )


def answers_of(settings: Settings) -> AnswerLimits:
    """Return what an answer of any system may be at most."""
    section = settings.answers
    return AnswerLimits(section.largest, section.deepest, section.parts)


def sap_of(
    settings: Settings,
    database: Database | None = None,
    clock: Clock = real_clock,
    *,
    asking: bool = False,
) -> SapSystem:
    """Return the SAP system that the settings describe. Raises Misconfigured.

    All processes on a database know which logon was refused, and with PostgreSQL they share the
    sessions. `asking` is a person's own try, see `SharedLogons`.
    """
    section = settings.sap
    password = section.password.get_secret_value()
    slots = (
        LocalSlots(section.sessions)
        if database is None or database.is_sqlite
        else SharedSlots(database, "sap", section.sessions)
    )
    logons = (
        SharedLogons(database, "sap", section.logon(), clock, asking=asking) if database else None
    )
    if section.transport == "rfc":
        check_connection(section.connection)
        return RfcSap(
            RfcSettings(
                connection=section.connection,
                client=section.client,
                user=section.user,
                password=password,
                language=section.language,
                connect_timeout=section.connect_timeout,
                call_timeout=section.call_deadline,
                sessions=section.sessions,
            ),
            slots,
            logons,
        )
    check_encrypted(section.url, place="sap.url")
    if section.transport == "odata":
        return _odata_of(section, answers_of(settings), slots, logons)
    return SoapSap(
        SoapSettings(
            url=section.url,
            client=section.client,
            user="" if section.authentication == "certificate" else section.user,
            password=password,
            language=section.language,
            namespace_style=section.namespace_style,
            ca_file=section.ca_file,
            client_certificate=section.client_certificate,
            proxy=section.proxy,
            connect_timeout=section.connect_timeout,
            read_timeout=section.read_timeout,
            call_deadline=section.call_deadline,
            sessions=section.sessions,
            answers=answers_of(settings),
        ),
        slots,
        logons,
        stored_in(settings.mappings),
    )


def _odata_of(
    section: SapSection, answers: AnswerLimits, slots: Slots, logons: Logons | None
) -> SapSystem:
    for service, address in section.services.items():
        check_encrypted(address, place=f"sap.services.{service}")
    if section.token_url:
        check_encrypted(section.token_url, place="sap.token_url")
    return ODataSap(
        ODataSettings(
            url=section.url,
            services=section.services,
            client=section.client,
            user=section.user,
            password=section.password.get_secret_value(),
            language=section.language,
            authentication=section.authentication,
            token_url=section.token_url,
            scope=section.scope,
            client_certificate=section.client_certificate,
            ca_file=section.ca_file,
            proxy=section.proxy,
            connect_timeout=section.connect_timeout,
            read_timeout=section.read_timeout,
            call_deadline=section.call_deadline,
            sessions=section.sessions,
            answers=answers,
        ),
        slots,
        logons,
    )


def gate_of(
    system: str, settings: Settings, section: LimitsSection, clock: Clock, pauses: Pauses
) -> Gate:
    """Return the gate before a system."""
    limits = Limits(
        calls_per_second=section.calls_per_second,
        downtime=tuple(section.downtime),
        zone=ZoneInfo(settings.calendar.zone),
        break_after=section.break_after,
        break_for=section.break_for,
    )
    return Gate(system, limits, clock, paused=lambda: pauses.of(system.lower()))


def dms_of(settings: Settings, mappings: Callable[[], MappingSet] | None = None) -> SoapDms:
    """Return the DMS that the settings describe; its WSDL is held against the mappings."""
    section = settings.dms
    archive, signature = section.archive, section.signature
    check_dms_addresses(section.wsdl, section.endpoint)
    return SoapDms(
        DmsSettings(
            wsdl=section.wsdl,
            endpoint=section.endpoint,
            service=section.service,
            port=section.port,
            user=section.user,
            password=section.password.get_secret_value(),
            authentication=section.authentication,
            ca_file=section.ca_file,
            client_certificate=section.client_certificate,
            proxy=section.proxy,
            token_lifetime=section.token_lifetime,
            headers={name: each.get_secret_value() for name, each in section.headers.items()},
            soap_headers={
                name: each.get_secret_value() for name, each in section.soap_headers.items()
            },
            signature=Signature(
                signature.recipe, signature.header, signature.key.get_secret_value()
            )
            if signature
            else None,
            connect_timeout=section.connect_timeout,
            read_timeout=section.read_timeout,
            call_deadline=section.call_deadline,
            answers=answers_of(settings),
            cache=section.wsdl_cache,
            wsdl_again=section.wsdl_again,
            zone=ZoneInfo(section.zone),
            extra_elements=section.extra_elements,
            archive=ArchiveSettings(
                archive.folder,
                archive.mode,
                archive.key.get_secret_value(),
                archive.retention_days,
            )
            if archive
            else None,
        ),
        mappings,
    )


def session_of(
    settings: Settings,
    dms: Dms,
    mappings: Callable[[], MappingSet],
    database: Database | None = None,
    clock: Clock = real_clock,
    *,
    asking: bool = False,
) -> Session:
    """Return the session with the DMS, whose refused logon all processes on a database know."""
    section = settings.dms
    logons = (
        SharedLogons(database, "dms", section.logon(), clock, asking=asking) if database else None
    )
    return Session(dms, mappings, section.user, section.password.get_secret_value(), logons)


def check_dms_addresses(wsdl: str, endpoint: str | Mapping[str, str] | None) -> None:
    """Raise Misconfigured where the DMS, or the WSDL that says where it is, is reached in clear."""
    if urlsplit(wsdl).scheme in ("http", "https"):
        check_encrypted(wsdl, place="dms.wsdl")
    addresses = {"": endpoint} if isinstance(endpoint, str) else endpoint or {}
    for port, address in addresses.items():
        check_encrypted(address, place=f"dms.endpoint.{port}".rstrip("."))


def targets_of(settings: Settings) -> dict[str, Target]:
    """Return where finished files go, by name."""
    return {name: _target(name, section) for name, section in settings.delivery.items()}


def _target(
    name: str, section: FolderDelivery | SftpDelivery | MailDelivery | S3Delivery
) -> Target:
    kinds: frozenset[str] = frozenset(section.kinds)
    if isinstance(section, FolderDelivery):
        return FolderTarget(name, kinds, section.path)
    if isinstance(section, SftpDelivery):
        return SftpTarget(
            name,
            kinds,
            host=section.host,
            port=section.port,
            user=section.user,
            password=section.password.get_secret_value(),
            key_file=section.key_file,
            host_key=section.host_key,
            root=section.root,
            timeout=section.timeout,
            call_deadline=section.call_deadline,
        )
    if isinstance(section, MailDelivery):
        if section.security == "none" and section.user and not is_loopback(section.host):
            raise Misconfigured(
                "the password would travel unencrypted to the mail server",
                place=f"delivery.{name}.security",
                remedy="set starttls or tls",
            )
        return MailTarget(
            name,
            kinds,
            host=section.host,
            port=section.port,
            security=section.security,
            user=section.user,
            password=section.password.get_secret_value(),
            sender=section.sender,
            recipients=tuple(section.recipients),
            timeout=section.timeout,
            call_deadline=section.call_deadline,
        )
    if section.endpoint:
        check_encrypted(section.endpoint, place=f"delivery.{name}.endpoint")
    return S3Target(
        name,
        kinds,
        endpoint=section.endpoint,
        region=section.region,
        bucket=section.bucket,
        prefix=section.prefix,
        access_key=section.access_key,
        secret_key=section.secret_key.get_secret_value(),
        timeout=section.timeout,
        call_deadline=section.call_deadline,
    )
