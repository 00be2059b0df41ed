"""Trial runs and partial results: the options and folders that all benchmarks share."""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from ecomlib import recorded
from ecomlib.recorded.upkeep import code_state

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SCORINGS = HERE / "test_scorings.csv"
MEASURES = ("wape", "rmsse", "rank_correlation")  # of the log; what a protocol does not measure stays empty


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


def log_scorings(protocol: str, board: pd.DataFrame, file: Path = SCORINGS) -> None:
    """Append each row of `model` and `MEASURES`: the log is committed, so that every look at a test part is seen."""
    stamp, commit, place = f"{datetime.now(UTC):%Y-%m-%d %H:%M}", recorded.commit(HERE), recorded.machine()
    values = board.reindex(columns=list(MEASURES)).astype(float)
    with file.open("a", newline="", encoding="utf-8") as log:
        writer = csv.writer(log, lineterminator="\n")
        for model, row in zip(board["model"], values.itertuples(index=False), strict=True):
            scores = ("" if pd.isna(value) else f"{value:.4f}" for value in row)
            writer.writerow([stamp, commit, place, model, protocol, *scores])


def partial_folder(name: str) -> Path:
    """Return where an interrupted run finds what it has computed: another folder as soon as any code has changed."""
    return ROOT / "build" / "partial" / f"{name}-{code_state(ROOT)}"
