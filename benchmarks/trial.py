"""Trial runs and partial results: the options and folders that all benchmarks share."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecomlib.recorded.upkeep import code_state

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SCORINGS = HERE / "test_scorings.csv"


def add_trial_options(parser: argparse.ArgumentParser, smoke: str) -> None:
    """Add ``--smoke``, with its help, and ``--tables DIR``."""
    parser.add_argument("--smoke", action="store_true", help=smoke)
    parser.add_argument("--tables", type=Path, metavar="DIR", help="with --smoke: keep its tables and cards there")


@contextmanager
def trial_folder(options: argparse.Namespace) -> Iterator[Path | None]:
    """Yield the folder for ``recorded.write``: the package's own (None) unless this is a trial run.

    A trial run's tables go where ``--tables`` says, or are gone afterwards.
    """
    if not options.smoke:
        if options.tables:
            raise SystemExit("--tables keeps the tables of a trial run: it needs --smoke")
        yield None
    elif options.tables:
        options.tables.mkdir(parents=True, exist_ok=True)
        yield options.tables
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def partial_folder(name: str) -> Path:
    """Return where an interrupted run finds what it has computed: another folder as soon as any code has changed."""
    return ROOT / "build" / "partial" / f"{name}-{code_state(ROOT)}"
