"""Baskets, cuts in time, rankings and neighbours: against answers worked out by hand, and against leaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import ndcg_score

from ecomlib.decisions import recommendation as rec
from ecomlib.decisions.recommendation import advice
from ecomlib.decisions.recommendation.neighbours import confidence
from ecomlib.decisions.registry import Options, decide
from ecomlib.errors import DataError
from ecomlib.stores import load_store


def lines(rows: str) -> pd.DataFrame:
    """Baskets from words: "customer day item item …", days counted from 2024-01-01."""
    made = []
    for row in rows.strip().splitlines():
        customer, day, *items = row.split()
        when = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(day))
        made += [(customer, when, item) for item in items]
    orders = pd.DataFrame(made, columns=["customer_id", "ordered_at", "product_id"])
    return rec.basket_lines(orders)


SHOP = """
    ann 0 mug tea
    ann 10 mug
    ann 30 tea cup
    ann 40 mug
    bob 0 mug tea
    bob 20 cup
    bob 35 jug
    cat 5 tea
    cat 25 tea new
"""


@pytest.fixture
def cut() -> rec.Cut:
    return rec.cut_at(lines(SHOP), pd.Timestamp("2024-01-01") + pd.Timedelta(days=28), least=1)


def shop(customers: int = 60, items: int = 30, seed: int = 0) -> pd.DataFrame:
    """A larger invented shop, for what needs numbers."""
    rng, rows = np.random.default_rng(seed), []
    for c in range(customers):
        likes = rng.choice(items, 5, replace=False)
        for day in np.cumsum(rng.integers(5, 60, 8)):
            rows += [(f"c{c:02d}", int(day), f"i{k:02d}") for k in set(rng.choice(likes, 3)) | {rng.integers(items)}]
    made = pd.DataFrame(rows, columns=["customer_id", "day", "product_id"])
    made["ordered_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(made.pop("day"), unit="D")
    return rec.basket_lines(made)


def test_a_customer_day_is_a_basket_and_guests_have_none() -> None:
    at = pd.to_datetime(["2024-01-01 09:00", "2024-01-01 17:00", "2024-01-02 09:00", "2024-01-02 09:00"])
    orders = pd.DataFrame({"customer_id": ["a", "a", None, "a"], "ordered_at": at, "product_id": ["x", "x", "y", "y"]})
    assert rec.basket_lines(orders)["product_id"].tolist() == ["x", "y"]
    with pytest.raises(DataError, match="customer_id"):
        rec.basket_lines(orders.drop(columns="customer_id"))
    with pytest.raises(DataError, match="no order line has a customer"):
        rec.basket_lines(orders.assign(customer_id=None))


def test_a_cut_serves_those_who_came_twice_and_takes_their_first_basket_after_it(cut: rec.Cut) -> None:

    # Bob's first basket after the cut holds a jug, which nobody had bought: outside the catalogue, so he is no case.
    assert cut.customers[cut.cases].tolist() == ["ann"] and cut.items.tolist() == ["cup", "mug", "new", "tea"]
    assert cut.items[cut.targets.indices].tolist() == ["cup", "tea"]  # not the mug of day 40
    assert cut.facts == {"outside": pytest.approx(1 / 3), "repeated": 0.5}  # she knows tea, the cup is new to her
    assert cut.lines["age"].min() == 3 and cut.lines.loc[0].tolist() == [0, 1, 28]


def test_what_comes_after_the_cut_changes_no_score() -> None:
    known, at = shop(), pd.Timestamp("2024-05-01")
    later = known["day"] >= at
    moved = known.copy()
    moved.loc[later, "product_id"] = np.roll(known.loc[later, "product_id"].to_numpy(), 7)
    moved = moved.drop_duplicates().sort_values(["customer_id", "day", "product_id"], ignore_index=True)
    one, two = rec.cut_at(known, at, least=2), rec.cut_at(moved, at, least=2)
    assert one.items.tolist() == two.items.tolist() and (one.targets != two.targets).nnz
    both = np.intersect1d(one.cases, two.cases)
    for model in (rec.popularity, rec.own_frequency, rec.item_knn, rec.ease_scores, rec.tifu_knn):
        rows = [model(c)[np.searchsorted(c.cases, both)] for c in (one, two)]
        np.testing.assert_array_equal(*rows, err_msg=model.__name__)


def test_everybody_is_served_when_nothing_is_held_back() -> None:
    cut = rec.cut_at(lines(SHOP), "2025-01-01", least=1, days=0)
    assert cut.customers[cut.cases].tolist() == ["ann", "bob", "cat"] and not cut.targets.nnz


def test_measures_are_those_of_the_textbook(cut: rec.Cut) -> None:
    scores = np.array([[0.1, 0.9, 0.8, 0.5]])  # mug, new, tea, cup; targets cup and tea
    found = rec.two_tables(scores, cut, places=3).set_index("table")
    gain = 1 / np.log2(4)
    assert found.loc["all", "recall"] == 0.5
    assert found.loc["all", "ndcg"] == pytest.approx(gain / (1 + 1 / np.log2(3)))
    assert found.loc["new", "ndcg"] == pytest.approx(1 / np.log2(3))  # new, cup: the cup is second, and the one target
    known = rec.cut_at(shop(), "2024-05-01", least=2)
    values = np.random.default_rng(1).random(known.targets.shape)
    ours = rec.two_tables(values, known).query("table == 'all'")["ndcg"].to_numpy()
    theirs = [ndcg_score(t[None], s[None], k=20) for t, s in zip(known.targets.toarray(), values, strict=True)]
    np.testing.assert_allclose(ours, theirs)


def test_lists_of_the_table_of_new_items_hold_nothing_bought_before() -> None:
    cut = rec.cut_at(shop(), "2024-05-01", least=2)
    first = rec.ranked(rec.own_frequency(cut), 5, leave_out=cut.bought())
    assert not np.take_along_axis(cut.bought().toarray(), first, axis=1).any()
    assert rec.ranked(np.zeros((1, 4)), 3).tolist() == [[0, 1, 2]]
    with pytest.raises(DataError, match="missing"):
        rec.ranked(np.array([[np.nan, 1.0]]))
    with pytest.raises(DataError, match="fit"):
        rec.two_tables(np.zeros((1, 2)), cut)


def test_own_frequency_fades_and_popularity_orders_the_rest(cut: rec.Cut) -> None:
    scores = rec.own_frequency(cut, decay=10.0)[0]
    cup, mug, new, tea = scores
    assert mug == pytest.approx(np.exp(-2.8) + np.exp(-1.8), abs=1e-3) and tea == pytest.approx(np.exp(-2.8), abs=1e-3)
    assert 0 < new == cup < tea < mug
    assert rec.popularity(cut, days=4)[0].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_ease_is_the_least_squares_answer_with_an_empty_diagonal() -> None:
    rng = np.random.default_rng(0)
    x = (rng.random((40, 6)) < 0.4).astype(float)
    weights = rec.ease(x.T @ x, 3.0)
    assert np.all(np.diag(weights) == 0)
    for j in range(6):  # the closed form solves six ridge regressions, each without its own item
        others = np.delete(np.arange(6), j)
        by_hand = np.linalg.solve(x[:, others].T @ x[:, others] + 3.0 * np.eye(5), x[:, others].T @ x[:, j])
        np.testing.assert_allclose(weights[others, j], by_hand, atol=1e-10)
    with pytest.raises(DataError, match="penalty"):
        rec.ease(np.eye(2), 0.0)
    with pytest.raises(DataError, match="square"):
        rec.ease(np.ones((2, 3)), 1.0)


def test_als_minimises_its_own_loss_and_finds_two_groups() -> None:
    bought = np.kron(np.eye(2), np.ones((10, 4)))
    bought[0, 0] = 0.0
    people, things = rec.als(sparse.csr_matrix(bought * 11), np.random.default_rng(0), factors=2, penalty=0.1)
    fitted = people @ things.T
    assert fitted[0, 0] > 0.5 > 0.1 > abs(fitted[0, 5])  # what his like bought, and he did not
    confidence = np.where(bought > 0, 11.0, 1.0)

    def loss(x: np.ndarray, y: np.ndarray) -> float:
        return float((confidence * (bought - x @ y.T) ** 2).sum() + 0.1 * ((x**2).sum() + (y**2).sum()))

    assert all(loss(people, things + s * 1e-3) >= loss(people, things) for s in (-1, 1))


def test_als_believes_what_was_bought_more_often_and_lately() -> None:
    cut = rec.cut_at(shop(), "2024-05-01", least=2)
    flat, faded = confidence(cut, 3.0), confidence(cut, 3.0, decay=30.0)
    assert set(flat.data) == {4.0} and (faded.toarray() > 0).tolist() == (flat.toarray() > 0).tolist()
    np.testing.assert_allclose((faded.data - 1) / 3, cut.matrix(30.0).tocsr().data)
    scores = [rec.als_scores(cut, np.random.default_rng(0), factors=4, decay=decay) for decay in (None, 30.0)]
    assert scores[0].shape == scores[1].shape and not np.allclose(*scores)


def test_own_and_popular_shares_end_at_frequency_and_at_popularity() -> None:
    cut = rec.cut_at(shop(), "2024-05-01", least=2)
    alone, all_others = rec.own_and_popular(cut, 1.0), rec.own_and_popular(cut, 0.0, days=60)
    rate = cut.matrix(180.0)[cut.cases].toarray()
    assert (np.argmax(alone, axis=1) == np.argmax(rate, axis=1)).all() and alone.max() <= 1 + 1e-12
    recent = cut.lines[cut.lines["age"] <= 60].drop_duplicates(["customer", "age"])
    np.testing.assert_allclose(all_others, rec.popularity(cut, 60) / len(recent))
    np.testing.assert_allclose(rec.own_and_popular(cut, 0.5, days=60), (alone + all_others) / 2)
    with pytest.raises(DataError, match="own share"):
        rec.own_and_popular(cut, 1.5)


def test_item_knn_keeps_the_cosine_of_the_nearest() -> None:
    cut = rec.cut_at(lines(SHOP), "2024-02-20", least=1, days=0)
    everybody = (cut.matrix() > 0).toarray().astype(float)
    unit = everybody / np.linalg.norm(everybody, axis=0)
    similar = unit.T @ unit - np.eye(len(cut.items))
    np.testing.assert_allclose(rec.item_knn(cut, 99), everybody[cut.cases] @ similar)
    assert (rec.item_knn(cut, 1) > 0).sum() < (rec.item_knn(cut, 99) > 0).sum()


def test_the_blend_ends_at_its_two_parts() -> None:
    cut = rec.cut_at(shop(), "2024-05-01", least=2)
    own = rec.tifu_knn(cut, share=1.0, neighbours=5)
    np.testing.assert_array_equal(rec.ranked(own, 5), rec.ranked(rec.own_frequency(cut), 5))
    like_minded = rec.tifu_knn(cut, share=0.0, neighbours=5)
    assert np.corrcoef(like_minded.ravel(), own.ravel())[0, 1] > 0
    with pytest.raises(DataError, match="share"):
        rec.tifu_knn(cut, share=2.0)


def test_pairs_are_of_one_set_of_cases_and_a_gain_is_better() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(400)
    found = rec.paired(base + 0.02 + 0.01 * rng.random(400), base, np.random.default_rng(1))
    assert found.word == "better" and found.low < found.difference < found.high and found.low > 0
    assert rec.paired(base, base + 0.03, np.random.default_rng(1)).word == "worse"
    with pytest.raises(DataError, match="same cases"):
        rec.paired(base, base[:-1], rng)
    assert rec.catalogue_share(np.array([[0, 1], [0, 2]]), 6) == 0.5


# --- lists for a shop -------------------------------------------------------------------------------------------------


def test_the_page_again_holds_what_was_bought_and_the_page_new_what_was_not() -> None:
    known = shop()
    cut = rec.cut_at(known, "2024-06-01", days=0, least=1, earlier=1)
    for new in (advice.POPULAR, advice.KNN, advice.EASE, advice.TIFU):
        table = advice.write_lists(cut, {"again": advice.OWN, "new": new}, places=4)
        assert list(table.columns) == list(advice.COLUMNS) and table["customer_id"].iloc[0] == advice.EVERYBODY
        mine = table[table["customer_id"] != advice.EVERYBODY]
        past = set(known[known["day"] < cut.at][["customer_id", "product_id"]].itertuples(index=False, name=None))
        bought = [pair in past for pair in mine[["customer_id", "product_id"]].itertuples(index=False, name=None)]
        assert (mine["page"] == np.where(bought, "again", "new")).all()
        assert mine.groupby(["customer_id", "page"])["place"].apply(lambda p: (p == range(1, len(p) + 1)).all()).all()
        ordered = mine.groupby(["customer_id", "page"])["score"].apply(lambda s: s.is_monotonic_decreasing)
        assert ordered.all() and mine["because"].str.len().gt(10).all()


def test_reasons_are_what_the_books_say() -> None:
    cut = rec.cut_at(lines(SHOP), "2024-02-20", least=1, days=0, earlier=1)
    table = advice.write_lists(cut, {"again": advice.OWN, "new": advice.KNN}, places=3).set_index(
        ["customer_id", "page", "product_id"]
    )
    assert table.loc[("ann", "again", "mug"), "because"] == "bought 3 times, last on 2024-02-10"
    assert table.loc[("bob", "new", "new"), "because"] == "goes with tea, bought before"
    assert table.loc[("cat", "again", "new"), "because"] == "bought 1 time, last on 2024-01-26"
    assert len(table.loc[("cat", "again")]) == 2  # bought no more than that


def test_the_method_is_chosen_by_the_shops_own_past_and_the_simplest_of_equals() -> None:
    tried = advice.try_methods(rec.cut_at(shop(), "2024-05-01", least=2))
    assert set(tried.table["page"]) == {"again", "new"} and tried.best("again") in advice.PAGES["again"][1]
    level = advice.Tried(tried.table.assign(ndcg=0.1))
    assert (level.best("again"), level.best("new")) == (advice.OWN, advice.POPULAR)
    assert advice.Tried(tried.table.iloc[:0]).best("new") == advice.POPULAR


def test_a_shop_gets_its_lists_and_one_without_customers_is_told_why() -> None:
    tiny = load_store("tiny")
    made = decide("recommend", tiny, Options(more={"places": 5}))
    assert made.table.groupby(["customer_id", "page"]).size().max() == 5 and made.table["title"].notna().all()
    assert made.how["places"] == 5 and set(made.how["methods"]) == {"again", "new"} and not made.warnings
    assert len(made.how["cuts_tried"]) == 2 and made.how["cuts_tried"][0] > made.how["cuts_tried"][1]
    guests = tiny.with_parts(orders=tiny.orders.assign(customer_id=None), customers=None, sessions=None, mailings=None)
    with pytest.raises(DataError, match="no order line has a customer"):
        decide("recommend", guests)
    with pytest.raises(DataError, match="places"):
        decide("recommend", tiny, Options(more={"places": 0}))
    few = tiny.orders[tiny.orders["customer_id"].isin(tiny.orders["customer_id"].dropna().unique()[:20])]
    small = decide("recommend", tiny.with_parts(orders=few))
    assert small.how["methods"] == {"again": advice.OWN, "new": advice.POPULAR}
    assert (
        "too few" in small.warnings[0] and not small.how["cuts_tried"] and small.line.endswith("not tried on the past")
    )


def test_als_gives_what_implicit_gives_from_the_same_start() -> None:
    peer = pytest.importorskip("implicit.cpu.als")
    rng = np.random.default_rng(0)
    matrix = sparse.csr_matrix((rng.random((60, 25)) < 0.2) * rng.uniform(2.0, 9.0, (60, 25)))
    people, things = rec.als(matrix, np.random.default_rng(3), factors=6, penalty=0.5, rounds=8)
    again = np.random.default_rng(3)
    start = [((again.random((n, 6)) - 0.5) / 6).astype(np.float32) for n in matrix.shape]
    model = peer.AlternatingLeastSquares(6, 0.5, alpha=1.0, iterations=8, use_cg=False, num_threads=1)
    model.user_factors, model.item_factors = start
    model.fit(matrix.astype(np.float32), show_progress=False)
    np.testing.assert_allclose(people @ things.T, model.user_factors @ model.item_factors.T, atol=2e-3)
