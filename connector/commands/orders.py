"""`connector orders`: list, show, retry, cancel, and what a person says of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer

from connector.commands.outcome import NEEDS_PERSON, code_of, stands
from connector.commands.output import Actor, DryRun, Json, Reason, document, listing, say, shown

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
        rows = connector.context.orders.listed(stage=stage, hold=hold, since=start, limit=limit + 1)
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
                    "reason": _reason(row),
                }
                for row in rows
            ],
            as_json=json,
            zone=zone,
            empty="no such orders",
            limit=limit,
        )


@app.command()
def show(number: str, json: Json = False) -> None:
    """Print an order's whole story.

    Example: connector orders show 36
    """
    from connector.commands.opened import opened, zone_of
    from connector.steps.context import readable
    from connector.web.story import story_of

    with opened() as connector:
        row = _row(connector, number)
        story = story_of(connector, row)
        if json:
            document(story)
            readable(row)
            return
        zone = zone_of(connector)
        for name, value in story.items():
            if not isinstance(value, list) or not value or not isinstance(value[0], dict):
                say(f"{name:18} {shown(value, zone)}")
        for name in ("lines", "documents", "waves", "calls", "events"):
            print(f"\n{name}")
            listing(story[name], as_json=False, zone=zone, empty="  none")
        readable(row)


@app.command()
def retry(
    numbers: Annotated[list[str] | None, typer.Argument(help="Order numbers.")] = None,
    hold: Hold = None,
    actor: Actor = None,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Look at orders again now: ended holds go on, what the other side refused is sent again.

    Nothing is ever sent twice: a call whose outcome is open is asked about first.

    Example: connector orders retry --hold rejected --reason "the DMS has the part now"
    """
    from connector.commands.opened import acting, opened
    from connector.domain.lifecycle import HoldCause
    from connector.steps.repair import retry as retry_order
    from connector.steps.repair import retry_held

    if not numbers and hold is None:
        raise typer.BadParameter("name orders, or a cause with --hold")
    _known(None, hold)
    ended = []
    with opened() as connector:
        context = connector.context
        rows = [_row(connector, number) for number in dict.fromkeys(numbers or [])]
        cause = HoldCause(hold) if hold is not None else None
        if dry_run:
            if cause is not None:
                rows += [context.orders.get(each) for each in context.orders.held_for(cause)]
            for row in rows:
                say(f"{row.number}: would be looked at again ({row.hold_cause or row.stage})")
            return
        for row in rows:
            with acting(connector, "orders retry", f"order {row.number}", actor, reason) as act:
                after = retry_order(context, row, act.actor, act.reason)
                act.outcome = stands(context, after)
            say(f"{after.number}: {act.outcome}")
            ended.append(after)
        if cause is not None:
            with acting(connector, "orders retry", f"hold {cause}", actor, reason) as act:
                still = 0
                act.outcome = "none was held"
                looked_at = retry_held(context, cause, act.actor, act.reason)
                for number, after in enumerate(looked_at, start=1):
                    say(f"{after.number}: {stands(context, after)}")
                    still += after.hold_cause is not None
                    act.outcome = f"{number} looked at again, {still} of them held"
                    ended.append(after)
    raise typer.Exit(code_of(ended))


