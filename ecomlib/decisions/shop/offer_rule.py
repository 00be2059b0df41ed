"""Holds the rule that says a visit's chance of an order, as plain numbers: what decides and what serves is one (09)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.evaluation.calibration import LogOddsLine, from_log_odds

Floats = NDArray[np.float64]


FIXED = ("session_id", "customer_id", "started_at", "converted")
RARE = 30  # visits of a kind; rarer kinds are one


@dataclass(frozen=True, eq=False)
class Visits:
    """Hold what is read of visits: numbers as ranks and kinds as columns, both as the weeks to learn from know them.

    Parameters
    ----------
    numbers : tuple of str
        Columns of a visit that are numbers; one that is missing counts as 0.
    kinds : mapping
        The frequent kinds of each column that is none; another kind counts as none of them.
    quantiles : array
        Of each number in the visits learnt from, (Q, numbers), rising.
    ranks : array
        Of the quantiles, from 0 to 1, (Q,).
    """

    numbers: tuple[str, ...]
    kinds: Mapping[str, Sequence[str]]
    quantiles: Floats
    ranks: Floats

    @classmethod
    def learnt(cls, past: pd.DataFrame) -> Visits:
        """Look at the visits to learn from; every column beside ``FIXED`` is read.

        Parameters
        ----------
        past : DataFrame
            Visits, with ``started_at``.

        Raises
        ------
        DataError
            There is no such column.
        """
        from sklearn.preprocessing import QuantileTransformer

        columns = [name for name in past.columns if name not in FIXED]
        numbers = tuple(
            name
            for name in columns
            if pd.api.types.is_numeric_dtype(past[name]) and not pd.api.types.is_bool_dtype(past[name])
        )
        if not columns:
            raise DataError(
                "nothing is known of a visit but when it was",
                table="sessions",
                remedy="add columns such as pages, minutes, searches, source, device.",
            )
        counts = {name: past[name].astype(str).value_counts() for name in columns if name not in numbers}
        kinds = {name: tuple(sorted(c.index[c >= RARE])) for name, c in counts.items()}
        if not numbers:
            return cls(numbers, kinds, np.zeros((2, 0)), np.array([0.0, 1.0]))
        scale = QuantileTransformer(n_quantiles=min(200, len(past)), random_state=0)
        scale.fit(past[list(numbers)].astype(float).fillna(0.0).to_numpy())
        return cls(numbers, kinds, scale.quantiles_, scale.references_)

    def __call__(self, rows: pd.DataFrame) -> Floats:
        """Covariates of visits, (n, C): sine and cosine of the hour, a one, ranks, flags.

        Parameters
        ----------
        rows : DataFrame
            ``started_at``, and the columns that are read.
        """
        hour = rows["started_at"].dt.hour.to_numpy() / 24 * 2 * np.pi
        parts: list[Any] = [np.column_stack([np.sin(hour), np.cos(hour), np.ones(len(rows))])]
        if self.numbers:
            values = rows[list(self.numbers)].astype(float).fillna(0.0).to_numpy()
            parts.append(np.column_stack([self._rank(values[:, k], k) for k in range(len(self.numbers))]))
        parts += [
            (rows[name].astype(str) == kind).to_numpy(dtype=float)[:, None]
            for name, some in self.kinds.items()
            for kind in some
        ]
        return np.hstack(parts)

    def _rank(self, values: Floats, column: int) -> Floats:
        """Interpolate a rank from either side, so that a value that is frequent stands in the middle of its ranks."""
        known = self.quantiles[:, column]
        below, above = np.interp(values, known, self.ranks), np.interp(-values, -known[::-1], -self.ranks[::-1])
        rank = 0.5 * (below - above)
        return np.where(values == known[-1], 1.0, np.where(values == known[0], 0.0, rank))


@dataclass(frozen=True, eq=False)
class OfferRule:
    """Say a visit's chance of an order: a line of log-odds on what is read of it, moved to the rate of later visits.

    Parameters
    ----------
    read : Visits
        Makes covariates.
    weights : array
        Of sine and cosine of the hour, a one, the ranks and the flags, in log-odds.
    bias : float
        In log-odds.
    mended : LogOddsLine
        Moves the odds to the rate of later visits.
    """

    read: Visits
    weights: Floats
    bias: float
    mended: LogOddsLine

    @property
    def reads(self) -> list[str]:
        """Name what it reads of a visit beside its hour."""
        return [*self.read.numbers, *self.read.kinds]

    def raw(self, rows: pd.DataFrame) -> Floats:
        """Compute chances as they were learnt, before they were moved to the later rate, (n,)."""
        return np.asarray(from_log_odds(self.read(rows) @ self.weights + self.bias))

    def chance(self, rows: pd.DataFrame) -> Floats:
        """Compute chances of an order, (n,).

        Parameters
        ----------
        rows : DataFrame
            ``started_at`` and what the rule reads.
        """
        return np.asarray(self.mended(self.raw(rows)))

    def note(self) -> dict[str, Any]:
        """Give it as plain values, for JSON; ``of_note`` reads them."""
        return {
            "numbers": list(self.read.numbers),
            "kinds": {name: list(some) for name, some in self.read.kinds.items()},
            "quantiles": self.read.quantiles.tolist(),
            "ranks": self.read.ranks.tolist(),
            "weights": self.weights.tolist(),
            "bias": self.bias,
            "mended": [self.mended.slope, self.mended.shift],
        }

    @classmethod
    def of_note(cls, held: Mapping[str, Any]) -> OfferRule:
        """Read what ``note`` gave."""
        read = Visits(
            tuple(held["numbers"]),
            {name: tuple(some) for name, some in held["kinds"].items()},
            np.array(held["quantiles"], dtype=float).reshape(len(held["ranks"]), len(held["numbers"])),
            np.array(held["ranks"], dtype=float),
        )
        weights = np.array(held["weights"], dtype=float)
        return cls(read, weights, float(held["bias"]), LogOddsLine(*held["mended"]))
