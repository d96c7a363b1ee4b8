"""What servers, and what stands before them, answer to a write after they have done it.

Each answer is made of the good one and is put on the line byte by byte as it stands here. None of
them proves that the write had no effect.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable

Answer = Callable[[bytes], bytes]

_XML = "text/xml; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"{more}><s:Body>{body}</s:Body>'
    "</s:Envelope>"
)
_SOAP_12 = b"http://www.w3.org/2003/05/soap-envelope"
_SOAP_11 = b"http://schemas.xmlsoap.org/soap/envelope/"
_DECLARATION = re.compile(rb"^<\?xml[^>]*\?>\s*")
_NUMBER = re.compile(rb">([A-Z]{2}\d{8})<")
_PAGE = "<html><body>服务器错误 error</body></html>"


def _http(
    status: int,
    body: bytes = b"",
    kind: str | None = _XML,
    *,
    length: int | None = -1,
    more: str = "",
    version: str = "1.1",
) -> bytes:
    lines = [f"HTTP/{version} {status} X", "Connection: close"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [] if length is None else [f"Content-Length: {len(body) if length < 0 else length}"]
    lines += [more] if more else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _page(status: int, more: str = "", encoding: str = "utf-8") -> Answer:
    return lambda _good: _http(status, _PAGE.encode(encoding), _HTML, more=more)


def _empty(status: int, more: str = "") -> Answer:
    return lambda _good: _http(status, b"", None, more=more)


def _bare(good: bytes) -> bytes:
    return _DECLARATION.sub(b"", good)


def _chunked(good: bytes, upto: int | None = None, end: bytes = b"0\r\n\r\n") -> bytes:
    parts = b"".join(
        f"{len(part):x}\r\n".encode() + part + b"\r\n"
        for part in (good[at : at + 50] for at in range(0, len(good), 50))
    )
    head = _http(200, b"", length=None, more="Transfer-Encoding: chunked")
    return head + parts[:upto] + (end if upto is None else b"")


def _said(encoding: str, declared: str = "", kind: str = "text/xml") -> Answer:
    """Answer in an encoding that the XML declares, or the header, or nobody."""

    def answer(good: bytes) -> bytes:
        text = _bare(good).decode()
        head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        return _http(200, (head + text).encode(encoding), kind)

    return answer


def _fault(
    status: int, code: str, encoding: str = "utf-8", kind: str = _XML, head: str = ""
) -> Answer:
    fault = f"<s:Fault><faultcode>{code}</faultcode><faultstring>单据已锁定</faultstring></s:Fault>"
    body = head + _ENVELOPE.format(body=fault, more="")
    return lambda _good: _http(status, body.encode(encoding), kind)


def _fault_12(status: int, code: str) -> Answer:
    body = (
        f'<s:Envelope xmlns:s="{_SOAP_12.decode()}"><s:Body><s:Fault><s:Code><s:Value>s:{code}'
        '</s:Value></s:Code><s:Reason><s:Text xml:lang="zh">不行</s:Text></s:Reason></s:Fault>'
        "</s:Body></s:Envelope>"
    )
    return lambda _good: _http(status, body.encode(), "application/soap+xml; charset=utf-8")


def _changed(change: Callable[[bytes], bytes], kind: str = _XML) -> Answer:
    return lambda good: _http(200, change(good), kind)


def _number(text: str) -> Answer:
    """Answer with another text where the document's number stands; `{}` is that number."""
    return _changed(
        lambda good: _NUMBER.sub(
            lambda found: f">{text.replace('{}', found[1].decode())}<".encode(), good, count=1
        )
    )


def _within(change: Callable[[bytes], bytes]) -> Answer:
    """Answer with another content of the body's one element."""

    def changed(good: bytes) -> bytes:
        head, body, rest = re.split(rb"(<(?:\w+:)?Body>.*</(?:\w+:)?Body>)", good, flags=re.S)
        return head + change(body) + rest

    return _changed(changed)