@app.command()
def cancel(number: str, actor: Actor = None, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Stop an order everywhere before its release.

    Example: connector orders cancel 36 --reason "the buyer rang"
    """
    from connector.commands.opened import acting, opened
    from connector.domain.lifecycle import Stage
    from connector.steps.repair import request_cancel

    with opened() as connector:
        row = _row(connector, number)
        if dry_run:
            say(f"{row.number}: would be cancelled ({row.stage})")
            return
        with acting(connector, "orders cancel", f"order {row.number}", actor, reason) as act:
            after = request_cancel(connector.context, row, act.actor, act.reason)
            act.outcome = stands(connector.context, after)
        say(f"{after.number}: {act.outcome}")
    if after.stage != Stage.CANCELLED:
        raise typer.Exit(code_of([after]) or NEEDS_PERSON)


@app.command()
def place(
    numbers: Annotated[list[str], typer.Argument(help="Order numbers.")],
    actor: Actor = None,
    reason: Reason = "",
) -> None:
    """Say that nothing was shipped of orders held as maybe_shipped: they go their way.

    Example: connector orders place 36 --reason "the warehouse has the goods"
    """
    from connector.steps.assure import is_open

    _say(numbers, "orders place", is_open, actor, reason)


@app.command()
def known(
    numbers: Annotated[list[str], typer.Argument(help="Order numbers.")],
    actor: Actor = None,
    reason: Reason = "",
) -> None:
    """Say that orders held as maybe_shipped were shipped before: nothing is placed of them.

    Example: connector orders known 36 --reason "shipped by hand on Monday"
    """
    from connector.steps.assure import is_known

    _say(numbers, "orders known", is_known, actor, reason)


@app.command()
def accept(
    numbers: Annotated[list[str], typer.Argument(help="Order numbers.")],
    actor: Actor = None,
    reason: Reason = "",
) -> None:
    """Accept the document of a person whose number no rule can check, once somebody has seen it.

    Example: connector orders accept 36 --reason "seen: military officer's card"
    """
    from connector.steps.assure import accept_document

    _say(numbers, "orders accept", accept_document, actor, reason)


def _say(
    numbers: list[str],
    name: str,
    act_on: Callable[[Any, Any, str, str], Any],
    actor: str | None,
    reason: str,
) -> None:
    from connector.commands.opened import acting, opened

    ended = []
    with opened() as connector:
        for row in [_row(connector, number) for number in dict.fromkeys(numbers)]:
            with acting(connector, name, f"order {row.number}", actor, reason) as act:
                after = act_on(connector.context, row, act.actor, act.reason)
                act.outcome = stands(connector.context, after)
            say(f"{after.number}: {act.outcome}")
            ended.append(after)
    raise typer.Exit(code_of(ended))


@app.command()
def done(
    number: str,
    what: Annotated[
        str,
        typer.Option(
            help="delivery-note, invoice-application, cancel, shipment or invoice, where the DMS"
            " has no operation for it; difference: what an order is held for as changed."
        ),
    ],
    document: Annotated[
        str, typer.Option(help="Its number in the DMS; of a shipment the tracking number.")
    ] = "",
    actor: Actor = None,
    reason: Reason = "",
) -> None:
    """Say that people did by hand what an order waits for. The order then goes on.

    A difference needs a --reason; all else needs the number of its --document.

    Example: connector orders done 36 --what delivery-note --document DN10000007
    """
    from connector.commands.opened import acting, opened
    from connector.steps.by_hand import What, settled
    from connector.steps.by_hand import done as done_by_hand

    kinds = [each.value for each in What]
    if what not in kinds:
        raise typer.BadParameter(f"{what!r} is none of {', '.join(kinds)}")
    if what == What.DIFFERENCE and not reason.strip():
        raise typer.BadParameter("say with --reason how the difference was settled")
    if what != What.DIFFERENCE and not document:
        raise typer.BadParameter(f"name with --document the number of the {what}")
    with opened() as connector:
        row = _row(connector, number)
        with acting(connector, f"orders done {what}", f"order {number}", actor, reason) as act:
            if what == What.DIFFERENCE:
                after = settled(connector.context, row, act.actor, act.reason)
            else:
                after = done_by_hand(
                    connector.context, connector.database, row, What(what), document, act.actor
                )
            act.outcome = stands(connector.context, after)
        say(f"{after.number}: {act.outcome}")
    raise typer.Exit(code_of([after]))


def _row(connector: Any, number: str) -> Any:
    row = connector.context.orders.by_number(number, connector.context.shop)
    if row is None:
        raise typer.BadParameter(f"there is no order {number}; see `connector orders list`")
    return row


def _reason(row: Any) -> str | None:
    if row.unreadable:
        from connector.errors import UnreadableOrder

        return f"unreadable: {UnreadableOrder(row.number).message}"
    return row.hold_reasons[0] if row.hold_reasons else None


def _known(stage: str | None, hold: str | None) -> None:
    from connector.domain import lifecycle

    for value, kind in ((stage, lifecycle.Stage), (hold, lifecycle.HoldCause)):
        allowed = [str(each.value) for each in kind]
        if value is not None and value not in allowed:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(allowed)}")
