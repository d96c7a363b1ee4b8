"""A DMS that has done a write, and answers in whatever way: one document, sent once.

After every one of these answers the number is read, or asked for; nothing is sent again.
"""

from __future__ import annotations

import pytest

from tests.dms.answers import ANSWERS
from tests.dms.bench import WRITES, Bench, Row
from tests.support.wire import Trouble

# Of each kind one for every day; all of them, of every write, by night.
_EVERY_DAY = (
    "close", "chunk_cut", "401", "403", "404", "405", "302", "307", "409", "429", "204", "201_good",
    "gzip_corrupt", "mtom", "fault11_server", "fault_must_understand", "fault12_recv",
    "gbk_header_only", "extra_element", "other_operation", "blank_number", "null_number",
    "json200", "xxe",
)  # fmt: skip


def _row(name: str) -> Row:
    return Row(name, Trouble("raw", forwarded=True, raw=ANSWERS[name]), "either")


@pytest.mark.parametrize("name", _EVERY_DAY)
def test_an_order_that_was_made_is_not_made_again(bench: Bench, name: str) -> None:
    WRITES["create"](bench, _row(name))


@pytest.mark.night(sample=20)
@pytest.mark.parametrize("write", list(WRITES))
@pytest.mark.parametrize("name", list(ANSWERS))
def test_no_answer_makes_any_write_be_sent_again(bench: Bench, name: str, write: str) -> None:
    WRITES[write](bench, _row(name))
