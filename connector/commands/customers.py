"""`connector customers`: what the sales rep decides."""

from __future__ import annotations

from typing import Any

import typer

from connector.commands.output import DryRun, Json, listing

app = typer.Typer(no_args_is_help=True, help="Buyers to be settled by the sales rep. 客户识别")


@app.command()
def review(json: Json = False) -> None:
    """List orders whose buyer must be settled, with the candidates in SAP.

    Example: connector customers review
    """
    from connector.commands.opened import opened, zone_of
    from connector.domain.lifecycle import HoldCause

    with opened() as connector:
        rows = connector.context.orders.listed(hold=HoldCause.CUSTOMER_REVIEW)
        listing(
            [
                {
                    "number": row.number,
                    "since": row.hold_since,
                    "reasons": row.hold_reasons or [],
                }
                for row in rows
            ],
            as_json=json,
            zone=zone_of(connector),
            empty="no buyer waits to be settled",
        )


@app.command()
def link(number: str, customer: str, dry_run: DryRun = False) -> None:
    """Say that an order's buyer is this SAP customer; all its held orders go on.

    Example: connector customers link 31 0000100234
    """
    from connector.steps.repair import link_customer

    _settle(
        number,
        f"linked to {customer}",
        dry_run,
        lambda c, row, who: link_customer(c, row, customer, who),
    )


@app.command()
def create(number: str, dry_run: DryRun = False) -> None:
    """Say that an order's buyer is new; the customer is created once in SAP.

    Example: connector customers create 31
    """
    from connector.steps.repair import new_customer

    _settle(number, "created in SAP", dry_run, new_customer)


def _settle(number: str, what: str, dry_run: bool, act: Any) -> None:
    from connector.commands.opened import opened, operator
    from connector.domain.lifecycle import HoldCause

    with opened() as connector:
        row = connector.context.orders.by_number(number)
        if row is None or row.hold_cause != HoldCause.CUSTOMER_REVIEW:
            raise typer.BadParameter(f"order {number} does not wait for the sales rep")
        if dry_run:
            print(f"{number}: its buyer would be {what}")
            return
        for moved in act(connector.context, row, operator()):
            print(f"{moved.number}: {moved.stage} {moved.hold_cause or ''}".rstrip())
