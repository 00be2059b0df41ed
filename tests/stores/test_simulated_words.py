"""The words of the simulated store. 10 tests, fixed seeds; where chance has a say, four standard errors."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from ecomlib.stores.simulated import make_store, words
from ecomlib.stores.simulated.settings import settings_for


def tokens(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


STOP = frozenset(tokens("a an the and or with of for to in at by not no but be is are it this our you do"))
LISTS = [*words.MATERIALS.values(), *words.USES.values(), *words.TITLE_WORDS, *words.BODIES, *words.CLOSINGS]
CONCEPTS = [  # (wordings, number of the concept that rotates what is kept back)
    *((row, number) for number, row in enumerate(words.MATERIALS.values())),
    *((row, number) for number, row in enumerate(words.USES.values())),
    *(
        (row, level + shift)
        for shift, rows in enumerate((words.TITLE_WORDS, words.BODIES, words.CLOSINGS))
        for level, row in enumerate(rows)
    ),
]


def catalogue(size: str = "small", seed: int = 0, **options: bool) -> words.Catalogue:
    return words.make_catalogue(settings_for(size, **options), np.random.default_rng(seed), seed=seed)


@pytest.fixture(scope="module")
def small() -> words.Catalogue:
    return catalogue()


def telling(text: str, wordings: tuple[str, ...]) -> list[int]:
    """Which of a concept's wordings occur in a text, as whole words."""
    return [n for n, w in enumerate(wordings) if re.search(rf"(?<![\w-]){re.escape(w)}(?![\w-])", text, re.IGNORECASE)]


def test_no_two_wordings_share_a_content_word() -> None:
    assert all(len(row) == words.WORDINGS for row in LISTS)
    everything = [word for row in LISTS for wording in row for word in set(tokens(wording)) - STOP]
    others = [word for colour in words.COLOURS for word in tokens(colour)]
    others += [words.noun(c, n) for c in range(len(words.CATEGORIES)) for n in range(6)]
    counts = Counter(everything) + Counter(set(others))
    assert [word for word, count in counts.items() if count > 1] == []


def test_kept_back_wordings_are_unseen_until_a_cold_product_uses_them(small: words.Catalogue) -> None:
    both = (small.listings["title"] + " " + small.listings["description"]).to_numpy()
    share = np.repeat(small.unseen_share, 4)
    cold = np.repeat(small.cold, 4)
    held, usual = np.zeros(len(both)), np.zeros(len(both))
    for wordings, concept in CONCEPTS:
        for n, text in enumerate(both):
            for hit in telling(text, wordings):
                if hit == words.kept_back(concept, 0):
                    held[n] += 1
                else:
                    usual[n] += 1
    assert held[~cold].max() == 0 and held[cold & (share == 0)].max() == 0
    assert usual[share == 1].max() == 0 and held[share == 1].min() >= 5  # material and use may repeat in a text
    # Half: 3 or 4 of the 7 telling words. Two mentions of one concept may be the same word, which counts once.
    half = share == 0.5
    assert set(held[half]) <= {2, 3, 4} and abs(held[half].mean() / (held + usual)[half].mean() - 0.5) < 0.06


def test_seed_rotates_what_is_kept_back() -> None:
    for concept in range(14):
        assert sorted(words.kept_back(concept, seed) for seed in range(4)) == [0, 1, 2, 3]
    first, second = catalogue(seed=0), catalogue(seed=1)
    word = words.MATERIALS["oak"][words.kept_back(0, 0)]  # held back under seed 0, common under seed 1
    uses = [sum(word in tokens(t) for t in c.listings["title"][~np.repeat(c.cold, 4)]) for c in (first, second)]
    assert uses[0] == 0 and uses[1] > 20


def test_listings_are_rewritten_three_times_in_random_weeks(small: words.Catalogue) -> None:
    settings = settings_for("small")
    assert (np.diff(small.version_start_week, axis=1) > 0).all()
    assert (small.version_start_week[:, 0] == small.launch_week).all()
    assert small.version_start_week.max() < settings.weeks
    frame = small.listings
    assert (
        list(frame["version"][:4]) == [1, 2, 3, 4] and frame["valid_from"].dt.normalize().eq(frame["valid_from"]).all()
    )
    later = frame[frame["version"] > 1]
    assert (later["valid_from"].dt.dayofweek == 0).all()
    assert frame["valid_from"].groupby(frame["product_id"]).is_monotonic_increasing.all()
    # A cold product keeps the words it was launched with.
    gap = small.version_start_week[small.cold, 1] - small.launch_week[small.cold]
    assert gap.min() >= settings.first_text_weeks


