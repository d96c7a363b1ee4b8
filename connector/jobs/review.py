"""Jobs: send the sales rep's sheet of buyers to settle, and take in what comes back of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from connector.errors import Misconfigured
from connector.extracts.deliver import Target
from connector.extracts.files import Written
from connector.extracts.inbox import DONE, REFUSED, Inbox, Incoming, Returning
from connector.extracts.review import Question, read_review, result_bytes, write_review
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job, Lane
from connector.steps.context import Context
from connector.steps.review import Taken, questions, take_answers, waiting_mark
from connector.store.acts import Acts
from connector.store.files import Files
from connector.wording import Say

_log = structlog.get_logger(__name__)

KIND = "review"
# A workbook is written from its beginning to its end, which alone makes it readable: one that is
# not may still be on its way.
_STILL_WRITTEN = timedelta(minutes=10)
_PER_WINDOW = 20


def review(
    context: Context, files: Files, cadence: Cadence, folder: Path, zone: ZoneInfo, say: Say
) -> Job:
    """Return the job that writes a sheet whenever other buyers wait than the newest sheet asks of.

    A sheet is never written over: somebody may be filling it in.
    """

    def run(window: Window, _scope: str) -> Counts:
        mark = waiting_mark(context)
        newest = max((row.path for row in files.listed(KIND)), default="")
        if not mark or newest.endswith(f"-{mark}.xlsx"):
            return {"sheets": 0}
        asked = questions(context)
        at = window.end.astimezone(zone)
        path = folder / f"review-{at:%Y%m%d-%H%M}-{mark}.xlsx"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.note([_written(path, asked, say)], KIND, context.clock(), path.stem)
        return {"sheets": 1, "buyers": len(asked)}

    return Job("review", "write the sheet of buyers to settle for the sales rep", cadence, run)


def reviewed(
    context: Context, acts: Acts, targets: Mapping[str, Target], cadence: Cadence, say: Say
) -> Job:
    """Return the job that takes sheets in which were put back where sheets are delivered to."""
    inboxes = {
        name: target
        for name, target in targets.items()
        if KIND in target.kinds and isinstance(target, Returning)
    }

    def run(_window: Window, scope: str) -> Counts:
        counts: Counter[str] = Counter(sheets=0, rows=0, wrong=0, refused=0)
        with inboxes[scope].inbox(KIND) as inbox:
            for found in inbox.incoming()[:_PER_WINDOW]:
                counts.update(_taken_in(context, acts, inbox, found, scope, say))
        return dict(counts)

    return Job(
        "reviewed",
        "take in the sheets that sales reps put back",
        cadence,
        run,
        tuple(inboxes),
        lane=Lane.WORK,
    )


def _written(path: Path, asked: list[Question], say: Say) -> Written:
    content = write_review(path, asked, say).read_bytes()
    path.chmod(0o600)
    return Written(path, hashlib.sha256(content).hexdigest(), len(asked))


def _taken_in(
    context: Context, acts: Acts, inbox: Inbox, found: Incoming, scope: str, say: Say
) -> Counts:
    stamp = f"{context.clock():%Y%m%dT%H%M%SZ}"
    stem = found.name[: -len(".xlsx")]
    try:
        answers = read_review(inbox.read(found.name), found.name)
    except Misconfigured as error:
        if context.clock() - found.changed_at < _STILL_WRITTEN:
            return {}
        _log.warning("a sheet that was put back is refused", target=scope, reason=str(error))
        inbox.answer(REFUSED, f"{stem}-{stamp}.txt", f"{say(error.said)}\n".encode())
        inbox.move(found.name, REFUSED, f"{stem}-{stamp}.xlsx")
        return {"refused": 1}
    who = f"sheet:{scope}"
    noted = acts.begin("customers review", found.name, who, "", context.clock())
    taken: list[Taken] = []
    try:
        # Where a row cannot be done now (SAP is away), the sheet stays and is read again: rows
        # that were done say so then.
        taken.extend(take_answers(context, answers, who, found.name))
    finally:
        wrong = sum(each.wrong is not None for each in taken)
        acts.end(noted, f"{len(taken)} of {len(answers)} rows, {wrong} of them wrong")
    inbox.answer(DONE, f"{stem}-{stamp}-result.xlsx", result_bytes(taken, say))
    inbox.move(found.name, DONE, f"{stem}-{stamp}.xlsx")
    return {"sheets": 1, "rows": len(taken), "wrong": wrong}
