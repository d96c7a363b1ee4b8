"""`connector orders`: list, show, retry, cancel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from connector.commands.output import DryRun, Json, document, listing, shown

app = typer.Typer(no_args_is_help=True, help="Orders: where they stand and why. 订单")

Stage = Annotated[str | None, typer.Option(help="Only orders in this stage.")]
Hold = Annotated[str | None, typer.Option(help="Only orders held for this cause.")]


@app.command("list")
def list_orders(
    stage: Stage = None,
    hold: Hold = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only orders placed at or after this time.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 1000,
    json: Json = False,
) -> None:
    """List orders.

    Example: connector orders list --hold customer_review
    """
    from connector.commands.opened import opened, zone_of

    _known(stage, hold)
    with opened() as connector:
        zone = zone_of(connector)
        start = since.replace(tzinfo=since.tzinfo or zone) if since else None
        rows = connector.context.orders.listed(stage=stage, hold=hold, since=start, limit=limit)
        listing(
            [
                {
                    "number": row.number,
                    "placed_at": row.placed_at,
                    "stage": row.stage,
                    "hold": row.hold_cause,
                    "since": row.hold_since,
                    "customer": row.customer_number,
                    "total": row.total,
                    "deadline_at": row.deadline_at,
                    "reason": (row.hold_reasons or [None])[0],
                }
                for row in rows
            ],
            as_json=json,
            zone=zone,
            empty="no such orders",
        )


@app.command()
def show(number: str, json: Json = False) -> None:
    """Print an order's whole story.

    Example: connector orders show 36
    """
    from connector.commands.opened import opened, zone_of
    from connector.web.story import story_of

    with opened() as connector:
        story = story_of(connector, _row(connector, number))
        if json:
            document(story)
            return
        zone = zone_of(connector)
        for name, value in story.items():
            if not isinstance(value, list) or not value or not isinstance(value[0], dict):
                print(f"{name:18} {shown(value, zone)}")
        for name in ("lines", "documents", "waves", "calls", "events"):
            print(f"\n{name}")
            listing(story[name], as_json=False, zone=zone, empty="  none")


@app.command()
def retry(
    numbers: Annotated[list[str] | None, typer.Argument(help="Order numbers.")] = None,
    hold: Hold = None,
    dry_run: DryRun = False,
) -> None:
    """Look at orders again now: ended holds go on, what the other side refused is sent again.

    Nothing is ever sent twice: a call whose outcome is open is asked about first.

    Example: connector orders retry --hold rejected
    """
    from connector.commands.opened import opened, operator
    from connector.steps.repair import retry as retry_order

    if not numbers and hold is None:
        raise typer.BadParameter("name orders, or a cause with --hold")
    _known(None, hold)
    held = False
    with opened() as connector:
        orders = connector.context.orders
        rows = [_row(connector, number) for number in numbers or []]
        if hold is not None:
            rows += orders.listed(hold=hold, limit=100_000)
        for row in rows:
            if dry_run:
                print(f"{row.number}: would be looked at again ({row.hold_cause or row.stage})")
                continue
            after = retry_order(connector.context, row, operator())
            held = held or after.hold_cause is not None
            print(" ".join(filter(None, (f"{row.number}:", after.stage, after.hold_cause))))
    if held:
        raise typer.Exit(1)


@app.command()
def cancel(number: str, dry_run: DryRun = False) -> None:
    """Stop an order everywhere before its release.

    Example: connector orders cancel 36
    """
    from connector.commands.opened import opened, operator
    from connector.steps.repair import request_cancel

    with opened() as connector:
        row = _row(connector, number)
        if dry_run:
            print(f"{row.number}: would be cancelled ({row.stage})")
            return
        after = request_cancel(connector.context, row, operator())
        print(f"{after.number}: {after.stage}")


def _row(connector: Any, number: str) -> Any:
    row = connector.context.orders.by_number(number)
    if row is None:
        raise typer.BadParameter(f"there is no order {number}; see `connector orders list`")
    return row


def _known(stage: str | None, hold: str | None) -> None:
    from connector.domain import lifecycle

    for value, kind in ((stage, lifecycle.Stage), (hold, lifecycle.HoldCause)):
        allowed = [str(each.value) for each in kind]
        if value is not None and value not in allowed:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(allowed)}")
