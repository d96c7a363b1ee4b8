"""Logs on to SAP in a process of its own, as every process of an installation does."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from connector.errors import ConnectorError
from connector.sap.soap import SoapSap, SoapSettings
from connector.store.database import Database
from connector.store.logons import SharedLogons


def main(url: str, database_url: str, user: str, password: str) -> None:
    settings = SoapSettings(url, "100", user, password)
    logon = {"url": url, "user": user, "password": password}
    logons = SharedLogons(Database(database_url), "sap", logon, lambda: datetime.now(UTC))
    try:
        print(SoapSap(settings, logons=logons).ping())
    except ConnectorError as error:
        print(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
