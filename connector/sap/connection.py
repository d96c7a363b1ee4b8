"""Are the parameters of an RFC connection sound? The SDK itself says little when they are not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from connector.errors import Misconfigured

_DIRECT = frozenset({"ashost", "sysnr"})
_BALANCED = frozenset({"mshost", "msserv", "r3name", "sysid", "group"})
_WEBSOCKET = frozenset({"wshost", "wsport", "tls_client_pse", "tls_trust_all", "proxy_host"})
_SECURE = frozenset(
    {"snc_lib", "snc_partnername", "snc_myname", "snc_qop", "snc_mode", "snc_sso", "x509cert"}
)
_FURTHER = frozenset(
    {
        "dest", "saprouter", "gwhost", "gwserv", "codepage", "trace", "alias_user", "use_sapgui",
        "compression_type", "proxy_port", "proxy_user", "extiddata", "extidtype", "delta",
    }
)  # fmt: skip
_ELSEWHERE = {
    "user": "sap.user",
    "passwd": "CONNECTOR_SAP__PASSWORD",
    "client": "sap.client",
    "lang": "sap.language",
}
_KNOWN = _DIRECT | _BALANCED | _WEBSOCKET | _SECURE | _FURTHER
_ROUTE = re.compile(r"^(/H/[^/\s]+(/S/[^/\s]+)?(/[PW]/[^/\s]*)?)+(/H/)?$")
# Quality of protection: 1 authentication, 2 integrity, 3 privacy, 8 the default, 9 the most.
_QOP = frozenset("12389")


def check_connection(connection: Mapping[str, str]) -> None:
    """Raise Misconfigured that lists everything wrong with `sap.connection` at once."""
    wrong = [*_names(connection), *_way(connection), *_route(connection), *_snc(connection)]
    if wrong:
        raise Misconfigured(
            "; ".join(wrong),
            place="sap.connection",
            remedy="direct: ashost and sysnr; load-balanced: mshost, r3name and group;"
            " saprouter and snc_… beside either",
        )


def _names(connection: Mapping[str, str]) -> list[str]:
    wrong = []
    for name in sorted(connection):
        if name in _ELSEWHERE:
            wrong.append(f"{name} does not belong here but in {_ELSEWHERE[name]}")
        elif name not in _KNOWN:
            near = get_close_matches(name, sorted(_KNOWN), n=1)
            wrong.append(f"{name} is no parameter" + (f", meant {near[0]}?" if near else ""))
    return wrong


def _way(connection: Mapping[str, str]) -> list[str]:
    ways = [name for name in ("ashost", "mshost", "wshost", "dest") if connection.get(name)]
    if len(ways) != 1:
        said = " and ".join(ways) if ways else "none"
        return [f"exactly one of ashost, mshost, wshost and dest is needed, there is {said}"]
    if ways == ["ashost"] and not re.fullmatch(r"\d\d", connection.get("sysnr", "")):
        return ['sysnr must be two digits in quotes, as "00"']
    if ways == ["mshost"]:
        wrong = []
        if not (connection.get("r3name") or connection.get("sysid")):
            wrong.append("r3name (the system's three letters) is needed beside mshost")
        if not connection.get("group"):
            wrong.append("group (the logon group of SMLG, as PUBLIC) is needed beside mshost")
        if "sysnr" in connection:
            wrong.append("sysnr is not used beside mshost: take it out")
        return wrong
    return []


def _route(connection: Mapping[str, str]) -> list[str]:
    route = connection.get("saprouter")
    if route is None or _ROUTE.fullmatch(route):
        return []
    return ["saprouter must be a route like /H/router.example/S/3299"]


def _snc(connection: Mapping[str, str]) -> list[str]:
    if not any(name.startswith("snc_") for name in connection):
        return []
    wrong = []
    if not connection.get("snc_partnername", "").startswith("p:"):
        wrong.append("snc_partnername (SAP's SNC name, as p:CN=…) is needed for SNC")
    if connection.get("snc_qop", "9") not in _QOP:
        wrong.append("snc_qop must be 1, 2, 3, 8 or 9")
    return wrong
