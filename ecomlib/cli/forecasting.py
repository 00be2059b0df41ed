"""Defines the commands forecasters, forecast and backtest: any registered forecaster, on any store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecomlib.cli.outputs import check_file, check_folder, write_table
from ecomlib.cli.past import Past, look, option, source_of
from ecomlib.cli.service import HOME, Database, catalogue
from ecomlib.cli.settings import read_settings
from ecomlib.errors import DataError, EcomlibError

if TYPE_CHECKING:
    import pandas as pd

    from ecomlib.contract import FittedForecaster, Forecaster

Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="MODULE", help="A module of yours that registers forecasters; may be repeated."),
]
Series = Annotated[
    str, typer.Option(help="What makes a series: columns separated by commas, such as product_id,region_id.")
]
_POINTS = {
    "mean": "a mean",
    "median": "a median: do not add it up",
    "neither": "neither a mean nor a median: do not add it up",
}


def forecasters(plugin: Plugins = None) -> None:
    """List the registered forecasters: what each point forecast is, and what each reads of the future."""
    from ecomlib.contract import load_plugins
    from ecomlib.forecasting.registry import forecaster, names

    load_plugins(plugin or [])
    typer.echo(f"{'name':<22} {'point':<10} {'reads of the future':<24} what it is")
    for name in names():
        try:
            made = forecaster(name)
        except EcomlibError:  # one that is made of others, or needs a library that is not here
            typer.echo(f"{name:<22} {'as set':<10} {'as set':<24} needs settings: help(ecomlib.forecaster)")
            continue
        ahead = ", ".join(made.known_ahead) or "nothing"
        kind = getattr(made, "network_class", type(made))  # networks share one forecaster, and differ in what they read
        first = (kind.__doc__ or type(made).__doc__ or "").strip().partition("\n")[0]
        typer.echo(f"{name:<22} {made.point:<10} {ahead:<24} {first}")
    typer.echo("Settings may change both: --set NAME=VALUE.")


def forecast(
    out: Annotated[Path, typer.Option(help="File to write; its ending says how: .csv or .parquet.")],
    store: Annotated[str | None, typer.Option(help="A store's name, or a folder of your tables.")] = None,
    model: Annotated[str | None, typer.Option(help="A name of `ecomlib forecasters`, to be fitted.")] = None,
    load: Annotated[Path | None, typer.Option(help="A folder that --save wrote, instead of --model.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model; may be repeated."),
    ] = None,
    plugin: Plugins = None,
    horizon: Annotated[int | None, typer.Option(min=1, help="Periods to forecast; 4 unless given.")] = None,
    freq: Annotated[str | None, typer.Option(help="daily, weekly or monthly; weekly unless given.")] = None,
    by: Series = "product_id",
    level: Annotated[
        float | None, typer.Option(help="Also write conformal intervals at this level, in per cent.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Folder for the fitted model.")] = None,
    home: Annotated[Path, typer.Option(help="Folder of versions and events, where no model is named.")] = HOME,
    database: Database = None,
    past: Past = False,
) -> None:
    """Forecast a store with a model that is fitted now or was saved; without one, write what the service answers."""
    check_file(out)
    if save is not None:
        check_folder(save)
    if model is None and load is None:
        for name, value in (("store", store), ("set", setting), ("plugin", plugin), ("save", save), ("level", level)):
            if value is not None:
                raise DataError(f"--{name} needs a model", remedy="name one: --model window_mean, or --load FOLDER.")
        table = catalogue(home, database)
        look(table["week"], "W-MON", source_of(home), past=past, home=option(home, HOME))
        write_table(out, table)
        typer.echo(f"{len(table):,} rows: {out}")
        return
    if model is not None and load is not None:
        raise DataError("--model and --load are two ways to one thing", remedy="leave one of them out.")
    if store is None:
        raise DataError("--store is missing", remedy="name a store (ecomlib data list), or a folder of your tables.")
    from ecomlib.contract import load_plugins
    from ecomlib.forecasting import save as keep

    load_plugins(plugin or [])
    if load is not None:
        fitted, panel = _loaded(load, store, horizon, freq, by, {"set": setting, "level": level})
    else:
        made = _made(str(model), read_settings(setting or []), level)
        periods = horizon or 4
        panel = _panel(store, freq or "weekly", by, ahead=periods)
        fitted = made.fit(panel, periods)
    frame = fitted.forecast(panel, negative="clip")
    look(frame["ds"], fitted.frequency, {"store": store}, past=past)
    write_table(out, frame)
    if save is not None:
        keep(fitted, save)
        typer.echo(f"saved: {save}")
    cutoff = frame["cutoff"].iloc[0]
    typer.echo(
        f"{len(frame):,} rows, {frame['unique_id'].nunique():,} series, {fitted.horizon} periods after "
        f"{cutoff:%Y-%m-%d}: {out}"
    )
    typer.echo(f"the column '{fitted.forecaster.label}' is {_POINTS[fitted.point]}")


def backtest(
    store: Annotated[str, typer.Option(help="A store's name, or a folder of your tables.")],
    models: Annotated[str, typer.Option(help="Names of `ecomlib forecasters`, separated by commas.")],
    out: Annotated[Path, typer.Option(help="File to write; its ending says how: .csv or .parquet.")],
    plugin: Plugins = None,
    origins: Annotated[int, typer.Option(min=1, help="How many origins, a horizon apart, before the end.")] = 4,
    horizon: Annotated[int, typer.Option(min=1, help="Periods to forecast at each.")] = 4,
    freq: Annotated[str, typer.Option(help="daily, weekly or monthly.")] = "weekly",
    by: Series = "product_id",
) -> None:
    """Forecast a store's past with several models, each fitted at each origin, and score them."""
    check_file(out)
    from ecomlib.contract import load_plugins
    from ecomlib.evaluation import POINT_METRICS, score
    from ecomlib.forecasting import backtest as run

    load_plugins(plugin or [])
    made = {name: _made(name, {}, None) for name in _words(models)}
    panel = _panel(store, freq, by)
    frame = run(panel, made, origins, horizon, negative="clip")
    write_table(out, frame)
    metrics = [metric for metric in ("wape", "bias", "rmsse") if metric in POINT_METRICS]
    scores = score(frame, list(made), metrics, train=panel).pivot_table(
        index="model", columns="metric", values="value", dropna=False
    )
    seconds: dict[str, float] = frame.attrs["seconds"]
    typer.echo(f"{'model':<22}" + "".join(f"{metric.upper():>9}" for metric in metrics) + f"{'seconds':>9}")
    for name, row in scores.sort_values("wape", kind="stable").iterrows():
        typer.echo(
            f"{name:<22}" + "".join(f"{row[metric]:>9.3f}" for metric in metrics) + f"{seconds[str(name)]:>9.1f}"
        )
    typer.echo(f"{len(frame):,} rows, {frame['cutoff'].nunique()} origins: {out}")


