"""What the service shows at its own address."""

from __future__ import annotations

from connector.bootstrap import Connector
from connector.web.answers import Answer, Request, as_text
from connector.web.health import healthz, readyz
from connector.web.heart import Heart
from connector.web.server import Server


class Site:
    """Answers what is asked for by its path."""

    def __init__(self, connector: Connector, heart: Heart) -> None:
        self._connector = connector
        self._heart = heart

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path == "/healthz":
            return healthz(self._heart)
        if request.path == "/readyz":
            return readyz(self._heart, self._connector.database)
        return as_text(404, "there is no such page")


def listen(connector: Connector, heart: Heart) -> Server:
    """Open the address that the settings name. Raises Misconfigured."""
    settings = connector.settings
    return Server(Site(connector, heart).handle, settings.health_address, settings.health_port)
