"""Logging: JSON lines on stderr, with personal data masked whatever was passed in."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from connector.domain.masking import mask_text


def configure(level: str, *, as_json: bool = True) -> None:
    """Set logging up for this process. Third parties' loggers speak from `warning` on only."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s", force=True)
    # At DEBUG these print whole envelopes and requests, credentials and personal data included.
    for name in ("zeep", "urllib3", "requests", "sqlalchemy", "apscheduler", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _masked,
            structlog.processors.JSONRenderer(ensure_ascii=False)
            if as_json
            else structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _masked(
    _logger: object, _method: str, values: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in values.items():
        if isinstance(value, str) and name not in ("timestamp", "level"):
            values[name] = mask_text(value)
    return values
