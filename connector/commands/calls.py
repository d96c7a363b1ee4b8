"""`connector calls`: outbound writes, and what to do about those in doubt."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connector.commands.outcome import DONE, NEEDS_PERSON, code_of, stands
from connector.commands.output import Actor, DryRun, Json, Reason, document, listing, say

app = typer.Typer(no_args_is_help=True, help="Outbound calls and their outcome. 外发调用")


@app.command("list")
def list_calls(
    in_doubt: Annotated[
        bool, typer.Option("--in-doubt", help="Only those whose outcome is open.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 200,
    json: Json = False,
) -> None:
    """List outbound calls, newest first.

    Example: connector calls list --in-doubt
    """
    from connector.commands.opened import opened, zone_of
    from connector.domain.masking import mask_text
    from connector.steps.outbound import numbers_given

    with opened() as connector:
        states = ("sent", "in_doubt") if in_doubt else ()
        listing(
            [
                {
                    "id": row.id,
                    "system": row.system,
                    "operation": row.operation,
                    "reference": row.reference,
                    "state": row.state,
                    "attempts": row.attempts,
                    "document": row.document,
                    "given": ", ".join(numbers_given(row)),
                    "sent_at": row.sent_at,
                    "error": mask_text(row.error or "")[:160],
                }
                for row in connector.context.calls.listed(states, limit + 1)
            ],
            as_json=json,
            zone=zone_of(connector),
            empty="no such calls",
            limit=limit,
        )


@app.command()
def show(call_id: int) -> None:
    """Print one call with its request (personal data masked) and answer.

    Example: connector calls show 12
    """
    from connector.commands.opened import opened
    from connector.domain.masking import mask_tree

    with opened() as connector:
        row = _row(connector, call_id)
        document(
            {
                "id": row.id,
                "key": row.key,
                "system": row.system,
                "operation": row.operation,
                "reference": row.reference,
                "state": row.state,
                "attempts": row.attempts,
                "asked": row.asked,
                "document": row.document,
                "given": row.given or [],
                "code": row.code,
                "error": mask_tree(row.error),
                "mapping_version": row.mapping_version,
                "request_sha256": row.request_hash,
                "created_at": row.created_at,
                "sent_at": row.sent_at,
                "finished_at": row.finished_at,
                "request": mask_tree(row.request),
                "answer": mask_tree(row.answer),
            }
        )


@app.command()
def ask(call_id: int, actor: Actor = None, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Ask the other side about a call whose outcome is open, and let its order go on.

    Only what the other side provably has not got is sent again, as the service would do.

    Example: connector calls ask 12
    """
    from connector.commands.opened import acting, opened
    from connector.steps.repair import ask_about

    with opened() as connector:
        row = _row(connector, call_id)
        if dry_run:
            say(f"call {call_id}: {row.system} would be asked for {row.reference} ({row.state})")
            return
        with acting(connector, "calls ask", f"call {call_id}", actor, reason) as act:
            after = ask_about(connector.context, row, act.actor, act.reason)
            act.outcome, code = _came_to(connector, call_id, after)
        say(act.outcome)
    raise typer.Exit(code)


@app.command()
def resolve(
    call_id: int,
    found: Annotated[
        str | None, typer.Option(help="The document that the write made in the other system.")
    ] = None,
    absent: Annotated[
        bool, typer.Option("--absent", help="You looked: the write took no effect.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back a --found before anything was built upon it.")
    ] = False,
    actor: Actor = None,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Settle by hand a call that the connector could not ask about.

    After --found the order goes on a minute later; until then --undo takes it back.

    Example: connector calls resolve 12 --found SO00000123
    """
    from connector.commands.opened import acting, opened
    from connector.errors import Rejected
    from connector.steps.resolve import own_number, resolve_call, take_back

    if [found is not None, absent, undo].count(True) != 1:
        raise typer.BadParameter("say one of --found DOCUMENT, --absent and --undo")
    with opened() as connector:
        row = _row(connector, call_id)
        if not undo and row.state not in ("sent", "in_doubt"):
            raise typer.BadParameter(f"call {call_id} is {row.state}; its outcome is not open")
        if found is not None:
            try:
                found = own_number(connector.context, row, found)
            except Rejected as refusal:
                raise typer.BadParameter(str(refusal)) from None
        does = "in doubt again" if undo else f"confirmed as {found}" if found else "sent again"
        if dry_run:
            say(f"call {call_id}: would be {does}")
            return
        with acting(connector, "calls resolve", f"call {call_id}", actor, reason) as act:
            after = (
                take_back(connector.context, row, act.actor, act.reason)
                if undo
                else resolve_call(connector.context, row, found, act.actor, act.reason)
            )
            act.outcome, code = _came_to(connector, call_id, after)
        say(act.outcome)
    raise typer.Exit(code)


def _came_to(connector: Any, call_id: int, order: Any) -> tuple[str, int]:
    """Say where a call and its order stand now, and the exit code that it calls for."""
    call = connector.context.calls.get(call_id)
    text = f"call {call_id}: {call.state}"
    of_call = NEEDS_PERSON if call.state == "in_doubt" else DONE
    if order is None:
        return text, of_call
    return (
        f"{text}; order {order.number}: {stands(connector.context, order)}",
        code_of([order]) or of_call,
    )


def _row(connector: Any, call_id: int) -> Any:
    row = connector.context.calls.get(call_id)
    if row is None:
        raise typer.BadParameter(f"there is no call {call_id}; see `connector calls list`")
    return row
