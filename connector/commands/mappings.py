"""`connector mappings`: list, check, preview, compare, schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from connector.commands.output import Json, document, listing

app = typer.Typer(no_args_is_help=True, help="Mappings: what goes where. 字段映射")

Unit = Annotated[str | None, typer.Option(help="As this business unit (its code) has it.")]
Name = Annotated[str | None, typer.Argument(help="Print this mapping as it takes effect.")]


@app.command("list")
def list_mappings(name: Name = None, unit: Unit = None, json: Json = False) -> None:
    """List the mappings; or print one as it takes effect, each line with its origin.

    Example: connector mappings list dms_sales_order --unit GQ
    """
    from zoneinfo import ZoneInfo

    from connector.mapping.finding import MappingsInvalid
    from connector.mapping.load import Folder
    from connector.settings import load_settings

    settings = load_settings()
    folder = Folder.read(settings.mappings)
    findings: list[Any] = []
    if name is not None:
        _known(name, folder.names())
        found = folder.document(name, findings, shop=settings.shop, business_unit=unit or "")
        if found is None:
            raise MappingsInvalid(findings)
        _print_effective(found, as_json=json)
        return
    rows = []
    for each in folder.names():
        found = folder.document(each, findings, shop=settings.shop)
        if found is not None:
            target = found.spec.target
            rows.append(
                {
                    "mapping": each,
                    "system": target.system,
                    "operation": "none: absent" if found.spec.absent else target.operation,
                    "shops": [shop for shop in folder.shops() if _has(folder, shop, each)],
                    "business_units": folder.business_units(each),
                    "version": folder.version,
                }
            )
    if findings:
        raise MappingsInvalid(findings)
    listing(rows, as_json=json, zone=ZoneInfo(settings.calendar.zone))


@app.command()
def check(
    live: Annotated[
        bool, typer.Option("--live", help="Against the systems themselves, not their snapshots.")
    ] = False,
    store: Annotated[
        bool, typer.Option("--store", help="With --live: keep what was read as the snapshots.")
    ] = False,
    format: Annotated[
        Literal["text", "json", "github"], typer.Option(help="How findings are printed.")
    ] = "text",
) -> None:
    """Check the folder: form, interfaces, lengths, words, conditions; nothing is sent.

    Ends with 2 when something is wrong, 1 when something is odd, 3 when a system is away.

    Example: connector mappings check --format github
    """
    from connector.interfaces import checked
    from connector.mapping.finding import printed
    from connector.settings import load_settings

    findings = checked(load_settings(), live=live, store=store)
    text = printed(findings, format)
    if text:
        print(text)
    elif format == "text":
        print("good")
    levels = {each.level for each in findings}
    if "error" in levels:
        raise typer.Exit(2)
    if "warning" in levels:
        raise typer.Exit(1)


@app.command()
def schema(
    reference: Annotated[
        bool, typer.Option("--reference", help="Print the reference page instead.")
    ] = False,
) -> None:
    """Print the JSON Schema with which editors complete mapping files.

    Example: connector mappings schema > mappings/schema.json
    """
    from connector.mapping import reference as made

    print(made.reference() if reference else made.schema_text(), end="")


def _has(folder: Any, shop: str, name: str) -> bool:
    return f"shops/{shop}/{name}.yaml" in folder.files


def _known(name: str, names: list[str]) -> None:
    from connector.mapping.finding import near

    if name not in names:
        raise typer.BadParameter(f"there is no mapping {name}; {near(name, names)}")


def _print_effective(found: Any, *, as_json: bool) -> None:
    from connector.mapping.effective import lines, printed

    if not as_json:
        print(printed(found.tree))
        return
    document(
        {
            "mapping": found.name,
            "lines": [
                {"text": text, "file": where.file, "line": where.line}
                for text, where in lines(found.tree)
            ],
        }
    )
