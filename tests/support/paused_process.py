"""Walks one order in a process of its own that can be stopped while its write waits to leave.

The DMS's port refuses connections (`refused`), or its rate keeps the write waiting for its turn
(`turn`). The clock is that of `tests.support.service_process`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import requests

from connector.bootstrap import build
from connector.logs import configure
from connector.steps.context import part_source
from connector.steps.sales_order import CONVERSATION as SALES_ORDER
from connector.steps.walk import walk
from tests.support.day_process import settings_for
from tests.support.service_process import clock_of


def main(control: str, database_url: str, folder: str, endpoint: str, order: str, why: str) -> None:
    configure("error")
    addresses = requests.get(control, timeout=30).json()["addresses"]
    settings = settings_for(addresses, database_url, Path(folder))
    settings.dms.endpoint = endpoint
    settings.dms.retry_for = 60
    if why == "turn":
        settings.dms.limits.calls_per_second = 0.11
    connector = build(settings, clock_of(Path(folder) / "clock"))
    context = connector.context
    if why == "turn":
        # What takes long on a busy machine is done before the turns begin.
        row = context.orders.get(int(order))
        sold = context.read(row)
        (unit,) = sold.business_units
        context.dms.prepare(SALES_ORDER, part_source(context, row, sold, unit))
        # Takes the first turn: the next one comes nine seconds later.
        context.dms.find("0", connector.settings.business_units[0].dms_code)
    walk(context, int(order))
    connector.close()


if __name__ == "__main__":
    main(*sys.argv[1:7])
