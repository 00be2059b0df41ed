"""Whom a letter moves: four learners find a known effect, agree with EconML, and the Qini is what it is said to be."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from ecomlib.decisions import off_policy
from ecomlib.decisions.qini import gain_curve, policy_gain, qini, qini_table
from ecomlib.decisions.uplift import LEARNERS, Experiment, dr_scores, effect_out_of_fold, learn_effect
from ecomlib.errors import DataError


def experiment(n: int = 6000, seed: int = 0) -> tuple[Experiment, np.ndarray]:
    """A letter that moves by x0: some gladly, some away; good customers are written to more often."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    effect = 1.5 * x[:, 0]
    propensity = np.round(0.2 + 0.6 / (1 + np.exp(-x[:, 1])), 3)
    treated = (rng.random(n) < propensity).astype(float)
    outcome = 2 * x[:, 1] + treated * effect + rng.normal(size=n)
    return Experiment(x, treated, outcome, propensity), effect


def pairs() -> object:
    return make_pipeline(PolynomialFeatures(2, include_bias=False), Ridge(1.0))


@pytest.mark.parametrize("kind", LEARNERS)
def test_each_learner_finds_the_effect_and_its_sign(kind: str) -> None:
    log, effect = experiment()
    found = learn_effect(kind, log, log.known, pairs)
    assert np.corrcoef(found, effect)[0, 1] > 0.95 and abs((found - effect).mean()) < 0.1
    fold = np.arange(len(log)) % 3
    assert np.corrcoef(effect_out_of_fold(kind, log, pairs, fold=fold), effect)[0, 1] > 0.95


def test_a_linear_s_learner_has_one_effect_for_all() -> None:
    log, _ = experiment()
    assert learn_effect("S", log, log.known, LinearRegression).std() < 1e-9
    assert learn_effect("T", log, log.known, LinearRegression).std() > 1


def test_scores_average_to_the_effect_whatever_the_model() -> None:
    log, effect = experiment(20_000)

    class Nonsense:
        def fit(self, x: np.ndarray, y: np.ndarray) -> Nonsense:
            return self

        def predict(self, x: np.ndarray) -> np.ndarray:
            return np.full(len(x), 7.0)

    for make in (Nonsense, pairs):
        scores = dr_scores(log, make)
        assert scores.mean() == pytest.approx(effect.mean(), abs=4 * scores.std() / np.sqrt(len(log)))
    w = log.treated == 1
    naive = log.outcome[w].mean() - log.outcome[~w].mean()
    assert naive > effect.mean() + 0.5, "who is written to buys more anyway"


def test_econml_says_the_same() -> None:
    metalearners = pytest.importorskip("econml.metalearners")
    dr = pytest.importorskip("econml.dr")
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3000, 3))
    treated = (rng.random(3000) < 0.5).astype(int)
    outcome = 2 * x[:, 1] + treated * 1.5 * x[:, 0] + rng.normal(size=3000)
    log = Experiment(x, treated, outcome, 0.5)
    theirs = metalearners.TLearner(models=LinearRegression()).fit(outcome, treated, X=x)
    np.testing.assert_allclose(theirs.effect(x), learn_effect("T", log, x, LinearRegression), rtol=1e-6)
    theirs = metalearners.SLearner(overall_model=LinearRegression()).fit(outcome, treated, X=x)
    np.testing.assert_allclose(theirs.effect(x), learn_effect("S", log, x, LinearRegression), atol=1e-6)
    from sklearn.dummy import DummyClassifier

    half = DummyClassifier(strategy="uniform")  # a propensity of one half for all
    theirs = metalearners.XLearner(models=LinearRegression(), propensity_model=half).fit(outcome, treated, X=x)
    np.testing.assert_allclose(theirs.effect(x), learn_effect("X", log, x, LinearRegression), rtol=1e-6)
    kept = dr.DRLearner(
        model_propensity=half,
        model_regression=LinearRegression(),
        model_final=LinearRegression(),
        multitask_model_final=False,
        random_state=0,
    )
    kept.fit(outcome, treated, X=x)
    ours = learn_effect("DR", log, x, pairs)
    assert np.corrcoef(kept.effect(x), ours)[0, 1] > 0.97 and np.abs(kept.effect(x) - ours).mean() < 0.2


