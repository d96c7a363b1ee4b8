"""`connector customers`: what the sales rep decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from connector.commands.outcome import code_of, stands
from connector.commands.output import Actor, DryRun, Json, Reason, listing, say

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
    actor: Actor = None,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """List orders whose buyer must be settled, with the candidates in SAP.

    A workbook holds personal data of buyers: give it to the sales rep alone.

    Example: connector customers review --export review.xlsx
    """
    from connector.commands.opened import opened, zone_of
    from connector.domain.lifecycle import HoldCause

    if export is not None and import_ is not None:
        raise typer.BadParameter("say either --export or --import, not both")
    if export is not None:
        _export(export)
        return
    if import_ is not None:
        _import(import_, json, dry_run, (actor, reason))
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
    actor: Actor = None,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Say that an order's buyer is this SAP customer; all its held orders go on.

    Example: connector customers link 31 0000100234 --correct
    """
    from connector.domain.document_number import document_number
    from connector.steps.repair import link_customer

    if not document_number(customer):
        raise typer.BadParameter(f"{customer!r} is no customer number")
    _settle(
        ("customers link", number, f"linked to {customer}"),
        (actor, reason),
        dry_run,
        lambda context, row, act: link_customer(
            context, row, customer, act.actor, act.reason, correcting=correct
        ),
    )


@app.command()
def create(number: str, actor: Actor = None, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Say that an order's buyer is new; the customer is created once in SAP.

    Example: connector customers create 31
    """
    from connector.steps.repair import new_customer

    _settle(
        ("customers create", number, "created in SAP"),
        (actor, reason),
        dry_run,
        lambda context, row, act: new_customer(context, row, act.actor, act.reason),
    )


def _export(path: Path) -> None:
    from connector.commands.opened import opened
    from connector.extracts.review import write_review
    from connector.steps.review import questions
    from connector.unattended import language_of

    if path.suffix.lower() != ".xlsx":
        raise typer.BadParameter(f"{path} must end in .xlsx")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    with opened() as connector:
        asked = questions(connector.context)
        write_review(path, asked, language_of(connector.settings).say)
    say(f"{path}: {len(asked)} buyers to be settled")


def _import(path: Path, json: bool, dry_run: bool, who: tuple[str | None, str]) -> None:
    from connector.commands.opened import acting, opened, zone_of
    from connector.extracts.handed_in import content_of
    from connector.extracts.review import read_review
    from connector.steps.review import take_answers

    if not path.is_file():
        raise typer.BadParameter(f"there is no file {path}")
    answers = read_review(content_of(path), str(path))
    with opened() as connector:
        context = connector.context
        if dry_run:
            taken = list(take_answers(context, answers, "", dry_run=True))
        else:
            with acting(connector, "customers review", path.name, *who) as act:
                taken = list(take_answers(context, answers, act.actor, act.reason))
                wrong = sum(bool(each.wrong) for each in taken)
                act.outcome = f"{len(taken)} rows, {wrong} of them wrong"
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


def _settle(
    what: tuple[str, str, str], who: tuple[str | None, str], dry_run: bool, settle: Any
) -> None:
    from connector.commands.opened import acting, opened
    from connector.domain.lifecycle import HoldCause

    command, number, does = what
    with opened() as connector:
        row = connector.context.orders.by_number(number, connector.context.shop)
        if row is None or row.hold_cause != HoldCause.CUSTOMER_REVIEW:
            raise typer.BadParameter(
                f"order {number} does not wait for the sales rep; see `connector customers review`"
            )
        if dry_run:
            say(f"{number}: its buyer would be {does}")
            return
        with acting(connector, command, f"order {number}", *who) as act:
            moved = settle(connector.context, row, act)
            told = [f"{each.number}: {stands(connector.context, each)}" for each in moved]
            act.outcome = f"{does}; " + ", ".join(told)
        for each in told:
            say(each)
    raise typer.Exit(code_of(moved))
