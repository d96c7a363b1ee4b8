"""Walks one order in a process of its own that stops itself at a place of its write.

Places are lines of the code between the record and the answer, counted as they are run; the process
stops at the one that was asked for, by number or in a function of that name, and says which it was.
For 0 it only counts them.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import requests

from connector.bootstrap import build
from connector.domain.lifecycle import Stage
from connector.logs import configure
from connector.steps.walk import walk
from tests.support.day_process import settings_for
from tests.support.service_process import clock_of

# Where a write passes: what is run elsewhere counts for nothing.
_WAY = ("connector/steps/outbound", "connector/steps/attempt", "connector/departure",
        "connector/dms/", "connector/gate", "connector/store/calls", "urllib3/connection",
        "http/client")  # fmt: skip


class Places:
    """Counts the lines of a write, and stops the process at one of them, or in a function."""

    def __init__(self, stop_at: str, said: Path) -> None:
        self.count = 0
        self._stop_at = int(stop_at) if stop_at.isdigit() else -1
        self._function = "" if stop_at.isdigit() else stop_at
        self._said = said

    def trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not any(each in name for each in _WAY):
            return None
        if event == "line":
            self.count += 1
            named = self._function and frame.f_code.co_name == self._function
            if self.count == self._stop_at or named:
                self._function = ""
                place = f"{Path(name).stem}.{frame.f_code.co_name}:{frame.f_lineno}"
                self._said.write_text(place)
                os.kill(os.getpid(), signal.SIGSTOP)
        return self.trace


def main(
    control: str, url: str, folder: str, endpoint: str, order: str, stop_at: str, said: str
) -> None:
    configure("critical")
    addresses = requests.get(control, timeout=30).json()["addresses"]
    settings = settings_for(addresses, url, Path(folder))
    settings.dms.endpoint = endpoint
    settings.dms.retry_for = 20
    # As in every scene: the time that calls are kept back is real.
    settings.dms.limits.break_for = 0.01
    connector = build(settings, clock_of(Path(folder) / "clock"))
    # What is made at the first call is not the write: the WSDL, the plans, the connections.
    connector.context.dms.find("0", connector.settings.business_units[0].dms_code)
    places = Places(stop_at, Path(said))
    sys.settrace(places.trace)
    try:
        walk(connector.context, int(order), until=Stage.PLACED)
    finally:
        sys.settrace(None)
    Path(said).with_suffix(".count").write_text(str(places.count))
    connector.close()


if __name__ == "__main__":
    main(*sys.argv[1:8])
