"""Workbooks that people hand in: whatever they are, they are read or refused with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from connector.errors import Misconfigured
from connector.extracts.handed_in import Row, read_rows
from tests.support import workbooks
from tests.support.workbooks import HEADINGS, SHEET, sheet_of, with_parts

# Reads the files that are named and says of each what it cost: seconds of processor. The peak of
# memory is the process's own; what getrusage tells began with the process that started it.
_READER = """
import json, sys, time
from pathlib import Path
from connector.errors import Misconfigured
from connector.extracts.handed_in import content_of, read_rows
import openpyxl
told = {}
for path in sys.argv[3:]:
    began = time.process_time()
    try:
        read_rows(content_of(Path(path)), path, sys.argv[1], sys.argv[2].split(","))
        words = "READ"
    except Misconfigured as error:
        words = str(error)
    told[path] = [words, time.process_time() - began]
status = Path("/proc/self/status").read_text().split()
print(json.dumps([told, int(status[status.index("VmHWM:") + 1]) / 1024]))
"""


def read(content: bytes) -> list[Row]:
    return read_rows(content, "r.xlsx", SHEET, HEADINGS)


def test_hostile_workbooks_are_refused_with_the_reason_and_cost_little(tmp_path: Path) -> None:
    files = workbooks.write(tmp_path)
    names = [str(path) for path, _ in files.values()]
    done = subprocess.run(
        [sys.executable, "-c", _READER, SHEET, ",".join(HEADINGS), *names],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told, megabytes = json.loads(done.stdout)
    for name, (path, expected) in files.items():
        words, seconds = told[str(path)]
        assert expected in words, f"{name}: {words}"
        assert "r.xlsx" in words or path.name in words
        assert seconds < 2, f"{name} took {seconds} s of processor"
    assert megabytes < 200, megabytes


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="2"><c t="n"><v>1</v></c></row>',
        # LibreOffice notes the height of the sheet's last row.
        '<row r="2"><c t="n"><v>1</v></c></row><row r="1048576"/>',
        '<row r="2"><c t="n"><v>1.0</v></c><c t="str"><v> </v></c></row>',
    ],
)
def test_what_is_innocent_is_read(rows: str) -> None:
    content = with_parts({"xl/worksheets/sheet1.xml": sheet_of(rows), "xl/media/a.png": b"\x89PNG"})
    assert read(content) == [Row(2, ("1", "", "", ""))]


def test_what_a_formula_came_to_is_not_taken_for_what_was_typed() -> None:
    rows = '<row r="2"><c t="str"><v>link</v></c><c><f>1+1</f><v>2</v></c></row>'
    (row,) = read(with_parts({"xl/worksheets/sheet1.xml": sheet_of(rows)}))
    assert row == Row(2, ("link", "", "", ""), ("SAP客户号",))


def test_what_is_said_reads_in_chinese() -> None:
    with pytest.raises(Misconfigured) as refused:
        read(b"")
    assert "不是 Excel 工作簿" in refused.value.said.chinese
    assert "请填写系统导出的工作簿" in refused.value.said.chinese
