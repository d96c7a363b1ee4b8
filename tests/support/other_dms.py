"""A dealer system of another house: RPC style, other words and codes, nothing to find orders by."""

from __future__ import annotations

import http.server
import itertools
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lxml import etree

FOLDER = Path(__file__).parents[1] / "dms" / "other"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_SERVICE = "urn:haendler:dienst"
_TYPES = "urn:haendler:typen"


class OtherDms:
    """Its memory: orders by number, each with what belongs to it. It makes doubles unasked."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.asked: list[int] = []
        self.seen: list[str] = []
        self.headers: dict[str, str] = {}
        self.connections = 0
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def open_under(self, key: str) -> list[dict[str, Any]]:
        return [o for o in self.orders.values() if o["key"] == key and o["state"] != 90]

    def ship(self, number: str, share: float = 1) -> None:
        """Ship a share of everything that a delivery was asked for."""
        order = self.orders[number]
        order["shipments"].append(
            (
                f"V{number}-{len(order['shipments']) + 1}",
                {n: q * share for n, q in order["asked"].items()},
            )
        )
        order["state"] = 40 if share == 1 else 30

    def invoice(self, number: str) -> None:
        order = self.orders[number]
        order["invoices"].append((f"R{number}", order["total"]))

    def answer(self, envelope: bytes) -> bytes:
        body = etree.fromstring(envelope).find(f"{{{_SOAP}}}Body")
        assert body is not None
        request = body[0]
        name = etree.QName(request).localname
        with self._lock:
            self.seen.append(name)
            parts = getattr(self, f"_{name}")(request)
        answer = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"e": _SOAP})
        wrapper = etree.SubElement(
            etree.SubElement(answer, f"{{{_SOAP}}}Body"), f"{{{_SERVICE}}}{name}Response"
        )
        wrapper.append(parts)
        return bytes(etree.tostring(answer))

    def _auftragAnlegen(self, request: Any) -> Any:
        order = self._content(request)
        number = f"A{next(self._numbers):05d}"
        self.orders[number] = order
        return _receipt(0, number)

    def _auftragAendern(self, request: Any) -> Any:
        number = request.findtext("beleg")
        if number not in self.orders:
            return _receipt(4, None, "unbekannter Beleg")
        kept = {name: self.orders[number][name] for name in ("shipments", "invoices", "asked")}
        self.orders[number] = self._content(request) | kept | {"amended": True}
        return _receipt(0, number)

    def _auftragStornieren(self, request: Any) -> Any:
        number = request.findtext("beleg")
        self.orders[number]["state"] = 90
        return _receipt(0, number)

    def _lieferungAnfordern(self, request: Any) -> Any:
        order = self.orders[request.findtext("beleg")]
        order["asked"] = {int(each.get("nr")): float(each.text) for each in request.find("mengen")}
        order["notes"].append(request.findtext("schluessel"))
        order["state"] = 20
        return _receipt(0, f"L{next(self._numbers):05d}")

    def _rechnungAnfordern(self, request: Any) -> Any:
        order = self.orders[request.findtext("beleg")]
        order["applications"].append(request.findtext("schluessel"))
        return _receipt(0, f"F{next(self._numbers):05d}")

    def _ruecksendungMelden(self, request: Any) -> Any:
        order = self.orders[request.findtext("beleg")]
        order["returns"].append(request.findtext("schluessel"))
        return _receipt(0, f"Z{next(self._numbers):05d}")

    def _staendeFragen(self, request: Any) -> Any:
        numbers = [each.text for each in request.find("belege")]
        self.asked.append(len(numbers))
        states = etree.Element("staende")
        for number in numbers:
            order = self.orders.get(number)
            if order is None:
                continue
            state = _typed(states, "stand")
            _typed(state, "beleg", number)
            _typed(state, "schluessel", order["key"])
            _typed(state, "zustand", order["state"])
            for tracking, lines in order["shipments"]:
                shipment = _typed(state, "sendung")
                _typed(shipment, "lieferschein", f"L{number}")
                _typed(shipment, "frachtfuehrer", "Bote")
                _typed(shipment, "sendungsnummer", tracking)
                _typed(shipment, "am", "2026-11-24T08:00:00Z")
                quantities = _typed(shipment, "mengen")
                for line, quantity in lines.items():
                    _typed(quantities, "menge", quantity).set("nr", str(line))
            for invoice, total in order["invoices"]:
                document = _typed(state, "rechnung")
                _typed(document, "nummer", invoice)
                _typed(document, "datum", "2026-11-24")
                _typed(document, "storno", "false")
                _typed(document, "netto", total)
                _typed(document, "steuer", "0.00")
                _typed(document, "brutto", total)
        return states

    def _content(self, request: Any) -> dict[str, Any]:
        order = request.find("auftrag")
        text = {etree.QName(e).localname: e.text for e in order.iter() if not len(e)}
        return {
            "key": text["schluessel"],
            "total": text["summe"],
            "ordered": [each.text for each in order.iter(f"{{{_TYPES}}}menge")],
            "state": 10,
            "notes": [],
            "applications": [],
            "returns": [],
            "shipments": [],
            "invoices": [],
            "asked": {},
        }


def _typed(parent: Any, name: str, value: Any = None) -> Any:
    element = etree.SubElement(parent, f"{{{_TYPES}}}{name}")
    if value is not None:
        element.text = str(value)
    return element


def _receipt(result: int, number: str | None, hint: str | None = None) -> Any:
    receipt = etree.Element("quittung")
    _typed(receipt, "ergebnis", result)
    if number:
        _typed(receipt, "beleg", number)
    if hint:
        _typed(receipt, "hinweis", hint)
    return receipt


@contextmanager
def other_dms(tls: ssl.SSLContext | None = None) -> Iterator[tuple[OtherDms, int]]:
    """Serve one on a port of this process."""
    dms = OtherDms()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:  # once for each connection
            super().setup()
            dms.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            dms.headers = dict(self.headers)
            answer = dms.answer(body)
            self.send_response(200)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield dms, server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
