"""A process that stood still while another one took its work over sends nothing when it wakes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from connector.domain.lifecycle import Stage
from connector.steps.take import take
from connector.steps.walk import walk
from connector.store.calls import CallState
from tests.support.scene import scene
from tests.support.service_process import set_clock
from tests.support.waiting import PATIENCE, until
from tests.support.wire import Trouble, Wire

_SETTLED = timedelta(minutes=4)


@pytest.mark.parametrize("why", ["refused", "turn"])
def test_a_write_that_waited_through_a_standstill_is_not_sent_by_who_wakes(
    tmp_path: Path, why: str
) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    with ExitStack() as opened:
        day = opened.enter_context(scene(url, tmp_path))
        context = day.context
        take(context, {**day.shown(36), "id": 90_001, "number": "90001"})
        row = walk(context, day.order(90_001).id, until=Stage.RECOGNISED)
        assert row.stage == Stage.RECOGNISED
        begun = day.clock.now
        set_clock(tmp_path / "clock", begun)
        wire = Wire(int(day.settings.dms.wsdl.split(":")[2].split("/")[0]))
        opened.callback(wire.stop)
        refused = ExitStack()
        if why == "refused":
            refused.enter_context(wire.suffers("*", Trouble("refused")))
        process = subprocess.Popen(
            [
                sys.executable, "-m", "tests.support.paused_process", day.sandbox.control_url, url,
                str(tmp_path), f"{wire.url}/dms/service", str(row.id), why,
            ]
        )  # fmt: skip
        opened.callback(process.kill)

        def sent() -> bool:
            return any(
                each.state == CallState.SENT and each.operation == "dms_sales_order"
                for each in context.calls.of_order(row.id)
            )

        until(lambda: sent() or process.poll() is not None)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGSTOP)
        assert day.sales_orders(90_001) == []
        refused.close()

        day.clock.now = begun + _SETTLED
        day.sandbox.clock.set(day.clock.now)
        set_clock(tmp_path / "clock", day.clock.now)
        row = walk(context, row.id)
        (held,) = day.sales_orders(90_001)

        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(PATIENCE) == 0
        assert day.sales_orders(90_001) == [held]
        (call,) = [
            each for each in context.calls.of_order(row.id) if each.operation == "dms_sales_order"
        ]
        assert (call.state, call.document, call.attempts) == (
            CallState.CONFIRMED, held["orderNumber"], 2,
        )  # fmt: skip
