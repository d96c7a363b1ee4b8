"""Turns what a command ends with into one line on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from connector.errors import ConnectorError, LogonFailed, Misconfigured, RetryLater

DONE, NEEDS_PERSON, WRONG, UNREACHABLE = 0, 1, 2, 3


def exit_code_of(command: Callable[[], Any]) -> int:
    """Run a command line and return the exit code that its outcome calls for.

    Typer itself ends with SystemExit: wrong use with 2, `typer.Exit` with its own code.
    """
    try:
        command()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else WRONG
    except LogonFailed as error:
        return _say(str(error), UNREACHABLE)
    except Misconfigured as error:
        return _say(str(error), WRONG)
    except RetryLater as error:
        remedy = "" if error.remedy else " — try again; `connector check --live` says what answers"
        return _say(f"{error}{remedy}", UNREACHABLE)
    except ConnectorError as error:
        return _say(str(error), NEEDS_PERSON)
    except KeyboardInterrupt:
        return _say("stopped", 130)
    return DONE


def stands(context: Any, row: Any) -> str:
    """Say where an order stands after something was done to it, and what keeps it waiting."""
    from connector.steps.repair import waits_for

    text = " ".join(filter(None, (row.stage, row.hold_cause)))
    waits = waits_for(context, row)
    return f"{text}; waits: {waits}" if waits else text


def code_of(rows: Iterable[Any]) -> int:
    """Return the exit code that orders call for: one is held, else one waits for a system."""
    waits = False
    for row in rows:
        if row.hold_cause and not row.tries:
            return NEEDS_PERSON
        waits = waits or bool(row.tries)
    return UNREACHABLE if waits else DONE


def code_of_runs(failed: Sequence[Any]) -> int:
    """Tell runs that a system kept from ending, which are tried again, from all other failures."""
    away = (RetryLater.__name__, LogonFailed.__name__)
    return UNREACHABLE if all(each.error.startswith(away) for each in failed) else NEEDS_PERSON


def _say(text: str, code: int) -> int:
    from connector.domain.printable import on_one_line

    print(*map(on_one_line, f"connector: {text}".split("\n")), sep="\n", file=sys.stderr)
    return code
