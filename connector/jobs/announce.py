"""Job: tell warehouse and finance in a few words that a wave is out."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import structlog

from connector.departure import last_look
from connector.domain.alerts import Role
from connector.domain.masking import mask_text
from connector.errors import InDoubt, Rejected, RetryLater
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job, Lane
from connector.notify.channels import Notifier
from connector.notify.digest import Language, Message
from connector.steps.context import Context
from connector.steps.outbound import Document
from connector.store.calls import Call
from connector.store.tables import WaveRow
from connector.store.waves import Waves

_log = structlog.get_logger(__name__)

SYSTEM = "notify"
# An announcement that could not be made for so long is no news any more.
_STALE = timedelta(days=1)
_ROLES = (Role.WAREHOUSE, Role.FINANCE)


def announce(
    context: Context, waves: Waves, notifier: Notifier, language: Language, cadence: Cadence
) -> Job:
    """Return the job. Each message is an outbound call: made once, and again only if refused."""

    def run(_window: Window, _scope: str) -> Counts:
        counts: Counter[str] = Counter()
        for wave in waves.listed(frozen_since=context.clock() - _STALE):
            for role in _ROLES:
                if notifier.has(role):
                    counts[_announce(wave, role)] += 1
        return {name: number for name, number in counts.items() if name != "before"}

    def _announce(wave: WaveRow, role: Role) -> str:
        title = title_of(wave, language)
        call = Call(
            system=SYSTEM,
            operation=role,
            subject=f"wave/{wave.business_unit}/{wave.cutoff_at:%Y%m%dT%H%M}",
            reference=title[:120],
            request={"title": title},
        )
        known = context.calls.find(call.key)
        if known is not None and known.document is not None:
            return "before"
        message = message_of(wave, waves, language)

        def send() -> Document:
            last_look()
            notifier.send(role, message)
            return Document(message.title[:80], {})

        try:
            context.outbound.perform(call, send, ask=None)
        except (RetryLater, InDoubt, Rejected) as error:
            _log.warning("wave not announced", role=role, error=mask_text(str(error)))
            return "waiting" if isinstance(error, RetryLater) else "needs_person"
        return "announced"

    return Job(
        "announce",
        "tell warehouse and finance that a wave is out",
        cadence,
        run,
        lane=Lane.CLOCK,
    )


def title_of(wave: WaveRow, language: Language) -> str:
    """Return what an announcement is called."""
    clock = language.clock(wave.cutoff_at)
    unit = wave.business_unit
    return language.pick(f"{unit} 批次 {clock}", f"Wave {clock} of {unit}")


def message_of(wave: WaveRow, waves: Waves, language: Language) -> Message:
    """Return what is said of a wave. Nothing personal is in it: the batch itself is delivered."""
    released, left = waves.released(wave), waves.left_out(wave)
    unasked = sum(bool(seen.reason) for _, seen in released)
    late = sum(seen.late for _, seen in released)
    lines = [
        language.pick(f"放行 {len(released)} 个订单", f"{len(released)} orders released", "，"),
        language.pick(f"其中上批顺延 {late} 个", f"{late} of them from an earlier wave", "，"),
        language.pick(f"未放行 {len(left)} 个", f"{len(left)} left out", "，"),
        *(
            [
                language.pick(
                    f"其中 {unasked} 个放行前商城没有应答，请发货前核对",
                    f"{unasked} of them without the storefront's answer: check before shipping",
                    "，",
                )
            ]
            if unasked
            else []
        ),
        language.pick("明细见批次文件", "the batch files name each and why", "，"),
    ]
    return Message(title_of(wave, language), "\n".join(lines))
