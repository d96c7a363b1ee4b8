"""Step: bring one parcel to one target, each sending as a recorded outbound call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from connector.domain.masking import mask_text
from connector.errors import InDoubt, Misconfigured, Rejected, RetryLater
from connector.extracts.deliver import Item, Parcel, Sending, Target
from connector.steps.outbound import Document, Outbound
from connector.store.calls import Call, Calls, CallState

_log = structlog.get_logger(__name__)

SYSTEM = "delivery"


@dataclass(frozen=True)
class Delivered:
    """What became of a parcel at one target: which files are there, and how the rest stands."""

    arrived: tuple[Item, ...]
    waiting: int
    needs_person: int

    @property
    def whole(self) -> bool:
        """Whether nothing is left to be sent."""
        return not self.waiting and not self.needs_person


def deliver(outbound: Outbound, target: Target, parcel: Parcel) -> Delivered:
    """Send what the target has not got yet.

    A sending that fails ends the parcel for now: what follows it, the manifest last of all, must
    not arrive before it. Sendings to several people by mail do not wait for each other. Raises
    Misconfigured.
    """
    waiting = needs_person = 0
    missed: set[Item] = set()
    with target.sendings(parcel) as sendings:
        for sending in sendings:
            try:
                outbound.perform(
                    call_of(target, sending), _sender(sending), _asker(sending), sending.prepare
                )
            except Misconfigured:
                raise
            except RetryLater as error:
                waiting += 1
                _told(target, sending, error)
            except (InDoubt, Rejected) as error:
                needs_person += 1
                _told(target, sending, error)
            else:
                continue
            missed.update(sending.items)
            if sending.ask is not None:
                # Its target holds files one by one, and the rest would overtake this one.
                missed.update(parcel.items[parcel.items.index(sending.items[0]) :])
                break
    arrived = tuple(item for item in parcel.items if item not in missed)
    return Delivered(arrived, waiting, needs_person)


def call_of(target: Target, sending: Sending) -> Call:
    """Return the outbound call of a sending."""
    return Call(
        system=SYSTEM,
        operation=target.name,
        subject=sending.subject,
        part=sending.part,
        revision=sending.revision,
        reference=sending.reference[:120],
        request={
            "files": [
                {"name": item.path.name, "sha256": item.sha256, "rows": item.rows}
                for item in sending.items
            ]
        },
    )


def release_refused(calls: Calls, target: str, actor: str) -> int:
    """Let what a target refused be sent again, once its cause is mended; returns how many."""
    refused = [
        row
        for row in calls.listed((CallState.REJECTED,), limit=10_000)
        if row.system == SYSTEM and row.operation == target
    ]
    return sum(calls.release(row, f"to be sent again: {actor}") for row in refused)


def _sender(sending: Sending) -> Callable[[], Document]:
    return lambda: Document(sending.send(), {})


def _asker(sending: Sending) -> Callable[[], Document | None] | None:
    ask = sending.ask
    if ask is None:
        return None

    def asked() -> Document | None:
        held = ask()
        return Document(held, {}) if held is not None else None

    return asked


def _told(target: Target, sending: Sending, error: Exception) -> None:
    _log.warning(
        "not delivered", target=target.name, parcel=sending.subject, error=mask_text(str(error))
    )
