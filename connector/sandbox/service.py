"""The three systems of the sandbox together, with one clock, one memory and one control route."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType

from connector.sandbox.books import Books, Clock
from connector.sandbox.control import Control
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.s4 import ROOT
from connector.sandbox.sap import SapApplication
from connector.sandbox.storefront import StorefrontApplication
from connector.sandbox.styles import STYLES
from connector.sandbox.web import Application, Server

SAP_USER, DMS_USER, STOREFRONT_KEY = "RFC_CONNECTOR", "connector", "ck_sandbox"
SAP_PASSWORD = DMS_PASSWORD = "sandbox-secret"
STOREFRONT_SECRET = "cs_sandbox"


class Sandbox:
    """SAP, DMS and storefront on three ports of the loopback interface.

    The ports are `port_base` + 1, + 2 and + 3, or free ones. With `state` the systems' memory is
    kept in a file. With `newest` the last of the sample orders is placed then. `dms` names the
    way in which the DMS is reached (`connector.sandbox.styles`).

    Raises ValueError for an unreadable list of orders, OSError for a taken port.
    """

    def __init__(
        self,
        *,
        port_base: int | None = None,
        state: Path | None = None,
        orders: Path | None = None,
        faults: Sequence[Fault] = (),
        unique_external_numbers: bool = False,
        newest: datetime | None = None,
        dms: str = "sandbox",
    ) -> None:
        if dms not in STYLES:
            raise ValueError(f"there is no DMS {dms!r}, only {', '.join(STYLES)}")
        self.books = Books(state)
        self.clock = Clock()
        self.faults = Faults(list(faults))
        self.sap = SapApplication(self.books, self.clock, user=SAP_USER, password=SAP_PASSWORD)
        self.dms = STYLES[dms](
            self.books,
            self.clock,
            user=DMS_USER,
            password=DMS_PASSWORD,
            unique_external_numbers=unique_external_numbers,
        )
        self.storefront = StorefrontApplication(
            self.books,
            self.clock,
            consumer_key=STOREFRONT_KEY,
            consumer_secret=STOREFRONT_SECRET,
            orders=orders,
            newest=newest,
        )
        self.control = Control(self.books, self.clock, self.faults, self.sap)
        applications: tuple[Application, ...] = (self.sap, self.dms, self.storefront)
        self._servers = [
            Server(application, self.control, self.faults, port_base + place if port_base else 0)
            for place, application in enumerate(applications, start=1)
        ]
        self.control.addresses = self.addresses()

    @property
    def sap_url(self) -> str:
        """Address of SAP's SOAP-RFC service."""
        return f"{self._servers[0].url}/sap/bc/soap/rfc"

    @property
    def odata_url(self) -> str:
        """Address of SAP's OData services."""
        return f"{self._servers[0].url}{ROOT}"

    @property
    def dms_wsdl_url(self) -> str:
        """Address of the DMS's WSDL."""
        return f"{self._servers[1].url}/dms/service?wsdl"

    @property
    def storefront_url(self) -> str:
        """Address of the shop."""
        return self._servers[2].url

    @property
    def control_url(self) -> str:
        """Address of the control route (every server has it)."""
        return f"{self._servers[2].url}/_sandbox"

    def addresses(self) -> dict[str, str]:
        """Return all addresses by what they are."""
        return {
            "sap": self.sap_url,
            "sap odata": self.odata_url,
            "dms": self.dms_wsdl_url,
            "storefront": self.storefront_url,
            "control": self.control_url,
        }

    def start(self) -> Sandbox:
        """Begin to answer."""
        for server in self._servers:
            server.start()
        return self

    def stop(self) -> None:
        """Stop answering."""
        for server in self._servers:
            server.stop()
        self.books.close()

    def __enter__(self) -> Sandbox:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
