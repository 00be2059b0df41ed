"""Protocol K's arms: free base columns, controls that control, and a void comparison that is called void."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, Ridge
from small_shop import FIRST, make_shop

from ecomlib.errors import DataError
from ecomlib.text.cold_start import (
    ArmSettings,
    judge_arms,
    newcomers,
    predict_arms,
    rank_correlation,
    ridge_path,
    text_blocks,
)

QUICK = ArmSettings(penalties=tuple(np.logspace(-2, 3, 6)), folds=4, draws=100)
WORDS = ("mug", "lamp", "doll", "tray", "kite", "vase", "rare", "plain", "fine", "grand")


def word_vector(word: str, width: int) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(word.encode())).normal(size=width)


def fake_encoder(texts: Sequence[str], *, layer: str = "last") -> np.ndarray:
    """Sums of fixed random vectors of the words: it reads, without a language model."""
    width = 120
    vectors = np.stack([sum(word_vector(w + layer, width) for w in text.split()) for text in texts])
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def invented(seed: int, products: int = 300) -> dict[str, object]:
    """Products whose units depend on the price and on two words of their titles; the last third is to be forecast."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 10, (products, 2))
    titles = [f"{WORDS[a]} {WORDS[b]} number{n % 7}" for n, (a, b) in enumerate(words)]
    log_price, season = rng.normal(size=products), rng.normal(size=products)
    worth = np.linspace(-1, 1, 10)
    y = -0.8 * log_price + 0.3 * season + 0.8 * worth[words].sum(axis=1) + rng.normal(0, 0.8, products)
    train = np.arange(products) < 2 * products // 3
    blocks = text_blocks([titles], np.exp(log_price), train, rng, encoder=fake_encoder)
    groups = [f"P{n}" for n in range(products)]
    return {"y": y, "base": np.column_stack([log_price, season]), "blocks": blocks, "train": train, "groups": groups}


def run(data: dict[str, object], seed: int = 0, **options: object) -> pd.DataFrame:
    return predict_arms(**data, rng=np.random.default_rng(seed), **options)  # type: ignore[arg-type]


# --- the ridge ---


@pytest.mark.parametrize(("rows", "width"), [(60, 8), (30, 50)])
def test_only_the_block_is_penalised(rows: int, width: int) -> None:
    """Equal to scikit-learn's ridge with the base columns made so large that the penalty does not reach them."""
    rng = np.random.default_rng(rows)
    base, block, y = rng.normal(size=(rows, 2)), rng.normal(size=(rows, width)), rng.normal(size=rows)
    new_base, new_block = rng.normal(size=(9, 2)), rng.normal(size=(9, width))
    found = ridge_path(base, block, y, new_base, new_block, (0.01, 1.0, 1e9))
    z = np.column_stack([np.ones(rows), base])
    left = block - z @ np.linalg.lstsq(z, block, rcond=None)[0]
    for row, penalty in zip(found, (0.01, 1.0), strict=False):
        own = penalty * rows * (left**2).mean()  # the penalty counts in units of the block's own size
        peer = Ridge(alpha=own).fit(np.column_stack([1e5 * base, block]), y)
        np.testing.assert_allclose(
            row, peer.predict(np.column_stack([1e5 * new_base, new_block])), rtol=1e-4, atol=1e-5
        )
    alone = LinearRegression().fit(base, y).predict(new_base)
    np.testing.assert_allclose(found[2], alone, atol=1e-6)  # an infinite penalty leaves the base, whole


def test_the_scale_of_a_block_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    base, block, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 6)), rng.normal(size=40)
    first, second = (ridge_path(base, k * block, y, base, k * block, (0.1, 10.0)) for k in (1.0, 1e4))
    np.testing.assert_allclose(first, second, rtol=1e-8)


def test_rank_correlation_is_scipys() -> None:
    rng = np.random.default_rng(0)
    y, forecast = rng.integers(0, 9, (3, 50)), rng.normal(size=(3, 50))
    want = [spearmanr(a, b).statistic for a, b in zip(y, forecast, strict=True)]
    np.testing.assert_allclose(rank_correlation(y, forecast), want, rtol=1e-12)
    assert np.isnan(rank_correlation(np.ones(5), np.arange(5)))


# --- the controls ---


