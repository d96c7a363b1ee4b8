"""Turns what a command ends with into one line on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
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


def _say(text: str, code: int) -> int:
    print(f"connector: {text}", file=sys.stderr)
    return code
