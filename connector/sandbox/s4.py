"""OData services of a SAP S/4HANA: business partners and availability, as unkind as the real ones.

A write needs the CSRF token of its own cookies, a change the ETag of what it changes; numbers are
given by SAP; lists come in pages whose next address names a host of SAP's own; a too long value is
refused, and one that nobody may write is passed over without a word.
"""

from __future__ import annotations

import json
import re
import secrets
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.s4_metadata import (
    AVAILABILITY,
    AVAILABILITY_AT,
    ENTITIES,
    PARTNERS,
    RECORD,
    metadata,
)
from connector.sandbox.s4_partners import Missing, Partners, Refused, checked
from connector.sandbox.s4_query import NotValid, filtered
from connector.sandbox.sap_backoffice import STOCK
from connector.sandbox.web import Request, Response

ROOT = "/sap/opu/odata/sap"
TOKEN_ROUTE = "/sap/bc/sec/oauth2/token"
_PATH = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:\((?P<key>.*)\))?$")
_KEY = re.compile(r"(?:([A-Za-z_]\w*)=)?'((?:[^']|'')*)'")
_TOKEN_LIVES = timedelta(minutes=30)
_COOKIE = "SAP_SESSIONID_S4H_100"
_JSON = {"Content-Type": "application/json;charset=utf-8", "dataserviceversion": "2.0"}
# Codes whose refusal is no bad request.
_STATUS = {"/IWFND/MED/170": 404, "/IWBEP/CM_MGW_RT/020": 404, "/IWFND/CM_AUTH/001": 403}
_BASE_UNITS = {"ST": "PC", "M": "M", "KG": "KG"}


