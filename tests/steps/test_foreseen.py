"""What DMS or SAP would refuse is found before the first document, and said once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.logs import configure
from connector.sandbox.service import Sandbox
from connector.settings import Settings
from connector.steps.context import buyer_key
from connector.steps.repair import new_customer, retry
from tests.support.crowd import crowd
from tests.support.scene import Scene

NUMBER = 1000
LONG_NAME = f"{'样板' * 75}有限公司"
LONG_STREET = f"试验路{'甲乙丙丁' * 35}1号"
SHIPPED = Path(__file__).parents[2] / "mappings"
Payload = dict[str, Any]
At = Callable[..., Scene]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    """Make a scene of one order of a company whom SAP does not know, changed at will."""
    configure("critical")
    stack: list[Any] = []

    def made(
        change: Callable[[Payload], object] = lambda _order: None,
        edits: dict[str, tuple[str, str]] | None = None,
        settings: Callable[[Settings], None] = lambda _settings: None,
    ) -> Scene:
        manager = _scene(tmp_path, change, edits or {}, settings)
        stack.append(manager)
        return manager.__enter__()

    yield made
    for each in stack:
        each.__exit__(None, None, None)


@contextmanager
def _scene(
    folder: Path,
    change: Callable[[Payload], object],
    edits: dict[str, tuple[str, str]],
    configured: Callable[[Settings], None],
) -> Iterator[Scene]:
    order = next(each for each in crowd(2, 2, seed=3) if each["billing"]["company"])
    order |= {"id": NUMBER, "number": str(NUMBER)}
    change(order)
    orders = folder / "orders.json"
    orders.write_text(json.dumps([order]), encoding="utf-8")
    mappings = Path(shutil.copytree(SHIPPED, folder / "mappings"))
    # With the WSDL stored, `connector check` would know as much of the lookup tables.
    (mappings / "interfaces/dms.wsdl").unlink()
    for name in edits:
        edit(mappings, name, *edits[name])

    def prepare(settings: Settings) -> None:
        settings.mappings = mappings
        configured(settings)

    with Sandbox(orders=orders) as sandbox:
        scene = Scene(sandbox, f"sqlite:///{folder / 'c.db'}", folder, prepare=prepare)
        scene.fault("sap:reset:operation=BAPI_CUSTOMER_CREATEFROMDATA1,times=0")
        try:
            yield scene
        finally:
            scene.connector.close()


def edit(mappings: Path, name: str, was: str, now: str) -> None:
    file = mappings / name
    text = file.read_text(encoding="utf-8") if was else ""
    assert was in text
    file.write_text(text.replace(was, now) if was else now, encoding="utf-8")


def creations(scene: Scene) -> int:
    return int(scene.sandbox.faults.describe()[0]["seen"])


def held(scene: Scene, cause: str) -> list[str]:
    """Return the reasons of a hold that came once, before anything was made anywhere."""
    row = scene.order(NUMBER)
    assert (row.stage, row.hold_cause) == ("valid", cause)
    assert (creations(scene), scene.sales_orders(NUMBER)) == (0, [])
    assert sum(event.kind == "held" for event in scene.story(NUMBER)) == 1
    return [str(each) for each in row.hold_reasons or []]


def test_a_postcode_of_another_country_is_nothing_that_the_buyer_corrects(at: At) -> None:
    abroad = {"country": "GB", "state": "", "city": "London", "postcode": "SW1A 1AA"}

    def moved(order: Payload) -> None:
        order["billing"] |= abroad
        order["shipping"] |= {**abroad, "address_1": "10 Downing Street"}

    scene = at(moved)
    scene.evening()
    (reason,) = held(scene, "shop_data")
    assert "not in mainland China" in reason
    scene.change(NUMBER, shipping={**scene.shown(NUMBER)["shipping"], "postcode": ""})
    scene.later(minutes=5, ticks=2)
    assert scene.order(NUMBER).hold_cause is None


def test_a_currency_that_the_dms_does_not_know_is_found_before_a_customer_is_made(at: At) -> None:
    scene = at(lambda order: order.update(currency="JPY"))
    scene.evening()
    (reason,) = held(scene, "mapping")
    assert reason.startswith("currency: 'JPY' does not fit the sales order (header.currency)")
    assert "CNY" in reason
    assert "dms_sales_order.yaml" in reason
    (told,) = scene.order(NUMBER).hold_reasons or []
    assert "币种：'JPY' 不适用于销售订单（header.currency）：不在允许的值之中" in told.chinese
    scene.change(NUMBER, currency="CNY")
    scene.later(ticks=2)
    assert scene.stands(NUMBER) == ("ready", None)


def test_what_is_wrong_with_several_documents_is_said_at_once_and_masked(at: At) -> None:
    def change(order: Payload) -> None:
        order["billing"] |= {"company": LONG_NAME, "address_1": LONG_STREET}
        order["shipping"] |= {"address_1": LONG_STREET}

    scene = at(change)
    scene.evening()
    reasons = held(scene, "invalid")
    assert [reason.partition(" (")[0].partition(": ")[0] for reason in reasons] == [
        "ship_to.address.street", "buyer.name", "buyer.name", "buyer.address.street",
    ]  # fmt: skip
    documents = ("sales order", "invoice application", "customer record", "customer record")
    for reason, document in zip(reasons, documents, strict=True):
        assert document in reason
        assert "have the buyer correct it" in reason
        assert "'样板样板***'" in reason or "'试验路甲***'" in reason
    scene.change(
        NUMBER,
        billing={
            **scene.shown(NUMBER)["billing"],
            "company": "样板有限公司",
            "address_1": "甲路1号",
        },
        shipping={**scene.shown(NUMBER)["shipping"], "address_1": "甲路1号"},
    )
    scene.later(ticks=2)
    assert scene.stands(NUMBER) == ("ready", None)


def test_what_buyer_shop_and_mapping_have_wrong_is_one_hold_that_names_each(at: At) -> None:
    def change(order: Payload) -> None:
        order["shipping"] |= {"address_1": LONG_STREET}
        order |= {"number": "9" * 38}

    scene = at(
        change,
        settings=lambda settings: setattr(settings.business_units[0], "dms_code", "GQ-OF-ELEVEN"),
    )
    scene.evening()
    row = scene.context.orders.by_number("9" * 38)
    assert row is not None
    assert (row.stage, row.hold_cause, creations(scene)) == ("valid", "invalid", 0)
    reasons = [str(each) for each in row.hold_reasons or []]
    for start, words, remedy in (
        ("number: '9999", "38 characters, 32 allowed", "have the e-commerce platform"),
        ("business_unit.dms_code: 'GQ-OF-ELEVEN'", "12 characters", "IT: correct dms_sales_order"),
        ("ship_to.address.street: '试验路甲***'", "sales order", "have the buyer correct it"),
        ("reference: '9999", "delivery note (externalReference)", "IT: correct dms_delivery"),
        ("reference: '9999", "invoice application (externalReference)", "IT: correct dms_invoice"),
    ):
        assert any(
            each.startswith(start) and words in each and remedy in each for each in reasons
        ), (start, reasons)
    assert len(reasons) == 5


MAPPED = {
    "dms_sales_order.yaml": (
        "source: order.currency, required: true}",
        "source: order.currency, required: true, convert: [{lookup: {table: currencies}}]}",
    )
}


def test_a_looked_up_word_that_the_dms_does_not_take_is_its_to_mend(at: At) -> None:
    table = "lookups/currencies.csv"
    scene = at(edits={**MAPPED, table: ("", "key,value\nCNY,RMB\n")})
    scene.evening()
    (reason,) = held(scene, "mapping")
    assert reason.startswith("currency: 'CNY' does not fit the sales order (header.currency): is")
    assert "IT: correct dms_sales_order.yaml or its lookup table" in reason
    edit(scene.settings.mappings, table, "CNY,RMB", "CNY,CNY")
    scene.connector.mappings.look()
    scene.connector.mappings.look()  # it is taken once it stands still
    retry(scene.context, scene.order(NUMBER), "IT")
    scene.later(ticks=2)
    assert scene.stands(NUMBER) == ("ready", None)


def test_a_word_that_a_lookup_does_not_know_is_its_to_mend(at: At) -> None:
    scene = at(
        lambda order: order.update(currency="JPY"),
        {**MAPPED, "lookups/currencies.csv": ("", "key,value\nCNY,CNY\n")},
    )
    scene.evening()
    (reason,) = held(scene, "mapping")
    assert "'JPY' is not in the lookup table currencies.csv" in reason


def test_a_required_field_for_which_nothing_is_given(at: At) -> None:
    noted = "source: order.note, required: true,"
    scene = at(
        lambda order: order.update(customer_note=""),
        {"dms_sales_order.yaml": ("source: order.note,", noted)},
    )
    scene.evening()
    (reason,) = held(scene, "invalid")
    assert "note: the sales order (header.remark) cannot be made: is missing" in reason


def test_the_second_business_unit_is_judged_before_the_first_has_a_document(at: At) -> None:
    def change(order: Payload) -> None:
        other = {**order["line_items"][0], "id": 77, "sku": "BX-1"}
        order["line_items"].append(other)
        order["total"] = str(float(order["total"]) + float(other["total"]))
        order["currency"] = "JPY"

    def two(settings: Settings) -> None:
        other = {"code": "BX", "sku_patterns": ["BX-*"], "dms_code": "BX-OF-ELEVEN"}
        settings.business_units.append(settings.business_units[0].model_copy(update=other))

    scene = at(change, settings=two)
    scene.evening()
    currency, code = held(scene, "mapping")
    assert currency.startswith("currency: 'JPY'")
    assert "business_unit.dms_code: 'BX-OF-ELEVEN' does not fit the sales order" in code
    assert "IT: correct" in code


def test_a_dms_that_cannot_be_read_holds_nothing(at: At) -> None:
    scene = at(
        lambda order: order.update(currency="JPY"),
        settings=lambda settings: setattr(settings.dms, "wsdl", "http://127.0.0.1:9/?wsdl"),
    )
    scene.evening()
    assert scene.stands(NUMBER) == ("recognised", None)
    assert creations(scene) == 1


def test_what_only_a_creation_would_break_does_not_hold_a_known_customer(at: At) -> None:
    def change(order: Payload) -> None:
        order["billing"] |= {"address_1": f"试验路{'甲' * 60}1号"}

    scene = at(change)
    take_in(scene)
    buyer = scene.context.read(scene.order(NUMBER)).buyer
    customer = str(scene.sandbox.books.all("sap.customer")[0]["KUNNR"])
    scene.context.customers.bind(buyer_key(buyer), customer, "linked", "rep", scene.clock.now)
    scene.later(ticks=2)
    assert scene.stands(NUMBER) == ("ready", None)


def test_a_customer_that_the_rep_says_is_new_is_judged_too(at: At) -> None:
    def change(order: Payload) -> None:
        order["billing"] |= {"address_1": f"试验路{'甲' * 60}1号"}

    scene = at(change)
    take_in(scene)
    new_customer(scene.context, scene.order(NUMBER), "rep")
    (reason,) = held(scene, "invalid")
    assert "customer record in SAP (PI_COMPANYDATA.STREET)" in reason


def take_in(scene: Scene) -> None:
    """Let the order be valid, and no more, as SAP does not answer."""
    scene.fault(
        "sap:reset:operation=BAPI_CUSTOMER_CREATEFROMDATA1,times=0",
        "sap:reset:operation=RFC_READ_TABLE",
    )
    scene.evening()
    assert scene.order(NUMBER).stage == "valid"
    scene.fault("sap:reset:operation=BAPI_CUSTOMER_CREATEFROMDATA1,times=0")


def test_an_amount_finer_than_the_dms_takes_is_held_and_not_rounded(at: At) -> None:
    def finer(order: Payload) -> None:
        order["currency"] = "KWD"
        line = order["line_items"][0]
        more = {name: f"{float(line[name]) + 0.005:.3f}" for name in ("subtotal", "total")}
        order["line_items"][0] = line | more
        order["total"] = f"{float(order['total']) + 0.005:.3f}"

    scene = at(finer)
    scene.later(minutes=5, ticks=2)
    assert scene.stands(NUMBER)[1] == "mapping"  # in the shop a paid order keeps its currency
    said = " ".join(scene.order(NUMBER).hold_reasons or [])
    assert "more than 2 decimals" in said
    assert "lines[1].open_amount: '74400.005'" in said
    assert scene.sales_orders(NUMBER) == []
