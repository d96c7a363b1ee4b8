"""`connector differences`, with real processes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from connector.store.database import Database
from tests.reconcile.test_state import compared, dearer
from tests.reconcile.world import make

ROOT = Path(__file__).parents[2]


def said(url: str, *words: str) -> tuple[int, Any]:
    environment = {**os.environ, "CONNECTOR_DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "-m", "connector", "differences", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if "--json" in words else done.stdout


def test_what_finance_sees_and_explains(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    database = Database(url)
    database.upgrade()
    case = make(1, random.Random(5))
    dearer(50_000)(case)
    compared(database, case)
    database.close()
    code, rows = said(url, "list", "--json")
    assert code == 1
    (row,) = rows
    assert (row["order"], row["kind"], row["field"]) == (case.number, "amount", "total")
    assert (row["amount"], row["owner"], row["state"]) == ("5.00", "BU finance", "new")
    assert "金额不一致" in row["meaning"]
    code, text = said(url, "explain", str(row["id"]), "--because", "credit note by hand")
    assert code == 0
    assert "explained" in text
    assert said(url, "list", "--json") == (0, [])
    code, rows = said(url, "list", "--state", "explained", "--json")
    assert (code, rows[0]["explanation"]) == (0, "credit note by hand")
    assert said(url, "explain", "999", "--because", "x")[0] == 1
    assert said(url, "list", "--kind", "nonsense")[0] == 2
