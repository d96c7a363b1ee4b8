"""Logging: JSON lines on stderr, with personal data masked whatever was passed in.

Within `connector.steps` every line says which order it is about, and which outbound call.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import structlog

from connector.domain.masking import mask_tree
from connector.domain.printable import on_one_line

_FRAMES = 12
# Streams write longer texts in pieces.
_TURN = threading.Lock()
_LONGEST = 2000
# These say when and how, never about whom.
_OURS = ("timestamp", "level", "logger", "event")


def configure(level: str, *, as_json: bool = True) -> None:
    """Set logging up for this process. Third parties' loggers speak from `warning` on only."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception,
        _masked,
    ]
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    others = _Stderr()
    others.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _masked, last],
        )
    )
    logging.basicConfig(handlers=[others], level=logging.WARNING, force=True)
    # At DEBUG these print whole envelopes and requests, credentials and personal data included.
    for name in ("zeep", "urllib3", "requests", "sqlalchemy", "apscheduler", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=_Lines,
        cache_logger_on_first_use=False,
    )


class _Lines:
    """Writes finished lines to whatever stderr is now: it may have been replaced since."""

    def __init__(self, *_names: object) -> None:
        pass

    def msg(self, line: str) -> None:
        _write(line)

    debug = info = warning = error = critical = exception = msg


def _write(line: str) -> None:
    """Write a line whole and as one line, whatever stands in it and whoever writes beside."""
    # A log that cannot be written, as on a full disk, stops nothing.
    with _TURN, suppress(OSError):
        sys.stderr.write(f"{on_one_line(line)}\n")
        sys.stderr.flush()


class _Stderr(logging.Handler):
    """What third parties say, in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            _write(self.format(record))
        except Exception:
            self.handleError(record)


def _exception(
    _logger: object, _method: str, values: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Tell where an error came from, without source lines and without values of variables."""
    given = values.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        values["exception"] = f"{type(error).__name__}: {error}"[:_LONGEST]
        values["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return values


def _masked(
    _logger: object, _method: str, values: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in values.items():
        if not name.startswith("_") and name not in _OURS:
            values[name] = mask_tree(value, name)
    if isinstance(values.get("event"), str):
        values["event"] = mask_tree(values["event"])
    return values