def test_quality_is_uniform_and_drawn_anew(small: words.Catalogue) -> None:
    levels, counts = np.unique(small.quality, return_counts=True)
    assert np.allclose(levels, np.arange(-2, 3) / np.sqrt(2))
    n = small.quality.size
    assert (abs(counts - n / 5) < 4 * np.sqrt(n * 0.2 * 0.8)).all()
    pairs = small.quality[:, :-1].ravel(), small.quality[:, 1:].ravel()
    assert abs(np.corrcoef(*pairs)[0, 1]) < 4 / np.sqrt(len(pairs[0]))


def test_every_text_tells_its_level_and_nothing_else(small: words.Catalogue) -> None:
    level = np.rint(small.told.ravel() * np.sqrt(2)).astype(int) + 2
    for n, row in enumerate(small.listings.itertuples()):
        for rows, text in (
            (words.TITLE_WORDS, row.title),
            (words.BODIES, row.description),
            (words.CLOSINGS, row.description),
        ):
            assert [k for k, wordings in enumerate(rows) if telling(text, wordings)] == [level[n]]
        category = words.CATEGORIES[small.category[n // 4]]
        assert row.product_id == small.product_id[n // 4] and category == small.products["category"][n // 4]
    assert (small.told == small.quality).all()


def test_colour_and_template_say_nothing_of_quality(small: words.Catalogue) -> None:
    # Which words come first depends on the template only.
    starts_with_colour = small.listings["title"].str.lower().str.startswith(words.COLOURS).to_numpy()
    for noise in (np.repeat(small.colour, 4), starts_with_colour):
        table = pd.crosstab(noise, small.quality.ravel()).to_numpy()
        expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
        chi, dof = ((table - expected) ** 2 / expected).sum(), (table.shape[0] - 1) * (table.shape[1] - 1)
        assert abs(chi / dof - 1) < 4 * np.sqrt(2 / dof)


def test_a_misspecified_store_overstates_one_listing_in_ten() -> None:
    odd = catalogue("full", misspecified=True)
    over = odd.told - odd.quality
    assert set(np.round(over.ravel(), 6)) == {0.0, np.round(1 / np.sqrt(2), 6)}
    n = over.size
    assert abs((over > 0).mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / n)


def test_cold_products_and_repeatability(small: words.Catalogue) -> None:
    settings = settings_for("small")
    assert small.cold.sum() == round(settings.cold_share * settings.products)
    assert set(Counter(small.unseen_share[small.cold]).values()) == {small.cold.sum() // 3}
    first_day = pd.Timestamp(settings.end) - pd.Timedelta(days=settings.days - 1)
    late = (small.products["launched_on"] >= first_day).to_numpy()
    assert (late == small.cold).all() and (small.products["launched_on"][late].dt.dayofweek == 0).all()
    again = catalogue()
    pd.testing.assert_frame_equal(again.listings, small.listings)
    assert not catalogue(seed=1).listings["title"].equals(small.listings["title"])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="transformers is not installed")
def test_text_tells_quality_and_leaves_prices_room_to_vary() -> None:
    """R² of quality from the encoder's vectors, folds by product; spread of the price given text and calendar."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold, cross_val_predict

    from ecomlib.text import encode

    store = make_store("small")
    truth, listings, prices = store.truth, store.listings, store.prices
    assert listings is not None and prices is not None
    vectors = np.hstack([encode(listings["title"]), encode(listings["description"])])
    quality = truth.quality["quality"].to_numpy()
    model, folds = Ridge(0.1), GroupKFold(5)
    guess = cross_val_predict(model, vectors, quality, groups=listings["product_id"], cv=folds)
    r_squared = 1 - np.var(quality - guess) / np.var(quality)
    assert r_squared >= 0.93

    weekly = prices[(prices["date"].dt.dayofweek == 0) & (prices["depth"] == 0)].reset_index(drop=True)
    numbered = listings[["product_id", "valid_from"]].assign(row=np.arange(len(listings)))
    weekly = pd.merge_asof(
        weekly.sort_values("date"),
        numbered.sort_values("valid_from"),
        left_on="date",
        right_on="valid_from",
        by="product_id",
    ).merge(store.products[["product_id", "category", "unit_cost"]], on="product_id")
    log_price = np.log(weekly["unit_price"] / weekly["unit_cost"])
    # Given the text: the quality it tells, and the twenty directions in which texts differ most.
    told = np.column_stack([guess, PCA(20, random_state=0).fit_transform(vectors)])
    for _, part in weekly.groupby("category"):
        design = np.hstack([told[part["row"]], pd.get_dummies(part["date"]).to_numpy(float)])
        target = log_price[part.index].to_numpy()
        left = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        assert left.std() >= 0.20
        bias = 0.5 * 0.12 * quality.var() * (1 - r_squared) / left.var()
        assert bias <= 0.05
