"""The commands of the service: train, serve, replay, score, versions, promote, rollback (lesson 08, section 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecomlib.errors import DataError

Home = Annotated[Path, typer.Option(help="Folder of versions and events; made by train.")]
HOME = Path("ecomlib-home")


def train(
    store: Annotated[str, typer.Option(help="simulated, online_retail, or a folder of your tables.")] = "simulated",
    size: Annotated[str, typer.Option(help="Size of the simulated store: tiny, small, full.")] = "small",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated store and of the network.")] = 0,
    hold_out: Annotated[int, typer.Option(min=0, help="Last weeks that are kept for replay.")] = 4,
    home: Home = HOME,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Rounds of training; by the shop's size without it.")
    ] = None,
    text: Annotated[bool, typer.Option(help="Read the listings' words when prices' effects are estimated.")] = True,
    int8: Annotated[bool, typer.Option("--int8", help="Also an eight-bit network, and what it costs.")] = False,
) -> None:
    """Train on a shop's tables, calibrate, export, prove and publish; the first version is promoted."""
    from ecomlib.serving.bundle import registry
    from ecomlib.serving.train import TrainPlan
    from ecomlib.serving.train import train as make
    from ecomlib.stores import load_store

    typer.echo(f"reading the store {store} …")
    shop = load_store(store, size=size, seed=seed).observed()
    plan = TrainPlan(hold_out, epochs, seed, text=text, small=int8)
    source = {
        "store": store if store in ("simulated", "online_retail") else str(Path(store).resolve()),
        "size": size,
        "seed": seed,
    }
    made = make(shop, home, plan, source=source, say=typer.echo)
    registry(home).promote(made.version.number, "the first version")
    typer.echo(f"version {made.version.number:04d} is in force: ecomlib serve --home {home}")


def serve(
    home: Home = HOME,
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than loopback needs a write key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port.")] = 8000,
    database: Annotated[str | None, typer.Option(help="SQLAlchemy URL; by default SQLite in the home folder.")] = None,
) -> None:
    """Answer for the version in force, over HTTP; ends on SIGTERM or Ctrl-C."""
    import ipaddress
    import os

    from ecomlib.errors import MissingDependencyError

    try:
        import uvicorn

        from ecomlib.serving.app import create_app
        from ecomlib.serving.intake import KEY
    except ImportError as error:
        raise MissingDependencyError(
            f"the service needs {error.name}. What to do: pip install 'ecomlib[serve]'"
        ) from error
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback and not os.environ.get(KEY):
        remedy = f"set {KEY} in the environment to a long random text, or listen on 127.0.0.1."
        raise DataError("anybody who reaches this address could write events", value=host, remedy=remedy)
    app = create_app(home, database)
    typer.echo(f"version {app.state.service.state.bundle.number:04d} at http://{host}:{port}", err=True)
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, log_level="warning",
                timeout_graceful_shutdown=5)  # fmt: skip


COMMANDS = (train, serve)