def test_controls_know_nothing_and_text_is_found() -> None:
    """Over five invented shops: chance alone may move the random arm of one of them, which is then void."""
    tables = []
    for seed in range(5):
        data = invented(seed)
        forecasts = run(data, settings=QUICK)
        test = ~np.asarray(data["train"])
        assert list(forecasts) == ["nothing", "bert", "shuffled", "constant", "random", "static", "tfidf"]
        assert list(forecasts.index) == list(np.flatnonzero(test))
        np.testing.assert_allclose(forecasts["constant"], forecasts["nothing"], atol=1e-9)
        tables.append(
            judge_arms(np.asarray(data["y"])[test], forecasts, np.random.default_rng(0), QUICK).set_index("arm")
        )
    assert sum(table["void"].any() for table in tables) <= 1
    gain = sum(table["gain"] for table in tables) / 5
    assert (gain[["bert", "static", "tfidf"]] > 0.1).all()
    assert gain[["shuffled", "random"]].abs().max() < 0.02


def test_a_common_penalty_makes_useless_columns_look_harmful() -> None:
    """The artefact of protocol K: shuffled and random text fall below nothing, and the comparison is void."""
    losses = []
    for seed in range(5):
        data = invented(seed)
        y = np.asarray(data["y"])[~np.asarray(data["train"])]
        useless = {name: data["blocks"][name] for name in ("shuffled", "random")}  # type: ignore[index]
        forecasts = run({**data, "blocks": useless}, common=True, settings=QUICK)
        usual = judge_arms(y, forecasts, np.random.default_rng(0), QUICK).set_index("arm")
        assert usual["void"].all()
        losses.append(usual.loc[["shuffled", "random"], "gain"])
    shuffled, random = np.mean(losses, axis=0)
    assert random < -0.15 and shuffled < 0


def test_the_shuffle_stays_within_the_price_fifth_and_on_its_side() -> None:
    price = np.arange(1.0, 101.0)
    train = np.arange(100) % 4 > 0
    titles = [f"word{n}" for n in range(100)]
    blocks = text_blocks([titles], price, train, np.random.default_rng(0), encoder=fake_encoder)
    own = fake_encoder(titles)
    came_from = np.array([int(np.argmin(((own - row) ** 2).sum(axis=1))) for row in blocks["shuffled"]])
    assert sorted(came_from) == list(range(100)) and (came_from != np.arange(100)).sum() > 60
    fifth = np.searchsorted(np.quantile(price[train], [0.2, 0.4, 0.6, 0.8]), price)
    assert (fifth[came_from] == fifth).all() and (train[came_from] == train).all()


def test_tfidf_learns_its_words_from_the_training_rows_alone() -> None:
    titles = ["red mug", "red lamp", "blue mug", "blue lamp", "golden kite", "golden kite"]
    train = np.array([True, True, True, True, False, False])
    blocks = text_blocks([titles], np.ones(6), train, np.random.default_rng(0), encoder=fake_encoder)
    peer = TfidfVectorizer().fit(titles[:4])
    np.testing.assert_allclose(blocks["tfidf"], peer.transform(titles).toarray())
    assert (blocks["tfidf"][4:] == 0).all()
    two = text_blocks([titles, titles], np.ones(6), train, np.random.default_rng(0), encoder=fake_encoder)
    assert two["bert"].shape == (6, 240) == two["random"].shape


def test_test_values_are_never_read() -> None:
    data = invented(2, 120)
    other = np.where(np.asarray(data["train"]), np.asarray(data["y"]), np.nan)
    pd.testing.assert_frame_equal(run(data), run({**data, "y": other}))


def test_a_product_on_both_sides_is_refused() -> None:
    data = invented(2, 60)
    with pytest.raises(DataError, match="both learnt from and tested"):
        run({**data, "groups": ["P0"] * 60})


def test_penalties_are_chosen_with_whole_products_left_out() -> None:
    """Each product stands in four rows: a block that only names the product must not be believed."""
    rng = np.random.default_rng(5)
    names = np.repeat(np.arange(60), 4)
    y = np.repeat(rng.normal(size=60), 4) + rng.normal(0, 0.1, 240)
    block = rng.normal(size=(60, 80))[names]
    train = names < 45
    options = {"y": y, "base": rng.normal(size=(240, 1)), "blocks": {"name": block}, "train": train}
    settings = replace(ArmSettings(), penalties=(1e-3, 1e6))
    by_product = run({**options, "groups": list(names)}, settings=settings)
    by_row = run({**options, "groups": list(range(240))}, settings=settings)
    np.testing.assert_allclose(by_product["name"], by_product["nothing"], atol=1e-3)
    assert (by_row["name"] - by_row["nothing"]).abs().max() > 0.1


# --- the verdict ---