def _multipart(parts: int) -> Answer:
    def answer(good: bytes) -> bytes:
        part = b"--b\r\nContent-Type: application/xop+xml; charset=UTF-8\r\n\r\n" + good + b"\r\n"
        other = b"--b\r\nContent-Type: text/plain\r\nContent-ID: <x>\r\n\r\nx\r\n"
        kind = 'multipart/related; type="application/xop+xml"; boundary="b"'
        return _http(200, part + other * (parts - 1) + b"--b--\r\n", kind)

    return answer


def _total(text: str) -> Answer:
    return _within(lambda body: re.sub(rb"(</[^<]+></[^<]*Body>)$", text.encode() + rb"\1", body))


ANSWERS: dict[str, Answer] = {
    "close": lambda _good: b"",
    "half": lambda good: _http(200, good)[: -len(good) // 2],
    "half_no_length": lambda good: _http(200, good[: len(good) // 2], length=None),
    "no_length_whole": lambda good: _http(200, good, length=None),
    "chunked": _chunked,
    "chunk_cut": lambda good: _chunked(good, upto=len(good) // 2),
    "chunk_cut_after_all": lambda good: _chunked(good, end=b""),
    "length_too_long": lambda good: _http(200, good, length=len(good) + 50),
    "length_too_short": lambda good: _http(200, good, length=len(good) - 50),
    "500_html": _page(500),
    "500_html_gbk": _page(500, encoding="gbk"),
    "200_html": _page(200),
    "200_xhtml": lambda _good: _http(
        200, b'<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>', "application/xhtml+xml"
    ),
    "502": _page(502),
    "503_retry_after": _page(503, "Retry-After: 120"),
    "504": _page(504),
    "403": _page(403),
    "404": _page(404),
    "401": _page(401, 'WWW-Authenticate: Basic realm="x"'),
    "405": _page(405, "Allow: GET"),
    "429": _page(429, "Retry-After: 5"),
    "empty200": _empty(200),
    "empty500": _empty(500),
    "202": _empty(202),
    "204": lambda _good: _http(204, b"", None, length=None),
    "201_good": lambda good: _http(201, good),
    "301": _page(301, "Location: http://127.0.0.1:1/error"),
    "302": _page(302, "Location: http://127.0.0.1:1/error"),
    "307": _page(307, "Location: http://127.0.0.1:1/error"),
    "308": _page(308, "Location: http://127.0.0.1:1/error"),
    "409": _page(409),
    "gzip": lambda good: _http(200, gzip.compress(good), more="Content-Encoding: gzip"),
    "gzip_unasked_no_header": lambda good: _http(200, gzip.compress(good)),
    "gzip_broken": lambda good: _http(
        200, gzip.compress(good)[:-20], more="Content-Encoding: gzip"
    ),
    "gzip_corrupt": lambda good: _http(200, b"\x1f\x8bxxxx", more="Content-Encoding: gzip"),
    "deflate": lambda good: _http(200, zlib.compress(good), more="Content-Encoding: deflate"),
    "br_claimed": lambda good: _http(200, good, more="Content-Encoding: br"),
    "mtom": _multipart(1),
    "mtom_twoparts": _multipart(2),
    "fault11_server": _fault(500, "s:Server"),
    "fault_gbk": _fault(500, "s:Server", "gbk", "text/xml", '<?xml version="1.0" encoding="GBK"?>'),
    "fault_gbk_ct": _fault(500, "s:Server", "gbk", "text/xml; charset=GBK"),
    "fault_gbk_undeclared": _fault(500, "s:Server", "gbk", "text/xml"),
    "fault_version_mismatch": _fault(500, "s:VersionMismatch"),
    "fault_must_understand": _fault(500, "s:MustUnderstand"),
    "fault12_recv": _fault_12(500, "Receiver"),
    "fault12_sender400": _fault_12(400, "Sender"),
    "envelope12": _changed(lambda good: good.replace(_SOAP_11, _SOAP_12)),
    "utf16_bom": _said("utf-16", "UTF-16"),
    "utf16_nodecl": _said("utf-16"),
    "utf16_declares_utf8": _said("utf-16", "UTF-8"),
    "utf8_bom": _changed(lambda good: b"\xef\xbb\xbf" + good),
    "blank_before_decl": _changed(lambda good: b"\r\n" + good),
    "bom_blank_before_decl": _changed(lambda good: b"\xef\xbb\xbf\r\n" + good),
    "gbk_declared": _said("gbk", "GBK"),
    "gb2312_declared": _said("gb2312", "GB2312"),
    "gb18030_declared": _said("gb18030", "GB18030"),
    "gbk_header_only": _said("gbk", kind="text/xml; charset=GBK"),
    "gbk_undeclared": _said("gbk"),
    "gbk_header_utf8_body": _said("utf-8", kind="text/xml; charset=GBK"),
    "latin1_claimed": _said("utf-8", "ISO-8859-1"),
    "extra_element": _total("<dms:extra xmlns:dms='urn:dms:sales:v1'>1</dms:extra>"),
    "extra_first": _within(
        lambda body: re.sub(rb"(Body><[^>]+>)", rb"\1<more>1</more>", body, count=1)
    ),
    "extra_attribute": _within(
        lambda body: re.sub(rb"(Body><[^>]+)>", rb'\1 more="1">', body, count=1)
    ),
    "missing_total": _within(lambda body: re.sub(rb"<(\S+)>[^<]*</\1>", b"", body)),
    "total_3_places": _total("<total>1.234</total>"),
    "total_thousands": _total("<total>1,234.00</total>"),
    "wrong_namespace": _changed(lambda good: good.replace(b"urn:dms:sales:v1", b"urn:dms:v9")),
    "no_namespace": _within(lambda body: re.sub(rb"dms:", b"", body)),
    "other_operation": _within(
        lambda body: re.sub(rb"\w+Response", b"FindSalesOrderResponse", body)
    ),
    "empty_number": _number(""),
    "blank_number": _number(" "),
    "padded_number": _number(" \n {} "),
    "null_number": _number("null"),
    "cdata": _number("<![CDATA[{}]]>"),
    "comment_in_number": _number("<!-- c -->{}"),
    "xsi_type": _changed(
        lambda good: re.sub(
            rb"<(\S+)>([A-Z]{2}\d{8})<",
            rb'<\1 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            rb' xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string">\2<',
            good,
        )
    ),
    "json200": lambda _good: _http(200, b'{"code":0,"msg":"ok"}', "application/json"),
    "octet": lambda good: _http(200, good, "application/octet-stream"),
    "doctype": _changed(lambda good: b"<!DOCTYPE x>" + _bare(good)),
    "xxe": _changed(
        lambda good: (
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
            + _NUMBER.sub(b">&a;<", _bare(good), count=1)
        )
    ),
    "huge": _number("x" * 400_000),
    "trailing_garbage": _changed(lambda good: good + b"<!-- x -->garbage"),
    "two_envelopes": _changed(lambda good: good + _bare(good)),
    "header_must_understand": _changed(
        lambda good: re.sub(
            rb"<((?:\w+:)?)Body>",
            rb'<\1Header><a:b xmlns:a="urn:a" \1mustUnderstand="1"/></\1Header><\1Body>',
            good,
            count=1,
        )
    ),
    "http10": lambda good: _http(200, good, version="1.0"),
    "100_first": lambda good: b"HTTP/1.1 100 Continue\r\n\r\n" + _http(200, good),
    "garbage_status": lambda good: b"HELLO 200\r\n\r\n" + good,
    "control_char": _number("{}\x01"),
    "charref_control": _number("{}&#1;"),
    "nbsp_entity": _number("{}&nbsp;"),
    # A reason that no mapping names proves nothing.
    "fault11_client": _fault(500, "s:Client"),
    "fault11_in_200": _fault(200, "s:Client"),
}
