"""Defines ``ecomlib data``: what data sets there are, fetching them, and the reader's own tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecomlib.cli.export import map_export
from ecomlib.cli.plainly import plainly

app = typer.Typer(no_args_is_help=True, help="Data sets: what there is, fetching them, checking your own tables.")


@app.command("list")
@plainly
def data_list() -> None:
    """List the stores and data sets that lessons know, and which of them are here."""
    from ecomlib.stores import registry
    from ecomlib.stores.published import download

    for store in registry.STORES:
        if store.kind != "published":
            typer.echo(f"✓ {store.name:<18} {store.title} ({registry.KINDS[store.kind]})")
    for entry in download.data_sets().itertuples(index=False):
        typer.echo(
            f"{'✓' if entry.here else '–'} {entry.name:<18} {entry.title} ({entry.licence}; {entry.use}) {entry.page}"
        )
    typer.echo("✓ is on this machine; – can be fetched: ecomlib data fetch NAME")


@app.command("fetch")
@plainly
def data_fetch(name: Annotated[str, typer.Argument(help="A name of `ecomlib data list`.")]) -> None:
    """Download a data set from its publisher, check it and keep it."""
    from ecomlib.stores.published import download

    typer.echo(f"{name}: {download.fetch(name, progress=True)}")


@app.command("check")
@plainly
def data_check(
    path: Annotated[Path, typer.Argument(help="A folder of CSV or Parquet files named after the tables.")],
    html: Annotated[Path | None, typer.Option(help="Also write it as one page, with months and best sellers.")] = None,
) -> None:
    """Say what is right in your own tables, what is wrong, and what each lesson could do with them."""
    from ecomlib.course.data_check import check

    found = check(path)
    typer.echo(found.text())
    if html is not None:
        from ecomlib.course import check_page

        check_page.write(found, html)
        typer.echo(f"\nPage: {html}")
    raise typer.Exit(0 if found.ok else 1)


@app.command("template")
@plainly
def data_template(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """Write empty tables to fill in, with a README.txt that explains each column."""
    from ecomlib.stores.template import write_template

    write_template(folder)
    typer.echo(f"{folder}: fill in products.csv and orders.csv as README.txt says, then: ecomlib data check {folder}")


app.command("map")(plainly(map_export))
