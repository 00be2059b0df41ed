"""Defines the commands that mend what a running service was told: waiting, stocktake (lesson 08, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ecomlib.cli.outputs import printable

Url = Annotated[str, typer.Option(help="Where the service listens.")]
LOCAL = "http://127.0.0.1:8000"


def waiting(
    action: Annotated[str, typer.Argument(help="list, apply (count it after all) or void (never count it).")] = "list",
    keys: Annotated[
        list[str] | None, typer.Argument(help="Keys of events; none means all but deliveries on their way.")
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Show, apply or void the events that are waiting: dated too far ahead, or of an absurd quantity."""
    from ecomlib.errors import DataError
    from ecomlib.serving.live.replay import Sender

    line = Sender(url)

    def waits(count: int) -> str:
        return f"{count:,} event{'s wait' if count != 1 else ' waits'}"

    if action in ("apply", "void"):
        said = line.ask("POST", "/settle", {"action": action} | ({"keys": keys} if keys else {}))
        done = "applied" if action == "apply" else "voided"
        typer.echo(f"{said['received']:,} {done}, {waits(said['waiting'])}; the shop's clock is at {said['clock']}")
        return
    if action != "list" or keys:
        raise DataError("this is no action", value=action, remedy="write list, apply or void.")
    said = line.ask("GET", "/waiting")
    typer.echo(f"{waits(said['count'])}; the shop's clock is at {said['clock']}")
    why = {"date": "dated too far ahead", "quantity": "an absurd quantity", "arriving": "on its way"}
    for one in said["events"]:
        what = f"{one['kind']} of {one['quantity']:,} x {one['product_id']} in {one['region_id']}"
        typer.echo(printable(f"  {one['event_key']}  {one['ordered_at'].replace('T', ' ')}  {what}: {why[one['why']]}"))
    if said["count"]:
        typer.echo("to count them: ecomlib waiting apply KEY …; to leave them out for good: ecomlib waiting void KEY …")


def stocktake(
    file: Annotated[Path, typer.Argument(help="CSV with product_id, region_id (if the shop has regions), quantity.")],
    at: Annotated[str, typer.Option(help="When it was counted, by the shop's clock: YYYY-MM-DD HH:MM.")],
    name: Annotated[str | None, typer.Option(help="Its own name; by default the file's and the time's.")] = None,
    url: Url = LOCAL,
) -> None:
    """Tell a running service what was counted on the shelves; sent twice, it counts once."""
    from ecomlib.serving.live.replay import Sender
    from ecomlib.serving.live.stocktake import batches_of

    line, total, doubted, old = Sender(url), 0, 0, 0
    for batch in batches_of(file, at, name or f"{file.stem} {at}"):
        said = line.ask("POST", "/stocktake", batch)
        total, doubted, old = total + said["new"], doubted + said["held"], old + said["late"]
    typer.echo(f"{total:,} {'count is' if total == 1 else 'counts are'} new")
    if doubted:
        typer.echo(f"of these {doubted:,} must be confirmed, or are dated too far ahead: ecomlib waiting")
    if old:
        typer.echo(f"of these {old:,} change nothing: they are older than the stock that the version began with")


COMMANDS: tuple[Callable[..., Any], ...] = (waiting, stocktake)
