"""Makes forecasts of a hierarchy add up: bottom-up, proportions, and MinT.

Forecasts that were made for each node alone are *base forecasts*, and do not add up: the total's is not the sum of the
countries'. Reconciling replaces them by the closest ones that do. What "close" means is the method.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import nnls
from scipy.sparse import csr_array

from ecomlib.contract.frame import KEYS, point_of
from ecomlib.ensemble.hierarchy import SERIES, Hierarchy
from ecomlib.errors import DataError
from ecomlib.frames import require_scored

Floats = NDArray[np.float64]
Method = Literal["bottom_up", "proportions", "ols", "wls_struct", "wls", "shrink"]
LEAST_VARIANCE = 1e-8  # of a node that was never wrong: it still has a weight


def shrunk_covariance(errors: Floats) -> Floats:
    """Estimate a covariance that can be inverted from fewer weeks than nodes.

    The correlations are shrunk towards zero by the share that minimises the expected squared error; the variances stay.

    Parameters
    ----------
    errors : ndarray of shape (N, M)
        Errors of N nodes in M weeks, units. They are centred first.

    Returns
    -------
    ndarray of shape (N, N)

    Raises
    ------
    DataError
        Fewer than three weeks.

    Notes
    -----
    Schäfer and Strimmer (2005), as used in MinT by Wickramasuriya, Athanasopoulos and Hyndman (2019).
    """
    count = errors.shape[1]
    if count < 3:
        raise DataError("correlations need three weeks of errors at least", value=count, remedy='take method="wls".')
    centred = errors - errors.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / (count - 1)
    spread = np.sqrt(np.maximum(np.diag(covariance), LEAST_VARIANCE))
    scaled = centred / spread[:, None]
    # The variance of each correlation, as if it were a mean of M products.
    product, square = scaled @ scaled.T, (scaled**2) @ (scaled**2).T
    doubt = count / (count - 1) ** 3 * (square - product**2 / count)
    correlation = product / (count - 1)
    off = ~np.eye(len(errors), dtype=bool)
    share = float(np.clip(doubt[off].sum() / max((correlation[off] ** 2).sum(), LEAST_VARIANCE), 0.0, 1.0))
    shrunk: Floats = (1 - share) * covariance
    np.fill_diagonal(shrunk, spread**2)
    return shrunk


def reconcile(
    frame: pd.DataFrame,
    model: str,
    hierarchy: Hierarchy,
    method: Method = "wls",
    *,
    errors: pd.DataFrame | None = None,
    nonnegative: bool = False,
) -> pd.DataFrame:
    """Replace base forecasts by ones that add up.

    Parameters
    ----------
    frame : DataFrame
        ``unique_id, ds``, ``cutoff`` where there is one, and the model's base forecasts, one row for every node and
        week.
    model : str
        The column to reconcile. It should hold means: medians have no reason to add up.
    hierarchy : Hierarchy
        Which series belong to which node.
    method : {"bottom_up", "proportions", "ols", "wls_struct", "wls", "shrink"}
        ``bottom_up`` adds up the series and ignores all other nodes. ``proportions`` shares the total out as the series
        stand to each other. The others are the closest forecasts that add up, b minimising ``(ŷ - Sb)' W⁻¹ (ŷ - Sb)``:
        all nodes alike (``ols``), by the number of their series (``wls_struct``), by the variance of their own errors
        (``wls``), or by shrunk variances and correlations (``shrink``: MinT).
    errors : DataFrame, optional
        ``unique_id, ds, error`` of every node on earlier weeks, for ``wls`` and ``shrink``: units less base forecast.
    nonnegative : bool
        Whether no series may lie below zero (Wickramasuriya, Turlach and Hyndman, 2020).

    Returns
    -------
    DataFrame
        The frame's rows and order, with ``model`` replaced.

    Raises
    ------
    DataError
        A node or a week is missing, the errors are missing or are not of earlier weeks, or there is no such method.

    Notes
    -----
    Hyndman, Ahmed, Athanasopoulos and Shang (2011); Wickramasuriya, Athanasopoulos and Hyndman (2019).

    Examples
    --------
    >>> import pandas as pd
    >>> tree = Hierarchy.of(pd.DataFrame({"unique_id": ["cup", "mug"]}), [[]])
    >>> base = tree.nodes[["unique_id"]].assign(ds=pd.Timestamp("2024-01-08"), gru=[9.0, 2.0, 4.0])
    >>> reconcile(base, "gru", tree, "ols")["gru"].round(6).tolist()  # 9, and 2 + 4: each of the three gives way by one
    [8.0, 3.0, 5.0]
    """
    if method not in get_args(Method):
        raise DataError("there is no such method", value=method, remedy=f"one of {', '.join(get_args(Method))}.")
    require_scored(frame, [model], keys=())
    base, rows = _wide(frame, model, hierarchy)
    summing, bottom = hierarchy.summing, len(hierarchy.keys)
    if method == "bottom_up":
        series = base[-bottom:]
    elif method == "proportions":
        series = _shared_out(base, hierarchy)
    else:
        weight = _weight(method, hierarchy, errors, frame)
        nearest = _nearest_nonnegative if nonnegative else _nearest
        series = nearest(base, summing, weight)
    coherent = summing @ (np.maximum(series, 0.0) if nonnegative else series)
    result = frame.copy()
    result[model] = coherent[rows[0], rows[1]]
    result.attrs["point"] = {**frame.attrs.get("point", {}), model: point_of(frame, model)}
    return result


def _wide(frame: pd.DataFrame, model: str, hierarchy: Hierarchy) -> tuple[Floats, tuple[NDArray[np.int64], ...]]:
    """Base forecasts (N, weeks), and where each row of the frame stands in them."""
    weeks = [key for key in KEYS if key != "unique_id" and key in frame.columns]
    node = pd.Index(hierarchy.nodes["unique_id"]).get_indexer(frame["unique_id"])
    if (node < 0).any():
        who = frame["unique_id"].to_numpy()[node < 0][0]
        raise DataError("this is no node of the hierarchy", value=who, remedy="forecast hierarchy.nodes.")
    week = frame.groupby(weeks, sort=True).ngroup().to_numpy()
    base = np.full((len(hierarchy.nodes), week.max() + 1), np.nan)
    base[node, week] = frame[model].to_numpy(dtype=float)
    if len(frame) != base.size or np.isnan(base).any():
        gap = hierarchy.nodes["unique_id"].to_numpy()[np.isnan(base).any(axis=1)]
        value = gap[0] if len(gap) else "a row that stands there twice"
        remedy = "base forecasts hold every node in every week once: forecast hierarchy.add_up(panel)."
        raise DataError("a node's forecast is missing", column=model, value=value, remedy=remedy)
    return base, (node, week)


def _shared_out(base: Floats, hierarchy: Hierarchy) -> Floats:
    """The total's forecast, shared out as the series' forecasts stand to each other (Gross and Sohl, 1990)."""
    if () not in hierarchy.levels:
        raise DataError("there is no total to share out", remedy="make the hierarchy with the level [].")
    total = base[(hierarchy.nodes["level"] == "total").to_numpy()]
    series = np.maximum(base[(hierarchy.nodes["level"] == SERIES).to_numpy()], 0.0)
    whole = series.sum(axis=0)
    return np.where(whole > 0, series / np.where(whole > 0, whole, 1.0), 1 / len(series)) * total


def _weight(method: Method, hierarchy: Hierarchy, errors: pd.DataFrame | None, frame: pd.DataFrame) -> Floats:
    """W: its diagonal (N,), or the whole of it (N, N)."""
    if method == "ols":
        return np.ones(len(hierarchy.nodes))
    if method == "wls_struct":
        return np.asarray(hierarchy.summing.sum(axis=1), dtype=float)
    if errors is None:
        raise DataError(f"{method} needs errors", remedy='hand in errors=, or take method="wls_struct".')
    if "cutoff" in frame.columns and errors["ds"].max() > frame["cutoff"].min():
        remedy = "errors come from weeks that had passed at the first origin."
        raise DataError("these errors were not known", column="ds", value=errors["ds"].max().date(), remedy=remedy)
    wide = errors.pivot_table(index="unique_id", columns="ds", values="error").reindex(hierarchy.nodes["unique_id"])
    if wide.isna().any(axis=None):
        who = wide.index[wide.isna().any(axis=1)][0]
        raise DataError("a node's errors have a gap", column="error", value=who, remedy="errors in the same weeks.")
    values = wide.to_numpy(dtype=float)
    if method == "wls":
        return np.maximum((values**2).mean(axis=1), LEAST_VARIANCE)
    return shrunk_covariance(values)


def _nearest(base: Floats, summing: csr_array, weight: Floats) -> Floats:
    """The series (n, weeks) whose sums lie closest to the base forecasts."""
    if weight.ndim == 1:  # S' W⁻¹ S stays small: n by n
        left = (summing.T.multiply(1 / weight)).tocsr()
        normal, right = (left @ summing).toarray(), left @ base
    else:
        dense = summing.toarray()
        inverse = cho_solve(cho_factor(weight), dense)
        normal, right = dense.T @ inverse, inverse.T @ base
    return np.asarray(cho_solve(cho_factor(normal), right))


def _nearest_nonnegative(base: Floats, summing: csr_array, weight: Floats) -> Floats:
    """The same with no series below zero: non-negative least squares, a week at a time."""
    dense = summing.toarray()
    if weight.ndim == 1:
        scale = 1 / np.sqrt(weight)
        left, right = dense * scale[:, None], base * scale[:, None]
    else:
        lower = cholesky(weight, lower=True)
        left, right = (solve_triangular(lower, part, lower=True) for part in (dense, base))
    return np.stack([nnls(left, right[:, week])[0] for week in range(base.shape[1])], axis=1)
