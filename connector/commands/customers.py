"""`connector customers`: what the sales rep decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from connector.commands.output import DryRun, Json, listing

app = typer.Typer(no_args_is_help=True, help="Buyers to be settled by the sales rep. 客户识别")


@app.command()
def review(
    json: Json = False,
    export: Annotated[
        Path | None, typer.Option(help="Write a workbook that a sales rep can fill in.")
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", help="Take a workbook that was filled in.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """List orders whose buyer must be settled, with the candidates in SAP.

    A workbook holds personal data of buyers: give it to the sales rep alone.

    Example: connector customers review --export review.xlsx
    """
    from connector.commands.opened import opened, zone_of
    from connector.domain.lifecycle import HoldCause

    if export is not None and import_ is not None:
        raise typer.BadParameter("either --export or --import")
    if export is not None:
        _export(export)
        return
    if import_ is not None:
        _import(import_, json, dry_run)
        return
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
def link(
    number: str,
    customer: str,
    correct: Annotated[
        bool | None,
        typer.Option(help="Write the buyer's data into the SAP record; by default as set."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Say that an order's buyer is this SAP customer; all its held orders go on.

    Example: connector customers link 31 0000100234 --correct
    """
    from connector.steps.repair import link_customer

    _settle(
        number,
        f"linked to {customer}",
        dry_run,
        lambda c, row, who: link_customer(c, row, customer, who, correcting=correct),
    )


@app.command()
def create(number: str, dry_run: DryRun = False) -> None:
    """Say that an order's buyer is new; the customer is created once in SAP.

    Example: connector customers create 31
    """
    from connector.steps.repair import new_customer

    _settle(number, "created in SAP", dry_run, new_customer)


def _export(path: Path) -> None:
    from connector.commands.opened import opened
    from connector.extracts.review import write_review
    from connector.steps.review import questions

    if path.suffix.lower() != ".xlsx":
        raise typer.BadParameter(f"{path} must end in .xlsx")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    with opened() as connector:
        asked = questions(connector.context)
        write_review(path, asked)
    print(f"{path}: {len(asked)} buyers to be settled")


def _import(path: Path, json: bool, dry_run: bool) -> None:
    from connector.commands.opened import opened, operator, zone_of
    from connector.extracts.review import read_review
    from connector.steps.review import take_answers

    if not path.is_file():
        raise typer.BadParameter(f"there is no file {path}")
    answers = read_review(path)
    with opened() as connector:
        taken = list(take_answers(connector.context, answers, operator(), dry_run=dry_run))
        listing(
            [
                {
                    "row": each.row,
                    "order": each.order,
                    "result": "wrong" if each.wrong else "done",
                    "text": each.wrong or each.done,
                }
                for each in taken
            ],
            as_json=json,
            zone=zone_of(connector),
            empty="the workbook holds no row",
        )
    if any(each.wrong for each in taken):
        raise typer.Exit(1)


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
