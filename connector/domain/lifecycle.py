"""The stages of an order, the causes for which it is held, and what may follow what."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """How far an order has come, in the sequence of its way (workflow.md, "An order's way")."""

    RECEIVED = "received"  # pulled from the storefront
    VALID = "valid"  # complete, codes pass their check digits, business units known
    RECOGNISED = "recognised"  # the buyer is a customer in SAP
    PLACED = "placed"  # sales order in the DMS, one per business unit
    CONFIRMED = "confirmed"  # stock allocated line by line
    NOTED = "noted"  # delivery note requested (发货单)
    READY = "ready"  # invoice applied for (开票申请); waits for its wave
    RELEASED = "released"  # in the batch that went to warehouse and finance
    SHIPPED = "shipped"  # every line left the warehouse
    CLOSED = "closed"  # shipped and invoiced, both written back
    CANCELLED = "cancelled"
    KNOWN = "known"  # completed before our first day: its documents lie outside the connector

    @property
    def position(self) -> int:
        """Where the stage stands on the order's way, from 0."""
        return list(Stage).index(self)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the order by itself."""
        return self in (Stage.CLOSED, Stage.CANCELLED, Stage.KNOWN)

    @property
    def released(self) -> bool:
        """Whether the order went out in a wave: from here on it cannot simply be cancelled."""
        return self in (Stage.RELEASED, Stage.SHIPPED, Stage.CLOSED)


class HoldCause(StrEnum):
    """Why an order waits for somebody. Each cause has one owner, see `OWNER`."""

    INVALID = "invalid"  # lacks what its kind needs; goes on once the storefront corrects it
    SHOP_DATA = "shop_data"  # what the shop itself has wrong: parts, quantities, sums, numbers
    UNPAID = "unpaid"  # the storefront still awaits or checks the payment
    REFUNDED = "refunded"  # everything refunded before release, yet not cancelled
    REFUND_AMOUNT = "refund_amount"  # refunded before release is what no open line explains
    MAYBE_SHIPPED = "maybe_shipped"  # by others, before it was first seen here
    UNASSIGNED = "unassigned"  # no business unit sells one of its parts
    CUSTOMER_REVIEW = "customer_review"  # the sales rep must settle who the buyer is
    STOCK = "stock"  # SAP has too little of a part
    REJECTED = "rejected"  # SAP or the DMS said no, in its own words
    IN_DOUBT = "in_doubt"  # it cannot be told whether a document was made
    MAPPING = "mapping"  # a mapping cannot be applied to this order, or knows not an answer's code
    CHANGED = "changed"  # the storefront changed it after it was placed in the DMS
    BY_HAND = "by_hand"  # the DMS has no operation for it: people do it there and say so
    DISCREPANCY = "discrepancy"  # another system holds something else under our number


class Owner(StrEnum):
    """Who must act on a hold or a difference."""

    BUYER = "buyer"
    PLATFORM = "e-commerce platform"
    SALES_REP = "sales rep"
    PARTS_ADMINISTRATOR = "parts administrator"
    IT = "IT"
    OPS = "ops"
    WAREHOUSE = "warehouse administrator"
    BU_FINANCE = "BU finance"
    NOBODY = "nobody"


OWNER: dict[HoldCause, Owner] = {
    HoldCause.INVALID: Owner.BUYER,
    HoldCause.SHOP_DATA: Owner.PLATFORM,
    HoldCause.UNPAID: Owner.BUYER,
    HoldCause.REFUNDED: Owner.SALES_REP,
    HoldCause.REFUND_AMOUNT: Owner.BU_FINANCE,
    HoldCause.MAYBE_SHIPPED: Owner.OPS,
    HoldCause.UNASSIGNED: Owner.IT,
    HoldCause.CUSTOMER_REVIEW: Owner.SALES_REP,
    HoldCause.STOCK: Owner.PARTS_ADMINISTRATOR,
    HoldCause.REJECTED: Owner.OPS,
    HoldCause.IN_DOUBT: Owner.OPS,
    HoldCause.MAPPING: Owner.IT,
    HoldCause.CHANGED: Owner.OPS,
    HoldCause.BY_HAND: Owner.PARTS_ADMINISTRATOR,
    HoldCause.DISCREPANCY: Owner.OPS,
}

# These clear by themselves: the order is looked at again after a while, or when the storefront
# or SAP changes. The others wait for a person's `retry`, `link`, `create` or `cancel`.
SELF_CLEARING = frozenset(
    {
        HoldCause.INVALID,
        HoldCause.SHOP_DATA,
        HoldCause.UNPAID,
        HoldCause.REFUND_AMOUNT,
        HoldCause.CUSTOMER_REVIEW,
        HoldCause.STOCK,
    }
)


class Step(StrEnum):
    """What is done to an order to bring it from one stage to the next."""

    VALIDATE = "validate"
    RECOGNISE = "recognise"
    PLACE = "place"
    CONFIRM = "confirm"
    NOTE = "note"
    APPLY = "apply"


_NEXT: dict[Stage, tuple[Step, Stage]] = {
    Stage.RECEIVED: (Step.VALIDATE, Stage.VALID),
    Stage.VALID: (Step.RECOGNISE, Stage.RECOGNISED),
    Stage.RECOGNISED: (Step.PLACE, Stage.PLACED),
    Stage.PLACED: (Step.CONFIRM, Stage.CONFIRMED),
    Stage.CONFIRMED: (Step.NOTE, Stage.NOTED),
    Stage.NOTED: (Step.APPLY, Stage.READY),
}

WALKING = tuple(_NEXT)


def next_step(stage: Stage) -> tuple[Step, Stage] | None:
    """Return the step that leads on from `stage` and the stage it leads to.

    None from `ready` on: there the wave, the warehouse and finance move the order.
    """
    return _NEXT.get(stage)
