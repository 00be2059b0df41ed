"""Holds the rule that says a visit's chance of an order, as plain numbers: what decides and what serves is one (09)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.evaluation.calibration import LogOddsLine, from_log_odds

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OfferRule:
    """Say a visit's chance of an order: ranks of its numbers, flags of its kinds, its hour, a line of log-odds.

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
    weights : array
        Of sine and cosine of the hour, a one, the ranks and the flags, in log-odds.
    bias : float
        In log-odds.
    mended : LogOddsLine
        Moves the odds to the rate of later visits.
    """

    numbers: tuple[str, ...]
    kinds: Mapping[str, Sequence[str]]
    quantiles: Floats
    ranks: Floats
    weights: Floats
    bias: float
    mended: LogOddsLine

    @property
    def reads(self) -> list[str]:
        """Name what it reads of a visit beside its hour."""
        return [*self.numbers, *self.kinds]

    def covariates(self, rows: pd.DataFrame) -> Floats:
        """Covariates of visits, (n, C).

        Parameters
        ----------
        rows : DataFrame
            ``started_at`` and what the rule reads.
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

    def raw(self, rows: pd.DataFrame) -> Floats:
        """Chances as they were learnt, before they were moved to the later rate, (n,)."""
        return np.asarray(from_log_odds(self.covariates(rows) @ self.weights + self.bias))

    def chance(self, rows: pd.DataFrame) -> Floats:
        """Chances of an order, (n,).

        Parameters
        ----------
        rows : DataFrame
            ``started_at`` and what the rule reads.
        """
        return np.asarray(self.mended(self.raw(rows)))

    def note(self) -> dict[str, Any]:
        """Give it as plain values, for JSON; ``of_note`` reads them."""
        return {
            "numbers": list(self.numbers),
            "kinds": {name: list(some) for name, some in self.kinds.items()},
            "quantiles": self.quantiles.tolist(),
            "ranks": self.ranks.tolist(),
            "weights": self.weights.tolist(),
            "bias": self.bias,
            "mended": [self.mended.slope, self.mended.shift],
        }

    @classmethod
    def of_note(cls, held: Mapping[str, Any]) -> OfferRule:
        """Read what ``note`` gave."""
        return cls(
            tuple(held["numbers"]),
            {name: tuple(some) for name, some in held["kinds"].items()},
            np.array(held["quantiles"], dtype=float).reshape(len(held["ranks"]), len(held["numbers"])),
            np.array(held["ranks"], dtype=float),
            np.array(held["weights"], dtype=float),
            float(held["bias"]),
            LogOddsLine(*held["mended"]),
        )
