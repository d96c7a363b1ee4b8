"""The command line of a scene's site, in this process. Its clock is the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from connector.sandbox import service
from tests.support.scene import Scene

ROOT = Path(__file__).parents[2]


def point_at(lite: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment that a person at the site's keyboard has."""
    config = yaml.safe_load((ROOT / "config/connector.yaml").read_text(encoding="utf-8"))
    (folder / "connector.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    for name, value in {
        "CONFIG": str(folder / "connector.yaml"),
        "MAPPINGS": str(ROOT / "mappings"),
        "DATABASE_URL": lite.settings.database_url,
        "OUTPUT": str(lite.settings.output),
        "SAP__URL": lite.sandbox.sap_url,
        "SAP__PASSWORD": service.SAP_PASSWORD,
        "DMS__WSDL": lite.sandbox.dms_wsdl_url,
        "DMS__PASSWORD": service.DMS_PASSWORD,
        "STOREFRONT__URL": lite.sandbox.storefront_url,
        "STOREFRONT__CONSUMER_SECRET": service.STOREFRONT_SECRET,
    }.items():
        monkeypatch.setenv(f"CONNECTOR_{name}", value)
