"""Checks that an extract is whole and unchanged since it was written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def verify(folder: Path) -> list[str]:
    """Return what is wrong with the files of an extract; empty when nothing is."""
    manifest = folder / "manifest.json"
    try:
        body = json.loads(manifest.read_text(encoding="utf-8"))
        files = [(str(each["name"]), str(each["sha256"])) for each in body["files"]]
    except FileNotFoundError:
        return [f"{manifest}: there is none — the extract is not complete; build it again"]
    except (ValueError, KeyError, TypeError) as error:
        return [f"{manifest}: unreadable ({error}) — build the extract again"]
    findings = []
    for name, expected in files:
        path = folder / name
        if not path.is_file():
            findings.append(f"{path}: missing — build the extract again")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            findings.append(f"{path}: changed since it was written — build the extract again")
    return findings
