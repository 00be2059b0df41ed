"""Estimates price elasticities: naive, by fixed effects, and by double machine learning (lesson 03, section 4).

All estimators take the product-week frame of ``causal.design``, return one row a category with a standard error that is
clustered by product, and call *elasticity* the per cent of demand for one per cent of price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.causal.regression import Z95, Floats, clustered, codes, means, poisson, sweep
from ecomlib.errors import DataError

Final = Literal["poisson", "linear"]


@dataclass(frozen=True)
class Settings:
    """Hold the settings of double machine learning, chosen on seeds 100 and 101, which no recorded run scores."""

    folds: int = 5
    components: int = 200  # of the texts' vectors; 64 explain only 83 % of the quality's variance, 200 explain 95 %
    penalty: float = 0.1  # of the ridge regressions on them
    learner: Literal["ridge", "neighbour"] = "ridge"  # the nearest text is what a learner that remembers looks like
    rounds: int = 3  # alternating updates of elasticity and baseline demand
    own: float = 0.3  # variance of a listing's appeal that no text explains, log points: caps a best seller's weight
    dispersion: float = 0.1  # the same for a product-week, in the final stage
    seed: int = 0  # of the folds


@dataclass(frozen=True, eq=False)
class DoubleML:
    """Hold elasticities and their basis: price residual and expected log demand, one a row of the frame."""

    table: pd.DataFrame  # category, elasticity, se, low, high, rows
    residual: Floats  # (N,) log price less what text, calendar and controls foretell
    expected: Floats  # (N,) log of demand at log price zero ("poisson"), or the residual of log demand ("linear")
    fold: NDArray[np.intp]  # (N,)
    text: Floats  # (N,) log points that the text in force adds to demand, learnt on other products; 0 if "linear"


def naive(
    frame: pd.DataFrame,
    *,
    y: str = "units",
    final: Final = "poisson",
    exposure: str | None = None,
    treatment: str = "log_price",
) -> pd.DataFrame:
    """Regress demand on price by category and nothing else: what a dashboard shows (lesson 03, section 1).

    ``final="linear"`` is the straight line through the logs of y + ½, which few units bend further.
    """
    return _plain(frame, [frame["category"]], y, final, exposure, treatment, ())


def fixed_effects(
    frame: pd.DataFrame,
    *,
    y: str = "units",
    final: Final = "poisson",
    exposure: str | None = None,
    treatment: str = "log_price",
    controls: Sequence[str] = ("promoted",),
    level: str = "product_id",
) -> pd.DataFrame:
    """Estimate elasticities by two-way fixed effects: products, and weeks of a category (lesson 03, section 3).

    Removes whatever stays the same in a product. A listing that is rewritten does not: ``level="listing"`` compares the
    weeks of one text, and learns nothing where its price does not move.
    """
    absorb = [frame[level], frame[["category", "ds"]]]
    return _plain(frame, absorb, y, final, exposure, treatment, controls)


def double_ml(
    frame: pd.DataFrame,
    vectors: Any = None,
    *,
    y: str = "units",
    exposure: str | None = None,
    final: Final = "poisson",
    folds: Literal["product", "row"] = "product",
    treatment: str = "log_price",
    controls: Sequence[str] = ("promoted",),
    settings: Settings | None = None,
) -> DoubleML:
    """Estimate elasticities by double machine learning with text as the confounder (lesson 03, section 4).

    Chernozhukov et al. (2018): what is known before the week foretells the price and the demand, each learnt on other
    products (cross-fitting); what it does not foretell is compared. Known are the category's week, ``controls`` and the
    text in force. ``"linear"`` regresses residual on residual, on logs of y + ½. ``"poisson"`` takes counts as they are
    and solves ``sum V (y exp(-ε T) - exp(g)) = 0`` with V the price's residual and g learnt from what the price leaves
    over: a multiplicative mean model by G-estimation (Robins 1994), in which an error of either guess does no harm to
    first order, and noise that both guesses drew from the same prices none at all.

    Parameters
    ----------
    frame : DataFrame
        Of ``design``; ``vectors`` (L, D) has a row for each number in its column ``listing``; None leaves text out.
    exposure : str, optional
        A column that demand is proportional to, above zero: ``in_stock`` where sales are censored.
    folds : {"product", "row"}
        "row" is the mistake of lesson 03, section 4: a product's own rows help to foretell it.

    Raises
    ------
    DataError
        A missing column, empty values, or fewer products than folds.
    """
    s = Settings() if settings is None else settings
    _insist_on_rows(frame)
    columns = [y, treatment, "category", "ds", "product_id", *controls, *([exposure] if exposure else [])]
    for column in [*columns, *(["listing"] if vectors is not None else [])]:
        if column not in frame or frame[column].isna().any():
            raise DataError(
                "the column is missing or has gaps",
                table="frame",
                column=column,
                remedy="make the frame with design and drop rows without it.",
            )
    product, rng = codes(frame["product_id"]), np.random.default_rng(s.seed)
    if product.max() + 1 < s.folds:
        raise DataError("fewer products than folds", table="frame", column="product_id", value=product.max() + 1)
    units = product if folds == "product" else np.arange(len(frame))
    fold = rng.permutation(np.arange(units.max() + 1) % s.folds)[units]
    parts = [_Fold(frame, fold != k, vectors, controls, s) for k in range(s.folds)]

    count = frame[y].to_numpy(dtype=float)
    base = np.zeros(len(frame)) if exposure is None else np.log(frame[exposure].to_numpy(dtype=float))
    price = frame[treatment].to_numpy(dtype=float)
    residual = price - _joined(fold, [part.linear(price) for part in parts])
    logs = np.log(count + 0.5) - base
    rest = logs - _joined(fold, [part.linear(logs) for part in parts])
    group = codes(frame["category"])
    slope, error = on_residuals(rest, residual, group, product)
    text = np.zeros(len(frame))
    if final == "poisson":
        scores = [np.zeros(part.size) for part in parts]
        for _ in range(s.rounds):
            offset = base + slope[group] * price
            found = [part.counts(count, offset, score) for part, score in zip(parts, scores, strict=True)]
            scores = [score for _, score in found]
            rest = _joined(fold, [value for value, _ in found]) + base
            text = _joined(fold, [score[part.listing] for part, score in zip(parts, scores, strict=True)])
            slope, error = _multiplicative(count, price, residual, rest, group, product, slope, s.dispersion)
    return DoubleML(_table(frame, slope, error), residual, rest, fold, text)


def on_residuals(y: Any, t: Any, group: Any, cluster: Any) -> tuple[Floats, Floats]:
    """Regress residual on residual in each group: slope and clustered standard error (lesson 03, section 4).

    Arrays of shape (N,); ``group`` is numbered from 0. Returns two arrays of shape (groups,).
    """
    y, t, group, cluster = np.asarray(y), np.asarray(t), np.asarray(group), codes(cluster)
    power = np.bincount(group, t * t)
    slope = np.bincount(group, t * y) / power
    scores = np.where(group[:, None] == np.arange(len(power)), (t * (y - slope[group] * t))[:, None], 0.0)
    return slope, np.sqrt(np.diag(clustered(scores, cluster))) / power


class _Fold:
    """Guesses for all rows, learnt from the rows in ``train`` alone."""

    def __init__(self, frame: pd.DataFrame, train: Any, vectors: Any, controls: Sequence[str], s: Settings) -> None:
        self.train, self.s = train, s
        self.cell = codes(frame[["category", "ds"]])
        self.X = frame[list(controls)].to_numpy(dtype=float)
        self.listing = np.zeros(len(frame), np.intp) if vectors is None else frame["listing"].to_numpy(dtype=np.intp)
        self.size = 1 if vectors is None else len(vectors)
        self.rows = np.bincount(self.listing[train], minlength=self.size).astype(float)
        self.seen = self.rows > 0
        self.Z = None if vectors is None else self._components(np.asarray(vectors), codes(frame["category"]))

    def _components(self, vectors: Floats, group: NDArray[np.intp]) -> Floats:
        """Principal components of the training listings, less their mean in the category, which has a level already."""
        from sklearn.decomposition import PCA

        some = min(self.s.components, vectors.shape[1], int(self.seen.sum()) // 3)
        Z = PCA(some, svd_solver="covariance_eigh").fit(vectors[self.seen]).transform(vectors)
        of_listing = np.zeros(self.size, np.intp)
        of_listing[self.listing] = group
        return Z - means(Z, of_listing, self.seen.astype(float), int(group.max()) + 1)[of_listing]

    def linear(self, target: Floats) -> Floats:
        """The target's level of the category's week, plus controls, plus what the text adds."""
        a, ones = self.train, np.ones(int(self.train.sum()))
        both = np.column_stack([self.X, target])
        both = both - both[a].mean(axis=0)  # the guess for a week that no training row has
        both = both - means(both[a], self.cell[a], ones, int(self.cell.max()) + 1)[self.cell]
        X, left = both[:, :-1], both[:, -1]
        left = left - X @ np.linalg.lstsq(X[a], left[a], rcond=None)[0]
        mean = means(left[a][:, None], self.listing[a], ones, self.size)[:, 0]
        return target - left + self._text(mean, self.rows)[self.listing]

    def counts(self, count: Floats, offset: Floats, score: Floats) -> tuple[Floats, Floats]:
        """Log of expected counts without ``offset``, and the text's score of each listing, beginning with ``score``."""
        a = self.train
        for _ in range(3):
            guess = self._levels(count, offset + score[self.listing], None)
            mu = np.bincount(self.listing[a], np.exp(guess + offset + score[self.listing])[a], self.size)
            units = np.bincount(self.listing[a], count[a], self.size)
            # One step towards the counts; a best seller does not outweigh all others, since its appeal is its own too.
            aim = score + np.clip((units - mu) / (mu + 0.1), -1, 3)
            score = self._text(aim, np.where(self.seen, 1 / (1 / (mu + 0.1) + self.s.own), 0.0))
        shift = score[self.listing]
        slope = poisson(count[a], self.X[a], absorb=[self.cell[a]], exposure=np.exp(offset + shift)[a], tolerance=1e-3)
        return self._levels(count, offset + shift, slope.slope) + shift, score

    def _levels(self, count: Floats, offset: Floats, slope: Floats | None) -> Floats:
        """Log level of each category's week (a week without sales is drawn to the mean), plus the controls' part."""
        a, part = self.train, 0.0 if slope is None else self.X @ slope
        expected = np.exp(offset + part)
        mean = count[a].sum() / expected[a].sum()
        cells = int(self.cell.max()) + 1
        sold, usual = (np.bincount(self.cell[a], v[a], cells) for v in (count, expected * mean))
        return (np.log((sold + 1) / (usual + 1)) + np.log(mean))[self.cell] + part

    def _text(self, target: Floats, weight: Floats) -> Floats:
        """The score of every listing, learnt from the training listings."""
        if self.Z is None:
            return np.zeros(self.size)
        if self.s.learner == "neighbour":
            from sklearn.neighbors import KNeighborsRegressor

            return np.asarray(KNeighborsRegressor(1).fit(self.Z[self.seen], target[self.seen]).predict(self.Z))
        from sklearn.linear_model import Ridge

        weight = weight[self.seen]
        model = Ridge(self.s.penalty).fit(self.Z[self.seen], target[self.seen], sample_weight=weight / weight.mean())
        return np.asarray(model.predict(self.Z), dtype=float)


