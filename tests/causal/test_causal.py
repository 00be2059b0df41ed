"""Elasticities against known effects and against EconML; counts against statsmodels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.linear_model import Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from ecomlib.causal import (
    Settings,
    double_ml,
    fixed_effects,
    naive,
    on_residuals,
    partial_r2,
    permuted_treatment,
    poisson,
    robustness_of,
    robustness_value,
)
from ecomlib.errors import DataError

TRUTH = {"mugs": -1.0, "lamps": -2.5}
WORDS = 12


def made(seed: int = 0, products: int = 200, weeks: int = 24, own: float = 0.3) -> tuple[pd.DataFrame, np.ndarray]:
    """Two categories, two texts a product; what a text tells moves both price and demand."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(2 * products, WORDS))
    quality = vectors @ np.full(WORDS, 1 / np.sqrt(WORDS))
    product, week = np.repeat(np.arange(products), weeks), np.tile(np.arange(weeks), products)
    listing = 2 * product + (week >= weeks // 2)
    category = np.array(list(TRUTH))[product % 2]
    version = rng.normal(0, 0.15, 2 * products)[listing]
    promoted = (rng.random(len(product)) < 0.2).astype(float)
    season = 0.3 * np.sin(week / 4)
    log_price = 0.5 + 0.2 * quality[listing] + version + 0.5 * season + rng.normal(0, 0.05, len(product))
    slope = np.array([TRUTH[name] for name in category])
    appeal = rng.normal(0, own, products)[product]
    interest = 1.5 + 0.6 * quality[listing] + slope * (log_price - 0.5) + 0.3 * promoted + season + appeal
    frame = pd.DataFrame(
        {
            "product_id": product.astype(str),
            "ds": pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * week, unit="D"),
            "category": category,
            "listing": listing,
            "log_price": log_price,
            "promoted": promoted,
            "units": rng.poisson(np.exp(interest)).astype(float),
        }
    )
    return frame, vectors


def error(table: pd.DataFrame) -> pd.Series:
    return table["elasticity"] - table["category"].map(TRUTH)


def test_poisson_equals_a_regression_with_dummies() -> None:
    frame, _ = made(products=12, weeks=10)
    X = frame[["log_price", "promoted"]].to_numpy()
    exposure = 1 + np.arange(len(frame)) % 3
    ours = poisson(
        frame["units"], X, absorb=[frame["product_id"], frame["ds"]], exposure=exposure, cluster=frame["product_id"]
    )
    dummies = pd.get_dummies(frame["product_id"]).join(pd.get_dummies(frame["ds"]).iloc[:, 1:]).astype(float)
    model = sm.GLM(frame["units"], np.hstack([X, dummies]), family=sm.families.Poisson(), exposure=exposure)
    theirs = model.fit(tol=1e-13, maxiter=200)
    np.testing.assert_allclose(ours.slope, theirs.params[:2], atol=1e-6)
    grouped = model.fit(
        tol=1e-13,
        maxiter=200,
        cov_type="cluster",
        cov_kwds={"groups": frame["product_id"].astype("category").cat.codes, "use_correction": False},
    )
    np.testing.assert_allclose(ours.se, grouped.bse[:2] * np.sqrt(12 / 11), rtol=1e-4)


def test_levels_without_counts_say_nothing() -> None:
    frame, _ = made(products=12, weeks=10)
    silent = frame["product_id"] == "3"
    frame.loc[silent, "units"] = 0.0
    fit = poisson(frame["units"], frame["log_price"], absorb=[frame["product_id"]])
    rest = poisson(frame["units"][~silent], frame["log_price"][~silent], absorb=[frame["product_id"][~silent]])
    np.testing.assert_allclose(fit.slope, rest.slope, atol=1e-7)


