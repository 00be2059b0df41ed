"""Tests whether text vectors help to forecast products that nobody has bought yet (lesson 02, section 5).

Protocol K of the course: predict what a newcomer will sell from what is known on its first day, with and without its
title, and with blocks of columns that look like a title's vector and know nothing. Two rules keep the answer honest.
What the shop knows anyway (the base: price, calendar, category) is never penalised together with the block under test,
or else a useless block makes the base look worse than it is. And a block of random vectors must change nothing; where
it does, the comparison is void. The controls follow Tan et al. (2024), who removed the language model from published
forecasters and found that they forecast no worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.stores.store import Store
from ecomlib.text.encoder import encode, text_list

Floats = NDArray[np.float64]
NOTHING, RANDOM, ENDS = "nothing", "random", (0.025, 0.975)


@dataclass(frozen=True)
class ArmSettings:
    """How arms are fitted and judged.

    ``penalties`` are multiples of the number of training rows, for a block scaled to a mean square of one; the best is
    chosen over ``folds`` of training products. A comparison is void where the random arm's rank correlation is further
    than ``tolerance`` from that of "nothing". Intervals: 95 %, from ``draws`` paired redraws of the
    test products.
    """

    penalties: tuple[float, ...] = tuple(np.logspace(-3, 3, 13))
    folds: int = 5
    tolerance: float = 0.02
    draws: int = 2000


def newcomers(store: Store, *, weeks: int = 8) -> pd.DataFrame:
    """One row a product: what was known on its first day, and what it then sold (lesson 02, section 5).

    The first day is that of the launch where the store knows it, but not before the first order; else the first order's
    (a product first *seen* then may be old: the table cannot tell). Columns: ``product_id, first_day``, ``price`` of
    the first line (money), the product's own columns, with the first listing's texts where the store keeps versions;
    ``days`` counted: at most ``weeks`` times seven, fewer when the text is rewritten earlier; ``units`` a week in
    these days; ``y`` = log(units + 1/16), so that none sold stays finite; ``level`` the logarithm of the weekly units
    in the same days of the mean product that was there on the store's first day: y - level has no calendar in it.
    Products never sold, and those whose days are not over yet, are left out. Known at: the first day, except days,
    units, y and level.
    """
    lines = store.orders.sort_values("ordered_at", kind="stable")
    first = lines.groupby("product_id").agg(seen=("ordered_at", "min"), price=("unit_price", "first"))
    table = store.products.merge(first, left_on="product_id", right_index=True, how="left")
    opened, closed = (day.normalize() for day in (lines["ordered_at"].iloc[0], lines["ordered_at"].iloc[-1]))
    launched = table["launched_on"] if "launched_on" in table else pd.Series(pd.NaT, index=table.index)
    table["first_day"] = launched.fillna(table["seen"].dt.normalize()).clip(lower=opened)
    end = table["first_day"] + pd.Timedelta(weeks=weeks)
    if store.listings is not None:
        versions = store.listings.sort_values(["product_id", "valid_from"], kind="stable").groupby("product_id")
        rewritten = table["product_id"].map(versions["valid_from"].nth(1).set_axis(versions["product_id"].nth(1)))
        end = end.where(~(rewritten < end), rewritten)
        for column in {"title", "description"} & set(store.listings):
            table[column] = table["product_id"].map(versions[column].first())
    table = table.assign(end=end, days=(end - table["first_day"]).dt.days.astype("float64"))
    table = table[(end <= closed + pd.Timedelta(days=1)) & (table["price"] > 0) & (table["days"] > 0)]
    own = lines.merge(table[["product_id", "first_day", "end"]], on="product_id")
    own = own[(own["ordered_at"] >= own["first_day"]) & (own["ordered_at"] < own["end"])]
    sold = own.groupby("product_id")["quantity"].sum().reindex(table["product_id"], fill_value=0).to_numpy()
    table["units"] = 7 * sold / table["days"]
    table["y"] = np.log(table["units"] + 1 / 16)
    old = table.loc[table["first_day"] == opened, "product_id"]
    days = lines["ordered_at"][lines["product_id"].isin(old)].dt.normalize()
    so_far = lines["quantity"].groupby(days).sum().reindex(pd.date_range(opened, closed), fill_value=0).cumsum()
    ends = [so_far.reindex(table[day] - pd.Timedelta(days=1)).fillna(0).to_numpy() for day in ("first_day", "end")]
    with np.errstate(divide="ignore", invalid="ignore"):
        table["level"] = np.log(7 * (ends[1] - ends[0]) / table["days"] / len(old))
    return table.drop(columns=["seen", "end"]).reset_index(drop=True)


def text_blocks(
    texts: Sequence[Sequence[str]],
    price: Floats,
    train: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    encoder: Callable[..., np.ndarray] = encode,
) -> dict[str, Floats]:
    """The text's vectors and the controls, one block of columns an arm (lesson 02, section 5).

    Parameters
    ----------
    texts: one sequence a field (titles; titles and descriptions), each of n texts; the fields' vectors stand side by
        side. price: (n,) as the base has it (price over cost, or money), for shuffling
        within fifths. train: (n,) the rows that may be learnt from.

    Returns
    -------
    ``bert`` (n, 384 a field); ``shuffled``, the same vectors dealt to other products of the same fifth, training
    and test rows apart; ``constant``; ``random`` unit vectors of the same width; ``static``, the mean of the encoder's
    input word vectors, which know no context; ``tfidf`` with vocabulary and idf from the training rows alone.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    bert, static = (
        np.hstack([encoder(text_list(t), layer=layer) for t in texts]).astype(float) for layer in ("last", "input")
    )
    fifth = np.searchsorted(np.quantile(price[train], [0.2, 0.4, 0.6, 0.8]), price)
    dealt = pd.Series(np.arange(len(price))).groupby([fifth, train]).transform(rng.permutation).to_numpy()
    noise = rng.normal(size=bert.shape)
    whole = [" ".join(fields) for fields in zip(*texts, strict=True)]
    words = TfidfVectorizer(max_features=1500)
    words.fit(np.array(whole, dtype=object)[train])
    return {
        "bert": bert,
        "shuffled": bert[dealt],
        "constant": np.ones((len(price), 1)),
        RANDOM: noise / np.linalg.norm(noise, axis=1, keepdims=True),
        "static": static,
        "tfidf": words.transform(whole).toarray(),
    }


