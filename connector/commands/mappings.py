"""`connector mappings`: list, check, preview, compare, schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from connector.commands.output import Json, document, listing

app = typer.Typer(no_args_is_help=True, help="Mappings: what goes where. 字段映射")

Unit = Annotated[str | None, typer.Option(help="As this business unit (its code) has it.")]
Name = Annotated[str | None, typer.Argument(help="Print this mapping as it takes effect.")]


@app.command("list")
def list_mappings(
    name: Name = None,
    unit: Unit = None,
    versions: Annotated[
        bool, typer.Option("--versions", help="List the versions that were in force instead.")
    ] = False,
    noticed: Annotated[
        bool, typer.Option("--noticed", help="List what IT should look at: drift, refusals.")
    ] = False,
    json: Json = False,
) -> None:
    """List the mappings; or print one as it takes effect, each line with its origin.

    Example: connector mappings list dms_sales_order --unit GQ
    """
    from zoneinfo import ZoneInfo

    from connector.mapping.finding import MappingsInvalid
    from connector.mapping.load import Folder, no_mappings
    from connector.settings import load_settings

    if versions or noticed:
        _list_kept(noticed=noticed, as_json=json)
        return
    settings = load_settings()
    folder = Folder.read(settings.mappings)
    findings: list[Any] = []
    if not folder.names():
        raise MappingsInvalid([no_mappings(folder)])
    units = [each.code for each in settings.business_units]
    if unit is not None and unit not in units:
        raise typer.BadParameter(f"there is no business unit {unit}; one of {', '.join(units)}")
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
def preview(
    mapping: Annotated[str, typer.Argument(help="The mapping.")],
    order: Annotated[str, typer.Option(help="The order's number.")],
    json: Json = False,
) -> None:
    """Print what a mapping would send for an order, and where each value comes from.

    Nothing is sent, and no system is asked.

    Example: connector mappings preview dms_sales_order --order 36
    """
    from connector.commands.opened import opened
    from connector.mapping.interfaces import read_interfaces
    from connector.mapping.load import Folder, build
    from connector.preview import cases, sheets

    with opened() as connector:
        settings = connector.settings
        folder = Folder.read(settings.mappings)
        _known(mapping, folder.names())
        # The folder as it stands, not what is in force: it is looked at before it takes effect.
        mappings = build(folder, settings.shop)
        interfaces, _ = read_interfaces(folder.interfaces())
        inputs = cases(connector.context, _order(connector, order), mapping)
        found = list(sheets(settings, mappings, interfaces, mapping, inputs))
    if json:
        document({"mapping": mapping, "order": order, "requests": [_sheet(each) for each in found]})
    else:
        for each in found:
            _print_sheet(each)
    if any(each.wrong for each in found):
        raise typer.Exit(1)


@app.command()
def compare(
    old: Annotated[str, typer.Argument(help="A folder, a git revision, or a version in force.")],
    new: Annotated[str | None, typer.Argument(help="Likewise; the folder by default.")] = None,
    last: Annotated[int, typer.Option(help="Over so many of the newest orders.")] = 100,
    json: Json = False,
) -> None:
    """Run two versions over stored orders and print which fields of which orders change.

    Ends with 1 when anything changes.

    Example: connector mappings compare HEAD~1 mappings --last 50
    """
    from collections import Counter

    from connector.commands.opened import opened, zone_of
    from connector.domain.masking import mask_tree
    from connector.mapping.compare import changed_files, compare
    from connector.mapping.load import build
    from connector.preview import folder_of, sources

    with opened() as connector:
        shop = connector.settings.shop
        was = build(folder_of(old, connector.settings, connector.versions), shop)
        now = build(
            folder_of(new or str(connector.settings.mappings), connector.settings,
                      connector.versions), shop,
        )  # fmt: skip
        names = changed_files(was, now)
        effects = list(compare(was, now, sources(connector.context, names, last)))
        rows: list[dict[str, Any]] = [
            {
                "order": each.order,
                "mapping": each.mapping,
                "part": each.part,
                "field": each.field,
                "old": mask_tree(each.old, each.field),
                "new": mask_tree(each.new, each.field),
            }
            for each in effects
        ]
        listing(rows, as_json=json, zone=zone_of(connector), empty="no value changes")
        if not json:
            for (name, field), count in sorted(
                Counter((each.mapping, each.field) for each in effects).items()
            ):
                print(f"{name} {field}: {count} of the last {last} orders' requests")
            print(f"changed mappings: {', '.join(names) or 'none'}")
    if rows:
        raise typer.Exit(1)


@app.command()
def schema(
    reference: Annotated[
        bool, typer.Option("--reference", help="Print the reference page instead.")
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="That of parts/, shops/ and business_units/.")
    ] = False,
) -> None:
    """Print the JSON Schema with which editors complete mapping files.

    Example: connector mappings schema > mappings/schema.json
    """
    from connector.mapping import reference as made

    print(made.reference() if reference else made.schema_text(overlay=overlay), end="")


def _list_kept(*, noticed: bool, as_json: bool) -> None:
    from connector.commands.opened import opened, zone_of

    with opened() as connector:
        rows: list[dict[str, Any]] = (
            [
                {
                    "kind": each.kind,
                    "mapping": each.place,
                    "what": each.what,
                    "count": each.count,
                    "first_at": each.first_at,
                    "last_at": each.last_at,
                }
                for each in connector.versions.notices()
            ]
            if noticed
            else [
                {
                    "version": each.version,
                    "first_at": each.first_at,
                    "in_force": each.last,
                    "files": len(each.files),
                }
                for each in connector.versions.listed()
            ]
        )
        listing(rows, as_json=as_json, zone=zone_of(connector))


def _has(folder: Any, shop: str, name: str) -> bool:
    return f"shops/{shop}/{name}.yaml" in folder.files


def _known(name: str, names: list[str]) -> None:
    from connector.mapping.finding import near

    if name not in names:
        hint = near(name, names) or "see `connector mappings list`"
        raise typer.BadParameter(f"there is no mapping {name}; {hint}")


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


def _order(connector: Any, number: str) -> Any:
    row = connector.context.orders.by_number(number, connector.settings.shop)
    if row is None:
        raise typer.BadParameter(f"there is no order {number}; see `connector orders list`")
    return row


def _sheet(sheet: Any) -> dict[str, Any]:
    return {
        "part": sheet.part,
        "target": sheet.title,
        "request": sheet.text,
        "origins": [
            {
                "field": each.path,
                "value": each.value,
                "file": each.where.file,
                "line": each.where.line,
                "made_of": each.made_of,
            }
            for each in sheet.traces
        ],
        "notes": list(sheet.notes),
        "wrong": list(sheet.wrong),
    }


def _print_sheet(sheet: Any) -> None:
    print(f"── {sheet.title} {sheet.part}".rstrip())
    for note in sheet.notes:
        print(f"note: {note}")
    for wrong in sheet.wrong:
        print(f"WRONG: {wrong}")
    if sheet.text:
        print(sheet.text)
    for each in sheet.traces:
        value = str(each.value)
        print(f"  {each.path} = {value[:60]}   ← {each.made_of}   {each.where}")
    print()
