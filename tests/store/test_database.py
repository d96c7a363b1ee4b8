"""The database: the same on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import pytest
from sqlalchemy import Table, bindparam, insert, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from connector.errors import Misconfigured
from connector.store.database import NEWEST, Database
from connector.store.migrate import newest
from connector.store.tables import CustomerRow, FileRow, WatermarkRow
from connector.store.types import dumps, scaled_down

NOW = datetime(2026, 11, 24, 4, 0, 0, 123456, tzinfo=UTC)


def test_tables_agree_with_the_models(database: Database) -> None:
    assert database.drift() == []
    assert database.revision() == (NEWEST, NEWEST)
    assert newest() == NEWEST


def test_upgrading_twice_and_at_once_is_upgrading_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(3)]
    databases[0].upgrade()
    threads = [threading.Thread(target=each.upgrade) for each in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert databases[0].drift() == []
    for each in databases:
        each.close()


def test_times_come_back_aware_and_exact(database: Database) -> None:
    with database.transaction() as session:
        session.add(WatermarkRow(name="x", at=NOW))
    with database.reading() as session:
        row = session.get(WatermarkRow, "x")
    assert row is not None
    assert row.at == NOW
    assert row.at.tzinfo is not None


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"), database.transaction() as session:
        session.add(WatermarkRow(name="x", at=datetime(2026, 11, 24)))


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            session.add(WatermarkRow(name="x", at=NOW))
            session.flush()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    with database.reading() as session:
        assert session.get(WatermarkRow, "x") is None


def test_two_writers_queue_up(database: Database) -> None:
    with database.transaction() as session:
        session.add(FileRow(path="f", kind="k", sha256="0", rows=0, written_at=NOW))

    def count() -> None:
        for _ in range(25):
            with database.transaction() as session:
                lock = "" if database.is_sqlite else " FOR UPDATE"
                query = text(f"SELECT rows FROM written_file WHERE path = 'f'{lock}")
                rows = session.execute(query).scalar_one()
                session.execute(text("UPDATE written_file SET rows = :n"), {"n": rows + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert session.execute(text("SELECT rows FROM written_file")).scalar_one() == 100


def test_a_statement_alone_is_committed_when_it_has_run(database: Database) -> None:
    table = cast(Table, WatermarkRow.__table__)
    add = insert(table).values(name=bindparam("name"), at=bindparam("at"))
    assert database.write_alone(add, {"name": "x", "at": NOW}) == (1, None)
    with pytest.raises(IntegrityError):
        database.write_alone(add, {"name": "x", "at": NOW})
    told = update(table).where(table.c.name == bindparam("of")).values(at=bindparam("at"))
    assert database.write_alone(told.returning(table.c.name), {"of": "x", "at": NOW}) == (1, "x")
    assert database.write_alone(told, {"of": "y", "at": NOW}).rows == 0
    other = Database(database.url)  # another connection sees it, and nothing is left locked
    with other.transaction() as session:
        assert session.get(WatermarkRow, "x") is not None
    other.close()


def test_chinese_and_emoji_survive(database: Database) -> None:
    with database.transaction() as session:
        session.add(CustomerRow(buyer_key="徐州🏗", number="1", how="h", actor="销售", at=NOW))
    with database.reading() as session:
        assert session.get(CustomerRow, "徐州🏗") is not None


@pytest.mark.parametrize(
    ("whole", "expected"), [(10000, "1.00"), (12345, "1.2345"), (33333, "3.3333"), (0, "0.00")]
)
def test_exact_numbers_show_at_least_two_decimals(whole: int, expected: str) -> None:
    assert str(scaled_down(whole)) == expected


def test_equal_values_make_equal_json_whatever_their_sequence() -> None:
    left = {"b": Decimal("1.50"), "a": NOW}
    right = {"a": NOW, "b": Decimal("1.50")}
    assert dumps(left) == dumps(right)


def test_json_carries_no_character_that_a_database_refuses() -> None:
    assert "\\u0000" not in dumps({"a": "x\x00y"})
    dumps({"a": "\ud800"}).encode()


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "postgresql+nodriver://x/y"])
def test_an_unusable_url_says_what_to_do(url: str) -> None:
    with pytest.raises(Misconfigured, match="CONNECTOR_DATABASE_URL"):
        Database(url)
