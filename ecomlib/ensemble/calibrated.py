"""Puts conformal intervals around any forecaster: what is calibrated is a forecaster too (lesson 07b, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from ecomlib.contract import FittedForecaster, interval_columns, rolling_origins
from ecomlib.contract.forecaster import declared
from ecomlib.contract.origins import ahead_of, known_part
from ecomlib.contract.settings import at_least
from ecomlib.ensemble.around import Around
from ecomlib.ensemble.combine import Floats
from ecomlib.ensemble.conformal import conformal_quantile, rows_needed, too_few
from ecomlib.errors import DataError, explained
from ecomlib.panel import join_id

_ALL, _IT = "all", "it"


@explained(
    'forecaster("conformal", member=forecaster("naive"), levels=(90,))',
    model="member",
    forecaster="member",
    level="levels",
    alpha="it is called levels here, in per cent: levels=(90,).",
    coverage="it is called levels here, in per cent: levels=(90,).",
)
@dataclass(frozen=True)
class Conformal(Around):
    """Forecast as a member does, with intervals calibrated on its own past errors (lesson 07b, section 2).

    Split conformal: the last periods of the history are kept from the member, which is fitted once on the rest; its
    errors from rolling origins in the periods kept say how wide an interval must be. **The member that was calibrated
    is the one that forecasts**: it is not fitted again on the whole history, since the errors of another fit would
    promise nothing. It does read the whole history when it forecasts.

    Parameters
    ----------
    member : Forecaster or callable
        What forecasts.
    levels : tuple of float
        Levels in per cent; 90 gives the columns ``lo-90`` and ``hi-90``.
    origins : int
        Calibration origins, a period apart: ``origins + horizon - 1`` periods are kept from the member.
    scale : {"root"}, optional
        Counts errors in units of ``sqrt(forecast + 1)``, as the spread of counts grows: large series then get wider
        intervals than small ones.
    by : tuple of str
        Columns of the panel: each of their groups (read at each series' last period) gets a width of its own.
    least : int
        A step ahead, or a group, with fewer calibration rows takes the width of all steps, or of all groups.

    Notes
    -----
    Each step ahead has a quantile of its own where it has ``least`` rows. Where all rows together are fewer than the
    promise needs, the upper end is infinite and the lower one zero, and ``attrs["unbounded"]`` of the forecast says
    why: no finite interval keeps the promise. The promise holds on average over series and origins, and where future
    errors are like past ones. Quantiles and means of the member are passed on as they are, not calibrated; interval
    ends of its own are not. Vovk, Gammerman and Shafer (2005); Lei et al. (2018).

    Examples
    --------
    >>> import pandas as pd
    >>> from ecomlib.models.baselines import Naive
    >>> weeks = pd.date_range("2024-01-01", periods=24, freq="7D")
    >>> panel = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [3.0, 1.0] * 12})
    >>> made = Conformal(Naive(), levels=(80,), origins=10).fit(panel, horizon=2).forecast()
    >>> made[["ds", "conformal", "conformal-lo-80", "conformal-hi-80"]]
              ds  conformal  conformal-lo-80  conformal-hi-80
    0 2024-06-17        1.0              0.0              3.0
    1 2024-06-24        1.0              0.0              3.0
    """

    name: ClassVar[str] = "conformal"
    levels: tuple[float, ...] = (90,)
    origins: int = 8
    scale: Literal["root"] | None = None
    by: tuple[str, ...] = ()
    least: int = 100

    def __post_init__(self) -> None:
        levels = self.levels if isinstance(self.levels, tuple | list) else (self.levels,)
        object.__setattr__(self, "levels", tuple(levels))
        object.__setattr__(self, "by", (self.by,) if isinstance(self.by, str) else tuple(self.by))
        super().__post_init__()
        at_least(self, 1, "origins", "least")
        if not self.levels:
            raise DataError("an interval needs a level", remedy="write levels=(90,).")
        for level in self.levels:
            interval_columns(self.name, level)  # raises where it is no per cent

    def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
        moments = rolling_origins(past, horizon, self.origins, step=1)
        known = known_part(past, moments[0])
        member = self.fit_member(known, horizon)
        rows = pd.concat([self._errors(member, past, moment) for moment in moments], ignore_index=True)
        widths, why = self._widths(rows.dropna(subset="error"), horizon)
        return {"member": member, "widths": widths, "why": why}

    def _errors(self, member: FittedForecaster, past: pd.DataFrame, origin: pd.Timestamp) -> pd.DataFrame:
        """The member's errors from one origin: ``group, step, error``, in units or in their root."""
        known = known_part(past, origin)
        future = ahead_of(past, known, member.horizon, declared(self.member))
        said = member.answer(known, future, name=_IT, negative="clip")[_IT]
        truth = future[["unique_id", "ds"]].merge(past[["unique_id", "ds", "y"]], on=["unique_id", "ds"], how="left")
        error = np.abs(truth["y"].to_numpy(dtype=float) - said) / self._unit(said)
        return pd.DataFrame({"group": self._groups(known, future), "step": _steps(future), "error": error})

    def _unit(self, said: Floats) -> Floats:
        return np.sqrt(said + 1.0) if self.scale else np.ones(len(said))

    def _groups(self, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        """The group of each row of ``future``, by what its series was at its last known period."""
        for column in self.by:
            if column not in past.columns:
                raise DataError(
                    "the panel lacks a column to group by", table="panel", column=column, remedy="join it to the panel."
                )
        if not self.by:
            return _ALL
        last = past.groupby("unique_id", sort=False)[list(self.by)].last()
        return future["unique_id"].map(join_id(last)).to_numpy()

    def _widths(self, rows: pd.DataFrame, horizon: int) -> tuple[pd.DataFrame, str]:
        """Widths by group and step, a column a level (by its place); and why one is infinite, if one is."""
        enough = max(self.least, *(rows_needed(level / 100) for level in self.levels))
        table = []
        for name, part in [(_ALL, rows), *((str(name), part) for name, part in rows.groupby("group") if name != _ALL)]:
            if len(part) < enough and name != _ALL:
                continue  # ``answer`` gives a group that is not listed the width of all
            for step in range(1, horizon + 1):
                own = part.loc[part["step"] == step, "error"]
                scores = own if len(own) >= enough else part["error"]
                table.append((name, step, *(conformal_quantile(scores, level / 100) for level in self.levels)))
        columns = ["group", "step", *(f"width{k}" for k in range(len(self.levels)))]
        why = [f"{level:g} %: {why}" for level in self.levels if (why := too_few(len(rows), level / 100))]
        return pd.DataFrame(table, columns=columns), "; ".join(why)

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        own = future[["unique_id", "ds", *declared(self.member)]]
        found = learned["member"].answer(past, own, name=_IT, negative="clip")
        kept = {name: values for name, values in found.items() if "-lo-" not in name and "-hi-" not in name}
        columns = {name.removeprefix(f"{_IT}-"): values for name, values in kept.items() if name != _IT}
        said = found[_IT]
        widths = learned["widths"].set_index(["group", "step"])
        group = pd.Series(self._groups(past, future), index=future.index)
        group = group.where(group.isin(widths.index.get_level_values(0)), _ALL)
        reach = widths.loc[pd.MultiIndex.from_arrays([group, _steps(future)])].to_numpy() * self._unit(said)[:, None]
        for k, level in enumerate(self.levels):
            columns[f"lo-{level:g}"] = np.maximum(said - reach[:, k], 0.0)  # units are not negative
            columns[f"hi-{level:g}"] = said + reach[:, k]
        return pd.DataFrame({"point": said, **columns}, index=future.index)

    def remarks(self, learned: Any) -> Mapping[str, Any]:
        return {"unbounded": learned["why"]} if learned["why"] else {}


def _steps(future: pd.DataFrame) -> Any:
    """How many periods after the origin each row lies; a series' rows stand in order."""
    return future.groupby("unique_id", sort=False).cumcount().to_numpy() + 1
