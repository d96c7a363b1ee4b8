"""How WooCommerce answers: a value, a page of a listing, or a refusal in its own words."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

from connector.sandbox.books import Document
from connector.sandbox.storefront_query import Query
from connector.sandbox.web import Request, Response


class Refused(Exception):
    """A request that WooCommerce refuses, with its status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def page_of(request: Request, query: Query, rows: list[Any], total: int) -> Response:
    """Return a page of a listing, with the headers by which it is read on."""
    pages = -(-total // query.per_page)
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
    links = []
    for name, page in (("prev", query.page - 1), ("next", query.page + 1)):
        if 1 <= page <= pages:
            values = urllib.parse.urlencode({**request.query, "page": str(page)})
            address = f"http://{request.headers.get('Host')}{request.path}?{values}"
            links.append(f'<{address}>; rel="{name}"')
    if links:
        headers["Link"] = ", ".join(links)
    return json_of(200, rows, headers)


def body_of(request: Request) -> Document:
    """Return the object that was sent. Raises Refused."""
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise Refused(400, "rest_invalid_json", "Invalid JSON body passed.") from None
    if not isinstance(body, dict):
        raise Refused(400, "rest_invalid_json", "Invalid JSON body passed.")
    return body


def json_of(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """Return an answer of JSON."""
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Response(
        status, content, {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}
    )


def refusal(error: Refused) -> Response:
    """Return a refusal as WordPress writes it."""
    return json_of(
        error.status,
        {"code": error.code, "message": error.message, "data": {"status": error.status}},
    )
