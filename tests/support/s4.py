"""A site on S/4HANA: its mappings, and its SAP over OData."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.odata.system import ODataSap
from connector.sap.odata.wire import ODataSettings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "mappings/examples/s4_odata"


def folder(at: Path) -> Path:
    """Return the shipped mappings with those for S/4HANA over them, as the docs say to do it."""
    made = at / "mappings"
    shutil.copytree(ROOT / "mappings", made, ignore=shutil.ignore_patterns("examples"))
    shutil.copytree(EXAMPLE, made, dirs_exist_ok=True)
    return made


def system(sandbox: Sandbox, **settings: Any) -> ODataSap:
    """Return the sandbox's SAP over OData."""
    known: dict[str, Any] = {"user": SAP_USER, "password": SAP_PASSWORD, "client": "100"}
    return ODataSap(ODataSettings(url=sandbox.odata_url, **{**known, **settings}))
