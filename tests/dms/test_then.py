"""Two calls that make one document: saved, then approved; each once, each asked about."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.mapping.check import check
from connector.mapping.load import Folder
from connector.settings import Settings
from connector.store.calls import CallState
from tests.support.scene import scene
from tests.support.wire import Trouble, Wire


def approving(folder: Path, flag: str = "approved") -> Path:
    """Return mappings of a DMS in which an amendment stands for the approval."""
    mappings = Path(shutil.copytree("mappings", folder / "mappings"))

    def change(name: str, into: str, **changes: Any) -> dict[str, Any]:
        content = yaml.safe_load((mappings / f"{name}.yaml").read_text("utf-8")) | changes
        text = yaml.safe_dump(content, allow_unicode=True)
        (mappings / f"{into}.yaml").write_text(text, "utf-8")
        return dict(content)

    change("dms_sales_order", "dms_sales_order", then={"dms_approve": flag})
    amend = change("dms_amend", "dms_approve", absent=False)
    for field in amend["request"]:
        if field["field"] == "orderNumber":
            field["max_length"] = 10
        if field["field"] == "header.remark":
            field.clear()
            field.update({"field": "header.remark", "constant": "approved"})
    text = yaml.safe_dump(amend, allow_unicode=True)
    text = text.replace("source: sales_order", "source: number")
    (mappings / "dms_approve.yaml").write_text(text, "utf-8")
    find = yaml.safe_load((mappings / "dms_find.yaml").read_text("utf-8"))
    read = {"field": "approved", "source": "content.remark == 'approved'"}
    find["answer"]["fields"][0]["fields"].append(read)
    (mappings / "dms_find.yaml").write_text(yaml.safe_dump(find, allow_unicode=True), "utf-8")
    return mappings


@pytest.mark.parametrize(
    "trouble",
    [
        None,
        Trouble("reset", forwarded=True),  # approved, and nobody heard of it
        Trouble("reset"),  # it never arrived
    ],
)
def test_a_document_is_saved_and_approved_once(tmp_path: Path, trouble: Trouble | None) -> None:
    wires: list[Wire] = []
    mappings = approving(tmp_path)

    def prepare(settings: Settings) -> None:
        settings.mappings = mappings
        wires.append(Wire(int(settings.dms.wsdl.split(":")[2].split("/")[0])))
        settings.dms.endpoint = f"{wires[0].url}/dms/service"

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, prepare, anew=False) as made:
        number = 55
        made.change(number, status="processing", date_paid_gmt="2026-11-23T14:10:00")
        with wires[0].suffers("AmendSalesOrder" if trouble else "Nothing", trouble or Trouble("")):
            made.later(ticks=2)
        made.later(minutes=30, ticks=2)
        (theirs,) = made.sales_orders(number)
        assert theirs["content"]["remark"] == "approved"
        states = [
            (each.operation, each.state)
            for each in made.context.calls.of_order(made.order(number).id)
            if each.operation in ("dms_sales_order", "dms_approve")
        ]
        confirmed = CallState.CONFIRMED
        assert states == [("dms_sales_order", confirmed), ("dms_approve", confirmed)]
        assert made.stands(number) == ("ready", None)
    wires[0].stop()


def test_the_check_says_what_is_not_there_and_what_cannot_be_asked(tmp_path: Path) -> None:
    folder = approving(tmp_path, flag="")
    found = [each for each in check(Folder.read(folder)) if each.rule == "then"]
    assert [each.level for each in found] == ["warning"]
    (folder / "dms_approve.yaml").unlink()
    found = [each for each in check(Folder.read(folder)) if each.rule == "then"]
    assert [(each.level, each.message) for each in found] == [
        ("error", "there is no dms_approve.yaml")
    ]
