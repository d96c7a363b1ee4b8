"""The command line: `connector COMMAND`.

Exit codes: 0 done, 1 somebody is needed, 2 wrong use or configuration, 3 a system could not be
reached.
"""

from __future__ import annotations

import typer

from connector.commands import (
    aftersales,
    calls,
    check,
    customers,
    database,
    differences,
    extracts,
    jobs,
    mappings,
    orders,
    pauses,
    quarantine,
    service,
    settlement,
)

app = typer.Typer(
    name="connector",
    help="Runs orders between the storefront, SAP and the DMS. 商城、SAP与DMS之间的订单连接器。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(service.run)
app.command("check")(check.check)
app.command("pause")(pauses.pause)
app.command("resume")(pauses.resume)
app.command("sandbox")(service.sandbox)
app.command("demo")(service.demo)
app.add_typer(jobs.app, name="job")
app.add_typer(orders.app, name="orders")
app.add_typer(customers.app, name="customers")
app.add_typer(calls.app, name="calls")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(mappings.app, name="mappings")
app.add_typer(differences.app, name="differences")
app.add_typer(extracts.app, name="extracts")
app.add_typer(aftersales.app, name="aftersales")
app.add_typer(settlement.app, name="settlement")
app.add_typer(database.app, name="db")


def main() -> None:
    """Run the command line; every typed error ends as one line and an exit code."""
    from connector.commands.outcome import exit_code_of

    raise SystemExit(exit_code_of(app))
