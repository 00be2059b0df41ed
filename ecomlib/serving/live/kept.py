"""Keeps forecasts on disk, so that a restart reads them instead of making them again: the same bytes.

A file is named after version, origin and a digest of all that its forecasts rest on: the version's card and the weeks
closed by then. So none is ever out of date, and one that is damaged or lost is made again. Nothing is fitted here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecomlib.files import whole_file
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.inputs import NEVER, Floats, SalesHistory, monday
from ecomlib.serving.release.versions import Version

FOLDER = "forecasts"  # in the home
MOST_FILES = 90  # the origins of a year and of the weeks before the cutoff, on which the lights look back, and a few
_log = logging.getLogger("ecomlib.serving")


class Made(NamedTuple):
    """Holds the forecasts of one origin: the best single number and the mean, (P, H), and where fitted (P,)."""

    forecast: Floats
    expected: Floats
    fitted: NDArray[np.bool_]


def make(bundle: Bundle, books: SalesHistory, origin: int) -> Made:
    """Evaluate a version's forecaster at an origin."""
    forecast, fitted = bundle.forecast(books, origin)
    if bundle.means is None and bundle.trial_means is None:  # its forecasts are its means: not evaluated twice
        return Made(forecast, forecast, fitted.astype(bool))
    return Made(forecast, bundle.mean(books, origin), fitted.astype(bool))


class KeptForecasts:
    """Keeps the forecasts of one version in the folder ``forecasts`` of a home.

    Parameters
    ----------
    home : path
    version : Version
        Its card goes into the digest: a home that was made anew may give a number twice.
    """

    def __init__(self, home: str | os.PathLike[str], version: Version) -> None:
        self.folder, self.number = Path(home) / FOLDER, version.number
        self._card = json.dumps(version.card, sort_keys=True, default=str).encode()

    def path(self, books: SalesHistory, origin: int) -> Path:
        """Name the file of an origin's forecasts."""
        digest = hashlib.sha256(self._card)
        begin = np.where(books.begin <= origin, books.begin, NEVER)  # what begins later is not known by then
        for part in (begin, books.units[:, : origin + 1 - books.first], *books.plan.values()):
            digest.update(str(part.shape).encode() + np.ascontiguousarray(part).tobytes())
        return self.folder / f"{self.number:04d}-{monday(origin):%Y-%m-%d}-{digest.hexdigest()[:32]}.npz"

    def made(self, bundle: Bundle, books: SalesHistory, origin: int) -> Made:
        """Read the forecasts of an origin, or make and write them."""
        path, shape = self.path(books, origin), (len(books.products), bundle.horizon)
        found = _read(path, shape)
        if found is None:
            found = make(bundle, books, origin)
            self._write(path, found)
        return found

    def _write(self, path: Path, made: Made) -> None:
        try:
            with whole_file(path) as part:
                np.savez(part, **made._asdict())
            self._prune()
        except OSError as error:  # a full or read-only disk must not stop the service
            _log.warning("forecasts cannot be kept in %s: %s", self.folder, error)

    def _prune(self) -> None:
        """Remove the files that were not used for longest; another process may do the same."""
        files = []
        for path in self.folder.glob("[0-9]*.npz"):
            try:
                files.append((path.stat().st_mtime_ns, path))
            except FileNotFoundError:
                continue
        for _, path in sorted(files)[:-MOST_FILES]:
            path.unlink(missing_ok=True)


def _read(path: Path, shape: tuple[int, int]) -> Made | None:
    """Read a file; None where there is none, or it is not what was written: zip files hold checksums."""
    try:
        with np.load(path, allow_pickle=False) as held:
            made = Made(*(held[name] for name in Made._fields))
        os.utime(path)  # used now: the last to be pruned
    except FileNotFoundError:
        return None
    except (OSError, EOFError, KeyError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        _log.warning("forecasts in %s are damaged, and are made again: %s", path.name, error)
        return None
    right = made.forecast.shape == made.expected.shape == shape and made.fitted.shape == shape[:1]
    right = right and made.forecast.dtype == made.expected.dtype == np.float64 and made.fitted.dtype == np.bool_
    return made if right and np.isfinite(made.forecast).all() and np.isfinite(made.expected).all() else None
