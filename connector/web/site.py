"""What the service shows at its own address."""

from __future__ import annotations

from connector.bootstrap import Connector
from connector.web.access import Access, Door
from connector.web.answers import Answer, Request, as_text
from connector.web.health import Probe, healthz, readyz
from connector.web.heart import Heart
from connector.web.metrics import metrics
from connector.web.pages import Pages
from connector.web.server import Server

_ORDERS = "/orders/"


class Site:
    """Answers what is asked for by its path. Nothing can be changed from here.

    Health and metrics hold nothing personal and are open, for the supervisor and Prometheus.
    """

    def __init__(self, connector: Connector, heart: Heart) -> None:
        self._connector = connector
        self._heart = heart
        settings = connector.settings
        self._door = Door(settings.health_address, settings.status_token.get_secret_value())
        self._pages = Pages(connector, heart, self._door)
        self._probe = Probe(connector.database)

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        if request.method == "POST":
            if request.path == "/enter":
                return self._pages.enter(request)
            return as_text(405, "nothing can be changed here; use the command line")
        if request.path == "/healthz":
            return healthz(self._heart)
        if request.path == "/readyz":
            return readyz(self._heart, self._probe)
        if request.path == "/metrics":
            return metrics(self._connector, self._heart)
        if request.path == "/style.css":
            return self._pages.style()
        return self._seen_by_some(request)

    def _seen_by_some(self, request: Request) -> Answer:
        access = self._door.access(request)
        if access is not Access.GRANTED:
            return self._pages.refuse(request, access)
        if request.path == "/":
            return self._pages.overview(request)
        if request.path == "/orders":
            return self._pages.find(request)
        if request.path.startswith(_ORDERS) and len(request.path) > len(_ORDERS):
            return self._pages.order(request, request.path.removeprefix(_ORDERS))
        return as_text(404, "there is no such page")


def listen(connector: Connector, heart: Heart) -> Server:
    """Open the address that the settings name. Raises Misconfigured."""
    settings = connector.settings
    return Server(Site(connector, heart).handle, settings.health_address, settings.health_port)
