"""Sums that add up: nodes of a hierarchy, and base forecasts reconciled as hierarchicalforecast does."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from ecomlib.ensemble import Hierarchy, reconcile, shrunk_covariance
from ecomlib.ensemble.hierarchy import SERIES
from ecomlib.errors import DataError

WEEKS = pd.date_range("2024-01-01", periods=4, freq="W-MON")
PAST = pd.date_range("2023-01-02", periods=30, freq="W-MON")
METHODS = ["bottom_up", "proportions", "ols", "wls_struct", "wls", "shrink"]


def shop(levels: list[list[str]], series: int = 12) -> Hierarchy:
    keys = pd.DataFrame({"unique_id": [f"p{k:02}" for k in range(series)]})
    keys["kind"], keys["country"] = list("aab" * 4)[:series], list("xyyy" * 3)[:series]
    return Hierarchy.of(keys, levels)


def long(tree: Hierarchy, values: np.ndarray, when: pd.DatetimeIndex, name: str) -> pd.DataFrame:
    whose = np.repeat(tree.nodes["unique_id"].to_numpy(), len(when))
    return pd.DataFrame({"unique_id": whose, "ds": np.tile(when, len(tree.nodes)), name: values.ravel()})


@pytest.fixture(scope="module")
def tree() -> Hierarchy:
    return shop([[], ["kind"], ["country"], ["kind", "country"]])


@pytest.fixture(scope="module")
def base(tree: Hierarchy) -> np.ndarray:
    return np.random.default_rng(0).gamma(2, 3, size=(len(tree.nodes), len(WEEKS)))


@pytest.fixture(scope="module")
def errors(tree: Hierarchy) -> np.ndarray:
    """Of different sizes, off by a constant, and alike in a week."""
    rng = np.random.default_rng(1)
    own = rng.normal(size=(len(tree.nodes), len(PAST))) * np.arange(1, len(tree.nodes) + 1)[:, None]
    return own + 0.3 + 3 * rng.normal(size=len(PAST))


def test_nodes_are_the_sums_of_their_series(tree: Hierarchy) -> None:
    assert tree.nodes["level"].value_counts().to_dict() == {
        "total": 1,
        "kind": 2,
        "country": 2,
        "kind x country": 4,
        SERIES: 12,
    }
    panel = tree.keys.reset_index()[["unique_id"]].merge(pd.DataFrame({"ds": WEEKS}), how="cross")
    panel["y"] = np.arange(len(panel), dtype=float)
    panel = panel.drop(index=[0])  # the first series has not been sold yet in the first week: it counts as zero
    summed = tree.add_up(panel).set_index(["unique_id", "ds"])["y"]
    known = panel.merge(tree.keys.reset_index(), on="unique_id")
    for name, rows in {
        "total": known,
        "kind=a": known[known["kind"] == "a"],
        "kind=b, country=y": known[(known["kind"] == "b") & (known["country"] == "y")],
        "p03": known[known["unique_id"] == "p03"],
    }.items():
        assert summed[name].to_dict() == rows.groupby("ds")["y"].sum().to_dict()
    assert ("p00", WEEKS[0]) not in summed.index


def test_sums_say_what_they_are(tree: Hierarchy) -> None:
    frame = tree.keys.reset_index()[["unique_id"]].assign(ds=WEEKS[1], cutoff=WEEKS[0], gru=1.0, net=2.0)
    frame["net-mean"] = 3.0
    frame.attrs["point"] = {"gru": "median", "net": "median"}
    summed = tree.add_up(frame, ["gru", "net"])
    assert summed.attrs["point"] == {"gru": "sum of medians", "net": "mean"}
    assert summed.loc[summed["unique_id"] == "total", ["gru", "net"]].to_numpy().tolist() == [[12.0, 36.0]]


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_reconciled_adds_up(
    tree: Hierarchy, base: np.ndarray, errors: np.ndarray, method: str, nonnegative: bool
) -> None:
    frame = long(tree, base, WEEKS, "net").sample(frac=1.0, random_state=0)
    frame.attrs["point"] = {"net": "mean"}
    found = reconcile(
        frame,
        "net",
        tree,
        method,
        errors=long(tree, errors, PAST, "error"),
        nonnegative=nonnegative,  # type: ignore[arg-type]
    )
    assert found[["unique_id", "ds"]].equals(frame[["unique_id", "ds"]]) and found.attrs["point"] == {"net": "mean"}
    wide = found.pivot_table(index="unique_id", columns="ds", values="net").loc[tree.nodes["unique_id"]].to_numpy()
    np.testing.assert_allclose(wide, tree.summing @ wide[-12:], atol=1e-9)
    if method == "bottom_up":
        np.testing.assert_array_equal(wide[-12:], base[-12:])
    if method == "proportions":
        np.testing.assert_allclose(wide[0], base[0])
    assert not nonnegative or wide.min() >= 0


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize(
    ("method", "theirs"), [("ols", "ols"), ("wls_struct", "wls_struct"), ("wls", "wls_var"), ("shrink", "mint_shrink")]
)
def test_equals_hierarchicalforecast(
    tree: Hierarchy, base: np.ndarray, errors: np.ndarray, method: str, theirs: str, nonnegative: bool
) -> None:
    from hierarchicalforecast.methods import MinTrace

    ridge = {"mint_shr_ridge": 0.0} if theirs == "mint_shrink" else {}
    zeros = np.zeros_like(errors)
    base = base * np.where(np.arange(len(base)) < 9, 0.3, 1.0)[:, None]  # sums too small: small series are pushed below
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its solver: matrices are converted
        expected = MinTrace(theirs, nonnegative=nonnegative, **ridge).fit_predict(
            S=tree.summing.toarray(), y_hat=base, y_insample=errors, y_hat_insample=zeros
        )["mean"]
    past = long(tree, errors, PAST, "error")
    frame = long(tree, base, WEEKS, "net")
    answer = reconcile(frame, "net", tree, method, errors=past, nonnegative=nonnegative)  # type: ignore[arg-type]
    found = answer["net"].to_numpy().reshape(base.shape)
    assert (found == 0).any() or not nonnegative  # the bound binds
    np.testing.assert_allclose(found, expected, atol=1e-3 if nonnegative else 1e-7)  # theirs is an interior point's


def test_nothing_lies_closer_than_the_non_negative_answer(tree: Hierarchy, base: np.ndarray) -> None:
    """Where the solver of the reference stops early, ours must have the smaller distance."""
    low = base - 4.0
    found = reconcile(long(tree, low, WEEKS, "net"), "net", tree, "ols", nonnegative=True)["net"]
    wide = found.to_numpy().reshape(base.shape)
    best = ((low - wide) ** 2).sum()
    rng = np.random.default_rng(2)
    for _ in range(200):
        other = tree.summing @ np.maximum(wide[-12:] + rng.normal(0, 0.05, size=(12, len(WEEKS))), 0)
        assert ((low - other) ** 2).sum() >= best


def test_proportions_equal_those_of_hierarchicalforecast() -> None:
    from hierarchicalforecast.methods import TopDown

    flat = shop([[]])
    values = np.random.default_rng(3).gamma(2, 3, size=(13, 4))
    expected = TopDown("forecast_proportions").fit_predict(
        S=flat.summing.toarray(), y_hat=values, tags={"total": np.array([0]), "series": np.arange(1, 13)}
    )["mean"]
    found = reconcile(long(flat, values, WEEKS, "net"), "net", flat, "proportions")["net"].to_numpy().reshape(13, 4)
    np.testing.assert_allclose(found, expected)


def test_shrinking_keeps_variances_and_equals_the_reference(errors: np.ndarray) -> None:
    from hierarchicalforecast.utils import _shrunk_covariance_schaferstrimmer_no_nans

    found = shrunk_covariance(errors[:, :8])  # eight weeks, 21 nodes: the plain covariance has no inverse
    np.testing.assert_allclose(np.diag(found), errors[:, :8].var(axis=1, ddof=1))
    assert np.linalg.eigvalsh(found).min() > 0
    reference = _shrunk_covariance_schaferstrimmer_no_nans(np.ascontiguousarray(errors[:, :8]), 0.0)
    np.testing.assert_allclose(found, reference, rtol=1e-6, atol=1e-6)


def test_faults_are_named(tree: Hierarchy, base: np.ndarray) -> None:
    frame = long(tree, base, WEEKS, "net")
    panel = tree.keys.reset_index()
    with pytest.raises(DataError, match="no such method"):
        reconcile(frame, "net", tree, "mint")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="wls needs errors"):
        reconcile(frame, "net", tree, "wls")
    with pytest.raises(DataError, match=r"forecast is missing.*kind=b"):
        reconcile(frame[frame["unique_id"] != "kind=b"], "net", tree, "ols")
    with pytest.raises(DataError, match=r"no node of the hierarchy.*mug"):
        reconcile(frame.replace({"unique_id": {"p03": "mug"}}), "net", tree, "ols")
    with pytest.raises(DataError, match="these errors were not known"):
        late = long(tree, base, WEEKS, "error")
        reconcile(frame.assign(cutoff=WEEKS[0] - pd.Timedelta(weeks=1)), "net", tree, "wls", errors=late)
    with pytest.raises(DataError, match=r"a series has two values.*p03"):
        Hierarchy.of(pd.concat([panel, panel.iloc[[3]].assign(kind="b")]), [["kind"]])
    with pytest.raises(DataError, match=r"no value here.*p01"):
        Hierarchy.of(panel.assign(kind=panel["kind"].where(panel["unique_id"] != "p01")), [["kind"]])
    with pytest.raises(DataError, match="each level once"):
        Hierarchy.of(panel, [["kind"], ["kind"]])
    with pytest.raises(DataError, match=r"the same name.*total"):
        Hierarchy.of(panel.replace({"unique_id": {"p03": "total"}}), [[]])
    with pytest.raises(DataError, match=r"does not hold this series.*mug"):
        tree.add_up(pd.DataFrame({"unique_id": ["mug"], "ds": [WEEKS[0]], "y": [1.0]}))