def _made(name: str, settings: dict[str, Any], level: float | None) -> Forecaster:
    """The forecaster that a user named; ``members`` and ``member`` of others are names, separated by commas."""
    from ecomlib.forecasting import forecaster

    if isinstance(settings.get("members"), str):
        settings["members"] = tuple(forecaster(member) for member in _words(settings["members"]))
    if isinstance(settings.get("member"), str):
        settings["member"] = forecaster(settings["member"])
    made = forecaster(name, **settings)
    return made if level is None else forecaster("conformal", member=made, levels=(level,))


def _loaded(
    folder: Path, store: str, horizon: int | None, freq: str | None, by: str, idle: dict[str, Any]
) -> tuple[FittedForecaster, pd.DataFrame]:
    """A saved forecaster, and the store's panel at its frequency; options that it has settled already are refused."""
    from ecomlib.forecasting import load

    for name, value in idle.items():
        if value is not None:
            raise DataError(f"--{name} is for a model that is fitted now", remedy="leave it out beside --load.")
    fitted = load(folder)
    if horizon not in (None, fitted.horizon):
        raise DataError(
            f"the saved model forecasts {fitted.horizon} periods", value=horizon, remedy="leave --horizon out."
        )
    return fitted, _panel(store, freq or fitted.frequency, by, ahead=fitted.horizon)


def _panel(store: str, freq: str, by: str, ahead: int = 0) -> pd.DataFrame:
    from ecomlib.panel import make_panel
    from ecomlib.stores import load_store
    from ecomlib.stores.oddities import raise_for_wrong_dates

    shop = load_store(store)
    raise_for_wrong_dates(shop.orders, shop.inventory)
    return make_panel(shop, freq, _words(by), ahead=ahead)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


COMMANDS: tuple[Callable[..., None], ...] = (forecasters, forecast, backtest)
