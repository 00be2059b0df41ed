"""Defines ``ecomlib recorded``: lists stale results, and runs the queue that brings them up to date."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from ecomlib import recorded
from ecomlib.cli.plainly import plainly as _plainly
from ecomlib.errors import DataError
from ecomlib.recorded import fingerprint as fp

app = typer.Typer(no_args_is_help=True, help="Recorded results: which are stale, and how to run them again.")
plainly = functools.partial(_plainly, stopped="stopped; the same command goes on with what is left.")
Names = Annotated[list[str] | None, typer.Argument(help="Recorded tables; none means all.")]


def _known(names: list[str] | None) -> list[str]:
    """The names, or all of them; an unknown one is an error."""
    there = recorded.names()
    unknown = sorted(set(names or []) - set(there))
    if unknown:
        raise DataError("no such run is recorded", value=unknown[0], remedy=f"recorded are: {', '.join(there)}.")
    return names or there


@app.command()
@plainly
def status(
    names: Names = None,
    check: Annotated[
        bool, typer.Option("--check", help="Make the trial runs now and update the marks on the cards.")
    ] = False,
) -> None:
    """List the recorded tables: date, seconds to run again, script, fresh or stale since which commit."""
    from ecomlib.recorded import upkeep

    wanted = _known(names)
    if check:
        root = upkeep.checkout()
        stamped = [name for name in wanted if "fingerprint" in recorded.cards()[name]]
        for name, since in upkeep.mark(upkeep.trials(stamped, root=root, say=typer.echo)).items():
            typer.echo(f"{name}: {'stale since ' + since if since else 'fresh again'}; commit its card")
    states = [fp.status(card) for name, card in recorded.cards().items() if name in wanted]
    typer.echo(fp.text(states))


@app.command()
@plainly
def stamp(
    names: Annotated[
        list[str], typer.Argument(help="Recorded tables whose result was made with the code as it is now.")
    ],
) -> None:
    """Write the fingerprint of a trial run, made now, into cards: after a run that was started by hand."""
    from ecomlib.recorded import upkeep

    found = upkeep.trials(_known(names), root=upkeep.checkout(), say=typer.echo)
    upkeep.stamp(found)
    typer.echo(f"stamped: {', '.join(found)}")


@app.command()
@plainly
def run(
    names: Names = None,
    stale: Annotated[bool, typer.Option("--stale", help="Run the commands of the stale ones again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the queue and run nothing.")] = False,
    score_test: Annotated[
        bool, typer.Option("--score-test", help="Also run scripts that score a test part; each scoring is logged.")
    ] = False,
) -> None:
    """Run stale results again, the shortest first. Stopped or killed, the same command goes on with what is left."""
    from ecomlib.recorded import upkeep

    if not stale:
        raise DataError("nothing to run", remedy="say --stale: only stale results are run again.")
    root = upkeep.checkout()
    jobs = upkeep.queue(root=root, names=_known(names))
    if not jobs:
        typer.echo("Nothing is stale.")
    elif dry_run:
        typer.echo("\n".join(upkeep.words(job, score_test) for job in jobs))
    else:
        upkeep.run_queue(jobs, root=root, score_test=score_test, say=typer.echo)