def table_of(random: float, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = rng.normal(size=n)
    base = y + rng.normal(size=n)
    frame = pd.DataFrame(
        {"nothing": base, "bert": y + rng.normal(0, 0.5, n), "random": base + random * rng.normal(size=n)}
    )
    return judge_arms(y, frame, np.random.default_rng(1), ArmSettings(draws=500))


def test_a_void_comparison_is_reported_as_void() -> None:
    assert not table_of(0.05)["void"].any()
    assert table_of(2.0)["void"].all()
    missing = judge_arms(np.arange(9.0), pd.DataFrame({"nothing": np.arange(9.0)}), np.random.default_rng(0))
    assert missing["void"].all()


def test_the_interval_of_a_difference_is_paired() -> None:
    table = table_of(0.05).set_index("arm")
    alone, paired = (
        table.loc["random", high] - table.loc["random", low]
        for high, low in (("high", "low"), ("gain_high", "gain_low"))
    )
    assert paired < 0.3 * alone
    assert table.loc["bert", "gain_low"] > 0
    assert table.loc["nothing", ["gain", "gain_low", "gain_high"]].tolist() == [0, 0, 0]


def test_intervals_cover_about_as_often_as_they_say() -> None:
    """True difference zero: two forecasts of one quality. Of 100 intervals 95 should hold it (86 to 100 pass)."""
    rng, held = np.random.default_rng(2), 0
    for _ in range(100):
        y = rng.normal(size=80)
        frame = pd.DataFrame({name: y + rng.normal(size=80) for name in ("nothing", "bert")})
        row = judge_arms(y, frame, rng, ArmSettings(draws=200)).iloc[1]
        held += row["gain_low"] <= 0 <= row["gain_high"]
    assert held >= 86


# --- newcomers ---


def test_newcomers_against_a_slow_count() -> None:
    shop = make_shop(lines=900)
    found = newcomers(shop, weeks=6).set_index("product_id")
    assert "P6" not in found.index  # launched late, never sold
    for product, row in found.iterrows():
        lines = shop.orders[shop.orders["product_id"] == product].sort_values("ordered_at")
        launch = shop.products.set_index("product_id").loc[product, "launched_on"]
        start = max(FIRST, launch) if pd.notna(launch) else lines["ordered_at"].iloc[0].normalize()
        inside = lines[(lines["ordered_at"] >= start) & (lines["ordered_at"] < start + pd.Timedelta(days=42))]
        assert row["first_day"] == start and row["days"] == 42
        assert row["units"] == inside["quantity"].sum() / 6
        assert row["y"] == pytest.approx(np.log(row["units"] + 1 / 16))
        assert row["price"] == lines["unit_price"].iloc[0]
        same_days = shop.orders[
            shop.orders["ordered_at"].between(start, start + pd.Timedelta(days=42), inclusive="left")
        ]
        old = found.index[found["first_day"] == FIRST]
        units = same_days.loc[same_days["product_id"].isin(old), "quantity"].sum()
        assert row["level"] == pytest.approx(np.log(units / 6 / len(old)))


def test_a_rewritten_text_ends_the_count_and_the_first_text_stands() -> None:
    shop = make_shop(lines=900)
    rewritten = FIRST + pd.Timedelta(days=14)
    listings = pd.DataFrame(
        {
            "product_id": ["P0", "P0", "P1"],
            "version": [1, 2, 1],
            "title": ["first", "second", "only"],
            "description": "",
            "valid_from": [FIRST - pd.Timedelta(days=30), rewritten, FIRST],
        }
    )
    found = newcomers(replace(shop, listings=listings)).set_index("product_id")
    assert found.loc["P0", ["title", "days"]].tolist() == ["first", 14]
    assert found.loc["P1", ["title", "days"]].tolist() == ["only", 56]


def test_what_comes_after_the_first_day_changes_sales_only() -> None:
    shop = make_shop(lines=900)
    later = shop.orders["ordered_at"] >= FIRST + pd.Timedelta(days=150)
    cheaper = replace(shop, orders=shop.orders.assign(unit_price=shop.orders["unit_price"].where(~later, 0.01)))
    old = ["P0", "P1", "P2", "P3", "P4"]
    first, second = (newcomers(s).set_index("product_id").loc[old] for s in (shop, cheaper))
    pd.testing.assert_frame_equal(first, second)


def test_products_whose_weeks_are_not_over_are_left_out() -> None:
    shop = make_shop(lines=900)
    end = shop.orders["ordered_at"].max().normalize()
    short = replace(shop, orders=shop.orders[shop.orders["ordered_at"] < FIRST + pd.Timedelta(days=75)])
    assert "P4" not in set(newcomers(short)["product_id"])  # launched on day 40
    assert "P4" in set(newcomers(shop)["product_id"]) and end > FIRST + pd.Timedelta(days=400)
