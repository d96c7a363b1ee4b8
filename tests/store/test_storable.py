"""Whatever text comes in can be stored and read again, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from connector.store.database import Database
from connector.store.tables import RunRow
from connector.store.types import Unreadable, read_json, storable
from connector.wording import Said

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
# Lone surrogates and U+0000 included, and what JSON writes of them, typed out by somebody.
WILD = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["\\u0000", "\\\\u0000", "\\\\\\u0000x", "C:\\u0000 please", "\x00", "\\\x00", "\\\ufffd",
     "\ud83d", "\\ud83d", '{"text":', '{"code":', "\\"]
)  # fmt: skip
INNOCENT = WILD.filter(lambda text: "\x00" not in text and not any(map(_surrogate, text)))


def _surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def values(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    leaves = texts | st.integers(-(10**20), 10**20) | st.booleans() | st.none()
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INNOCENT, inner, max_size=3),
        max_leaves=8,
    )


def documents(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(texts, values(texts), max_size=4)


_NEXT = count(1)


def stored(database: Database, counts: dict[str, Any], words: str) -> RunRow:
    """Write a row and read it back."""
    number = next(_NEXT)
    with database.transaction() as session:
        session.add(
            RunRow(
                job=words[:40], scope=f"{number}", window_from=NOW, window_to=NOW, state="done",
                attempts=1, owner="", started_at=NOW, lease_until=NOW, counts=counts,
                error=Said(words),
            )
        )  # fmt: skip
    with database.reading() as session:
        return session.scalars(
            select(RunRow).where(RunRow.scope == f"{number}", RunRow.job == words[:40])
        ).one()


FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FEW
@given(counts=documents(WILD), words=WILD)
@example(counts={"note": "C:\\u0000 please"}, words="\\u0000")
@example(counts={"a\x00b": ["\ud83d"]}, words="\x00")
def test_whatever_is_written_reads_back(
    database: Database, counts: dict[str, Any], words: str
) -> None:
    row = stored(database, counts, words)
    assert not isinstance(row.counts, Unreadable)
    assert row.counts == storable(counts)
    assert row.job == storable(words[:40])
    assert row.error == storable(words)


@FEW
@given(counts=documents(INNOCENT), words=INNOCENT)
@example(counts={"note": "C:\\u0000 please"}, words="\\u0000")
def test_what_is_innocent_reads_back_equal(
    database: Database, counts: dict[str, Any], words: str
) -> None:
    row = stored(database, counts, words)
    assert (row.counts, row.job, row.error) == (counts, words[:40], words)


@given(st.dictionaries(INNOCENT, values(WILD.filter(lambda text: not any(map(_surrogate, text))))))
@example({"note": "C:\\u0000 please"})
@example({"note": "\\\\\\u0000 and \\\ufffd and \x00"})
def test_what_an_older_version_broke_reads_as_it_was_written(value: dict[str, Any]) -> None:
    """It put U+FFFD in the place of U+0000 in finished JSON, and so cut typed backslashes."""
    whole = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert read_json(whole.replace("\\u0000", "\ufffd")) == storable(value)


@pytest.mark.parametrize(
    "broken", ["", "{", '{"a": "\\x"}', "[1, 2", "nonsense", "[1, 2]", "7", "null"]
)
def test_what_cannot_be_read_is_said_to_be_so_and_ends_no_other_row(
    database: Database, broken: str
) -> None:
    first, second = (stored(database, {"n": each}, f"{broken}{each}") for each in (1, 2))
    with database.writing() as connection:
        for column in ("counts", "error"):
            connection.execute(
                text(f"UPDATE job_run SET {column} = :broken WHERE id = :id"),
                {"broken": '{"code":' if column == "error" else broken, "id": first.id},
            )
    with database.reading() as session:
        rows = {row.id: row for row in session.scalars(select(RunRow))}
    assert isinstance(rows[first.id].counts, Unreadable)
    assert not rows[first.id].counts
    assert rows[first.id].error == '{"code":'
    assert rows[second.id].counts == {"n": 2}


@pytest.mark.parametrize("amount", [Decimal("1e999999999999999999"), Decimal("1e15"), "NaN"])
def test_an_amount_beyond_every_column_is_refused_at_once(
    database: Database, amount: Decimal
) -> None:
    from connector.store.types import Exact

    bind: Callable[..., Any] = Exact().process_bind_param
    with pytest.raises(ValueError, match="cannot be stored"):
        bind(amount, database.engine.dialect)