def test_the_qini_by_hand() -> None:
    args = ([4, 3, 2, 1], [1, 0, 1, 1], [1, 0, 1, 0])
    rng = np.random.default_rng(0)
    curve = gain_curve(*args, rng=rng, points=4)
    assert curve["gain"].tolist() == [0.0, 0.0, 0.5, 0.75, 0.5]
    assert qini(*args, rng=rng) == pytest.approx(0.375 - 0.25)
    backwards = qini([1, 2, 3, 4], *args[1:], rng=rng)
    assert backwards < 0


def test_no_score_no_area_and_ties_are_drawn() -> None:
    log, _ = experiment(4000)
    rng = np.random.default_rng(1)
    noise = [qini(rng.normal(size=4000), log.outcome, log.treated, log.propensity, rng=rng) for _ in range(60)]
    assert abs(np.mean(noise)) < 4 * np.std(noise) / np.sqrt(60)
    by_outcome = np.argsort(-log.outcome * log.treated)  # a table sorted by what came of it, and one score for all
    sorted_log = log.rows(by_outcome)
    tied = qini(np.zeros(4000), sorted_log.outcome, sorted_log.treated, sorted_log.propensity, rng=rng)
    assert abs(tied) < 4 * np.std(noise)


def test_the_curve_is_right_where_good_customers_are_written_to_more_often() -> None:
    log, effect = experiment(60_000)
    curve = gain_curve(effect, log.outcome, log.treated, log.propensity, rng=np.random.default_rng(0), points=4)
    order = np.sort(effect)[::-1]
    truth = [order[: int(q * 60_000)].sum() / 60_000 for q in curve["share"]]
    assert curve["gain"].to_numpy() == pytest.approx(truth, abs=0.06)


def test_intervals_hold_and_differences_are_paired() -> None:
    log, effect = experiment(3000)
    scores = {
        "good": effect,
        "nearly": effect + 0.05 * np.random.default_rng(5).normal(size=3000),
        "bad": log.known[:, 2],
    }
    args = (scores, log.outcome, log.treated, log.propensity)
    table = qini_table(*args, rng=np.random.default_rng(0), draws=100, rival="good").set_index("model")
    assert (table["low"] < table["qini"]).all() and (table["qini"] < table["high"]).all()
    assert table.loc["bad", "more_high"] < 0 and table.loc["good", "low"] > 0
    assert table.loc["nearly", "detectable"] < 0.3 * (table.loc["nearly", "high"] - table.loc["nearly", "low"])
    with pytest.raises(DataError, match="none of the scores"):
        qini_table(*args, rng=np.random.default_rng(0), rival="worse")


def test_a_policy_against_its_rival() -> None:
    log, effect = experiment(8000)
    n, action = 8000, log.treated.astype(int)
    chance = np.where(action == 1, log.propensity, 1 - log.propensity)
    ours = np.eye(2)[(effect > 0).astype(int)]
    everybody, nobody = np.eye(2)[np.ones(n, int)], np.eye(2)[np.zeros(n, int)]
    said = np.column_stack([2 * log.known[:, 1], 2 * log.known[:, 1] + effect])
    for predicted in (None, said):
        found = policy_gain(log.outcome, action, chance, ours, everybody, predicted)
        truth = np.maximum(effect, 0).mean() - effect.mean()
        assert found.low < truth < found.high
    whole = [off_policy.doubly_robust(log.outcome, action, chance, p, said).value for p in (ours, nobody)]
    assert policy_gain(log.outcome, action, chance, ours, nobody, said).value == pytest.approx(whole[0] - whole[1])
    same = policy_gain(log.outcome, action, chance, ours, ours, said)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_an_experiment_is_needed() -> None:
    x, y = np.zeros((4, 1)), np.zeros(4)
    with pytest.raises(DataError, match="drawn at random"):
        Experiment(x, [1, 1, 1, 1], y, 0.5)
    with pytest.raises(DataError, match="above 0 and below 1"):
        Experiment(x, [1, 0, 1, 0], y, [0.5, 0.5, 1.0, 0.5])
    with pytest.raises(DataError, match="one length"):
        Experiment(x, [1, 0, 1], y, 0.5)
    with pytest.raises(DataError, match="add up to one"):
        policy_gain([1.0], [0], [0.5], [[0.5, 0.1]], [[1.0, 0.0]])
