"""What a DMS may lack, and what then happens: said by `connector mappings check`."""

from __future__ import annotations

from collections.abc import Iterator

from connector.mapping.document import Where
from connector.mapping.finding import Finding, near
from connector.mapping.load import Document, Folder
from connector.mapping.needs import FINISHED, FOUND, Lack, documents

# What may be absent in a DMS, and what then happens.
_WITHOUT = {
    "dms_delivery_note": "people make it in the DMS; orders go on with our own number for it, and"
    " shipments come by the status (`by_hand: true` lets them wait for `connector orders done`)",
    "dms_invoice_application": "people apply in the DMS; orders go on with our own number for it,"
    " and invoices come by the status (`by_hand: true` lets them wait for `connector orders done`)",
    "dms_cancel": "an order to be cancelled is held (by_hand) until the DMS shows it cancelled or"
    " `connector orders done NUMBER --what cancel` says so",
    "dms_amend": "a changed order is cancelled in the DMS and made anew",
    "dms_return": "people register returns in the DMS; here they bear our own number, and goods"
    " that came back are known by the status",
    "dms_find": "what is in doubt goes to ops, and the nightly comparison leaves the DMS out",
    "dms_status": "every open order is asked for by dms_order_status, or else SAP is",
    "dms_order_status": "where dms_status is absent as well, SAP is asked for deliveries and"
    " invoices",
    "dms_session": "calls carry no token",
}
_NEWS_OF = ("dms_status", "dms_order_status", "sap_deliveries")


def without(document: Document) -> Lack:
    """Say what happens without an operation that the DMS, or another system, lacks."""
    name, tree = document.name, document.tree
    if document.spec.target.system != "dms":
        return Lack(tree, "absent", "absent", "is not used", "")
    then = _WITHOUT.get(name)
    if then is None:
        return Lack(tree, "absent", "required", "the DMS must have this operation", "")
    if document.spec.by_hand and name in ("dms_delivery_note", "dms_invoice_application"):
        what = name.removeprefix("dms_").replace("_", "-")
        then = f"orders wait for `connector orders done NUMBER --what {what} --document NUMBER`"
    return Lack(tree, "absent", "absent", f"the DMS lacks it: {then}", "")


def unheard(folder: Folder) -> Iterator[Finding]:
    """Say that nothing tells of shipments and invoices, where that is so."""
    specs = [
        next((each.spec for each in documents(folder, name, [])), None)
        for name in _NEWS_OF
        if name in folder.names()
    ]
    if specs and all(each is not None and each.absent for each in specs):
        text = "nothing tells of shipments and invoices: neither the DMS nor SAP is asked"
        remedy = f"map one of {', '.join(_NEWS_OF)}, or say each by `connector orders done`"
        yield Finding(folder.path("dms_status.yaml"), 1, 1, "absent", text, remedy, "warning")


def unmade(folder: Folder) -> Iterator[Finding]:
    """Give what a mapping names in `then` and the folder has not, or cannot ask about."""
    can_ask = FOUND in folder.names() and not any(
        each.spec.absent for each in documents(folder, FOUND, [])
    )
    for name in folder.names():
        for document in documents(folder, name, []):
            block = document.tree.block_at("then")
            for further, flag in document.spec.then.items():
                at = block.places.get(further) or Where(document.file, 1, 1)
                if further not in folder.names():
                    yield Finding(
                        *at, "then", f"there is no {further}.yaml", near(further, folder.names())
                    )
                elif name not in FINISHED:
                    text = f"nothing is called after {name}"
                    yield Finding(*at, "then", text, f"only after {', '.join(FINISHED)}")
                elif not flag or not can_ask:
                    text = f"whether {further} is done cannot be asked: a lost answer goes to ops"
                    remedy = f"{further}: the name of a field of dms_find"
                    yield Finding(*at, "then", text, remedy, "warning")