def test_text_undoes_what_misleads_the_others() -> None:
    frame, vectors = made()
    assert error(naive(frame)).min() > 0.5
    assert error(naive(frame, final="linear")).min() > 0.5
    assert error(fixed_effects(frame)).min() > 0.5  # texts change within a product
    assert error(fixed_effects(frame, level="listing")).abs().max() < 0.2  # but not within a listing
    assert error(double_ml(frame, None).table).min() > 0.5
    assert error(double_ml(frame, vectors).table).abs().max() < 0.2


def test_intervals_cover_and_the_mean_is_right() -> None:
    tables = [double_ml(*made(seed, products=100), settings=Settings(rounds=2)).table for seed in range(16)]
    errors = np.array([error(table) for table in tables])
    inside = [abs(e) < 1.96 * table["se"].to_numpy() for e, table in zip(errors, tables, strict=True)]
    # 32 intervals: standard error of the mean about 0.03, of the coverage 0.04.
    assert abs(errors.mean()) < 0.1
    assert 0.8 <= np.mean(inside) <= 1.0
    assert errors.std() == pytest.approx(np.mean([table["se"].mean() for table in tables]), rel=0.3)


def test_rows_of_one_product_in_both_folds_are_a_trap() -> None:
    """A learner that remembers knows a listing by its shuffled text, if it has seen other rows of it."""
    frame, vectors = made()
    shuffled = np.random.default_rng(1).permutation(vectors)
    remembers = Settings(learner="neighbour")
    assert error(double_ml(frame, shuffled, settings=remembers).table).mean() > 0.5
    trapped = error(double_ml(frame, shuffled, folds="row", settings=remembers).table).mean()
    assert abs(trapped) < 0.3, "it seems to work, and has learnt nothing"


def test_half_counts_bend_the_logs() -> None:
    frame, vectors = made(own=0.1)
    few = frame.assign(units=np.random.default_rng(2).poisson(frame["units"] * 0.1).astype(float))
    assert error(double_ml(few, vectors, final="linear").table).mean() > 0.5
    counts = double_ml(few, vectors).table
    assert (error(counts).abs() < 3.5 * counts["se"]).all()


def test_an_exposure_takes_a_share_out() -> None:
    frame, vectors = made()
    share = 1 / (1 + np.exp(frame["log_price"] * 3))  # the dearer, the less there is to sell
    sold = frame.assign(units=np.random.default_rng(3).binomial(frame["units"].astype(int), share), share=share)
    assert error(double_ml(sold, vectors).table).max() < -0.5
    mended = double_ml(sold, vectors, exposure="share").table
    assert (error(mended).abs() < 3.5 * mended["se"]).all()


def test_residual_on_residual_equals_econml() -> None:
    dml = pytest.importorskip("econml.dml", reason="EconML is not installed")
    frame, vectors = made(products=80)
    fold = frame["product_id"].astype(int).to_numpy() % 5
    one_hot = pd.get_dummies(frame["category"]).to_numpy(dtype=float)
    X = np.hstack([one_hot, vectors[frame["listing"]], frame[["promoted"]]])
    y, t = np.log(frame["units"].to_numpy() + 0.5), frame["log_price"].to_numpy()
    model = Ridge(1.0)
    group = one_hot.argmax(axis=1)
    left = [target - cross_val_predict(model, X, target, cv=PredefinedSplit(fold)) for target in (y, t)]
    slope, _ = on_residuals(*left, group, np.arange(len(y)))
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]
    theirs = dml.LinearDML(model_y=model, model_t=model, cv=splits, fit_cate_intercept=False, random_state=0)
    theirs.fit(y, t, X=one_hot, W=X[:, 2:])
    np.testing.assert_allclose(slope, theirs.effect(np.eye(2)), atol=1e-8)


