"""An ID number that a buyer types somewhere else is told nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import text

from connector.domain.masking import mask_text
from connector.domain.reading import read_order
from connector.domain.validity import problems, remarks
from connector.logs import configure
from connector.steps.take import take
from connector.wording import problems as wrong
from connector.wording import quoted, shown
from connector.wording.id_numbers import masked
from tests.support.scene import NOON, Scene, scene

ID = "32030019880101008X"
SPELLINGS = (
    ID, ID.lower(), "320300 19880101 008X", "320300-19880101-008x", "320300 1988 0101 008X",
    "３２０３００１９８８０１０１００８Ｘ", "320300880101008", "320300 880101 008",
)  # fmt: skip
OTHERS = ("320300198213450027", "110105194912310026")  # mistyped; all digits
# What is as long and means no person.
HARMLESS = (
    "000000000013060951", "0000100001 0000100002", "26312000000123456789", "SF1234567890123",
    "202611270000123", "91320300MA11000ABP", "2026-11-24 12:00:00 2026", "JT5123456789012",
)  # fmt: skip
# Where what the shop, SAP and the DMS say of an order is kept as they said it.
_AS_SAID = {
    ("order_line", "name"),
    ("orders", "payload"),
    ("orders", "content"),
    ("outbound_call", "request"),
}


@pytest.mark.parametrize("number", [*SPELLINGS, *OTHERS])
def test_an_id_number_is_masked_wherever_a_reason_is_made(number: str) -> None:
    for frame in ("{}", "身份证{}。", "ID:{}, ok", "({})", "{};13900000001"):
        written = frame.format(number)
        said = wrong.CODE_WRONG(code=[written, 1], title=written, why=quoted(written))
        for told in (said, said.chinese, quoted(written), mask_text(written), shown(written)):
            assert "0101008" not in _bare(told)
            assert _bare(number) not in _bare(told)


def test_what_a_reason_cuts_is_masked_before() -> None:
    assert ID[:12] not in shown(f"{'x' * 10} {ID}", 23)


@pytest.mark.parametrize("number", SPELLINGS)
def test_letters_beside_it_hide_nothing(number: str) -> None:
    for frame in ("ID{}", "{}electronic", "no{}ok"):
        assert _bare(number) not in _bare(masked(frame.format(number)))
    assert ID not in masked(f"{ID}13900000001")


@pytest.mark.parametrize("number", HARMLESS)
def test_numbers_of_parts_parcels_and_orders_stay_legible(number: str) -> None:
    assert masked(f"about {number}, it") == f"about {number}, it"


def test_the_number_of_an_order_stays_whole() -> None:
    number = "202611241200000123"
    said = wrong.SETTLE_CUSTOMER(number=number)
    assert f"link {number} " in said
    assert f"link {number} " in said.chinese


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _paths(inner, (*path, place))
    elif isinstance(value, str):
        yield path


def _planted(value: Any, path: tuple[Any, ...], number: str) -> Any:
    if not path:
        return number
    key, *rest = path
    if isinstance(value, list):
        return [_planted(each, tuple(rest), number) if place == key else each
                for place, each in enumerate(value)]  # fmt: skip
    return {**value, key: _planted(value[key], tuple(rest), number)}


@pytest.mark.parametrize("number", SPELLINGS)
def test_no_field_of_an_order_makes_a_reason_tell_it(number: str, lite: Scene) -> None:
    for sample in (32, 36):
        content = lite.order(sample).content
        for path in _paths(content):
            if path[0] in ("order_id", "number"):
                continue
            order, unreadable = read_order(_planted(content, path, number), shop="shop")
            found = [str(each) for each in unreadable]
            if order is not None:
                found += map(str, problems(order, date(2026, 11, 24)))
                found += map(str, remarks(order))
            assert _bare(number) not in _bare(" ".join(found)), path


def test_nothing_that_leaves_an_order_tells_it(
    lite: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("debug")
    for place, (sample, kind) in enumerate(
        (sample, kind) for kind in ("code", "all", "free") for sample in (32, 36)
    ):
        made = _with(lite.shown(sample), 900 + place, kind)
        lite.sandbox.books.put("storefront.order", str(made["id"]), made)
        take(lite.context, made)
    lite.later(ticks=2)
    assert lite.stands(901) == ("received", "invalid")  # the company's code field
    assert lite.stands(904)[0] == "ready"
    lite.until(NOON + timedelta(minutes=1))
    lite.until(NOON + timedelta(hours=14))
    lite.until(NOON + timedelta(days=1))
    told = dict(_tables(lite)) | dict(_files(tmp_path / "out")) | {"log": capsys.readouterr().err}
    assert len(told) > 20
    for where, words in told.items():
        bare = _bare(words)
        for number in (ID, SPELLINGS[6]):
            at = bare.find(number)
            assert at < 0, (where, bare[max(at - 60, 0) : at + 40])


def _with(order: dict[str, Any], number: int, kind: str) -> dict[str, Any]:
    """Return an order in which somebody typed ID numbers where none belongs."""
    made = {**order, "id": number, "number": str(number)}
    if kind == "code":
        meta = [
            {**each, "value": ID} if each["key"] == "_tax_code" else each
            for each in order["meta_data"]
        ]
        return {**made, "meta_data": meta, "customer_note": f"身份证 {SPELLINGS[6]}"}
    free = {
        "customer_note": f"发票抬头 {ID}，或 {SPELLINGS[6]}",
        "payment_method": SPELLINGS[2],
        "shipping": {**order["shipping"], "address_2": SPELLINGS[5], "company": f"ID {ID}"},
        "line_items": [{**each, "name": f"件 {ID}"} for each in order["line_items"]],
    }
    if kind == "free":
        return made | free
    billing = {key: f"{value} {ID}" for key, value in order["billing"].items()}
    meta = [
        {**each, "value": f"{ID}{each['value']}"} if isinstance(each["value"], str) else each
        for each in order["meta_data"]
        if each["key"] not in ("_buyer_kind", "_id_number")
    ]
    kept = [each for each in order["meta_data"] if each["key"] in ("_buyer_kind", "_id_number")]
    return made | free | {"billing": billing, "meta_data": [*kept, *meta]}


def _tables(day: Scene) -> Iterator[tuple[str, str]]:
    with day.connector.database.engine.connect() as connection:
        names = connection.execute(text("select name from sqlite_master where type = 'table'"))
        for name in [row[0] for row in names]:
            rows = connection.execute(text(f'select * from "{name}"')).mappings().all()
            for column in rows[0] if rows else ():
                if (name, column) not in _AS_SAID:
                    yield f"{name}.{column}", " | ".join(str(row[column]) for row in rows)


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".xlsx":
            with ZipFile(file) as book:
                for name in book.namelist():
                    yield f"{file}/{name}", book.read(name).decode("utf-8", "replace")
        elif file.is_file():
            yield str(file), file.read_text(encoding="utf-8", errors="replace")


def _bare(words: str) -> str:
    """Return a text as one would read numbers in it: without width, spaces and hyphens."""
    wide = {0xFF10 + place: str(place) for place in range(10)} | {0xFF38: "X", 0xFF58: "X"}
    return re.sub(r"[\s-]", "", words.translate(wide)).upper()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made
