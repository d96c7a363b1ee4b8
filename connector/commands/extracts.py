"""`connector extracts`: build, list, verify."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from connector.commands.outcome import DONE, NEEDS_PERSON, UNREACHABLE, code_of_runs
from connector.commands.output import DryRun, Json, listing

app = typer.Typer(no_args_is_help=True, help="Finance's files. 财务文件")


@app.command()
def build(
    date: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A business day.")],
) -> None:
    """Compare a closed business day and write its extract, also again.

    Example: connector extracts build --date 2026-11-24
    """
    from connector.commands.jobs import business_day, without_gap
    from connector.commands.opened import opened, zone_of

    with opened() as connector:
        zone = zone_of(connector)
        window = business_day(connector, date, zone)
        if window.end > connector.context.clock():
            raise typer.BadParameter(
                f"{date:%Y-%m-%d} is not closed yet; it is at"
                f" {window.end.astimezone(zone):%Y-%m-%d %H:%M}"
            )
        without_gap(connector, connector.runner.jobs["reconcile"], "", [window], zone)
        outcome = connector.runner.run_window("reconcile", window)
        if outcome.state == "skipped":
            row = connector.runs.find("reconcile", "", window.bounds)
            again = connector.runner.rerun(row.id) if row else None
            if again is None:
                print("is being built by another process")
                raise typer.Exit(1)
            outcome = again
        if outcome.state == "failed":
            print(f"failed: {outcome.error}")
            raise typer.Exit(code_of_runs([outcome]))
        print(", ".join(f"{key} {value}" for key, value in outcome.counts.items()))


@app.command("list")
def list_files(json: Json = False) -> None:
    """List the files that were handed over.

    Example: connector extracts list
    """
    from connector.commands.opened import opened, zone_of

    with opened() as connector:
        listing(
            [
                {
                    "path": row.path,
                    "kind": row.kind,
                    "rows": row.rows,
                    "written_at": row.written_at,
                    "sha256": row.sha256,
                }
                for row in connector.files.listed()
            ],
            as_json=json,
            zone=zone_of(connector),
            empty="no files yet",
        )


@app.command()
def deliver(target: str, dry_run: DryRun = False) -> None:
    """Deliver to one target now, also what it refused before. Nothing arrives there twice.

    Ends with 1 when the target refuses something, 3 when it cannot be reached.

    Example: connector extracts deliver finance
    """
    from connector.commands.jobs import windows_of
    from connector.commands.opened import opened, operator, zone_of
    from connector.jobs.cadence import Window
    from connector.steps.deliver import release_refused

    with opened() as connector:
        job = connector.runner.jobs["deliver"]
        if target not in job.scopes:
            raise typer.BadParameter(
                f"{target!r} is no target: `delivery` in the settings has"
                f" {', '.join(job.scopes) or 'none'}"
            )
        if dry_run:
            print(f"{target}: would be delivered what is not there yet")
            return
        released = release_refused(connector.context.calls, target, operator())
        failed = []
        waiting = refused = files = 0
        # Between two windows too, a person's word is the moment to deliver.
        due = windows_of(connector, job, target, None, None, zone_of(connector)) or [
            Window(connector.runner.reached("deliver", target), connector.context.clock())
        ]
        for window in due:
            outcome = connector.runner.run_window("deliver", window, target)
            failed += [outcome] if outcome.state == "failed" else []
            files += outcome.counts.get("files", 0)
            waiting = outcome.counts.get("waiting", 0)
            refused = outcome.counts.get("needs_person", 0)
        print(
            f"{target}: {files} files delivered, {waiting + refused} wait,"
            f" {released} refused before"
        )
        for each in failed:
            print(f"failed: {each.error}")
    if failed:
        raise typer.Exit(code_of_runs(failed))
    raise typer.Exit(NEEDS_PERSON if refused else UNREACHABLE if waiting else DONE)


@app.command()
def verify(path: Path) -> None:
    """Check an extract's folder against its manifest.

    Example: connector extracts verify var/out/extracts/2026-11-24
    """
    from connector.extracts.verify import verify as verify_folder

    if path.is_file():
        raise typer.BadParameter(f"{path} is a file; name the folder that holds it")
    findings = verify_folder(path)
    for finding in findings:
        print(finding)
    if findings:
        raise typer.Exit(1)
    print(f"{path}: complete and unchanged")
