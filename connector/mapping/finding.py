"""Findings: what is wrong in a mapping file, where, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Literal

from connector.errors import Misconfigured

Level = Literal["error", "warning", "info"]
Form = Literal["text", "json", "github"]


@dataclass(frozen=True)
class Finding:
    """One finding. An error keeps the whole folder from taking effect; the others do not."""

    file: str
    line: int
    column: int
    rule: str
    message: str
    suggestion: str = ""
    level: Level = "error"

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message} [{self.rule}]"
        return f"{text} — {self.suggestion}" if self.suggestion else text


class MappingsInvalid(Misconfigured):
    """Raised when mappings cannot be taken; `findings` lists every reason."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(
            "; ".join(map(str, findings[:20])),
            place="mappings",
            remedy="mend the lines named, then `connector mappings check`",
        )
        self.findings = list(findings)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Return those that keep the folder from taking effect."""
    return [each for each in findings if each.level == "error"]


def near(name: str, known: Iterable[str]) -> str:
    """Return a suggestion naming the known names that are alike, or nothing."""
    names = sorted(set(known))
    folded = {each.lower(): each for each in names}
    alike = get_close_matches(name.lower(), folded, n=3, cutoff=0.6)
    if alike:
        return f"did you mean {' or '.join(folded[each] for each in alike)}?"
    return f"there is {', '.join(names)}" if 0 < len(names) <= 12 else ""


def mistyped(name: str, known: Iterable[str]) -> bool:
    """Whether a name is nearly another one: a slip of the finger, rather than something new."""
    return bool(get_close_matches(name.lower(), {each.lower() for each in known}, n=1, cutoff=0.85))


def printed(findings: Sequence[Finding], form: Form) -> str:
    """Return findings as lines for people, one JSON document, or GitHub's annotations."""
    if form == "json":
        return json.dumps([asdict(each) for each in findings], ensure_ascii=False, indent=1)
    if form == "github":
        return "\n".join(_annotation(each) for each in findings)
    return "\n".join(f"{each.level:7} {each}" for each in findings)


def _annotation(finding: Finding) -> str:
    kind = "notice" if finding.level == "info" else finding.level
    text = f"{finding.message} — {finding.suggestion}" if finding.suggestion else finding.message
    place = f"file={_escaped(finding.file)},line={finding.line},col={finding.column}"
    return f"::{kind} {place},title={_escaped(finding.rule)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
