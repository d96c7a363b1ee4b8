"""No answer but the shop's word for that very order ends an order as deleted.

Between the connector and the sandbox's shop stands a server that answers as plug-ins, caches and
maintenance pages do.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connector.checks import _storefront
from connector.errors import ConnectorError, RetryLater
from connector.logs import configure
from connector.sandbox.storefront import ORDER
from connector.settings import Settings
from connector.steps.ask_again import before_release, held_ones, known_ones
from connector.store.tables import OrderRow
from tests.support.scene import Scene, scene
from tests.support.tampering import Answer, Query, Tamper, TamperingShop, untouched

NUMBERS = (36, 38)  # ready for their wave
GONE = "woocommerce_rest_shop_order_invalid_id"


def error(code: str, status: int, at: str = "") -> Tamper:
    """Answer an error, to all or to questions for single orders."""

    def tamper(route: str, query: Query) -> Answer | None:
        if at == "single" and not single(route):
            return nothing(route, query)
        body: Any = (
            {"code": code, "message": "x", "data": {"status": status}} if code else b"<html>"
        )
        return status, {}, body

    return tamper


def single(route: str) -> bool:
    return route.startswith("/orders/")


def nothing(route: str, _query: Query) -> Answer | None:
    """Lists are empty; single orders are shown."""
    return None if single(route) else (200, {"X-WP-Total": "0"}, [])


def empty(_route: str, _query: Query) -> Answer | None:
    return 200, {"X-WP-Total": "0"}, []


def include_ignored(_route: str, query: Query) -> Answer | None:
    query.pop("include", None)
    query["per_page"] = "5"
    return None


def filtered(_route: str, query: Query) -> Answer | None:
    query.update({name: "completed" for name in ("status",) if name in query})
    return None


def paged_otherwise(_route: str, query: Query) -> Answer | None:
    query.update({name: "1" for name in ("per_page",) if name in query})
    return None


def past_the_end(route: str, query: Query) -> Answer | None:
    if not single(route):
        query["page"] = "9"
    return None


def an_object(route: str, _query: Query) -> Answer | None:
    return None if single(route) else (200, {}, {"1": {"id": 36}, "2": {"id": 38}})


def without_identifiers(route: str, _query: Query) -> Answer | None:
    return None if single(route) else (200, {"X-WP-Total": "2"}, [{"number": "36"}, None, 38])


# What the shop answers: whether it can be told from it how the orders are.
TOLD: dict[str, tuple[Tamper, bool]] = {
    "lists are empty": (nothing, True),
    "include is ignored": (include_ignored, True),
    "filtered by status": (filtered, True),
    "smaller pages": (paged_otherwise, True),
    "another page": (past_the_end, True),
    "no identifiers": (without_identifiers, True),
    "an object": (an_object, False),
    "all is empty": (empty, False),
    "404 of a server": (error("", 404), False),
    "404 of WordPress": (error("rest_no_route", 404), False),
    "404 of WordPress for each": (error("rest_no_route", 404, "single"), False),
    "404 of a plug-in": (error("rest_disabled", 404, "single"), False),
    "its word with 200": (error(GONE, 200, "single"), False),
    "its word with 400": (error(GONE, 400, "single"), False),
    "its word with 403": (error(GONE, 403, "single"), False),
    "its word with 410": (error(GONE, 410, "single"), False),
    "its word with 500": (error(GONE, 500, "single"), False),
}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, TamperingShop]]:
    configure("critical")
    folder = tmp_path_factory.mktemp("gone")
    servers: list[TamperingShop] = []

    def prepare(settings: Settings) -> None:
        servers.append(TamperingShop(settings.storefront.url))
        settings.storefront.url = servers[0].url
        settings.storefront.call_deadline = 3

    with scene(f"sqlite:///{folder / 'c.db'}", folder, prepare, anew=False) as made:
        yield made, servers[0]
    servers[0].close()


def rows(day: Scene) -> list[OrderRow]:
    return [day.order(number) for number in NUMBERS]


@pytest.mark.parametrize("kind", TOLD)
def test_no_other_answer_ends_an_order(lived: tuple[Scene, TamperingShop], kind: str) -> None:
    day, shop = lived
    tamper, told = TOLD[kind]
    context, before = day.context, [(row.stage, row.version) for row in rows(day)]
    shop.tamper = tamper
    try:
        asked = before_release(context, rows(day), timedelta(seconds=2))
        assert len(asked) == (len(NUMBERS) if told else 0)
        held_ones(context)
        missing: list[str] = []
        ids = [str(number) for number in NUMBERS]
        try:
            found = [str(each["id"]) for each in known_ones(context, ids, {}, missing)]
        except ConnectorError:
            found = []
        assert missing == []
        assert found == (ids if told else [])
    finally:
        shop.tamper = untouched
    assert [(row.stage, row.version) for row in rows(day)] == before
    assert not any(row.cancel_requested for row in rows(day))


def test_a_shop_whose_plug_in_is_being_updated_is_waited_for(
    lived: tuple[Scene, TamperingShop],
) -> None:
    """No order is blamed: each is written back once the shop is there again."""
    day, shop = lived
    shop.tamper = error("rest_no_route", 404)
    try:
        with pytest.raises(RetryLater, match="WooCommerce does not"):
            day.context.storefront.orders(["36"], within=2)
    finally:
        shop.tamper = untouched


def test_the_shops_word_for_that_very_order_ends_it(lived: tuple[Scene, TamperingShop]) -> None:
    day, _ = lived
    kept = day.sandbox.books.get(ORDER, "38")
    assert kept is not None
    day.sandbox.books.delete(ORDER, "38")
    assert day.context.storefront.orders(["36", "38"], within=5)["38"] is None
    day.sandbox.books.put(ORDER, "38", kept)


@pytest.mark.parametrize("dropped", ["include", "modified_after", ""])
def test_a_shop_that_ignores_a_part_of_a_question_is_told_of(
    lived: tuple[Scene, TamperingShop], dropped: str
) -> None:
    day, shop = lived

    def dropping(_route: str, query: Query) -> Answer | None:
        query.pop(dropped, None)
        return None

    shop.tamper = dropping
    try:
        found = [each for each in _storefront(day.settings) if each.state != "good"]
        assert [each.state for each in found] == (["warning"] if dropped else [])
        assert all(f"ignores `{dropped}`" in each.text for each in found)
    finally:
        shop.tamper = untouched
