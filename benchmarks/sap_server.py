"""A SAP that only answers look-ups in KNA1, each after a fixed latency; for the benchmark."""

from __future__ import annotations

import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_CODE = re.compile(r"STCD5 = '(\d{18})'")
_COLUMNS = (("KUNNR", 10), ("NAME1", 35), ("NAME2", 35), ("STCD5", 60), ("TELF1", 16),
            ("STRAS", 35), ("ORT01", 35), ("PSTLZ", 10), ("LOEVM", 1), ("AUFSD", 2),
            ("MCOD1", 25))  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers every POST with the customers whose codes the WHERE clause names."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    latency = 0.02

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_POST(self) -> None:
        """Answer after the latency."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        began = time.monotonic()
        rows = "".join(f"<item><WA>{_row(code)}</WA></item>" for code in _CODE.findall(body))
        answer = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            '<n:RFC_READ_TABLE.Response xmlns:n="urn:sap-com:document:sap:rfc:functions">'
            f"<FIELDS>{_FIELDS}</FIELDS><DATA>{rows}</DATA></n:RFC_READ_TABLE.Response>"
            "</e:Body></e:Envelope>"
        ).encode()
        time.sleep(max(0.0, self.latency - (time.monotonic() - began)))
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()


def _fields() -> str:
    offset, parts = 0, []
    for name, length in _COLUMNS:
        parts.append(
            f"<item><FIELDNAME>{name}</FIELDNAME><OFFSET>{offset}</OFFSET>"
            f"<LENGTH>{length}</LENGTH></item>"
        )
        offset += length + 1
    return "".join(parts)


def _row(code: str) -> str:
    values = {"KUNNR": code[-10:], "NAME1": f"李{code[-6:]}", "STCD5": code}
    return "¦".join(values.get(name, "").ljust(length) for name, length in _COLUMNS)


_FIELDS = _fields()

if __name__ == "__main__":
    Handler.latency = float(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
