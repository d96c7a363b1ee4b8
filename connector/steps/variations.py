"""Asks the storefront for the part numbers of products of which orders name variations."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from connector.domain.masking import mask_said
from connector.errors import ConnectorError, Rejected
from connector.mapping.convert import normal_text
from connector.storefront.port import Storefront

_log = structlog.get_logger(__name__)

# Whoever changes a part number in the shop need not wait longer than this.
_KEEP = timedelta(minutes=10)
# A shop that does not answer is not asked for each product of a long list of orders.
_AWAY = timedelta(minutes=1)
_SECONDS = 10.0
_MOST = 10_000


class ParentParts:
    """Part numbers of products, each asked for once in a while. Threads may share it."""

    def __init__(self, storefront: Storefront, clock: Callable[[], datetime]) -> None:
        self._storefront = storefront
        self._clock = clock
        self._known: dict[str, tuple[datetime, str | None]] = {}
        self._away_until = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def get(self, product_id: str) -> str | None:
        """Return the part number of a product, "" for none; None when the shop did not say."""
        # While one thread asks the others wait: most ask for the same product.
        with self._lock:
            now = self._clock()
            until, part = self._known.get(product_id, (now, None))
            if now < until:
                return part
            return self._asked(product_id, now) if now >= self._away_until else None

    def _asked(self, product_id: str, now: datetime) -> str | None:
        try:
            part = normal_text(self._storefront.part_number(product_id, _SECONDS))
        except ConnectorError as error:
            _log.warning("product not asked", product=product_id[:20], error=mask_said(error.said))
            if not isinstance(error, Rejected):
                self._away_until = now + _AWAY
                return None
            part = None
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[product_id] = (now + _KEEP, part)
        return part