def test_double_ml_agrees_with_econml_where_logs_do() -> None:
    """Its own text learner and folds, many units: close to EconML's LinearDML within its own standard error."""
    dml = pytest.importorskip("econml.dml", reason="EconML is not installed")
    frame, vectors = made(products=120)
    many = frame.assign(units=np.random.default_rng(4).poisson(frame["units"] * 50 + 20).astype(float))
    ours = double_ml(many, vectors, final="linear")
    weeks = pd.get_dummies(many["category"] + many["ds"].astype(str)).to_numpy(dtype=float)
    W = np.hstack([weeks, vectors[many["listing"]], many[["promoted"]]])
    one_hot = pd.get_dummies(many["category"], dtype=float)
    splits = [(np.flatnonzero(ours.fold != k), np.flatnonzero(ours.fold == k)) for k in range(5)]
    theirs = dml.LinearDML(model_y=Ridge(0.1), model_t=Ridge(0.1), cv=splits, fit_cate_intercept=False, random_state=0)
    theirs.fit(np.log(many["units"] + 0.5), many["log_price"], X=one_hot.to_numpy(), W=W)
    expected = pd.Series(theirs.effect(np.eye(2)), one_hot.columns)
    gap = ours.table["elasticity"] - ours.table["category"].map(expected)
    assert (gap.abs() < 0.5 * ours.table["se"]).all()


def test_clustered_errors_equal_statsmodels() -> None:
    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(40), 10)
    t = rng.normal(size=400) + rng.normal(size=40)[cluster]
    y = 2 * t + rng.normal(size=40)[cluster] * t
    slope, se = on_residuals(y, t, np.zeros(400, int), cluster)
    fit = sm.OLS(y, t).fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False})
    np.testing.assert_allclose([slope[0], se[0]], [fit.params[0], fit.bse[0] * np.sqrt(40 / 39)])


def test_folds_are_by_product_and_a_product_does_not_foretell_itself() -> None:
    frame, vectors = made(products=60)
    before = double_ml(frame, vectors)
    assert pd.Series(before.fold).groupby(frame["product_id"].to_numpy()).nunique().max() == 1
    mine = (frame["product_id"] == "7").to_numpy()
    changed = frame.assign(log_price=frame["log_price"] + np.where(mine, 1.0, 0.0))
    after = double_ml(changed, vectors)
    np.testing.assert_allclose(after.residual[mine], before.residual[mine] + 1.0, atol=1e-10)


def test_a_strangers_price_does_nothing() -> None:
    frame, vectors = made()
    placebo = permuted_treatment(frame, np.random.default_rng(7))
    assert len(placebo) == len(frame)
    own = frame.merge(placebo[["product_id", "ds", "log_price"]], on=["product_id", "ds"], suffixes=("", "_given"))
    assert (own["log_price"] != own["log_price_given"]).all(), "nobody keeps their own"
    assert set(np.round(own["log_price_given"], 9)) == set(np.round(frame["log_price"], 9))
    table = double_ml(placebo, vectors).table
    assert (table["elasticity"].abs() < 4 * table["se"]).all()
    with pytest.raises(DataError, match="no placebo"):
        permuted_treatment(frame[frame["product_id"] == "1"], np.random.default_rng(0))


def test_robustness_value_is_the_published_one() -> None:
    """Cinelli & Hazlett (2020), Darfur: t = 4.18 on 783 degrees of freedom gives 13.9 %, and 7.6 % for 5 %."""
    assert robustness_value(0.097, 0.0232, 783) == pytest.approx(0.139, abs=0.001)
    assert robustness_value(0.097, 0.0232, 783, critical=1.963) == pytest.approx(0.076, abs=0.001)
    assert robustness_value(0.01, 0.1, 100, critical=1.96) == 0.0
    assert 0.9 < robustness_value(1e3, 1.0, 10) <= 1.0


