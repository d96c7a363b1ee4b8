"""`connector aftersales`: what is under way after the sale, and refunds without their invoice."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.commands.output import DryRun, Json, listing

app = typer.Typer(no_args_is_help=True, help="Returns, exchanges, refunds. 售后")


@app.command("list")
def list_sales(
    state: Annotated[
        str | None,
        typer.Option(help="requested, returning, received, refunded (退款发票未回收), settled, …"),
    ] = None,
    json: Json = False,
) -> None:
    """List after-sales that have not ended, with who must act. Exit code 1 when any is listed.

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
                "recovered": sale.recovered,
                "refunded_at": sale.refunded_at,
                "age_days": age_band((now - sale.refunded_at).days) if sale.refunded_at else None,
                "why": sale.detail.get("why"),
            }
            for sale, order in connector.aftersales.listed((state,) if state else ())
        ]
        listing(rows, as_json=json, zone=zone, empty="nothing is open")
        if rows:
            raise typer.Exit(1)


@app.command()
def recovered(order: str, reference: str, dry_run: DryRun = False) -> None:
    """Say that the invoice of a refund is back (退款发票已回收).

    Example: connector aftersales recovered 30 R-17
    """
    from connector.commands.opened import opened, operator

    with opened() as connector:
        row = connector.context.orders.by_number(order)
        sales = connector.aftersales.of_order(row.id) if row else []
        sale = next((each for each in sales if each.reference == reference), None)
        if sale is None:
            raise typer.BadParameter(f"order {order} has no after-sale {reference}")
        left = sale.amount - sale.recovered
        if dry_run:
            print(f"{order} {reference}: would be noted as recovered, {left:,.2f}")
            return
        connector.aftersales.recovered_by_hand(sale, left, operator(), connector.context.clock())
        print(f"{order} {reference}: recovered, {left:,.2f}; the next run settles it")
