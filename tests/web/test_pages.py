"""The status page: what it shows, to whom, in which language, and that it names nobody."""

from __future__ import annotations

import ast
import html
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

import connector
from connector.domain.lifecycle import HoldCause, Stage
from connector.store.calls import CallState
from connector.web.access import Access, Door
from connector.web.answers import Request
from connector.web.heart import Heart
from connector.web.server import Server
from connector.web.site import Site
from connector.web.words import CALL_STATES, EVENTS, HOLDS, JOBS, STAGES, TEXTS, Words, language_of
from tests.support.chromium import rendered, screenshot
from tests.support.scene import NOON, Scene, scene
from tests.support.words import english_in
from tests.web.conftest import Opened, opened

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Tuesday after the noon wave, with SAP away."""
    folder = tmp_path_factory.mktemp("day")
    with scene(f"sqlite:///{folder / 'connector.db'}", folder) as made:
        made.until(NOON + timedelta(minutes=1))
        made.fault("sap:outage")
        for _ in range(8):
            made.later(minutes=20)
            if any(gate.is_open for gate in made.connector.gates):
                break
        yield made


@pytest.fixture(scope="module")
def shown(day: Scene) -> Iterator[Opened]:
    heart = Heart(day.clock, lambda: day.clock.now.timestamp())
    heart.beat()
    with opened(day.connector, heart) as site:
        yield site


def text_of(answer: requests.Response) -> str:
    return text_in(answer.text)


def text_in(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_the_overview_says_what_a_person_must_know(shown: Opened) -> None:
    text = text_of(shown.get("/?lang=en"))
    assert "Trouble late: 5 SAP: calls are kept back held: 10" in text
    assert re.search(r"11-24 12:00 工起事业部 released 15 10", text)
    assert re.search(r"11-24 15:00 工起事业部 to come", text)
    assert re.search(r"customer review 4 1\d h", text)
    assert re.search(r"34 placed stock ready for its wave 11-24 09:00 late \d h", text)
    assert re.search(r"batch \S*GQ-20261124-1200 3 11-24 12:01", text), text
    assert "leads" in text
    # Open alerts stand there in the words in which people are told, with the command.
    assert "What calls for somebody" in text
    assert "connector orders" in text


def test_a_quiet_day_is_said_to_be_well(site: Opened) -> None:
    site.heart.beat()
    text = text_of(site.get("/?lang=en"))
    assert "All is well" in text
    assert "No order is held" in text


def test_the_language_follows_the_address_then_the_browser_then_the_house(shown: Opened) -> None:
    assert "在途订单" in shown.get("/").text
    english = shown.get("/", **{"Accept-Language": "en-GB,en;q=0.9,zh;q=0.5"})
    assert "Orders on their way" in english.text
    chosen = shown.get("/?lang=zh", **{"Accept-Language": "en"})
    assert "在途订单" in chosen.text
    assert 'href="/orders/34?lang=zh"' in chosen.text
    assert language_of("", "fr,de;q=0.9") == "zh"
    assert language_of("fr", "zh;q=nonsense,en;q=0.1") == "en"


def test_an_orders_story_is_told_and_found_by_its_number(shown: Opened) -> None:
    found = shown.get("/orders?number=+34+&lang=en")
    assert (found.status_code, found.headers["Location"]) == (303, "/orders/34?lang=en")
    text = text_of(shown.get("/orders/34?lang=en"))
    assert "order 34 placed stock" in text
    assert "XC-80513368 in plant 1000: 40 PCE ordered" in text
    assert "sales order SO" in text
    assert shown.get("/orders/4711").status_code == 404


def test_what_comes_from_outside_is_shown_and_never_run(shown: Opened) -> None:
    answer = shown.get("/orders/%3Cscript%3Ealert(1)%3C%2Fscript%3E?lang=%22%3E%3Cb%3E")
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert '"><b>' not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    # Nothing could be run even if it were: there is no script on any page.
    assert "<script" not in shown.get("/").text


def test_nobody_is_named_on_any_page(day: Scene, shown: Opened) -> None:
    numbers = [row.number for row in day.context.orders.listed()]
    assert len(numbers) == 26
    pages = shown.get("/").text + "".join(shown.get(f"/orders/{each}").text for each in numbers)
    for secret in personal(day.sandbox.books.all("storefront.order")):
        assert secret not in pages, secret


def personal(orders: list[dict[str, Any]]) -> set[str]:
    """Return names, phones, addresses, mails and codes of persons in storefront orders."""
    found = set()
    for order in orders:
        for part in (order["billing"], order["shipping"]):
            for name in ("phone", "address_1", "address_2", "email"):
                found.add(part.get(name) or "")
            whole = f"{part.get('last_name', '')}{part.get('first_name', '')}"
            found.add(whole)
        for meta in order["meta_data"]:
            if re.fullmatch(r"\d{17}[\dXx]", str(meta["value"])):
                found.add(str(meta["value"]))
    return {each for each in found if len(each) >= 2}


def test_other_machines_need_the_token(day: Scene) -> None:
    settings = day.connector.settings
    settings.health_address, settings.status_token = "0.0.0.0", SecretStr(TOKEN)
    server = Server(
        Site(day.connector, Heart(day.clock, lambda: day.clock.now.timestamp())).handle,
        "127.0.0.1",
        0,
    )
    url = f"http://127.0.0.1:{server.port}"
    try:
        for path in ("/", "/orders/34", "/orders?number=34"):
            refused = requests.get(url + path, timeout=60)
            assert refused.status_code == 401
            assert "XC-" not in refused.text
        assert requests.get(f"{url}/healthz", timeout=60).status_code == 200
        assert requests.get(f"{url}/metrics", timeout=60).status_code == 200
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert requests.get(url, headers=bearer, timeout=60).status_code == 200
        bad = {"Authorization": f"Bearer {TOKEN}x"}
        assert requests.get(url, headers=bad, timeout=60).status_code == 401
        browser = requests.Session()
        assert browser.post(f"{url}/enter", {"token": "wrong"}, timeout=60).status_code == 403
        entered = browser.post(f"{url}/enter", {"token": TOKEN}, timeout=60)
        assert (entered.status_code, "在途订单" in entered.text) == (200, True)
        cookie = entered.history[0].headers["Set-Cookie"]
        assert TOKEN not in cookie
        assert "HttpOnly; SameSite=Strict" in cookie
        assert requests.post(url, timeout=60).status_code == 405
    finally:
        server.close()
        settings.health_address, settings.status_token = "127.0.0.1", SecretStr("")


@pytest.mark.parametrize(
    ("address", "token", "headers", "access"),
    [
        ("127.0.0.1", "", {"host": "localhost:8080"}, Access.GRANTED),
        ("::1", "", {"host": "[::1]:8080"}, Access.GRANTED),
        ("127.0.0.1", "", {"host": "evil.example:8080"}, Access.CLOSED),
        ("127.0.0.1", "", {"host": "localhost", "x-forwarded-for": "10.0.0.9"}, Access.CLOSED),
        ("0.0.0.0", "", {"host": "localhost"}, Access.CLOSED),
        ("0.0.0.0", TOKEN, {"host": "localhost"}, Access.WANTED),
        ("0.0.0.0", TOKEN, {"authorization": "Basic " + TOKEN}, Access.WANTED),
        ("0.0.0.0", TOKEN, {"authorization": "bearer " + TOKEN}, Access.GRANTED),
        ("0.0.0.0", TOKEN, {"cookie": "connector_status=;;\x00=é"}, Access.WANTED),
        ("127.0.0.1", TOKEN, {"host": "localhost"}, Access.WANTED),
    ],
)
def test_the_door(address: str, token: str, headers: dict[str, str], access: Access) -> None:
    assert Door(address, token).access(Request("GET", "/", headers=headers)) is access


@pytest.mark.parametrize(
    ("path", "width", "says"),
    [
        ("/?lang=zh", 1280, "在途订单"),
        ("/orders/31?lang=en", 420, "Why it is held"),
    ],
)
def test_a_browser_renders_the_page_at_any_width(
    shown: Opened, tmp_path: Path, path: str, width: int, says: str
) -> None:
    assert says in rendered(shown.url + path, tmp_path, width)
    size = screenshot(shown.url + path, tmp_path / "page.png", width, 900)
    assert size == (width, 900)
    # A page that came without its style, or empty, is almost one colour: it packs to very little.
    assert (tmp_path / "page.png").stat().st_size > 25_000


def kinds_of_events() -> set[str]:
    """Return the kinds that events are made with; those of stages and documents are computed."""
    made = {Stage.READY.value, Stage.NOTED.value, Stage.SHIPPED.value, Stage.CLOSED.value}
    made |= {"delivery_note", "invoice_application"}
    for path in Path(connector.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "event":
                made |= {
                    str(each.value)
                    for each in ast.walk(node.value)
                    if isinstance(each, ast.Constant)
                }
    return made


def test_every_stage_cause_job_and_word_has_both_languages(day: Scene) -> None:
    assert set(STAGES) == {each.value for each in Stage}
    assert set(HOLDS) == {each.value for each in HoldCause}
    for name, (chinese, english) in TEXTS.items():
        assert chinese, name
        assert english, name
    # A job that has no word yet is shown by its name.
    assert Words("zh").job_name("no such job") == "no such job"
    assert {job.name for job in day.connector.jobs} & JOBS.keys()
    assert EVENTS.keys() >= kinds_of_events()
    assert set(CALL_STATES) == {each.value for each in CallState}
    assert Words("en").event("cancel_requested") == "cancel requested"


def test_a_silent_client_keeps_nobody_waiting(site: Opened) -> None:
    with socket.create_connection(("127.0.0.1", int(site.url.rsplit(":", 1)[1]))):
        # While one client is silent, others are answered.
        assert site.get("/healthz").status_code == 200


def test_a_chinese_page_says_every_reason_and_event_in_chinese(day: Scene, shown: Opened) -> None:
    held = set()
    for row in day.context.orders.listed():
        page = shown.get(f"/orders/{row.number}?lang=zh").text
        said = [html.unescape(each) for each in re.findall(r"<li>(.*?)</li>", page, re.DOTALL)]
        said += [html.unescape(each) for each in re.findall(r'<td class="dim">(.*?)</td>', page)]
        for each in said:
            assert not english_in(text_in(each)), (row.number, each)
        if row.hold_cause:
            held.add(row.hold_cause)
    assert held >= {"invalid", "unpaid", "customer_review", "stock"}
    page = text_of(shown.get("/orders/34?lang=zh"))
    assert "XC-80513368（工厂 1000）：订购 40 PCE，可用 10" in page
    assert "XC-80513368 in plant 1000" not in page