def test_a_partial_r2_is_that_of_the_residuals_and_gives_the_published_value() -> None:
    """Cinelli & Hazlett (2020), Darfur: 2.2 % of what is left of the outcome gives a robustness value of 13.9 %."""
    assert robustness_of(0.0218) == pytest.approx(0.139, abs=0.001)
    assert robustness_of(0.0) == 0.0 and robustness_of(1.0) == 1.0
    rng = np.random.default_rng(6)
    W = np.column_stack([np.ones(300), rng.normal(size=(300, 3))])
    t = W @ [0, 1, -1, 0.5] + rng.normal(size=300)
    y = 0.4 * t + W @ [1, 2, 0, -1] + rng.normal(size=300)
    fit = sm.OLS(y, np.column_stack([t, W])).fit()
    left_t, left_y = (v - W @ np.linalg.lstsq(W, v, rcond=None)[0] for v in (t, y))
    share = partial_r2(left_y, left_t)
    assert share == pytest.approx(fit.tvalues[0] ** 2 / (fit.tvalues[0] ** 2 + fit.df_resid))
    assert robustness_of(share) == pytest.approx(robustness_value(fit.params[0], fit.bse[0], int(fit.df_resid)))
    # Half of the way, as from the formula with q = 1/2, and to the estimate itself.
    half = partial_r2(left_y, left_t, point=fit.params[0] / 2)
    assert robustness_of(half) == pytest.approx(
        robustness_value(fit.params[0], fit.bse[0], int(fit.df_resid), share=0.5)
    )
    assert partial_r2(left_y, left_t, point=fit.params[0]) == pytest.approx(0.0, abs=1e-12)


def test_a_partial_r2_of_products_is_that_of_their_means() -> None:
    rng = np.random.default_rng(7)
    product = np.repeat(np.arange(2000), 10)
    lasting = rng.normal(size=2000)
    t = lasting[product] + rng.normal(size=20_000)
    y = -1.0 * lasting[product] + rng.normal(size=20_000)
    rows, products = partial_r2(y, t), partial_r2(y, t, mean_by=product)
    by_hand = pd.DataFrame({"y": y, "t": t}).groupby(product).mean()
    assert products == pytest.approx(np.corrcoef(by_hand["y"], by_hand["t"])[0, 1] ** 2)
    assert rows == pytest.approx(0.25, abs=0.02)  # half of either variance lasts
    assert products == pytest.approx((1 / 1.1) ** 2, abs=0.02)  # a tenth of the noise is left in a mean of ten
    clustered = on_residuals(y - y.mean(), t - t.mean(), np.zeros(20_000, int), product)
    old = robustness_value(clustered[0][0], clustered[1][0], 1999)
    assert old > robustness_of(rows) + 0.1, "a clustered error over products overstates the share of what is left"


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: robustness_of(1.2), "between 0 and 1"),
        (lambda: partial_r2([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]), "nothing is left"),
        (lambda: partial_r2([1.0, 2.0], [1.0, 3.0]), "nothing is left"),
    ],
)
def test_shares_that_cannot_be(call: Callable[[], float], match: str) -> None:
    with pytest.raises(DataError, match=match):
        call()


def test_a_shop_without_promotions_has_no_controls() -> None:
    frame, vectors = made()
    bare = frame.drop(columns="promoted")
    assert error(double_ml(bare, vectors, controls=()).table).abs().max() < 0.25
    assert error(fixed_effects(bare, controls=())).min() > 0.5


@pytest.mark.parametrize(
    ("change", "match"),
    [({"units": np.nan}, "units"), ({"log_price": np.nan}, "log_price"), ({"product_id": "1"}, "fewer products")],
)
def test_faults_are_named(change: dict[str, object], match: str) -> None:
    frame, vectors = made(products=20)
    with pytest.raises(DataError, match=match):
        double_ml(frame.assign(**change), vectors)


def test_nothing_to_learn_from_is_a_sentence() -> None:
    frame, vectors = made(products=20)
    for way in (lambda f: double_ml(f, vectors), fixed_effects, naive):
        with pytest.raises(DataError, match="no product-week is left"):
            way(frame.head(0))
