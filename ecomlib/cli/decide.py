"""Defines ``ecomlib decide``: a decision from a shop's tables, as a CSV with a line on how it was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecomlib.cli.outputs import check_folder, printable
from ecomlib.cli.past import Past, look, option, source_of
from ecomlib.cli.service import HOME, Database, with_extras
from ecomlib.cli.settings import read_settings
from ecomlib.decisions.registry import DECISIONS, Decision, Options, entry
from ecomlib.errors import DataError
from ecomlib.files import whole_file

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = "ecomlib decide stock --store tiny --out orders"
_HELP = (
    "Decide from a store's tables, and write NAME.csv beside NAME.json, which says how it was made.\n\n"
    + "\n\n".join(f"{one.name}: {one.title} (lesson {one.lesson}). Needs {one.needs}." for one in DECISIONS)
    + f"\n\nExample: {EXAMPLE}"
)


def decide(
    name: Annotated[str, typer.Argument(help=f"What to decide: {', '.join(one.name for one in DECISIONS)}.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.csv and NAME.json.")],
    store: Annotated[
        str | None,
        typer.Option(help="A store's name, or a folder of your tables; without it, what the service answers now."),
    ] = None,
    size: Annotated[str, typer.Option(help="Size of the simulated store: tiny, small, full.")] = "small",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated store.")] = 0,
    model: Annotated[
        str | None, typer.Option(help="A name of `ecomlib forecasters` whose point is a mean; else the lesson's.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, max=104, help="Weeks ahead: 13 for plan, 4 for price, unless given.")
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(min=0.02, max=50, help="What a unit short costs, over what a unit over costs (stock); 3."),
    ] = None,
    changes: Annotated[
        int | None, typer.Option(min=0, help="At most so many prices are changed (price); 20 unless given.")
    ] = None,
    on_order: Annotated[
        Path | None,
        typer.Option(
            help="CSV of units on their way: product_id, region_id if the shop has regions, quantity (stock)."
        ),
    ] = None,
    returns: Annotated[str, typer.Option(help="Count units gross, or net of what came back.")] = "gross",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="What one decision alone reads, such as lead=2 (stock)."),
    ] = None,
    home: Annotated[Path, typer.Option(help="Folder of versions and events, where no store is named.")] = HOME,
    database: Database = None,
    past: Past = False,
) -> None:
    """Decide from a store's tables."""
    one = entry(name)
    check_folder(out)
    more: dict[str, Any] = read_settings(setting or [])
    if on_order is not None:
        more["on_order"] = _on_order(on_order)
    options = Options(horizon, model, ratio, changes, returns, more, say=typer.echo)
    if store is None:
        made = answered(one.name, home, options, database)
        source, of = source_of(home), option(home, HOME)
    else:
        from ecomlib.decisions.registry import decide as make
        from ecomlib.stores import load_store

        typer.echo(f"reading the store {store} …")
        made = make(one.name, load_store(store, size=size, seed=seed), options)
        source, of = {"store": store}, ""
    _look(made, source, of, past)
    file = write(made, one.name, out)
    for warning in made.warnings:
        typer.echo(printable(f"note: {warning}"))
    typer.echo(printable(made.line))
    typer.echo(f"{len(made.table):,} rows: {file}; how it was made: {file.with_suffix('.json')}")


decide.__doc__ = _HELP


def _look(made: Decision, source: Mapping[str, Any], home: str, past: bool) -> None:
    """Say so where the weeks that are decided about are over."""
    days = made.how.get("weeks_ahead") or [made.how[name] for name in ("expected_from",) if name in made.how]
    if days:
        import pandas as pd

        look(pd.to_datetime(list(days)), "W-MON", source, past=past, home=home)


@with_extras
def answered(name: str, home: Path, options: Options, database: str | None) -> Decision:
    """Decide as the service does now."""
    from ecomlib.serving.live.decided import decided

    return decided(name, home, options, database=database)


def _on_order(file: Path) -> pd.DataFrame:
    """Read what is on its way, identifiers as text."""
    import pandas as pd

    if not file.is_file():
        raise DataError("there is no such file", value=str(file), remedy="name a CSV of what is on its way.")
    try:
        table = pd.read_csv(file, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as fault:
        raise DataError(f"this is no CSV in UTF-8: {fault}", value=str(file), remedy="save it as CSV UTF-8.") from fault
    return table.rename(columns=lambda name: name.strip())


def safe_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Keep a spreadsheet from taking a text for a formula: a cell that begins like one gets an apostrophe before it.

    Examples
    --------
    >>> import pandas as pd
    >>> safe_cells(pd.DataFrame({"title": ["=1+1", "mug"], "order": [-1, 2]})).to_numpy().tolist()
    [["'=1+1", -1], ['mug', 2]]
    """
    texts = {
        name: column.map(lambda cell: f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell)
        for name, column in table.items()
        if column.dtype == object
    }
    return table.assign(**{str(name): column for name, column in texts.items()})


def write(made: Decision, name: str, folder: Path) -> Path:
    """Write a decision's CSV and its card, each whole or not at all; the card holds the CSV's SHA-256.

    The CSV is UTF-8 with a mark that spreadsheets read, and its cells are never formulas.
    """
    import ecomlib

    file = folder / f"{name}.csv"
    content = safe_cells(made.table).to_csv(index=False, lineterminator="\n").encode("utf-8-sig")
    card = {
        "decision": name,
        "ecomlib": ecomlib.__version__,
        "line": made.line,
        "warnings": list(made.warnings),
        **made.how,
        "rows": len(made.table),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(file) as part, whole_file(file.with_suffix(".json")) as beside:
        part.write_bytes(content)
        beside.write_text(text, encoding="utf-8", newline="\n")
    return file


COMMANDS: tuple[Callable[..., None], ...] = (decide,)
