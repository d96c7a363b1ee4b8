"""`connector run`, `connector sandbox` and `connector demo`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer


def run(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
            help="The very first start pulls orders changed since then, in the calendar's zone;"
            " without it those of the running wave.",
        ),
    ] = None,
) -> None:
    """Run the service: every job when it is due, until SIGTERM; health at /healthz.

    Orders that were completed before the first start are known, and not placed.

    Example: connector run --since 2026-11-20
    """
    from zoneinfo import ZoneInfo

    import structlog

    from connector.bootstrap import build
    from connector.logs import configure
    from connector.service import serve
    from connector.settings import load_settings
    from connector.telemetry import tracing

    settings = load_settings()
    configure(settings.log_level)
    traces = tracing.export_to(settings.traces_endpoint) if settings.traces_endpoint else None
    try:
        connector = build(settings)
        if since is not None:
            begin = since.replace(tzinfo=ZoneInfo(settings.calendar.zone))
            begun = connector.runs.begun("intake", "", begin)
            if begun != begin:
                structlog.get_logger(__name__).warning(
                    "--since is for the very first start; pull an earlier span by"
                    " `connector job run intake --window`",
                    orders_pulled_from=begun.isoformat(),
                )
        serve(connector)
    finally:
        if traces is not None:
            traces.shutdown()


def sandbox(
    port_base: Annotated[
        int, typer.Option(help="The servers listen on the three ports after this one.")
    ] = 8800,
    orders: Annotated[
        Path | None, typer.Option(help="A JSON list of WooCommerce orders to sell.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="For example dms:lost-answer:writes=true,every=3"),
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Keep what the systems hold here.")] = None,
    dms: Annotated[
        str, typer.Option(help="How the DMS is reached: the name of a folder in mappings/examples.")
    ] = "sandbox",
    sap: Annotated[
        str, typer.Option(help="How SAP is reached: soap, or s4 for S/4HANA's OData services.")
    ] = "soap",
) -> None:
    """Run SAP, DMS and storefront as local servers, with made-up data.

    The 26 sample orders are placed in the last minutes, so that `connector run` pulls them.

    Example: connector sandbox --fault sap:outage
    """
    import signal
    import threading

    from connector.errors import Misconfigured
    from connector.sandbox.service import DMS_PASSWORD, SAP_PASSWORD, STOREFRONT_SECRET

    if sap not in ("soap", "s4"):
        raise Misconfigured(f"{sap!r} is no kind of SAP", place="--sap", remedy="soap or s4")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    five = 5 * 60
    newest = datetime.fromtimestamp(datetime.now(UTC).timestamp() // five * five, UTC)
    with _sandbox(
        port_base=port_base, orders=orders, faults=fault, state=state, newest=newest, dms=dms
    ) as running:
        for name, address in running.addresses().items():
            print(f"{name:11} {address}")
        print("\nIn another terminal, from the project's folder:\n")
        if sap == "s4":
            print("  cp -r mappings /tmp/s4 && cp -r mappings/examples/s4_odata/. /tmp/s4/")
            print("  export CONNECTOR_MAPPINGS=/tmp/s4 CONNECTOR_SAP__TRANSPORT=odata")
        print(
            f"  export CONNECTOR_SAP__URL={running.odata_url if sap == 's4' else running.sap_url}"
        )
        print(f"  export CONNECTOR_SAP__PASSWORD={SAP_PASSWORD}")
        print(f"  export CONNECTOR_DMS__WSDL={running.dms_wsdl_url}")
        print(f"  export CONNECTOR_DMS__PASSWORD={DMS_PASSWORD}")
        print(f"  export CONNECTOR_STOREFRONT__URL={running.storefront_url}")
        print(f"  export CONNECTOR_STOREFRONT__CONSUMER_SECRET={STOREFRONT_SECRET}")
        print("  connector check --live\n", flush=True)
        stop.wait()


def demo(
    orders: Annotated[
        Path | None, typer.Option(help="A JSON list of WooCommerce orders instead of the 26.")
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Where the demo keeps its database, the sandbox and the files.")
    ] = Path("var/demo"),
    fault: Annotated[
        list[str] | None,
        typer.Option(help="For example *:lost-answer:writes=true,every=3"),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an earlier demo first.")] = False,
) -> None:
    """Run one business day against the sandbox, then say where every order stands.

    Run again on the same state, it makes no new document anywhere.

    Example: connector demo --fault 'dms:lost-answer:writes=true,every=3'
    """
    import shutil

    from connector.demo import SandboxWorld, demo_day, settings_for
    from connector.demo_summary import summary
    from connector.logs import configure
    from connector.settings import load_settings

    configure("error")
    if fresh and state.exists():
        shutil.rmtree(state)
    state.mkdir(parents=True, exist_ok=True)
    with _sandbox(
        port_base=None, orders=orders, faults=fault, state=state / "sandbox.db"
    ) as running:
        started = datetime.now()
        connector = demo_day(SandboxWorld(running), settings_for(running, load_settings(), state))
        try:
            for line in summary(connector, running, datetime.now() - started):
                print(line)
        finally:
            connector.close()


def _sandbox(
    *,
    port_base: int | None,
    orders: Path | None,
    faults: list[str] | None,
    state: Path | None,
    newest: datetime | None = None,
    dms: str = "sandbox",
) -> Any:
    from connector.errors import Misconfigured
    from connector.sandbox.faults import Fault
    from connector.sandbox.service import Sandbox

    try:
        return Sandbox(
            port_base=port_base,
            orders=orders,
            state=state,
            newest=newest,
            dms=dms,
            faults=[Fault.parse(each) for each in faults or []],
        )
    except ValueError as error:
        raise Misconfigured(str(error), remedy="see `connector sandbox --help`") from None
    except OSError as error:
        raise Misconfigured(
            f"a port is taken ({error.strerror})",
            place="sandbox",
            remedy="choose other ports with --port-base",
        ) from None
