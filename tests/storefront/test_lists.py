"""Lists as shops really answer them: whatever is no list of orders is never "nothing to do"."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from connector.errors import ConnectorError, Misconfigured, RetryLater
from connector.sandbox import service, world
from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import completed
from connector.storefront.port import OrdersNotRead
from connector.storefront.woocommerce import WooCommerce, WooCommerceSettings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FROM, TO = NOW - timedelta(hours=1), NOW
NO_LISTS = ('{"code":"rest_no_route","message":"x"}', "{}", '{"1": {"id": 1}}', "null", '"x"')


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        made.clock.set(NOW)
        for each in made.books.all(ORDER):
            made.books.delete(ORDER, str(each["id"]))
        yield made


def shop_of(sandbox: Sandbox, **settings: Any) -> WooCommerce:
    return WooCommerce(
        WooCommerceSettings(
            sandbox.storefront_url, service.STOREFRONT_KEY, service.STOREFRONT_SECRET, **settings
        )
    )


def sell(sandbox: Sandbox, count: int, at: datetime, *, apart: float = 0.0) -> set[int]:
    """Put orders into the shop, placed and changed so many seconds apart."""
    numbers = set(range(1, count + 1))
    for number in numbers:
        stamp = (at + timedelta(seconds=apart * number)).strftime("%Y-%m-%dT%H:%M:%S")
        placed = {"date_created_gmt": stamp, "date_modified_gmt": stamp}
        sandbox.books.put(ORDER, str(number), completed(placed, stamp, number))
    return numbers


def ids(orders: Iterator[dict[str, Any]]) -> list[int]:
    return [each["id"] for each in orders]


@pytest.mark.parametrize("body", NO_LISTS)
@pytest.mark.parametrize("listing", ["orders_modified", "orders_placed"])
def test_what_is_no_list_of_orders_is_asked_for_again_and_then_an_error(
    sandbox: Sandbox, body: str, listing: str
) -> None:
    sell(sandbox, 3, FROM)
    sandbox.faults.set([Fault("storefront", "garbage", status=200, text=body)])
    with pytest.raises(RetryLater):
        ids(getattr(shop_of(sandbox), listing)(FROM, TO))
    sandbox.faults.set([Fault("storefront", "garbage", status=200, text=body, times=1)])
    assert set(ids(getattr(shop_of(sandbox), listing)(FROM, TO))) == {1, 2, 3}


@pytest.mark.parametrize("body", NO_LISTS)
def test_notes_and_refunds_are_lists_or_an_error(sandbox: Sandbox, body: str) -> None:
    sell(sandbox, 1, FROM)
    world.refund(sandbox.books, sandbox.clock, "1", "1.00", [], "")
    for route, read in (
        ("*/notes", lambda shop: shop.notes("1")),
        ("*/refunds", lambda shop: shop.order("1")),
        ("*/refunds", lambda shop: list(shop.orders_placed(FROM, TO))),
    ):
        fault = Fault("storefront", "garbage", operation=route, status=200, text=body)
        sandbox.faults.set([fault])
        with pytest.raises(ConnectorError):
            read(shop_of(sandbox))
        assert fault.struck


@pytest.mark.parametrize("body", ["[1]", '[{"id": 9, "note": "x"}, null]'])
def test_what_is_no_note_or_refund_is_not_dropped_either(sandbox: Sandbox, body: str) -> None:
    sell(sandbox, 1, FROM)
    world.refund(sandbox.books, sandbox.clock, "1", "1.00", [], "")
    sandbox.faults.set([Fault("storefront", "garbage", "*/notes", status=200, text=body)])
    with pytest.raises(RetryLater):
        shop_of(sandbox).notes("1")
    sandbox.faults.set([Fault("storefront", "garbage", "*/refunds", status=200, text=body)])
    with pytest.raises(RetryLater):
        shop_of(sandbox).order("1")


@pytest.mark.parametrize("body", ["[]", "{}", '[{"id": 1}]', "null", '{"id": 2}', "7"])
def test_an_order_is_the_one_that_was_asked_for_or_an_error(sandbox: Sandbox, body: str) -> None:
    sell(sandbox, 1, FROM)
    sandbox.faults.set([Fault("storefront", "garbage", status=200, text=body)])
    with pytest.raises(RetryLater):
        shop_of(sandbox).order("1")


@pytest.mark.parametrize("body", ["[]", "7", "null"])
def test_a_description_is_an_object_or_an_error(sandbox: Sandbox, body: str) -> None:
    sandbox.faults.set([Fault("storefront", "garbage", status=200, text=body)])
    with pytest.raises(RetryLater):
        shop_of(sandbox).describe()


@pytest.mark.parametrize("body", NO_LISTS)
def test_check_live_does_not_call_good_what_answers_no_list(sandbox: Sandbox, body: str) -> None:
    sandbox.faults.set([Fault("storefront", "garbage", status=200, text=body)])
    with pytest.raises(RetryLater):
        shop_of(sandbox).ping()


@pytest.mark.parametrize("stray", [None, "text", 7, [], [{"id": 2}]])
def test_what_is_no_object_among_orders_is_an_error_after_the_others_were_given(
    stray: Any,
) -> None:
    found: list[int] = []
    with (
        HostileShop(lambda _: ([stray, entry(1)], {"X-WP-Total": "2"})) as shop,
        pytest.raises(RetryLater, match="not what was asked for"),
    ):
        list(recorded(shop.orders_modified(FROM, TO), found))
    assert found == [1]


@pytest.mark.parametrize("stray", [{}, {"id": None}])
def test_an_object_without_number_goes_on_as_it_is(stray: Any) -> None:
    with HostileShop(lambda _: ([stray, entry(1)], {"X-WP-Total": "2"})) as shop:
        assert [each.get("id") for each in shop.orders_modified(FROM, TO)] == [None, 1]


def entry(number: int) -> dict[str, Any]:
    return {"id": number, "date_modified_gmt": "2026-11-23T11:30:00", "refunds": []}


def recorded(orders: Iterator[dict[str, Any]], found: list[int]) -> Iterator[dict[str, Any]]:
    """Have what was given before an error in `found`."""
    for each in orders:
        found.append(each["id"])
    return iter(())


class HostileShop:
    """A shop whose lists answer as a function of the page says, however they are ordered."""

    def __init__(
        self, answer: Callable[[int], tuple[list[Any], dict[str, str]]], **settings: Any
    ) -> None:
        self._wire = responses.RequestsMock(assert_all_requests_are_fired=False)
        self._answer = answer
        self._settings = settings

    def __enter__(self) -> WooCommerce:
        self._wire.start()
        self._wire.add_callback(
            responses.GET, "https://shop.example/wp-json/wc/v3/orders", callback=self._answered
        )
        return WooCommerce(
            WooCommerceSettings("https://shop.example", "ck", "cs", **self._settings)
        )

    def __exit__(self, *_: object) -> None:
        self._wire.stop(allow_assert=False)
        self._wire.reset()

    def _answered(self, request: Any) -> tuple[int, dict[str, str], str]:
        body, headers = self._answer(int(request.params["page"]))
        return 200, headers, json.dumps(body)


ALL = [entry(number) for number in range(1, 231)]


def sliced(number: int, size: int = 100) -> list[Any]:
    return ALL[(number - 1) * size : number * size]


CONTRADICTIONS: dict[str, Callable[[int], list[Any]]] = {
    "nothing": lambda _: [],
    "page 2 empty": lambda number: [] if number == 2 else sliced(number),
    "page 1 cut": lambda number: sliced(number)[: 50 if number == 1 else 100],
    "page ignored": lambda _: sliced(1),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
@pytest.mark.parametrize("ordering", ["modified", "id"])
def test_a_list_that_says_it_has_more_than_it_gave_was_not_understood(
    kind: str, ordering: str
) -> None:
    def answer(number: int) -> tuple[list[Any], dict[str, str]]:
        return CONTRADICTIONS[kind](number), {"X-WP-Total": "230"}

    with HostileShop(answer, ordering=ordering) as shop:
        for listing in (shop.orders_modified, shop.orders_placed):
            with pytest.raises(RetryLater, match="230"):
                ids(listing(FROM, TO))


@pytest.mark.parametrize("headers", [{}, {"X-WP-Total": "0"}, {"X-WP-Total": "3, 3"}])
def test_the_same_page_over_and_over_is_no_end(headers: dict[str, str]) -> None:
    with (
        HostileShop(lambda _: (sliced(1), headers), ordering="id") as shop,
        pytest.raises(RetryLater, match="same page"),
    ):
        ids(shop.orders_modified(FROM, TO))


@pytest.mark.parametrize("ordering", ["modified", "id"])
def test_a_shop_that_gives_smaller_pages_than_asked_for_is_read_whole(ordering: str) -> None:
    def answer(number: int) -> tuple[list[Any], dict[str, str]]:
        return sliced(number, 50), {"X-WP-Total": "230"}

    with HostileShop(answer, ordering=ordering) as shop:
        assert sorted(ids(shop.orders_modified(FROM, TO))) == list(range(1, 231))


@pytest.mark.parametrize("headers", [{}, {"X-WP-Total": "0"}])
def test_a_refund_that_an_order_names_must_be_in_its_list(headers: dict[str, str]) -> None:
    shop = WooCommerce(WooCommerceSettings("https://shop.example", "ck", "cs"))
    route = "https://shop.example/wp-json/wc/v3/orders/6004"
    with responses.RequestsMock() as wire:
        wire.get(route, json={"id": 6004, "refunds": [{"id": 96004, "total": "-386.00"}]})
        wire.get(f"{route}/refunds", json=[], headers=headers)
        with pytest.raises(RetryLater, match="96004"):
            shop.order("6004")


@pytest.mark.parametrize("named", [{}, {"refunds": None}, {"refunds": {}}])
def test_an_order_that_does_not_say_whether_it_has_refunds_is_asked_for_them(
    named: dict[str, Any],
) -> None:
    shop = WooCommerce(WooCommerceSettings("https://shop.example", "ck", "cs"))
    route = "https://shop.example/wp-json/wc/v3/orders/6004"
    with responses.RequestsMock() as wire:
        wire.get(route, json={"id": 6004, **named})
        total = {"X-WP-Total": "1"}
        wire.get(f"{route}/refunds", json=[{"id": 9, "amount": "1.00"}], headers=total)
        assert [each["id"] for each in shop.order("6004")["refunds_detail"]] == [9]


@pytest.mark.parametrize("text", ["dropped", "0", "1"])
def test_no_refund_that_an_order_names_is_undone_by_an_empty_list(
    sandbox: Sandbox, text: str
) -> None:
    sell(sandbox, 2, FROM)
    world.refund(sandbox.books, sandbox.clock, "1", "1.00", [], "")
    shop = shop_of(sandbox)
    sandbox.faults.set([Fault("storefront", "garbage", "*/refunds", status=200, text="[]")])
    with pytest.raises(RetryLater, match=r"refunds|gave"):
        shop.order("1")
    found: list[int] = []
    with pytest.raises(RetryLater, match=r"could not be read.*: 1;"):
        list(recorded(shop.orders_placed(FROM, NOW + timedelta(hours=1)), found))
    assert found == [2]
    with pytest.raises(RetryLater, match=r"refunds|gave"):
        shop.orders(["1"], within=5)
    sandbox.faults.set([Fault("storefront", "headers", "*/refunds", code="X-WP-*", text=text)])
    assert len(shop.order("1")["refunds_detail"]) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, '{"code": "rest_order_invalid_id", "message": "Invalid order ID."}'),
        (403, '{"code": "woocommerce_rest_cannot_view", "message": "x"}'),
        (403, "<html>"),
        (500, "<html>"),
        (200, "{}"),
    ],
)
def test_an_order_whose_refunds_cannot_be_read_ends_nothing_for_the_others(
    sandbox: Sandbox, status: int, body: str
) -> None:
    sell(sandbox, 10, FROM)
    world.refund(sandbox.books, sandbox.clock, "3", "1.00", [], "")
    sandbox.faults.set([Fault("storefront", "garbage", "*/refunds", status=status, text=body)])
    found: list[int] = []
    with pytest.raises(RetryLater, match=r"could not be read.*: 3;"):
        list(recorded(shop_of(sandbox).orders_placed(FROM, NOW + timedelta(hours=1)), found))
    assert sorted(found) == [1, 2, *range(4, 11)]


def test_orders_that_lack_refunds_one_after_the_other_end_no_listing(sandbox: Sandbox) -> None:
    """The shop answers well: each of these answers concerns one order."""
    sell(sandbox, 8, FROM)
    for number in range(1, 7):
        world.refund(sandbox.books, sandbox.clock, str(number), "1.00", [], "", quietly=True)
    sandbox.faults.set([Fault("storefront", "garbage", "*/refunds", status=200, text="[]")])
    found: list[int] = []
    with pytest.raises(RetryLater, match="could not be read, the others were"):
        list(recorded(shop_of(sandbox).orders_placed(FROM, TO), found))
    assert sorted(found) == [7, 8]


def test_an_order_that_is_deleted_before_its_refunds_are_asked_for_is_gone(
    sandbox: Sandbox,
) -> None:
    sell(sandbox, 3, FROM)
    for number in ("1", "2"):
        world.refund(sandbox.books, sandbox.clock, number, "1.00", [], "")
    found = []
    for each in shop_of(sandbox, ordering="id").orders_placed(FROM, NOW):
        found.append(each["id"])
        sandbox.books.delete(ORDER, "2")
    assert found == [1, 3]


def test_a_shop_that_is_away_ends_a_listing_soon(sandbox: Sandbox) -> None:
    sell(sandbox, 20, FROM)
    for number in range(1, 21):
        world.refund(sandbox.books, sandbox.clock, str(number), "1.00", [], "")
    fault = Fault("storefront", "http", "*/refunds", status=429)
    sandbox.faults.set([fault])
    with pytest.raises(RetryLater):
        ids(shop_of(sandbox).orders_placed(FROM, NOW))
    assert fault.struck == 3


@pytest.mark.parametrize("text", ["dropped", "empty", "0", "doubled", "many", "-1"])
@pytest.mark.parametrize("listing", ["orders_modified", "orders_placed"])
@pytest.mark.parametrize("apart", [0, 0.01, 3])
def test_a_full_page_is_followed_by_the_next_whatever_the_headers_say(
    sandbox: Sandbox, text: str, listing: str, apart: float
) -> None:
    numbers = sell(sandbox, 103, FROM, apart=apart)
    sandbox.faults.set([Fault("storefront", "headers", code="X-WP-*", text=text)])
    found = ids(getattr(shop_of(sandbox), listing)(FROM, TO))
    assert set(found) == numbers
    assert len(found) == 103


@pytest.mark.parametrize("size", [1, 7, 50])
def test_pages_have_the_size_that_the_settings_say(sandbox: Sandbox, size: int) -> None:
    numbers = sell(sandbox, 23, FROM, apart=0.4)
    found = ids(shop_of(sandbox, page_size=size).orders_modified(FROM, TO))
    assert sorted(found) == sorted(numbers)


@pytest.mark.parametrize("ahead", [-600, 0, 600])
@pytest.mark.parametrize("ordering", ["modified", "id"])
def test_edits_while_pages_are_read_hide_no_order_that_nobody_edited(
    sandbox: Sandbox, ahead: int, ordering: str
) -> None:
    """1,500 orders of one second; every 40 orders one of the first is edited, and leaves it."""
    sandbox.clock.shop_ahead = timedelta(seconds=ahead)
    at = sandbox.clock.shop_now() - timedelta(minutes=2)
    numbers = sell(sandbox, 1500, at)
    shop = shop_of(sandbox, ordering=ordering)
    clock = shop.clock()
    assert clock == sandbox.clock.shop_now()
    found: list[int] = []
    edited: set[int] = set()
    for each in shop.orders_modified(clock - timedelta(hours=1), clock):
        found.append(each["id"])
        if len(found) % 40 == 0:
            edited.add(len(edited) + 1)
            world.change_order(sandbox.books, sandbox.clock, str(len(edited)), {})
    assert len(edited) > 30
    assert numbers - edited <= set(found)


def test_the_nightly_sweep_misses_none_that_is_edited_or_trashed_meanwhile(
    sandbox: Sandbox,
) -> None:
    numbers = sell(sandbox, 500, FROM)
    gone: set[int] = set()
    found: list[int] = []
    for each in shop_of(sandbox).orders_placed(FROM, TO):
        found.append(each["id"])
        if len(found) % 60 == 0:
            gone.add(len(gone) + 1)
            fields = {"status": "trash"}
            world.change_order(sandbox.books, sandbox.clock, str(len(gone)), fields)
            world.change_order(sandbox.books, sandbox.clock, str(450 + len(gone)), {})
    assert len(gone) > 5
    assert numbers - gone <= set(found)


def test_pages_that_a_shop_gives_in_no_sequence_or_over_and_over_come_to_an_end(
    sandbox: Sandbox,
) -> None:
    """A plug-in that ignores `orderby` and the bounds, and repeats the last page past the end."""
    orders = [
        {**entry(n), "date_modified_gmt": f"2026-11-23T11:{59 - n:02}:00"} for n in range(1, 8)
    ]
    shop = WooCommerce(WooCommerceSettings("https://shop.example", "ck", "cs", page_size=3))

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        number = min(int(request.params["page"]), 3)
        return 200, {}, json.dumps(orders[3 * (number - 1) : 3 * number])

    with responses.RequestsMock() as wire:
        wire.add_callback(
            responses.GET, "https://shop.example/wp-json/wc/v3/orders", callback=answer
        )
        assert sorted(ids(shop.orders_modified(FROM, TO))) == list(range(1, 8))


def test_a_shop_that_refuses_an_ordering_is_read_by_another(sandbox: Sandbox) -> None:
    numbers = sell(sandbox, 250, FROM)
    assert set(ids(shop_of(sandbox, ordering="id").orders_modified(FROM, TO))) == numbers


def test_key_in_the_query_when_the_web_server_drops_the_header(sandbox: Sandbox) -> None:
    sell(sandbox, 1, FROM)
    assert ids(shop_of(sandbox, key_in="query").orders_modified(FROM, TO)) == [1]
    nobody = "https://shop.example"
    with responses.RequestsMock() as wire:
        shop = WooCommerce(WooCommerceSettings(nobody, "ck", "cs"))
        said = {"code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list."}
        wire.get(f"{nobody}/wp-json/wc/v3/orders", status=401, json=said)
        with pytest.raises(Misconfigured, match="Authorization") as caught:
            shop.ping()
        assert "storefront.key_in" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (403, {"body": "<html>Attention Required!"}, "firewall"),
        (404, {"body": "<html>Not Found"}, "permalinks"),
        (301, {"headers": {"Location": "https://shop.example/orders/?per_page=1"}}, "permalinks"),
        (301, {"headers": {"Location": "https://www.shop.example/wp-json/wc/v3/"}}, "www.shop"),
    ],
)
def test_what_stands_before_a_shop_is_said_in_words_that_fit(
    status: int, answer: dict[str, Any], words: str
) -> None:
    shop = WooCommerce(WooCommerceSettings("https://shop.example", "ck", "cs"))
    with responses.RequestsMock() as wire:
        wire.get("https://shop.example/wp-json/wc/v3/orders", status=status, **answer)
        with pytest.raises(Misconfigured, match=words):
            shop.ping()


def test_no_cache_answers_a_read_after_a_write() -> None:
    shop = WooCommerce(
        WooCommerceSettings(
            "https://shop.example", "ck", "cs",
            headers={"X-Gate": "open"}, user_agent="connector/1",
        )
    )  # fmt: skip
    with responses.RequestsMock() as wire:
        wire.get("https://shop.example/wp-json/wc/v3/orders/7", json=entry(7))
        shop.order("7")
        shop.order("7")
        first, second = (call.request for call in wire.calls)
    assert first.url != second.url
    assert first.headers["Cache-Control"] == "no-cache"
    assert (first.headers["X-Gate"], first.headers["User-Agent"]) == ("open", "connector/1")


def test_the_environment_sets_no_proxy(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    sell(sandbox, 1, FROM)
    assert ids(shop_of(sandbox).orders_modified(FROM, TO)) == [1]


def test_orders_are_asked_for_again_together_whatever_became_of_them(sandbox: Sandbox) -> None:
    sell(sandbox, 6, FROM)
    fields = {"status": "trash"}
    world.change_order(sandbox.books, sandbox.clock, "2", fields)
    sandbox.books.delete(ORDER, "3")
    world.refund(sandbox.books, sandbox.clock, "4", "1.00", [], "", quietly=True)
    shop = shop_of(sandbox, page_size=4)
    found = shop.orders([str(number) for number in range(1, 7)], within=30)
    assert sorted(found) == ["1", "2", "3", "4", "5", "6"]
    assert found["3"] is None
    shown = {key: each for key, each in found.items() if each is not None}
    assert shown["2"]["status"] == "trash"
    assert shown["4"]["refunds_detail"][0]["amount"] == "1.00"
    assert shown["6"]["id"] == 6


def test_an_order_is_gone_only_when_the_shop_says_so(sandbox: Sandbox) -> None:
    sell(sandbox, 2, FROM)
    shop = shop_of(sandbox)
    for body, status in (("[]", 200), ('{"code":"rest_no_route"}', 404), ("<html>", 404)):
        sandbox.faults.set([Fault("storefront", "garbage", status=status, text=body)])
        with pytest.raises(ConnectorError):
            shop.orders(["1", "2"], within=5)


@pytest.mark.parametrize("ordering", ["modified", "id"])
@pytest.mark.parametrize("listing", ["orders_modified", "orders_placed"])
def test_an_order_that_the_shop_cannot_give_keeps_no_other_of_its_page_back(
    sandbox: Sandbox, ordering: str, listing: str
) -> None:
    """One endless number in one order, and WordPress gives no page that it is on."""
    numbers = sell(sandbox, 23, FROM, apart=2)
    sandbox.storefront.endless = {1, 12}
    found: list[int] = []
    shop = shop_of(sandbox, ordering=ordering, page_size=10)
    with pytest.raises(OrdersNotRead) as raised:
        list(recorded(getattr(shop, listing)(FROM, TO), found))
    assert sorted(found) == sorted(numbers - {1, 12})
    unread = {each.element["id"]: str(each.why) for each in raised.value.orders}
    assert set(unread) == {1, 12}
    assert "cannot be JSON encoded" in unread[12]


def test_an_order_of_more_parts_than_any_answer_has_keeps_no_other_back(sandbox: Sandbox) -> None:
    numbers = sell(sandbox, 12, FROM, apart=2)
    huge = {**(sandbox.books.get(ORDER, "7") or {}), "meta_data": [[]] * 600_000}
    sandbox.books.put(ORDER, "7", huge)
    found: list[int] = []
    with pytest.raises(OrdersNotRead, match=r"7.*answers.parts"):
        list(recorded(shop_of(sandbox).orders_modified(FROM, TO), found))
    assert sorted(found) == sorted(numbers - {7})


def test_a_shop_that_gives_no_order_alone_either_is_away(sandbox: Sandbox) -> None:
    sell(sandbox, 23, FROM, apart=2)
    fault = Fault("storefront", "http", "GET /orders", status=500)
    sandbox.faults.set([fault])
    with pytest.raises(RetryLater, match="500"):
        ids(shop_of(sandbox).orders_modified(FROM, TO))
    assert fault.struck < 30
