"""Settings mean what whoever wrote them sees; what YAML would read otherwise is refused."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from connector.errors import Misconfigured
from connector.settings import load_settings

pytestmark = pytest.mark.unit

SHIPPED = Path(__file__).parents[1] / "config/connector.yaml"


def write(folder: Path, monkeypatch: pytest.MonkeyPatch, *changes: tuple[str, str]) -> Path:
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "connector.yaml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("CONNECTOR_CONFIG", str(path))
    return path


CUTOFFS, HOURS = 'cutoffs: ["12:00", "15:00"]', 'hours: [["08:00", "18:00"]]'
SETTLEMENT = 'settlement: {at: "04:00", terms: {"": [{since: 2026-01}]}}'
WRONG = [
    (CUTOFFS, "cutoffs: [12:00, 15:00]", '12:00 is read as the number 720', '"12:00" in quotes'),
    (CUTOFFS, "cutoffs: [720, 900]", "must be a time of day in quotes", ""),
    (CUTOFFS, "cutoffs: [12.5]", "must be a time of day in quotes", ""),
    (CUTOFFS, 'cutoffs: ["720"]', "must be a time of day in quotes", ""),
    (CUTOFFS, 'cutoffs: ["12:00Z"]', "must be a time of day in quotes", ""),
    (CUTOFFS, 'cutoffs: ["25:00"]', "hour must be in 0..23", ""),
    (HOURS, "hours: [[08:00, 18:00]]", "18:00 is read as the number 1080", '"18:00" in quotes'),
    (HOURS, 'hours: [["08:00", 64800]]', "must be a time of day in quotes", ""),
    ('recognised: "00:15:00"', "recognised: 1:15:00", "read as the number 4500", "in quotes"),
    ('plant: "1000"', "plant: 0100", "read as the number 64", '"0100" in quotes'),
    ('plant: "1000"', "plant: 1000", "business_units.0.plant: Input should be a valid string", ""),
    ('reference_company: "0000000001"', "reference_company: 0000000001", "the number 1", ""),
    ('client: "100"', "client: 1_00", "the number 100", ""),
    ('client: "100"', "client: 0x64", "the number 100", ""),
    ('client: "100"', "client: NO", "NO is read as false", "true or false"),
    ("warn_share: 0.8", "warn_share: .inf", "read as the number inf", ""),
    ("warn_share: 0.8", "warn_share: 8.0e-1", "read as the number 0.8", ""),
    (CUTOFFS, f"{CUTOFFS}\n  cutoffs: [\"09:00\"]", "cutoffs stands twice here", "leave one"),
    (CUTOFFS, f"{CUTOFFS}\ncalendar: {{}}", "calendar stands twice here", "leave one"),
    (CUTOFFS, f"{CUTOFFS}\n  overrides: {{20270101: false}}", "must be a date", ""),
    (CUTOFFS, f"{CUTOFFS}\n  overrides: {{2027-01-01: off}}", "off is read as false", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says", "remedy"), WRONG)
def test_what_yaml_reads_otherwise_is_refused_with_line_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, says: str, remedy: str
) -> None:
    path = write(tmp_path, monkeypatch, (old, new))
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    text = str(caught.value)
    assert says in text
    assert remedy in text
    line = next(
        number
        for number, each in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if each.lstrip().startswith(new.splitlines()[-1].strip()[:12])
    )
    assert f":{line}: " in text or f"line {line}: " in text


@pytest.mark.parametrize("value", ["[720]", '["720"]', "[12.5]", '["12:00+08:00"]', "720"])
def test_a_time_from_the_environment_is_no_number_either(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CONNECTOR_CALENDAR__CUTOFFS", value)
    with pytest.raises(Misconfigured, match=r"calendar\.cutoffs"):
        load_settings()


def test_what_is_written_plainly_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path,
        monkeypatch,
        (CUTOFFS, 'cutoffs: ["9:30", "12:00:30"]\n  overrides: {2027-01-01: false}'),
        ("business_units:", f"{SETTLEMENT}\nbusiness_units:"),
    )
    monkeypatch.setenv("CONNECTOR_SCHEDULE__RECONCILE_AT", "02:15")
    settings = load_settings()
    assert settings.calendar.cutoffs == [time(9, 30), time(12, 0, 30)]
    assert settings.calendar.overrides == {date(2027, 1, 1): False}
    assert settings.settlement.at == time(4)
    assert settings.settlement.terms[""][0].since == "2026-01"
    assert settings.schedule.reconcile_at == time(2, 15)


def test_a_file_in_another_encoding_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, monkeypatch)
    path.write_bytes(path.read_text("utf-8").encode("gbk", "replace"))
    with pytest.raises(
        Misconfigured, match=r"connector\.yaml:1: .*not in UTF-8 — save it as UTF-8"
    ):
        load_settings()
    path.write_text("- a\n- b\n", "utf-8")
    with pytest.raises(Misconfigured, match="must hold settings by their names"):
        load_settings()


def test_a_file_that_is_sent_for_longer_than_it_is_waited_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = "type: sftp, kinds: [extract], host: h, user: u, password: p, host_key: k"
    for seconds, wrong in ((120, False), (150, True)):
        delivery = f"delivery: {{bank: {{{target}, call_deadline: {seconds}}}}}\ncalendar:"
        write(tmp_path, monkeypatch, ("calendar:", delivery))
        if wrong:
            with pytest.raises(Misconfigured, match=r"longer than every call can take \(200 s\)"):
                load_settings()
        else:
            load_settings()