def ridge_path(
    base: Floats, block: Floats, y: Floats, new_base: Floats, new_block: Floats, penalties: Sequence[float]
) -> Floats:
    """Predictions, one row a penalty (K, m), of a ridge whose base columns are free (lesson 02, section 5).

    An intercept and the base (n, B) are first taken out of the block (n, D) and of y (n,); what is left is fitted with
    the penalty alone. By the theorem of Frisch and Waugh (1933) that equals penalising the block and nothing else.
    """
    z, new_z = (np.column_stack([np.ones(len(b)), b]) for b in (base, new_base))
    out = np.linalg.lstsq(z, np.column_stack([y, block]), rcond=None)[0]
    rest, left = y - z @ out[:, 0], block - z @ out[:, 1:]
    scale = max(float(np.sqrt((left**2).mean())), 1e-9)
    left, new_left = left / scale, (new_block - new_z @ out[:, 1:]) / scale
    wide = left.shape[1] > len(left)  # the smaller of the two cross-products is taken apart once for all penalties
    values, vectors = np.linalg.eigh(left @ left.T if wide else left.T @ left)
    shrunk = vectors.T @ (rest if wide else left.T @ rest) / (values + len(y) * np.asarray(penalties)[:, None])
    weights = left.T @ (vectors @ shrunk.T) if wide else vectors @ shrunk.T  # (D, K)
    return np.asarray((new_z @ out[:, :1] + new_left @ weights).T)


