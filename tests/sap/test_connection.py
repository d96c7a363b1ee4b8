"""The parameters of an RFC connection: direct, load-balanced, by router, secured."""

from __future__ import annotations

import pytest

from connector.errors import Misconfigured
from connector.sap.connection import check_connection

pytestmark = pytest.mark.unit

DIRECT = {"ashost": "sap.example", "sysnr": "00"}
BALANCED = {"mshost": "ms.example", "r3name": "PRD", "group": "PUBLIC"}
SNC = {"snc_partnername": "p:CN=PRD", "snc_qop": "9", "snc_lib": "/opt/libsapcrypto.so"}


@pytest.mark.parametrize(
    "connection",
    [
        DIRECT,
        BALANCED,
        {"mshost": "ms.example", "sysid": "PRD", "group": "PUBLIC", "msserv": "3600"},
        {**DIRECT, "saprouter": "/H/router.example/S/3299/W/word/H/inner"},
        {**BALANCED, **SNC, "saprouter": "/H/router.example/H/"},
        {"wshost": "s4.example", "wsport": "443"},
        {"dest": "PRD"},
    ],
)
def test_sound_connections(connection: dict[str, str]) -> None:
    check_connection(connection)


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({}, "there is none"),
        ({**DIRECT, **BALANCED}, "ashost and mshost"),
        ({"ashost": "sap.example"}, "sysnr must be two digits"),
        ({"ashost": "sap.example", "sysnr": "0"}, "sysnr must be two digits"),
        ({"mshost": "ms.example", "group": "PUBLIC"}, "r3name"),
        ({"mshost": "ms.example", "r3name": "PRD"}, "group"),
        ({**BALANCED, "sysnr": "00"}, "sysnr is not used"),
        ({**DIRECT, "saprouter": "router.example:3299"}, "like /H/router.example"),
        ({**DIRECT, "snc_qop": "9"}, "snc_partnername"),
        ({**DIRECT, **SNC, "snc_qop": "7"}, "snc_qop"),
        ({**DIRECT, **SNC, "snc_partnername": "CN=PRD"}, "p:CN="),
        ({**DIRECT, "passwd": "very-secret"}, "CONNECTOR_SAP__PASSWORD"),
        ({**DIRECT, "saproute": "/H/x"}, "meant saprouter"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(connection: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match="ashost and sysnr") as raised:
        check_connection(connection)
    assert words in raised.value.message
    assert "very-secret" not in str(raised.value)
