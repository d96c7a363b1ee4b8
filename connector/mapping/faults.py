"""Holds what a mapping says of fault codes against what the DMS means by them."""

from __future__ import annotations

from collections.abc import Iterator

from connector.mapping import model
from connector.mapping.document import Block, Where, nowhere
from connector.mapping.finding import Finding, mistyped, near
from connector.mapping.interfaces import Fault, Interfaces


def faults(
    spec: model.MappingModel, tree: Block, interfaces: Interfaces, file: str
) -> Iterator[Finding]:
    """Give codes that the DMS does not have, and those that would be taken for something else."""
    known = {each.code: each for each in interfaces.faults}
    if not known:
        return
    block = tree.block_at("faults")
    around = block.at or tree.at or nowhere()
    around = around if around.file else Where(file, 1, 1)
    for code, outcome in spec.faults.items():
        at = block.places.get(code, around)
        if code == "*":
            if outcome != "rejected":
                text = f"every other refusal would count as {outcome}"
                yield Finding(*at, "fault", text, '"*": rejected')
        elif code not in known:
            alike, sure = near(code, known), mistyped(code, known)
            yield Finding(
                at.file, at.line, at.column, "fault", f"the DMS has no fault {code}",
                alike if sure else "", "error" if sure else "warning",
            )  # fmt: skip
    for code, fault in known.items():
        meant = _meant(fault, spec.target.operation)
        said = spec.faults.get(code) or spec.faults.get("*") or "rejected"
        if meant is not None and said != meant:
            at = block.places.get(code, around)
            text = f"by interfaces/dms_faults.csv {code} means {meant}; it would count as {said}"
            yield Finding(*at, "fault", text, f"{code}: {meant}")


def _meant(fault: Fault, operation: str) -> str | None:
    """Return what a fault means in an operation; None where it does not occur."""
    if fault.operations and operation not in fault.operations:
        return None
    return fault.means
