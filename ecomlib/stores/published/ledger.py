"""Accounts for a cleaning: which lines left, for which reason, and that none is missing (lesson 01, section 3)."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["Ledger"]


class Ledger:
    """Count what leaves and why; a line leaves for the first reason that fits, so that the counts sum up.

    Parameters
    ----------
    units, revenue : Series
        Of each line that was read, in units and in money.
    """

    def __init__(self, units: pd.Series, revenue: pd.Series) -> None:
        self._units, self._revenue = units.to_numpy(), revenue.to_numpy()
        self._reason = np.zeros(len(units), dtype=np.int8)
        self._words = ["kept"]

    def take(self, gone: pd.Series | np.ndarray, reason: str) -> None:
        """Take away the lines (a mask over all that were read) that have not left already."""
        self._reason[np.asarray(gone, dtype=bool) & self.left()] = len(self._words)
        self._words.append(reason)

    def left(self) -> np.ndarray:
        """Mark the lines that have not left."""
        return self._reason == 0

    def frame(self) -> pd.DataFrame:
        """List ``reason, rows, units, revenue``: what was read, each reason that took a line, and what was kept."""
        masks = [("read", np.ones(len(self._reason), dtype=bool))]
        masks += [(words, self._reason == number) for number, words in enumerate(self._words) if number]
        rows = [
            (words, int(mask.sum()), int(self._units[mask].sum()), float(self._revenue[mask].sum()))
            for words, mask in [*masks, ("kept", self.left())]
            if words in ("read", "kept") or mask.any()
        ]
        return pd.DataFrame(rows, columns=["reason", "rows", "units", "revenue"])
