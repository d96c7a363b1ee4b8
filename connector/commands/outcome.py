"""Turns what a command ends with into one line on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from connector.errors import ConnectorError, LogonFailed, Misconfigured, RetryLater

DONE, NEEDS_PERSON, WRONG, UNREACHABLE = 0, 1, 2, 3


def exit_code_of(command: Callable[[], Any]) -> int:
    """Run a command and return the exit code that its outcome calls for."""
    try:
        code = command()
    except click.exceptions.Exit as leaving:
        return int(leaving.exit_code)
    except click.exceptions.Abort:
        return _say("stopped", 130)
    except click.ClickException as error:
        error.show()
        return WRONG
    except LogonFailed as error:
        return _say(str(error), UNREACHABLE)
    except Misconfigured as error:
        return _say(str(error), WRONG)
    except RetryLater as error:
        return _say(str(error), UNREACHABLE)
    except ConnectorError as error:
        return _say(str(error), NEEDS_PERSON)
    except KeyboardInterrupt:
        return _say("stopped", 130)
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has had enough (click turns that into SystemExit): no error.
        return DONE
    return int(code or DONE)


def _say(text: str, code: int) -> int:
    print(f"connector: {text}", file=sys.stderr)
    return code
