"""Each hold for an order's money names the one who can mend it, and what that one can do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.domain.lifecycle import OWNER, HoldCause, Owner
from tests.money.shop import Cart, Ware, back, order, refund, with_refunds
from tests.money.test_way import put
from tests.support.scene import Scene, scene

TWO = Cart([Ware("50.00", 2)])


def _yen() -> dict[str, Any]:
    return order(501, Cart([Ware("5000", 2)], tax="none", currency="JPY"))


def _dinar() -> dict[str, Any]:
    shown = order(502, Cart([Ware("5.00")], tax="none", currency="KWD"))
    shown["line_items"][0] |= {"subtotal": "5.125", "total": "5.125"}
    return shown | {"total": "5.125"}


def _subsidy() -> dict[str, Any]:
    return order(503, Cart([Ware("5.00")], tax="none", shipping=("20", "0"), fees=[("-10", "0")]))


def _refund(number: int, amount: str) -> dict[str, Any]:
    shown = order(number, TWO)
    given = refund(number, [back(shown["line_items"][0], 1, "0.5")], amount=amount)
    return with_refunds(shown, given)


def _over() -> dict[str, Any]:
    shown = order(506, TWO)
    return with_refunds(shown, refund(506, [back(shown["line_items"][0], 3, "1.5")]))


HOLDS = [
    # A buyer paid in it: nobody in the shop can make another currency of that.
    (_yen(), Owner.IT, ("IT: let the DMS take this currency",), "correct it in the storefront"),
    (_dinar(), Owner.IT, ("IT: let the DMS", "IT: correct dms_sales_order.yaml"),
     "correct it in the storefront"),
    (_subsidy(), Owner.PLATFORM,
     ("the subsidy of 10.00 is more than the 5.00 of its line", "platform lower the subsidy"),
     "negative"),
    (_refund(504, "40.00"), Owner.BU_FINANCE,
     ("16.50 CNY less than they say was given back", "platform delete the refund"), "-16.50"),
    (_refund(505, "80.00"), Owner.BU_FINANCE,
     ("23.50 CNY stands on no line", "platform delete the refund"), "have it corrected"),
    (_over(), Owner.BU_FINANCE, ("3 refunded of 2", "platform delete the refund"), "corrected"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("holds")
    with scene(f"sqlite:///{folder / 'connector.db'}", folder) as made:
        for shown, *_ in HOLDS:
            put(made, dict(shown))
        made.later(minutes=10, ticks=2)
        yield made


@pytest.mark.parametrize("at", range(len(HOLDS)))
def test_a_hold_names_who_can_mend_it_and_how(shop: Scene, at: int) -> None:
    shown, owner, words, never = HOLDS[at]
    row = shop.order(shown["id"])
    assert row.hold_cause is not None
    assert OWNER[HoldCause(row.hold_cause)] is owner
    told = " ".join(map(str, row.hold_reasons or []))
    for each in words:
        assert each in told
    assert never not in told