def predict_arms(
    y: Floats,
    base: Floats,
    blocks: Mapping[str, Floats],
    train: NDArray[np.bool_],
    groups: Sequence[object],
    rng: np.random.Generator,
    *,
    common: bool = False,
    settings: ArmSettings = ArmSettings(),
) -> pd.DataFrame:
    """Each arm's forecasts of the test rows, a column an arm; ``nothing`` is the base alone (lesson 02, section 5).

    Parameters
    ----------
    y: (n,); test values are not read. base: (n, B), what is known anyway. blocks: (n, D) an arm. train: (n,) bool.
    groups: (n,) products: no product stands on both sides of a fold, else even shuffled text names the product.
    common: the usual pipeline instead: base and block standardised together under one penalty. It is here to be shown
        at fault: useless blocks then make the base shrink.
    """
    from sklearn.model_selection import GroupKFold

    names = np.asarray(groups, dtype=object)
    if set(names[train]) & set(names[~train]):
        raise DataError("a product is both learnt from and tested", remedy="split rows by product.")
    cut = GroupKFold(settings.folds, shuffle=True, random_state=int(rng.integers(2**31)))
    folds = list(cut.split(names[train], groups=names[train]))
    none = np.zeros((len(y), 1))
    found = {}
    for name, block in {NOTHING: none, **blocks}.items():
        free = base
        if common and name != NOTHING:
            both = np.column_stack([base, block])
            block = (both - both[train].mean(axis=0)) / np.maximum(both[train].std(axis=0), 1e-9)
            free = none[:, :0]
        b, x, target, loss = free[train], block[train], y[train], np.zeros(len(settings.penalties))
        for here, there in folds:
            tried = ridge_path(b[here], x[here], target[here], b[there], x[there], settings.penalties)
            loss += ((tried - target[there]) ** 2).sum(axis=1)
        best = [settings.penalties[int(loss.argmin())]]
        found[name] = ridge_path(b, x, target, free[~train], block[~train], best)[0]
    return pd.DataFrame(found, index=np.flatnonzero(~train))


def rank_correlation(y: Floats, forecast: Floats) -> Floats:
    """Spearman's correlation along the last axis; NaN where one side is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(v, axis=-1) - (np.shape(v)[-1] + 1) / 2 for v in (y, forecast))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((a * b).sum(axis=-1) / np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1)))


def judge_arms(
    y: Floats, forecasts: pd.DataFrame, rng: np.random.Generator, settings: ArmSettings = ArmSettings()
) -> pd.DataFrame:
    """Rank correlations with intervals, differences from "nothing", and whether the comparison is void.

    One row an arm: ``arm, rho, low, high``, then ``gain`` (rho less that of nothing) with ``gain_low, gain_high`` from
    the same redraws of products, and ``void``: the random arm is missing or further from nothing than the tolerance,
    so that nothing may be read from any row (lesson 02, section 5).
    """
    pick = rng.integers(len(y), size=(settings.draws, len(y)))
    drawn = {a: rank_correlation(y[pick], forecasts[a].to_numpy()[pick]) for a in forecasts}
    rho = {a: float(rank_correlation(y, forecasts[a].to_numpy())) for a in forecasts}
    void = not abs(rho.get(RANDOM, np.nan) - rho[NOTHING]) <= settings.tolerance
    rows = []
    for arm in forecasts:
        low, high = np.nanquantile(drawn[arm], ENDS)
        gain_low, gain_high = np.nanquantile(drawn[arm] - drawn[NOTHING], ENDS)
        rows.append((arm, rho[arm], low, high, rho[arm] - rho[NOTHING], gain_low, gain_high, void))
    return pd.DataFrame(rows, columns=["arm", "rho", "low", "high", "gain", "gain_low", "gain_high", "void"])
