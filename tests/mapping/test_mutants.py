"""Mistakes made one at a time: the check finds each that would fail or corrupt, in its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from connector.mapping.check import check
from connector.mapping.finding import errors
from connector.mapping.load import Folder, build
from tests.support import mapping_oracle as oracle
from tests.support.mutants import Mutant, harmful, harmless

CODES = oracle.ROOT / "connector/sandbox/dms_faults.csv"
_SHIPPED = Folder.read(oracle.SHIPPED)
# With the codes of the DMS that it is for.
FOLDER = Folder({**_SHIPPED.files, "interfaces/dms_faults.csv": CODES.read_bytes()}, _SHIPPED.name)
MOST = 320


def spread(mutants: Iterator[Mutant], most: int) -> list[Mutant]:
    """Return so many of them, of every kind and every file."""
    every = list(mutants)
    by_kind: dict[str, list[Mutant]] = {}
    for each in every:
        by_kind.setdefault(each.kind, []).append(each)
    chosen: list[Mutant] = []
    share = max(most // len(by_kind), 1)
    for of_kind in by_kind.values():
        step = max(len(of_kind) // share, 1)
        chosen += of_kind[::step][: share * 2]
    return chosen[:most]


def edited(mutant: Mutant) -> Folder:
    return Folder({**FOLDER.files, mutant.file: mutant.text.encode()}, FOLDER.name)


def hurts(folder: Folder, good: object) -> bool:
    """Whether something fails at run time, or comes out otherwise than it should."""
    try:
        return oracle.effects(build(folder)) != good
    except Exception:
        return True


def named(mutant: Mutant, folder: Folder) -> bool:
    """Whether an error stands in the line of the edit, or where what is missing belongs."""
    gone = mutant.kind in ("drop", "lookup row dropped")
    near = 2 if mutant.kind == "indentation" else 0
    for each in errors(check(folder)):
        same = each.file == FOLDER.path(mutant.file)
        if same and (gone or abs(each.line - mutant.line) <= near):
            return True
        if same and _item_of(mutant, each.line):
            return True
        if same and mutant.kind == "indentation" and each.line in _next_of_its_block(mutant):
            return True
        if mutant.file.endswith(".csv") and each.rule in ("enumeration", "lookup-miss"):
            return True
    return False


def _item_of(mutant: Mutant, line: int) -> bool:
    """Whether a line belongs to the same field as the edit, which spans several lines."""
    lines = mutant.text.splitlines()
    low, high = sorted((line, mutant.line))
    between = lines[low:high]
    return not any(each.lstrip().startswith("- ") for each in between)


def _next_of_its_block(mutant: Mutant) -> set[int]:
    """Return the lines after the edited one that may be the first which YAML sees out of place."""
    lines = mutant.text.splitlines()
    deep = _indent(lines[mutant.line - 1])
    after = [(n, _indent(line)) for n, line in enumerate(lines, 1) if line.strip()]
    after = [(number, indent) for number, indent in after if number > mutant.line]
    beside = next((number for number, indent in after if indent <= deep + 1), 0)
    outside = next((number for number, indent in after if indent < deep), 0)
    return {beside, outside}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def judged(mutants: Sequence[Mutant]) -> tuple[list[Mutant], list[Mutant], Counter[str]]:
    """Return the edits that hurt and were not found, and those found that hurt nobody."""
    good = oracle.effects(build(FOLDER))
    missed, flagged = [], []
    counts: Counter[str] = Counter()
    for mutant in mutants:
        folder = edited(mutant)
        if hurts(folder, good):
            counts["harmful"] += 1
            if not named(mutant, folder):
                missed.append(mutant)
        else:
            counts["harmless"] += 1
            if errors(check(folder)):
                flagged.append(mutant)
    return missed, flagged, counts


def test_a_sample_of_mistakes_is_found() -> None:
    missed, _, counts = judged(spread(harmful(FOLDER), 40))
    assert missed == []
    assert counts["harmful"] >= 25


@pytest.mark.long
def test_every_mistake_that_would_hurt_is_found_in_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mutants = spread(harmful(FOLDER), MOST)
    missed, flagged, counts = judged(mutants)
    found = counts["harmful"] - len(missed)
    with capsys.disabled():
        print(
            f"\nmutation check: {len(mutants)} edits; {counts['harmful']} fail or corrupt at run"
            f" time, {found} of them found in their line; {counts['harmless']} do nothing with the"
            f" sample orders, {len(flagged)} of them are refused all the same"
        )
    assert [str(each) for each in missed] == []
    assert counts["harmful"] >= 200


@pytest.mark.long
def test_edits_that_change_nothing_pass(capsys: pytest.CaptureFixture[str]) -> None:
    mutants = spread(harmless(FOLDER), 60)
    good = oracle.effects(build(FOLDER))
    changed = [str(each) for each in mutants if hurts(edited(each), good)]
    refused = [str(each) for each in mutants if errors(check(edited(each)))]
    with capsys.disabled():
        print(f"\nmutation check: {len(mutants)} harmless edits, {len(refused)} refused")
    assert changed == []
    assert refused == []