class S4Application:
    """The OData part of the sandbox's SAP. `admitted` says whether it lets a request in.

    `page_size` is how many entities come at once, `bearer_lives` how long an access token is good;
    `witness` sees each exchange that was answered.
    """

    def __init__(self, books: Books, clock: Clock, admitted: Callable[[Request], bool]) -> None:
        self._books = books
        self._clock = clock
        self._admitted = admitted
        self._partners = Partners(books, clock)
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._bearers: dict[str, datetime] = {}
        self._lists = 0
        self._terminated: list[Callable[[], None]] = []
        self.page_size = 20
        self.bearer_lives = timedelta(hours=1)
        self.witness: Callable[[Request, Response], None] = lambda _request, _response: None

    def serves(self, request: Request) -> bool:
        """Whether a request is for one of these services."""
        return request.path.startswith((f"{ROOT}/", TOKEN_ROUTE))

    def operation(self, request: Request) -> tuple[str, bool]:
        """Name what is asked for, and say whether it writes."""
        last = request.path.rpartition("/")[2].partition("(")[0]
        name = last or request.path.strip("/").rpartition("/")[2]
        writes = request.method in ("POST", "PATCH") and request.path != TOKEN_ROUTE
        return f"{request.method} {name}", writes

    def refuse(self, code: str, text: str) -> Response:
        """Say no in OData's way."""
        return _error(_STATUS.get(code, 400), code, text)

    def repeat_updates(self) -> int:
        """Repeat the updates that were terminated; return how many."""
        with self._books.lock:
            terminated, self._terminated = self._terminated, []
            for change in terminated:
                change()
        return len(terminated)

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        response = self._handle(request)
        self.witness(request, response)
        return response

    def _handle(self, request: Request) -> Response:
        if request.path == TOKEN_ROUTE:
            return self._bearer(request)
        if not self._may(request):
            headers = {"WWW-Authenticate": 'Basic realm="SAP"', "Content-Type": "text/html"}
            return Response(401, b"<html><title>Logon Error Message</title></html>", headers)
        _, _, rest = request.path.removeprefix(f"{ROOT}/").partition("/")
        service = request.path.removeprefix(f"{ROOT}/").partition("/")[0]
        if service not in (PARTNERS, AVAILABILITY):
            text = f"No service found for namespace '', name '{service}', version '0001'"
            return _error(404, "/IWFND/MED/170", text)
        if request.method in ("POST", "PATCH"):
            return self._guarded(request, rest)
        response = self._read(request, service, rest)
        if request.headers.get("x-csrf-token", "").lower() == "fetch":
            return self._with_token(request, response)
        return response

    def _may(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._clock.now() < self._bearers.get(token, self._clock.now())
        return self._admitted(request)

    def _bearer(self, request: Request) -> Response:
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if form.get("grant_type") != "client_credentials" or not self._admitted(request):
            return Response(401, b'{"error": "invalid_client"}', _JSON)
        token = secrets.token_hex(12)
        self._bearers[token] = self._clock.now() + self.bearer_lives
        lasts = int(self.bearer_lives.total_seconds())
        body = {"access_token": token, "token_type": "Bearer", "expires_in": lasts}
        return Response(200, json.dumps(body).encode(), _JSON)

    def revoke(self) -> None:
        """Let every access token end."""
        self._bearers.clear()

    def _with_token(self, request: Request, response: Response) -> Response:
        cookie, token = _cookie(request) or secrets.token_hex(10), secrets.token_hex(12)
        self._tokens[cookie] = token, self._clock.now() + _TOKEN_LIVES
        given = {"x-csrf-token": token, "Set-Cookie": f"{_COOKIE}={cookie}; path=/; HttpOnly"}
        return Response(response.status, response.body, {**response.headers, **given})

    def _guarded(self, request: Request, rest: str) -> Response:
        token, ends = self._tokens.get(_cookie(request) or "", ("", self._clock.now()))
        given = request.headers.get("x-csrf-token", "")
        if request.fault == "no-session" or not token or given != token or ends < self._clock.now():
            return Response(
                403,
                b"CSRF token validation failed",
                {"Content-Type": "text/plain", "x-csrf-token": "Required"},
            )
        with self._books.lock:
            return self._write(request, rest)

    def _write(self, request: Request, rest: str) -> Response:
        found = _PATH.match(rest)
        name = found["name"] if found else ""
        if name not in ENTITIES:
            return _error(404, "/IWFND/CM_BEC/026", f"Resource not found for segment '{rest}'")
        try:
            body = checked(name, json.loads(request.body))
            if request.method == "PATCH":
                return self._changed(request, name, found["key"] if found else "", body)
            if name == "A_BusinessPartner":
                made = self._partners.create(body, request.fault, self._terminated)
            else:
                made = self._partners.add(name, body)
        except ValueError:
            return _error(400, "CX_SXML_PARSE_ERROR", "Error while parsing the request body")
        except Refused as refused:
            return _error(400, refused.code, refused.text, refused.about)
        except Missing:
            return _error(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{name}'")
        posted = [each for each in ENTITIES[name].navigations if each in body]
        content = json.dumps({"d": _shown(name, made, [], posted)}).encode()
        return Response(201, content, {**_JSON, "etag": made.get("__etag", "")})

    def _changed(self, request: Request, name: str, text: str, body: Document) -> Response:
        key = _key_of(name, text)
        held = next(
            (
                each
                for each in self._partners.all(name)
                if all(each.get(one) == value for one, value in key.items())
            ),
            None,
        )
        if held is None:
            raise Missing
        state = request.headers.get("If-Match")
        if not state:
            return _error(428, "/IWFND/CM_MGW/006", "Precondition required: If-Match is missing")
        if state not in ("*", held.get("__etag")):
            return _error(412, "/IWFND/CM_MGW/007", "Precondition failed: the entity was changed")
        self._partners.change(name, key, body)
        return Response(204, b"", {"dataserviceversion": "2.0"})

    def _read(self, request: Request, service: str, rest: str) -> Response:
        if not rest:
            sets = list(ENTITIES) if service == PARTNERS else []
            return Response(200, json.dumps({"d": {"EntitySets": sets}}).encode(), _JSON)
        if rest == "$metadata":
            return Response(200, metadata(service), {"Content-Type": "application/xml"})
        if service == AVAILABILITY:
            return self._available(request, rest)
        found = _PATH.match(rest)
        if found is None or found["name"] not in ENTITIES:
            return _error(404, "/IWFND/CM_BEC/026", f"Resource not found for segment '{rest}'")
        with self._books.lock:
            try:
                return self._found(request, found["name"], found["key"])
            except NotValid as wrong:
                return _error(400, "/IWCOR/CX_DS_EXP_SYNTAX_ERROR", str(wrong))
            except Missing:
                text = f"Resource not found for segment '{found['name']}'"
                return _error(404, "/IWBEP/CM_MGW_RT/020", text)

    def _found(self, request: Request, name: str, key: str | None) -> Response:
        query = request.query
        select, expand = (_paths(query.get(option, "")) for option in ("$select", "$expand"))
        _check_paths(name, select, expand)
        if key is not None:
            wanted = _key_of(name, key)
            for each in self._partners.all(name):
                if all(each.get(one) == value for one, value in wanted.items()):
                    body = {"d": _shown(name, each, select, expand)}
                    headers = {**_JSON, "etag": each.get("__etag", "")}
                    return Response(200, json.dumps(body).encode(), headers)
            raise Missing
        test = filtered(query["$filter"], ENTITIES[name]) if "$filter" in query else _all
        rows = self._in_order(query, name, [e for e in self._partners.all(name) if test(e)])
        skipped = int(query.get("$skiptoken") or 0)
        rows = rows[: int(query["$top"])] if "$top" in query else rows
        shown = rows[skipped : skipped + self.page_size]
        found: Document = {"results": [_shown(name, each, select, expand) for each in shown]}
        if query.get("$inlinecount") == "allpages":
            found["__count"] = str(len(rows))
        if skipped + self.page_size < len(rows):
            following = urllib.parse.urlencode({**query, "$skiptoken": skipped + self.page_size})
            found["__next"] = f"https://s4app01.internal:44300{request.path}?{following}"
        return Response(200, json.dumps({"d": found}).encode(), _JSON)

    def _in_order(
        self, query: Mapping[str, str], name: str, rows: list[Document]
    ) -> list[Document]:
        """Return rows as they are asked for, or in a sequence that is another each time."""
        order = query.get("$orderby")
        if order is None:
            self._lists += 1
            turned = self._lists % max(len(rows), 1)
            return rows[turned:] + rows[:turned]
        named = order.split(",")
        if not set(named) <= set(ENTITIES[name].fields):
            raise NotValid(f"Property {order} not found in the entity type")
        return sorted(rows, key=lambda row: [str(row.get(each) or "") for each in named])

    def _available(self, request: Request, rest: str) -> Response:
        if rest != "DetermineAvailabilityAt":
            return _error(404, "/IWFND/CM_BEC/026", f"Resource not found for segment '{rest}'")
        given: dict[str, str] = {}
        for name in AVAILABILITY_AT:
            text = re.fullmatch(r"(?:datetimeoffset)?'(.*)'", request.query.get(name, ""))
            if text is None:
                return _error(400, "/IWBEP/CM_MGW_RT/022", f"Parameter {name} is missing or wrong")
            given[name] = text[1].replace("''", "'")
        held = self._books.get(STOCK, f"{given['SupplyingPlant']}/{given['Material']}")
        if held is None:
            text_ = f"Material {given['Material']} not found in plant {given['SupplyingPlant']}"
            return _error(400, "ATP/012", text_)
        record: Document = dict.fromkeys(RECORD.fields, "")
        record |= {
            "PeriodStartUTCDateTime": "/Date(1764547200000)/",
            "PeriodEndUTCDateTime": "/Date(253402300799000)/",
            "AvailableQuantityInBaseUnit": f"{float(held['LABST']):.3f}",
            "BaseUnit": _BASE_UNITS.get(held["MEINS"], held["MEINS"]),
        }
        about = {"__metadata": {"type": f"{AVAILABILITY}.AvailabilityRecord"}}
        body = {"d": {rest: {**about, **record}}}
        return Response(200, json.dumps(body).encode(), _JSON)


def _all(_row: Mapping[str, Any]) -> bool:
    return True


def _cookie(request: Request) -> str | None:
    cookies = SimpleCookie(request.headers.get("Cookie", ""))
    return cookies[_COOKIE].value if _COOKIE in cookies else None


def _key_of(name: str, text: str) -> dict[str, str]:
    keys = ENTITIES[name].keys
    found = {each[1] or keys[0]: each[2].replace("''", "'") for each in _KEY.finditer(text or "")}
    if set(found) != set(keys):
        raise Missing
    return found


def _paths(text: str) -> list[str]:
    return [each for each in text.split(",") if each]


def _check_paths(name: str, select: list[str], expand: list[str]) -> None:
    for path in (*select, *expand):
        entity = ENTITIES[name]
        *way, last = path.split("/")
        for step in way:
            if step not in entity.navigations:
                raise NotValid(f"Property {step} not found in the entity type")
            entity = ENTITIES[entity.navigations[step][0]]
        if last != "*" and last not in (*entity.fields, *entity.navigations):
            raise NotValid(f"Property {last} not found in the entity type")


def _shown(name: str, row: Document, select: list[str], expand: list[str]) -> Document:
    entity = ENTITIES[name]
    uri = f"https://s4app01.internal:44300{ROOT}/{PARTNERS}/{name}({_uri_key(name, row)})"
    about = {"id": uri, "uri": uri, "type": f"{PARTNERS}.{name}Type"}
    if row.get("__etag"):
        about["etag"] = row["__etag"]
    shown: Document = {"__metadata": about}
    for each in entity.fields:
        if not select or each in select or "*" in select:
            shown[each] = row.get(each)
    for each, (target, many) in entity.navigations.items():
        below = list(_below(each, expand))
        if each not in expand and not below:
            if not select or each in select:
                shown[each] = {"__deferred": {"uri": f"{uri}/{each}"}}
            continue
        inner = list(_below(each, select)) if each not in select else []
        if many:
            rows = [_shown(target, one, inner, below) for one in row.get(each) or []]
            shown[each] = {"results": rows}
        else:
            one = row.get(each)
            shown[each] = _shown(target, one, inner, below) if one else None
    return shown


def _below(name: str, paths: list[str]) -> Iterator[str]:
    return (path.removeprefix(f"{name}/") for path in paths if path.startswith(f"{name}/"))


def _uri_key(name: str, row: Document) -> str:
    return ",".join(f"{key}='{row.get(key, '')}'" for key in ENTITIES[name].keys)


def _error(status: int, code: str, text: str, about: str = "") -> Response:
    detail = {"code": code, "message": text, "propertyref": about, "severity": "error"}
    body = {
        "error": {
            "code": code,
            "message": {"lang": "en", "value": text},
            "innererror": {
                "application": {"component_id": "LO-MD-BP", "service_id": PARTNERS},
                "transactionid": secrets.token_hex(16).upper(),
                "errordetails": [
                    detail,
                    {"code": "/IWBEP/CX_MGW_BUSI_EXCEPTION", "message": "", "severity": "error"},
                ],
            },
        }
    }
    return Response(status, json.dumps(body).encode(), _JSON)
