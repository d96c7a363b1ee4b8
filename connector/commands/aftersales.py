"""`connector aftersales`: what is under way after the sale, and refunds without their invoice."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.commands.output import Actor, DryRun, Json, Reason, listing, say

_SEE = "see `connector aftersales list`"
app = typer.Typer(no_args_is_help=True, help="Returns, exchanges, refunds. 售后")


@app.command("list")
def list_sales(
    state: Annotated[
        str | None,
        typer.Option(
            help="requested, returning, received, invoicing, refunded (退款发票未回收), outside,"
            " refused, withdrawn, …"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List after-sales that need somebody, with who must act. Exit code 1 when any is listed.

    Example: connector aftersales list --state refunded
    """
    from connector.commands.opened import opened, zone_of
    from connector.domain.aftersales import SaleState, age_band, owner_of

    if state is not None and state not in set(SaleState):
        raise typer.BadParameter(f"{state!r} is none of {', '.join(SaleState)}")
    with opened() as connector:
        zone = zone_of(connector)
        now = connector.context.clock()
        rows = [
            {
                "order": order.number,
                "reference": sale.reference,
                "kind": sale.kind,
                "state": sale.state,
                "owner": owner_of(sale.state).value,
                "refunded": sale.amount,
                "open_money": sale.open_money,
                "recovered": sale.recovered,
                "refunded_at": sale.refunded_at,
                "age_days": age_band((now - sale.refunded_at).days) if sale.refunded_at else None,
                "why": sale.why,
            }
            for sale, order in connector.aftersales.listed((state,) if state else ())
        ]
        listing(rows, as_json=json, zone=zone, empty="nothing is open")
        if rows:
            raise typer.Exit(1)


@app.command()
def recovered(order: str, reference: str, dry_run: DryRun = False) -> None:
    """Say that the invoice of a refund is back (退款发票已回收), and what was open is settled.

    Example: connector aftersales recovered 30 R-17
    """
    from connector.commands.opened import opened, operator
    from connector.domain.currency import in_words

    with opened() as connector:
        row = connector.context.orders.by_number(order)
        sales = connector.aftersales.of_order(row.id) if row else []
        sale = next((each for each in sales if each.reference == reference), None)
        if sale is None:
            raise typer.BadParameter(f"order {order} has no after-sale {reference}; {_SEE}")
        left = max(sale.amount - sale.recovered, abs(sale.open_money))
        told = in_words(left, row.currency if row else "")
        if dry_run:
            say(f"{order} {reference}: would be noted as recovered, {told}")
            return
        connector.aftersales.recovered_by_hand(sale, left, operator(), connector.context.clock())
        say(f"{order} {reference}: recovered, {told}; the next run settles it")


@app.command()
def retry(
    order: str,
    reference: str,
    actor: Actor = None,
    reason: Reason = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Register a return again that the DMS refused, once its cause is mended. Never twice.

    Exit code 1 when the DMS refuses it again.

    Example: connector aftersales retry 30 100017 --reason "the period is open again"
    """
    from connector.commands.opened import acting, opened, zone_of
    from connector.domain.aftersales import SaleState, owner_of
    from connector.jobs.aftersales import try_again

    with opened() as connector:
        row = connector.context.orders.by_number(order)
        sales = connector.aftersales.of_order(row.id) if row else []
        sale = next((each for each in sales if each.reference == reference), None)
        if row is None or sale is None:
            raise typer.BadParameter(f"order {order} has no after-sale {reference}; {_SEE}")
        if sale.state != SaleState.REFUSED:
            raise typer.BadParameter(f"{reference} of order {order} is {sale.state}, not refused")
        if not dry_run:
            with acting(connector, "aftersales retry", order, actor, reason) as act:
                sale = try_again(connector.context, connector.aftersales, row, reference, act.actor)
                act.outcome = sale.state
        listing(
            [
                {
                    "order": order,
                    "reference": reference,
                    "kind": sale.kind,
                    "state": sale.state,
                    "owner": owner_of(sale.state).value,
                    "why": sale.why,
                }
            ],
            as_json=json,
            zone=zone_of(connector),
        )
        if not dry_run and sale.state == SaleState.REFUSED:
            raise typer.Exit(1)
