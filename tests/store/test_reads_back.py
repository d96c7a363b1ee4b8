"""Whatever stands in an order, a call, an event or the quarantine, what is written reads back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.kept import from_bytes, to_bytes
from connector.domain.lifecycle import HoldCause
from connector.domain.quarantine import Entry, Failed, Source, key_of
from connector.store.calls import Call, Calls
from connector.store.changes import Change, Hold, NewDocument
from connector.store.database import Database
from connector.store.orders import Orders
from connector.store.quarantine import Quarantine
from connector.store.types import Unreadable, storable
from connector.wording import quoted
from tests.store.test_storable import INNOCENT, WILD
from tests.support.stored import put_order

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
_NEXT = count(1)


def trees(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    leaves = (
        texts
        | st.integers(-(10**299), 10**299)
        | st.decimals(allow_nan=False, allow_infinity=False)
        | st.booleans()
        | st.none()
    )
    return st.dictionaries(
        texts,
        st.recursive(
            leaves,
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(texts, inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )  # fmt: skip


def as_stored(value: Any) -> Any:
    """Return a tree as it comes back: amounts are texts in it."""
    if isinstance(value, dict):
        return {name: as_stored(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_stored(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value


FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def written(database: Database, tree: dict[str, Any], words: str) -> dict[str, tuple[Any, Any]]:
    """Write all of it everywhere; return by column what was written and what reads back."""
    number = next(_NEXT)
    orders, calls, book = Orders(database), Calls(database), Quarantine(database)
    row = put_order(database, number, NOW, payload=tree, content=tree, status=words[:40])
    call = calls.begin(Call("sap", "x", f"shop/{number}", words[:80], tree, order_pk=row.id), NOW)
    assert call is not None
    calls.confirm(call, "0000200001", tree, NOW)
    document = NewDocument("invoice", "dms", "GQ", f"{number}", NOW, tree)
    change = Change(
        event="held", text=quoted(words), detail={"tree": tree}, documents=(document,),
        hold=Hold(HoldCause.MAPPING, (quoted(words),)),
    )  # fmt: skip
    after = orders.apply(row, change, "test", NOW)
    content = to_bytes(tree)
    key = key_of(words, content)
    kept = book.put(Entry(Source.STOREFRONT, Failed.TAKE, key, content, quoted(words), words), NOW)
    read = book.get(kept.id)
    (stored_call,) = calls.of_order(row.id)
    (stored_document,) = orders.documents(row.id)
    event = orders.events(row.id)[-1]
    assert read is not None
    return {
        "payload": (tree, after.payload),
        "content": (tree, after.content),
        "request": (tree, stored_call.request),
        "answer": (tree, stored_call.answer),
        "document": (tree, stored_document.detail),
        "event": (tree, event.detail["tree"]),
        "text": (quoted(words), event.text),
        "reasons": ([quoted(words)], after.hold_reasons),
        "status": (words[:40], after.status),
        "reference": (words[:80], stored_call.reference),
        "bytes": (content, read.content),
        "kept": (tree, from_bytes(read.content)),
        "why": (quoted(words), read.reason),
        "seen in": (words, read.seen_in),
        "key": (key, read.key),
    }


@FEW
@given(tree=trees(WILD), words=WILD)
def test_whatever_is_written_reads_back(
    database: Database, tree: dict[str, Any], words: str
) -> None:
    for column, (wrote, read) in written(database, tree, words).items():
        assert not isinstance(read, Unreadable), column
        exact = column in ("bytes", "kept", "key")
        assert read == (wrote if exact else as_stored(storable(wrote))), column


@FEW
@given(tree=trees(INNOCENT), words=INNOCENT)
def test_what_is_innocent_reads_back_as_it_was(
    database: Database, tree: dict[str, Any], words: str
) -> None:
    for column, (wrote, read) in written(database, tree, words).items():
        assert read == (wrote if column == "kept" else as_stored(wrote)), column
