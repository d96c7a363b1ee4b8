"""The route /_sandbox: look into the books, move time and the world on, set faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from connector.sandbox import world
from connector.sandbox.books import Books, Clock
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.sap import SapApplication
from connector.sandbox.web import Request, Response

_ROUTES = """GET /_sandbox
GET /_sandbox/books/{system}[/{kind}]
PUT /_sandbox/clock {"now": "2026-11-24T04:00:00+00:00" or null}
POST /_sandbox/clock {"advance_seconds": 60}
GET, PUT, DELETE /_sandbox/faults ["dms:lost-answer:writes=true,every=3"]
POST /_sandbox/world/ship {"order": "30", "share": 0.5}
POST /_sandbox/world/invoice {"order": "30"}
POST /_sandbox/world/return {"order": "30"}
POST /_sandbox/world/refund {"order": "30", "amount": "1.00", "lines": [], "shipping": []}
POST /_sandbox/world/order {"order": "30", "fields": {"status": "cancelled"}}
POST /_sandbox/world/customer {"number": "100003", "fields": {"STCD5": "…"}}
POST /_sandbox/world/unlock {}
POST /_sandbox/world/repeat-updates {}""".splitlines()


class Control:
    """Answers the control route. What it is asked to do twice it does once."""

    def __init__(self, books: Books, clock: Clock, faults: Faults, sap: SapApplication) -> None:
        self._books = books
        self._clock = clock
        self._faults = faults
        self._sap = sap
        self.addresses: dict[str, str] = {}

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            body = json.loads(request.body) if request.body else {}
            made = self._do(request.method, request.path.strip("/").split("/")[1:], body)
        except LookupError as error:
            return _json(404, {"error": str(error), "routes": _ROUTES})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}", "routes": _ROUTES})
        return _json(200, made)

    def _do(self, method: str, path: list[str], body: Any) -> Any:
        match method, path:
            case "GET", []:
                return {
                    "addresses": self.addresses,
                    "clock": self._clock.now().isoformat(),
                    "faults": self._faults.describe(),
                    "counts": {
                        system: {
                            kind: len(documents)
                            for kind, documents in self._books.dump(system).items()
                        }
                        for system in ("sap", "dms", "storefront")
                    },
                }
            case "GET", ["books", "dms", "whole"]:
                return whole_orders(self._books)
            case "GET", ["books", system]:
                return self._books.dump(system)
            case "GET", ["books", system, kind]:
                return self._books.all(f"{system}.{kind}")
            case "PUT", ["clock"]:
                now = body["now"]
                self._clock.set(datetime.fromisoformat(now) if now else None)
                return {"now": self._clock.now().isoformat()}
            case "POST", ["clock"]:
                self._clock.advance(timedelta(seconds=float(body["advance_seconds"])))
                return {"now": self._clock.now().isoformat()}
            case "GET", ["faults"]:
                return self._faults.describe()
            case "PUT", ["faults"]:
                self._faults.set([_fault(each) for each in body])
                return self._faults.describe()
            case "DELETE", ["faults"]:
                self._faults.set([])
                return []
            case "POST", ["world", what]:
                return self._world(what, body)
        raise LookupError(f"no route {method} /_sandbox/{'/'.join(path)}")

    def _world(self, what: str, body: Any) -> Any:
        books, clock = self._books, self._clock
        order = str(body["order"]) if "order" in body else None
        acts: dict[str, Callable[[], Any]] = {
            "ship": lambda: world.ship(books, clock, order, body.get("share", 1)),
            "invoice": lambda: world.invoice(books, clock, order),
            "return": lambda: world.take_back(books, clock, str(body["order"])),
            "refund": lambda: world.refund(
                books,
                clock,
                str(body["order"]),
                str(body["amount"]),
                body.get("lines", []),
                str(body.get("reason", "")),
                body.get("shipping", []),
                body.get("fees", []),
            ),
            "order": lambda: world.change_order(books, clock, str(body["order"]), body["fields"]),
            "customer": lambda: world.change_customer(books, str(body["number"]), body["fields"]),
            "unlock": self._sap.unlock,
            "repeat-updates": self._sap.repeat_updates,
        }
        if what not in acts:
            raise LookupError(f"nobody can {what}")
        return acts[what]()


def _fault(spec: Any) -> Fault:
    return Fault.parse(spec) if isinstance(spec, str) else Fault(**spec)


def _json(status: int, body: Any) -> Response:
    content = json.dumps(body, ensure_ascii=False, indent=1, default=str)
    return Response(
        status,
        content.encode("utf-8", "surrogatepass"),
        {"Content-Type": "application/json; charset=utf-8"},
    )
