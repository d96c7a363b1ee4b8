"""The WooCommerce client: paging, what answers mean, what is repeated and what is not."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError

from connector.errors import (
    ConnectorError,
    InDoubt,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.sandbox import service
from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox
from connector.storefront.errors import of_exception
from connector.storefront.woocommerce import WooCommerce, WooCommerceSettings

SHOP = "https://shop.example"
API = f"{SHOP}/wp-json/wc/v3"
REFUSED_CERTIFICATE = ssl.SSLCertVerificationError("self-signed")
FROM = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TO = FROM + timedelta(hours=1)


@pytest.fixture
def shop() -> WooCommerce:
    return WooCommerce(WooCommerceSettings(SHOP, "ck_made_up", "cs_made_up"))


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def order(number: int, **values: Any) -> dict[str, Any]:
    stamp = f"2026-11-23T12:00:{number % 60:02}"
    return {"id": number, "date_modified_gmt": stamp, "refunds": [], **values}


def page(orders: list[dict[str, Any]], total: int, pages: int) -> dict[str, Any]:
    return {
        "json": orders,
        "headers": {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)},
    }


def test_the_window_is_asked_a_second_wider_since_its_ends_are_exclusive(
    shop: WooCommerce, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/orders", **page([order(1)], 1, 1))
    assert [each["id"] for each in shop.orders_modified(FROM, TO)] == [1]
    query = dict(parse_qsl(urlsplit(wire.calls[0].request.url or "").query))
    assert query["modified_after"] == "2026-11-23T11:59:59"
    assert query["modified_before"] == "2026-11-23T13:00:01"
    assert (query["dates_are_gmt"], query["orderby"], query["order"]) == ("true", "modified", "asc")


def test_an_order_changed_between_two_pages_comes_twice_each_with_its_own_state(
    shop: WooCommerce, wire: responses.RequestsMock
) -> None:
    changed = {**order(1), "date_modified_gmt": "2026-11-23T12:30:00", "status": "cancelled"}
    wire.get(f"{API}/orders", **page([order(1), order(2)], 3, 2))
    wire.get(f"{API}/orders", **page([order(2), order(3), changed], 3, 1))
    found = list(shop.orders_modified(FROM, TO))
    assert [each["id"] for each in found] == [1, 2, 3, 1]
    assert found[-1]["status"] == "cancelled"


def test_refunds_are_read_in_full_and_money_is_decimal(
    shop: WooCommerce, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/orders", **page([order(7, refunds=[{"id": 9}])], 1, 1))
    wire.get(
        f"{API}/orders/7/refunds", body='[{"id": 9, "amount": 0.1}]', headers={"X-WP-Total": "1"}
    )
    (found,) = shop.orders_placed(FROM, TO)
    assert found["refunds_detail"] == [{"id": 9, "amount": Decimal("0.1")}]


def said(code: str, status: int) -> dict[str, Any]:
    return {"json": {"code": code, "message": "words", "data": {"status": status}}}


READS: list[tuple[int, dict[str, Any], type[ConnectorError]]] = [
    (400, said("rest_invalid_param", 400), Rejected),
    (401, said("woocommerce_rest_cannot_view", 401), Misconfigured),
    (403, said("woocommerce_rest_cannot_view", 403), Misconfigured),
    (403, {"body": "<html>firewall"}, Misconfigured),
    (404, said("woocommerce_rest_shop_order_invalid_id", 404), Rejected),
    (404, said("rest_no_route", 404), RetryLater),
    (500, said("rest_no_route", 500), RetryLater),
    (404, {"body": "<html>not WordPress"}, Misconfigured),
    (401, {"body": "<html>log in"}, Misconfigured),
    (405, {"body": "<html>not allowed"}, Misconfigured),
    (409, {"body": "<html>conflict"}, RetryLater),
    (307, {"headers": {"Location": "https://other.example"}}, Misconfigured),
    (301, {"headers": {"Location": "https://other.example"}}, Misconfigured),
    (302, {"body": "<html>log in"}, Misconfigured),
    (429, {"headers": {"Retry-After": "7"}}, RetryLater),
    (500, {"body": "<html>critical error"}, RetryLater),
    (502, {"body": ""}, RetryLater),
    (503, {"body": "<html>maintenance"}, RetryLater),
    (504, {"body": ""}, RetryLater),
    (200, {"body": "<html>a proxy's page"}, RetryLater),
    (200, {"body": "[{"}, RetryLater),
]


def test_a_key_that_was_taken_and_is_refused_once_is_tried_again(
    shop: WooCommerce, wire: responses.RequestsMock
) -> None:
    nobody = said("woocommerce_rest_cannot_view", 401)
    wire.get(f"{API}/orders", **page([], 0, 0))
    assert list(shop.orders_placed(FROM, TO)) == []
    wire.replace(responses.GET, f"{API}/orders", status=401, **nobody)
    with pytest.raises(RetryLater, match="took before"):
        list(shop.orders_placed(FROM, TO))


@pytest.mark.parametrize(("status", "answer", "expected"), READS)
def test_what_an_answer_to_a_read_means(
    shop: WooCommerce, status: int, answer: dict[str, Any], expected: type[ConnectorError]
) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        wire.get(f"{API}/orders/7", status=status, **answer)
        with pytest.raises(expected) as caught:
            shop.order("7")
        assert type(caught.value) is expected
        assert "cs_made_up" not in str(caught.value)


@pytest.mark.parametrize(("age", "minute"), [("", 0), ("600", 10), ("x", 0)])
def test_the_clock_of_an_answer_that_a_cache_kept_is_as_much_later(
    shop: WooCommerce, wire: responses.RequestsMock, age: str, minute: int
) -> None:
    headers = {"Date": "Tue, 24 Nov 2026 04:00:00 GMT", "Age": age}
    wire.get(f"{API}/orders", json=[], headers=headers)
    assert shop.clock() == datetime(2026, 11, 24, 4, minute, tzinfo=UTC)


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_what_a_shop_says_names_nobody(shop: WooCommerce, status: int) -> None:
    """A plug-in repeats what was typed, and so does WordPress of a value that it refuses."""
    words = (
        "Invalid parameter(s): billing: Zhang Wei, 李明, 13800001234, 驮蓝山路26号, 样板有限公司"
    )
    body = {"code": "rest_invalid_param", "message": words}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        wire.get(f"{API}/orders/7", status=status, json=body)
        with pytest.raises(ConnectorError) as caught:
            shop.order("7")
    said = str(caught.value)
    assert "Invalid parameter(s): billing: Z***" in said
    for each in ("hang", "Wei", "明", "8000", "蓝山", "板有"):
        assert each not in said


@pytest.mark.parametrize(("status", "answer", "read"), READS)
def test_a_write_whose_effect_is_unknown_is_in_doubt_and_never_repeated(
    shop: WooCommerce, status: int, answer: dict[str, Any], read: type[ConnectorError]
) -> None:
    with responses.RequestsMock() as wire:
        wire.put(f"{API}/orders/7", status=status, **answer)
        # Only WooCommerce's own words say that nothing was done, and none after a failure.
        proved = "json" in answer and status < 500
        expected = read if proved else InDoubt
        with pytest.raises(expected) as caught:
            shop.update_order("7", {"status": "completed"})
        assert type(caught.value) is expected
        assert isinstance(caught.value, Rejected) or caught.value.no_effect is proved
        assert len(wire.calls) == 1


def test_a_read_is_repeated_and_a_wait_that_was_asked_for_is_kept(
    shop: WooCommerce, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/orders/7", status=502)
    wire.get(f"{API}/orders/7", json=order(7))
    assert shop.order("7")["id"] == 7
    wire.get(f"{API}/orders/8", status=429, headers={"Retry-After": "7"})
    with pytest.raises(RetryLater) as asked:
        shop.order("8")
    assert asked.value.after == 7
    assert len(wire.calls) == 3


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (
            requests.ConnectionError(
                MaxRetryError(None, "", NewConnectionError(None, "refused"))  # type: ignore[arg-type]
            ),
            RetryLater,
            RetryLater,
        ),
        (requests.ConnectTimeout(), RetryLater, RetryLater),
        (requests.ConnectionError("reset by peer"), RetryLater, InDoubt),
        (requests.ReadTimeout(), RetryLater, InDoubt),
        (requests.exceptions.ChunkedEncodingError(), RetryLater, InDoubt),
        (requests.exceptions.SSLError(REFUSED_CERTIFICATE), Misconfigured, Misconfigured),
        (requests.exceptions.SSLError("EOF"), RetryLater, InDoubt),
        (requests.exceptions.InvalidURL(), Misconfigured, Misconfigured),
        (requests.RequestException("new kind"), RetryLater, InDoubt),
    ],
)
def test_only_a_connection_that_never_came_about_proves_absence(
    error: requests.RequestException, read: type[ConnectorError], write: type[ConnectorError]
) -> None:
    assert type(of_exception(error, place="here", write=False)) is read
    assert type(of_exception(error, place="here", write=True)) is write


def test_key_and_secret_travel_over_https_only() -> None:
    with pytest.raises(Misconfigured, match="https"):
        WooCommerce(WooCommerceSettings("http://shop.example", "ck", "cs"))
    WooCommerce(WooCommerceSettings("http://127.0.0.1:1", "ck", "cs"))


def test_the_body_of_a_write_is_utf8_json(shop: WooCommerce, wire: responses.RequestsMock) -> None:
    wire.post(f"{API}/orders/7/notes", json={"id": 1})
    shop.add_note("7", {"note": "已发货 – 顺丰", "amount": Decimal("1.50")})
    sent = wire.calls[0].request.body
    assert isinstance(sent, bytes)
    assert json.loads(sent.decode("utf-8")) == {"note": "已发货 – 顺丰", "amount": "1.50"}


def test_over_real_sockets_every_order_comes_once_whatever_the_page_size() -> None:
    with Sandbox() as sandbox:
        shop = WooCommerce(
            WooCommerceSettings(
                sandbox.storefront_url, service.STOREFRONT_KEY, service.STOREFRONT_SECRET
            )
        )
        placed = list(
            shop.orders_placed(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
        )
        assert len({each["id"] for each in placed}) == len(placed) == 26
        assert "26" in shop.ping()
        sandbox.faults.set([Fault.parse("storefront:lost-answer:writes=true")])
        with pytest.raises(InDoubt):
            shop.add_note("30", {"note": "once"})
        assert [each["note"] for each in shop.notes("30")].count("once") == 1


@pytest.mark.parametrize("status", [204, 403, 404, 405, 501])
def test_a_shop_that_answers_no_options_describes_nothing(
    shop: WooCommerce, wire: responses.RequestsMock, status: int
) -> None:
    wire.add(responses.OPTIONS, f"{API}/orders", status=status, body="")
    assert shop.describe() == {}


def test_a_shop_that_is_away_or_refuses_the_key_is_not_taken_for_one_without_description(
    shop: WooCommerce, wire: responses.RequestsMock
) -> None:
    wire.add(responses.OPTIONS, f"{API}/orders", status=401, json={"code": "woocommerce_rest_x"})
    with pytest.raises(Misconfigured, match="refuses the key"):
        shop.describe()
    wire.replace(responses.OPTIONS, f"{API}/orders", body=requests.ConnectionError("reset"))
    with pytest.raises(RetryLater):
        shop.describe()
