"""The servers that the DMS is measured against, each for a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import Any

from connector.sandbox.service import Sandbox

_ANSWER = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<r:CreateSalesOrderResponse xmlns:r="urn:dms:sales:v1"><r:orderNumber>SO{:08d}</r:orderNumber>'
    "<r:status>OPEN</r:status><r:createdAt>2026-11-24T01:00:00Z</r:createdAt>"
    "</r:CreateSalesOrderResponse></s:Body></s:Envelope>"
)


def serve(ports: Any, latency: float) -> None:
    """Put the port on the queue; answer each request with a number, `latency` seconds later."""
    asyncio.run(_serve(ports, latency))


def serve_sandbox(ports: Any, _latency: float) -> None:
    """Put the port of the sandbox's DMS on the queue and answer until killed."""
    server = Sandbox().start()
    ports.put(int(server.dms_wsdl_url.split(":")[2].split("/")[0]))
    threading.Event().wait()


async def _serve(ports: Any, latency: float) -> None:
    numbers = itertools.count(1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                if latency:
                    await asyncio.sleep(latency)
                body = _ANSWER.format(next(numbers)).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    ports.put(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()
