"""The status page and an order's story, rendered on the server; there is no script in them."""

from __future__ import annotations

import urllib.parse
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from connector import __version__
from connector.bootstrap import Connector
from connector.domain.masking import mask_text
from connector.notify.digest import Language, describe, what
from connector.web.access import Access, Door
from connector.web.answers import Answer, Request
from connector.web.heart import Heart
from connector.web.story import story_of
from connector.web.view import error_of, overview
from connector.web.words import Words, language_of

_HTML = "text/html; charset=utf-8"


class Pages:
    """Renders pages in the language of the request, in the business's time zone."""

    def __init__(self, connector: Connector, heart: Heart, door: Door) -> None:
        self._connector = connector
        self._heart = heart
        self._door = door
        self._zone = ZoneInfo(connector.settings.calendar.zone)
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("connector.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "at": self._at,
            "day": lambda moment: moment.astimezone(self._zone).strftime("%m-%d %H:%M"),
            "clock": lambda moment: moment.astimezone(self._zone).strftime("%H:%M"),
            "plain": _plain,
            "masked": mask_text,
            "error_of": error_of,
        }

    def overview(self, request: Request) -> Answer:
        """Render the first page."""
        shown = overview(self._connector, self._heart)
        return self._page(request, 200, "overview.html", shown=shown)

    def order(self, request: Request, number: str) -> Answer:
        """Render an order's story."""
        row = self._connector.context.orders.by_number(number, self._connector.settings.shop)
        if row is None:
            return self._page(request, 404, "no_order.html", number=number[:64])
        story = story_of(self._connector, row)
        return self._page(
            request, 200, "order.html", order=story, now=self._connector.context.clock()
        )

    def find(self, request: Request) -> Answer:
        """Lead from the search field to an order."""
        number = urllib.parse.quote(request.query.get("number", "").strip(), safe="")
        if not number:
            return Answer(303, b"", headers={"Location": self._link(request, "/")})
        return Answer(303, b"", headers={"Location": self._link(request, f"/orders/{number}")})

    def enter(self, request: Request) -> Answer:
        """Let in who gives the token."""
        if not self._door.is_token(request.form.get("token", "").strip()):
            return self._page(request, 403, "enter.html", wrong=True)
        headers = {
            "Location": self._link(request, "/"),
            "Set-Cookie": self._door.cookie(request),
        }
        return Answer(303, b"", headers=headers)

    def refuse(self, request: Request, access: Access) -> Answer:
        """Ask for the token, or say that there is none."""
        if access is Access.CLOSED:
            return self._page(request, 403, "closed.html")
        return self._page(request, 401, "enter.html", wrong=False)

    @staticmethod
    def style() -> Answer:
        """Return the style sheet."""
        body = files("connector.web").joinpath("style.css").read_bytes()
        return Answer(200, body, "text/css; charset=utf-8", {"Cache-Control": "max-age=300"})

    def _page(self, request: Request, status: int, template: str, **values: Any) -> Answer:
        asked = request.query.get("lang", "")
        words = Words(language_of(asked, request.headers.get("accept-language", "")))
        other = "en" if words.language == "zh" else "zh"
        text = self._templates.get_template(template).render(
            w=words,
            shop=self._connector.settings.shop,
            version=__version__,
            lang=asked if asked in ("zh", "en") else "",
            link=lambda path: self._link(request, path),
            other=f"{urllib.parse.quote(request.path)}?lang={other}",
            ago=lambda span: _span(span, words),
            alert_title=lambda alert: what(alert, self._spoken(words)),
            alert_text=lambda alert: describe(alert, self._spoken(words)),
            **values,
        )
        return Answer(status, text.encode(), _HTML)

    @staticmethod
    def _link(request: Request, path: str) -> str:
        asked = request.query.get("lang", "")
        return f"{path}?lang={asked}" if asked in ("zh", "en") else path

    def _spoken(self, words: Words) -> Language:
        return Language(words.language == "zh", words.language == "en", self._zone)

    def _at(self, moment: datetime | None) -> str:
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S") if moment else "–"


def _span(span: timedelta, words: Words) -> str:
    """Say a span in its two largest units."""
    seconds = abs(int(span.total_seconds()))
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [
        f"{number} {unit}"
        for number, unit in (
            (days, words.days),
            (hours, words.hours),
            (minutes, words.minutes),
            (left if seconds < 60 else 0, words.seconds),
        )
        if number
    ]
    return " ".join(parts[:2]) or f"0 {words.seconds}"


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)
