"""By what the DMS knows us: timestamps of WS-Security, and HTTP's digest."""

from __future__ import annotations

import hashlib
import http.server
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from lxml import etree
from requests.utils import parse_dict_header

from connector.dms.security import Signature, signed, username_token
from connector.dms.transport import DmsSettings, DmsTransport

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE = f'<e:Envelope xmlns:e="{SOAP}"><e:Body>{{}}</e:Body></e:Envelope>'


def test_a_token_with_a_lifetime_bears_a_timestamp_of_its_own_call() -> None:
    token = username_token("username_digest", "u", "p", 300)
    assert token is not None
    plain = etree.fromstring(ENVELOPE.format("<a/>"))
    envelope, _ = token.apply(plain, {})  # type: ignore[no-untyped-call]
    (stamp,) = envelope.iterfind(".//{*}Security/{*}Timestamp")
    created, expires = (datetime.fromisoformat(str(each.text)) for each in stamp)
    assert (expires - created).total_seconds() == 300
    assert envelope.find(".//{*}UsernameToken/{*}Nonce") is not None


def test_a_signature_is_of_the_body_however_it_is_written() -> None:
    signature = Signature("md5", "X-Sign", "k")
    one = signed(signature, etree.fromstring(ENVELOPE.format("<a b='1' c='2'/>")))
    same = signed(signature, etree.fromstring(ENVELOPE.format("<a c='2'  b='1'></a>")))
    other = signed(signature, etree.fromstring(ENVELOPE.format("<a b='1' c='3'/>")))
    assert one == same != other


class _Digest(http.server.BaseHTTPRequestHandler):
    """Wants HTTP's digest; each nonce is good for one call."""

    refused_writes = 0
    nonces: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.nonces.append(f"n{len(self.nonces)}")
        challenge = f'Digest realm="dms", qop="auth", algorithm=MD5, nonce="{self.nonces[-1]}"'
        self._answer(401, {"WWW-Authenticate": challenge})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        given = parse_dict_header(  # type: ignore[no-untyped-call]
            self.headers.get("Authorization", "").removeprefix("Digest ")
        )
        one = hashlib.md5(b"u:dms:p").hexdigest()
        two = hashlib.md5(f"POST:{self.path}".encode()).hexdigest()
        parts = (one, given.get("nonce"), given.get("nc"), given.get("cnonce"), "auth", two)
        right = hashlib.md5(":".join(map(str, parts)).encode()).hexdigest()
        fresh = self.nonces[-1:] == [given.get("nonce")]
        good = fresh and given.get("response") == right
        type(self).refused_writes += not good
        self._answer(200 if good else 401, {})

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_with_digest_no_write_is_answered_by_a_challenge(tmp_path: Path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Digest)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/dms"
    settings = DmsSettings(str(tmp_path), user="u", password="p", authentication="digest")
    transport = DmsTransport(settings)
    try:
        assert [transport.post(address, b"<a/>", {}).status_code for _ in range(3)] == [200] * 3
    finally:
        server.shutdown()
        server.server_close()
    assert _Digest.refused_writes == 0
