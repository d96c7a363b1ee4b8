"""A DMS that has done a write and answers in a text that nobody understands: one document."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.dms.answers import Answer
from tests.dms.bench import WRITES, Bench, Row, on_bench
from tests.support.wire import Trouble

_RETURNED = re.compile(rb"(?<=:return>).*(?=</[\w.]*:return>)", re.DOTALL)
_NUMBER = re.compile(r'"(?:code|note|app|ret)": "([A-Z]{2}\d{8})"')
# What stands where the text of the answer was; `{}` is the document's number.
TEXTS = (
    "", "null", "[]", "[1]", "{}", '"ok"', "true", "0", "busy", "&lt;html&gt;&lt;/html&gt;",
    '{"code": null}', '{"code": {}}', '{"code": "0"}', '{"code": "0", "data": null}',
    '{"code": "0", "data": "@"}', '{"code": "0", "data": {"CODE": "@"}}',
    '{"code": 0, "data": {"code": "@", "note": "@", "app": "@", "ret": "@"}}',
    '{"code": " 0", "data": {"code": "@", "note": "@", "app": "@", "ret": "@"}}',
    '{"result": {"code": "E1"}}', '{"Code": "E1"}', '{"code": "", "message": "Systemfehler"}',
)  # fmt: skip
_EVERY_DAY = ("null", "{}", '{"code": "0", "data": null}', TEXTS[-5])
# What this DMS has.
_WRITES = [each for each in WRITES if each != "amend"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with on_bench(tmp_path_factory.mktemp("texts"), "json") as made:
        yield made


def _row(texts: Bench, text: str) -> Row:
    # A session that is over would be refused in place of the write.
    texts.day.context.dms.find("0", "GQ", "0-GQ")
    return Row(text, Trouble("raw", forwarded=True, raw=_instead(text)), "either")


def _instead(text: str) -> Answer:
    def answer(good: bytes) -> bytes:
        number = _NUMBER.search(good.decode())
        said = text.replace("@", number[1] if number else "").encode()
        body, changed = _RETURNED.subn(said, good)
        assert changed == 1
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nConnection: close\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    return answer


@pytest.mark.parametrize("text", _EVERY_DAY)
def test_an_order_whose_answer_is_no_message_is_not_made_again(texts: Bench, text: str) -> None:
    WRITES["create"](texts, _row(texts, text))


@pytest.mark.night(sample=10)
@pytest.mark.parametrize("write", _WRITES)
@pytest.mark.parametrize("text", TEXTS)
def test_no_text_makes_any_write_be_sent_again(texts: Bench, text: str, write: str) -> None:
    WRITES[write](texts, _row(texts, text))