def _joined(fold: NDArray[np.intp], guesses: Sequence[Floats]) -> Floats:
    """Each row's guess by the part that has not seen it."""
    return np.stack(guesses)[fold, np.arange(len(fold))]


def _multiplicative(
    count: Floats,
    price: Floats,
    residual: Floats,
    g: Floats,
    group: NDArray[np.intp],
    cluster: NDArray[np.intp],
    start: Floats,
    dispersion: float,
) -> tuple[Floats, Floats]:
    """Solve ``sum w (V, 1) (y exp(-ε T - a) - exp(g)) = 0`` in each group by Newton's method."""
    slope, error = start.copy(), np.empty(len(start))
    for c in range(len(start)):
        m = group == c
        level, T = np.exp(g[m]), np.column_stack([price[m], np.ones(m.sum())])
        w, V = 1 / (1 + dispersion * level), np.column_stack([residual[m], np.ones(m.sum())])
        x = np.array([start[c], 0.0])
        for _ in range(50):
            left = count[m] * np.exp(-T @ x)
            bend = np.linalg.pinv(V.T @ ((w * left)[:, None] * T))
            step = np.clip(bend @ (V.T @ (w * (left - level))), -1, 1)
            x = x + step
            if np.abs(step).max() < 1e-10:
                break
        meat = clustered(V * (w * (left - level))[:, None], codes(cluster[m]))
        slope[c], error[c] = x[0], np.sqrt((bend @ meat @ bend.T)[0, 0])
    return slope, error


