"""Puts intervals around sums of forecasts: over weeks, over series, over both (lesson 11, section 5).

Errors come together: a wet week lowers every product, and a level that was guessed too high stays too high for weeks.
So neither variances nor quantiles of the parts add up to those of a sum. What does is kept whole here: each past
origin's *path* of errors, summed exactly as the forecast will be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import norm, t

from ecomlib.contract.frame import require_mean
from ecomlib.ensemble.hierarchy import Hierarchy
from ecomlib.errors import DataError
from ecomlib.frames import require_scored

Floats = NDArray[np.float64]
Span = tuple[int, int]

MANY = 100  # nodes times independent stretches from which quantiles of errors are read instead of a spread
LEAST_UNITS = 0.5  # a node that is expected to sell nothing is not certain to


def path_sums(scored: pd.DataFrame, model: str, hierarchy: Hierarchy, spans: Sequence[Span]) -> pd.DataFrame:
    """Sum a back-test's paths over the nodes of a hierarchy and over spans of weeks.

    Parameters
    ----------
    scored : DataFrame
        ``unique_id, ds, cutoff``, the model, and ``y`` where it is known. Origins may overlap: a path each.
    model : str
        A model that gives means: others have no sums.
    hierarchy : Hierarchy
        Which series belong to which node.
    spans : sequence of (first, last)
        Steps ahead, from 1, both ends included: ``(1, 13)`` is a quarter of weeks, ``(2, 2)`` the second week.

    Returns
    -------
    DataFrame
        ``level, node, cutoff, origin, first, last, mean``, and ``y`` where it was there; ``origin`` numbers the periods
        from the first cutoff. A series that was not there at an
        origin counts as zero in both; a sum with an unknown ``y`` in it is unknown.

    Raises
    ------
    DataError
        The model is no mean, or a span reaches beyond the horizon.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-08", periods=2, freq="7D")
    >>> names = ["cup", "cup", "mug", "mug"]
    >>> frame = pd.DataFrame({"unique_id": names, "ds": [*weeks, *weeks], "trees": [1.0, 2, 3, 4]})
    >>> frame = frame.assign(cutoff=pd.Timestamp("2024-01-01"), y=[2.0, 2.0, 2.0, 2.0])
    >>> frame.attrs["point"] = {"trees": "mean"}
    >>> path_sums(frame, "trees", Hierarchy.of(frame, [[]]), [(1, 2)])[["node", "mean", "y"]]
        node  mean    y
    0  total  10.0  8.0
    1    cup   3.0  4.0
    2    mug   7.0  4.0
    """
    require_scored(scored, [model], keys=("unique_id",))
    frame, column = scored, require_mean(scored, model)
    step = frame.groupby(["unique_id", "cutoff"], observed=True)["ds"].rank().to_numpy().astype(int)
    furthest = int(step.max())
    for first, last in spans:
        if not 1 <= first <= last <= furthest:
            remedy = f"spans are pairs of steps within 1 and {furthest}, such as (1, {furthest})."
            raise DataError("a span lies outside the horizon", value=(first, last), remedy=remedy)
    own = hierarchy.keys.index.get_indexer(frame["unique_id"])
    if (own < 0).any():
        who = frame["unique_id"].to_numpy()[own < 0][0]
        raise DataError("the hierarchy does not hold this series", value=who, remedy="make it from the same panel.")
    cutoffs, origin = np.unique(frame["cutoff"].to_numpy(), return_inverse=True)
    period = ((frame["ds"] - frame["cutoff"]) / step).median()
    number = np.round((cutoffs - cutoffs[0]) / period.to_timedelta64()).astype(int)
    given = {"mean": column} | ({"y": "y"} if "y" in frame.columns else {})
    cubes = {}
    for name, source in given.items():
        cube = np.zeros((len(hierarchy.keys), len(cutoffs), furthest))
        values = frame[source].to_numpy(dtype=float)
        cube[own, origin, step - 1] = values
        cubes[name] = [_running(hierarchy, np.nan_to_num(cube)), _running(hierarchy, np.isnan(cube).astype(float))]
    blocks, origins = [], {"cutoff": cutoffs, "origin": number}
    for first, last in spans:
        block = hierarchy.nodes.rename(columns={"unique_id": "node"})[["level", "node"]]
        block = block.loc[block.index.repeat(len(cutoffs))].reset_index(drop=True)
        block = block.assign(**{name: np.tile(part, len(hierarchy.nodes)) for name, part in origins.items()})
        block = block.assign(first=first, last=last)
        for name, running in cubes.items():
            whole, unknown = (part[:, :, last] - part[:, :, first - 1] for part in running)
            block[name] = np.where(unknown > 0, np.nan, whole).ravel()
        blocks.append(block)
    return pd.concat(blocks, ignore_index=True)


def _running(hierarchy: Hierarchy, cube: Floats) -> Floats:
    """Running sums over the steps, from zero, of every node: (n, origins, steps) -> (N, origins, steps + 1)."""
    flat = np.asarray(hierarchy.summing @ cube.reshape(len(cube), -1)).reshape(-1, *cube.shape[1:])
    return np.concatenate([np.zeros((*flat.shape[:2], 1)), flat.cumsum(axis=2)], axis=2)


def sum_intervals(past: pd.DataFrame, ahead: pd.DataFrame, share: float = 0.9) -> pd.DataFrame:
    """Put an interval around sums from the errors that such sums had before.

    Each level and span is calibrated by itself on past sums of the same weeks ahead. The spread of a node grows with
    what it is expected to sell, ``a·f + b·f²``: luck of the single purchase, and luck that all share (of a level with
    one node, the total, the latter alone). How many
    *independent* errors there were decides how much is added for what so few can tell (Student's factor): origins that
    overlap count as the stretches they cover, nodes that err together as the few that they are.

    Parameters
    ----------
    past : DataFrame
        What ``path_sums`` gives of a back-test: ``level, node, cutoff, origin, first, last, mean, y``.
    ahead : DataFrame
        The same of the forecast, without ``y``.
    share : float
        How often the sum should lie inside.

    Returns
    -------
    DataFrame
        ``ahead`` with ``low`` and ``high``; NaN where no past sum was known.

    Raises
    ------
    DataError
        ``share`` is not between 0 and 1.

    Notes
    -----
    Errors are squared about zero: a forecast that was too low on average has the wider interval, not a moved one.
    """
    if not 0 < share < 1:
        raise DataError("how often an interval holds is a share", value=share, remedy="write 0.9 for nine in ten.")
    known = past.dropna(subset=["y", "mean"])
    groups = dict(tuple(known.groupby(["level", "first", "last"], observed=True)))
    low, high = np.full(len(ahead), np.nan), np.full(len(ahead), np.nan)
    for key, rows in ahead.groupby(["level", "first", "last"], observed=True).indices.items():
        if key in groups:
            mean = ahead["mean"].to_numpy(dtype=float)[rows]
            low[rows], high[rows] = _ends(groups[key], mean, share)
    return ahead.assign(low=low, high=high)


def independent_errors(scaled: Floats, stretches: float) -> float:
    """Tell how many independent errors stand behind errors of M nodes at K origins.

    Parameters
    ----------
    scaled : ndarray of shape (M, K)
        Errors over their spread.
    stretches : float
        How many stretches of weeks the origins cover without overlap.

    Returns
    -------
    float
        ``stretches`` times the number of nodes, as far as these err apart: the mean of M independent errors has one
        M-th of their variance, the mean of M equal ones all of it.

    Examples
    --------
    >>> import numpy as np
    >>> alike = np.array([[1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, -1.0]])
    >>> independent_errors(alike, 4), independent_errors(alike * [[1.0], [-1.0]], 4)
    (4.0, 8.0)
    """
    whole = float((scaled**2).mean())
    common = float((scaled.mean(axis=0) ** 2).mean())
    nodes = len(scaled) if common * len(scaled) <= whole else whole / common
    return float(stretches * nodes)


def _ends(known: pd.DataFrame, mean: Floats, share: float) -> tuple[Floats, Floats]:
    """Both ends around forecasts of one level and span."""
    known = known.sort_values(["node", "cutoff"], kind="stable")
    error = (known["y"] - known["mean"]).to_numpy(dtype=float)
    nearby, common = _spread(error, known["mean"].to_numpy(dtype=float), alone=len(known["node"].unique()) == 1)
    scaled = error / _scale(known["mean"].to_numpy(dtype=float), nearby, common)
    origins = np.unique(known["origin"].to_numpy())
    length = int(known["last"].iloc[0] - known["first"].iloc[0] + 1)
    stretches = min(1 + np.ptp(origins) / length, len(origins))
    table = known.assign(scaled=scaled).pivot_table(index="node", columns="cutoff", values="scaled").fillna(0.0)
    degrees = max(independent_errors(table.to_numpy(), stretches), 1.0)
    tail = (1 + share) / 2
    factor = float(t.ppf(tail, degrees))
    if len(table) * stretches >= MANY:
        widen = factor / float(norm.ppf(tail))
        below, above = np.quantile(scaled, [1 - tail, tail]) * widen
    else:
        above = float(np.sqrt((scaled**2).mean())) * factor
        below = -above
    scale = _scale(mean, nearby, common)
    low, high = mean + min(below, 0.0) * scale, mean + max(above, 0.0) * scale
    return np.maximum(low, 0.0), high


def _spread(error: Floats, mean: Floats, *, alone: bool) -> tuple[float, float]:
    """a and b of the variance a·f + b·f², neither below zero; a node alone cannot tell them apart and has b."""
    size = mean + LEAST_UNITS
    if alone:
        return 0.0, max(float(((error / size) ** 2).mean()), 1e-12)
    design = np.column_stack([1 / size, np.ones(len(size))])  # both sides over f², so that no large node rules
    found, _ = nnls(design, (error / size) ** 2)
    if not found.any():
        return 1e-8, 0.0
    return float(found[0]), float(found[1])


def _scale(mean: Floats, nearby: float, common: float) -> Floats:
    size = np.maximum(mean, 0.0) + LEAST_UNITS
    return np.asarray(np.sqrt(nearby * size + common * size**2))
