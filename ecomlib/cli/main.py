"""Defines the command ``ecomlib``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

import ecomlib
from ecomlib.cli.data import app as data_app
from ecomlib.cli.decide import COMMANDS as DECIDE
from ecomlib.cli.forecasting import COMMANDS as FORECASTING
from ecomlib.cli.game import app as game_app
from ecomlib.cli.live import COMMANDS as LIVE
from ecomlib.cli.plainly import plainly, write_anywhere
from ecomlib.cli.play import play
from ecomlib.cli.recorded import app as recorded_app
from ecomlib.cli.service import COMMANDS as SERVICE
from ecomlib.cli.settings import read_settings
from ecomlib.course.running.results import second_part_names

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="What will an online store sell, to whom, where and when: the course and its tools.",
)
workshop_app = typer.Typer(no_args_is_help=True, help="Sets of notebooks for a workshop.")
app.add_typer(data_app, name="data")
app.add_typer(game_app, name="game")
app.add_typer(recorded_app, name="recorded")
app.add_typer(workshop_app, name="workshop")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"ecomlib {ecomlib.__version__}")
        raise typer.Exit


app.command()(play)


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What will an online store sell, to whom, where and when: the course and its tools."""
    write_anywhere()


@app.command()
@plainly
def run(
    numbers: Annotated[list[str] | None, typer.Argument(help="Lessons, such as 00 01; none means all.")] = None,
    store: Annotated[
        str | None,
        typer.Option(help=f"Part B's store: {', '.join(second_part_names())}, or a folder of your tables."),
    ] = None,
    size: Annotated[str | None, typer.Option(help="Size of the simulated store: tiny, small, full.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulated store.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report and the executed notebooks.")] = Path("build"),
    jobs: Annotated[int, typer.Option(min=1, help="How many lessons run at a time, one thread each.")] = 1,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Another parameter of a lesson.")
    ] = None,
) -> None:
    """Run lessons and write a report. Outside a clone the lessons are first copied to ./ecomlib-lessons."""
    from ecomlib.cli.outputs import check_folder
    from ecomlib.course import lessons
    from ecomlib.course.running.run import RunSettings, run_lessons

    check_folder(out)
    settings = RunSettings(size, seed, device, store, out, jobs, more=read_settings(setting or []))
    try:
        runs = run_lessons(numbers or [], settings, where=lessons.folder(say=typer.echo))
    except KeyboardInterrupt:
        typer.echo("ecomlib: stopped.", err=True)
        os._exit(130)  # an ordinary end would wait for the lessons that still run; their kernels end with this process
    failed = [r.lesson.number for r in runs if not r.passed]
    typer.echo(f"Report: {out / 'report.html'}")
    if failed:
        typer.echo(f"{len(failed)} of {len(runs)} lessons failed: {', '.join(failed)}.", err=True)
        raise typer.Exit(1)


@app.command()
@plainly
def lab() -> None:
    """Open JupyterLab on the lessons. Outside a clone they are first copied to ./ecomlib-lessons."""
    import subprocess
    import sys

    from ecomlib.course import lessons

    where = lessons.folder(say=typer.echo)
    lessons.library("jupyterlab")
    # JupyterLab listens on loopback only; as root (a container, Colab-like machines) it wants to be told so.
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    raise typer.Exit(subprocess.run([sys.executable, "-m", "jupyterlab", str(where), *root]).returncode)


@app.command()
@plainly
def doctor() -> None:
    """Say what is installed, what is missing, and how to mend it."""
    from ecomlib.course.doctor import examine, text

    findings = examine()
    typer.echo(text(findings))
    raise typer.Exit(1 if any(f.state == "broken" for f in findings) else 0)


@workshop_app.command("build")
@plainly
def workshop_build(
    out: Annotated[Path, typer.Option(help="Folder for the three sets.")] = Path("build/workshop"),
) -> None:
    """Write the learner's, the solution and the instructor's set of notebooks."""
    from ecomlib.cli.outputs import check_folder
    from ecomlib.course import lessons, workshop

    check_folder(out)
    for path in workshop.build(lessons.folder(), out):
        typer.echo(str(path))


for command in (*FORECASTING, *DECIDE, *SERVICE, *LIVE):
    app.command()(plainly(command))


if __name__ == "__main__":
    app()