def _plain(
    frame: pd.DataFrame,
    absorb: Sequence[Any],
    y: str,
    final: str,
    exposure: str | None,
    treatment: str,
    controls: Sequence[str],
) -> pd.DataFrame:
    _insist_on_rows(frame)
    group = codes(frame["category"])
    X = np.where(group[:, None] == np.arange(group.max() + 1), frame[[treatment]].to_numpy(dtype=float), 0.0)
    X = np.hstack([X, frame[list(controls)].to_numpy(dtype=float)])
    count, share = frame[y].to_numpy(dtype=float), 1.0 if exposure is None else frame[exposure].to_numpy(dtype=float)
    if final == "linear":
        logs, ones = np.log((count + 0.5) / share), np.ones(len(count))
        both = sweep(np.column_stack([X, logs]), [codes(key) for key in absorb], ones)
        X, inverse = both[:, :-1], np.linalg.pinv(both[:, :-1].T @ both[:, :-1])
        slope = inverse @ (X.T @ both[:, -1])
        scores = X * (both[:, -1] - X @ slope)[:, None]
        error = np.sqrt(np.diag(inverse @ clustered(scores, codes(frame["product_id"])) @ inverse))
    else:
        fit = poisson(count, X, absorb=absorb, exposure=share, cluster=frame["product_id"])
        slope, error = fit.slope, fit.se
    return _table(frame, slope[: group.max() + 1], error[: group.max() + 1])


def _insist_on_rows(frame: pd.DataFrame) -> None:
    if frame.empty:
        remedy = "bring a longer history, or keep more of the products."
        raise DataError("no product-week is left to learn from", table="frame", remedy=remedy)


def _table(frame: pd.DataFrame, slope: Floats, error: Floats) -> pd.DataFrame:
    rows = frame.groupby("category", observed=True).size()
    columns = {"elasticity": slope, "se": error, "low": slope - Z95 * error, "high": slope + Z95 * error, "rows": rows}
    return pd.DataFrame(columns, index=rows.index).reset_index()
