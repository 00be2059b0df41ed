"""The map of regions and the shock that travels over it from west to east (lesson 05, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import solve_discrete_lyapunov

from ecomlib.stores.simulated.settings import Settings

# A name tells its place: the first part the column (west to east), the second the row (north to south).
_COLUMNS = ("West", "Salt", "Mill", "Oak", "King", "Fair", "Stone", "East")
_ROWS = ("haven", "port", "bridge", "field", "ton", "ford", "dale", "combe")


@dataclass(frozen=True, eq=False)
class Dynamics:
    """The law of the shock, ``s_t = A s_t-1 + e_t`` with ``e_t ~ N(0, Q)``; R regions, row by row.

    From day ``turn`` on the second pair of matrices holds: there the wind has turned.
    """

    transition: np.ndarray  # (2, R, R)
    innovation: np.ndarray  # (2, R, R)
    turn: int  # day; the number of days where the wind never turns

    def at(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        """``A`` and ``Q`` that lead from the day before to this day."""
        regime = int(day >= self.turn)
        return self.transition[regime], self.innovation[regime]


def region_ids(settings: Settings) -> np.ndarray:
    """Identifiers of the regions, row by row from the north-west: shape (R,)."""
    return np.array([f"R{number + 1:02d}" for number in range(settings.regions)], dtype=object)


def draw_population(settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """People of each region, shape (R,): log-normal, with the settings' mean."""
    weight = np.exp(rng.normal(0.0, settings.population_sd, settings.regions))
    return np.round(weight / weight.mean() * settings.mean_population, -2).astype(np.int64)


def make_regions(settings: Settings, population: np.ndarray) -> pd.DataFrame:
    """The table ``regions``: names, degrees, place on the map and people. The west column lies upwind."""
    row, column = np.divmod(np.arange(settings.regions), settings.columns)
    stems = np.linspace(0, len(_COLUMNS) - 1, settings.columns).round().astype(int)
    endings = np.arange(settings.rows) if settings.rows <= len(_ROWS) else np.arange(settings.rows) % len(_ROWS)
    return pd.DataFrame(
        {
            "region_id": region_ids(settings),
            "name": [_COLUMNS[stems[c]] + _ROWS[endings[r]] for r, c in zip(row, column, strict=True)],
            "latitude": 52.0 - 0.45 * row,
            "longitude": -4.0 + 0.7 * column,
            "row": row.astype(float),
            "column": column.astype(float),
            "population": population.astype(float),
        }
    )


def dynamics(settings: Settings) -> Dynamics:
    """Transition and innovation matrices of the travelling shock, scaled to ``settings.shock_sd``.

    The variance of the stationary distribution, averaged over regions, is ``shock_sd`` squared. A two-dimensional
    vector autoregression whose graph is the map (Cressie & Wikle, *Statistics for Spatio-Temporal Data*, 2011,
    section 7.2).
    """
    rows, columns, count = settings.rows, settings.columns, settings.regions
    transition, innovation = np.zeros((count, count)), np.zeros((count, count))
    for here in range(count):
        row, column = divmod(here, columns)
        if column == 0:
            transition[here, here], innovation[here, here] = settings.shock_west, 1.0
            continue
        innovation[here, here] = settings.shock_inner_variance
        transition[here, here] = settings.shock_self
        transition[here, here - 1] = settings.shock_from_west
        for side in (row - 1, row + 1):
            if 0 <= side < rows:
                transition[here, side * columns + column] = settings.shock_from_sides
    variance = np.diag(solve_discrete_lyapunov(transition, innovation)).mean()
    innovation *= settings.shock_sd**2 / variance
    mirror = np.arange(count).reshape(rows, columns)[:, ::-1].ravel()
    turned = np.ix_(mirror, mirror)
    return Dynamics(
        transition=np.stack([transition, transition[turned]]),
        innovation=np.stack([innovation, innovation[turned]]),
        turn=settings.days // 2 if settings.wind_turns else settings.days,
    )


def draw_shock(settings: Settings, law: Dynamics, rng: np.random.Generator) -> np.ndarray:
    """One path of the shock, log points, shape (T, R), begun 200 days earlier so that its start is stationary."""
    warm_up = 200
    noise = rng.normal(size=(warm_up + settings.days, settings.regions))
    path = np.zeros((warm_up + settings.days, settings.regions))
    for step in range(1, len(path)):
        transition, innovation = law.at(step - warm_up)
        path[step] = transition @ path[step - 1] + np.sqrt(np.diag(innovation)) * noise[step]
    return path[warm_up:]
