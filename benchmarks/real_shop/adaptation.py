"""Does an encoder that has read the shop's own pairs know more of its newcomers?

    ecomlib data fetch online_retail
    ecomlib data fetch womens_reviews
    python -m benchmarks.real_shop.adaptation  # about twenty minutes on one core; continues where it was interrupted
    python -m benchmarks.real_shop.adaptation --smoke  # the tiny store and its baskets; records nothing

Ten simulated stores of seeds that no lesson shows: trained on title and description of the established products,
versions written before the first newcomer came (held out by product and by time). How many layers learn is chosen on a
store of its own by the retrieval below. Measured before and after, on newcomers: finding the own description among all
products' (mean reciprocal rank); the share of the five nearest established products that are of the same category; and
the rank correlation of forecast and demand in the first weeks (protocol K, price and category free of penalty), by the
share of words that no earlier product used. Beside it two rivals: counted words (TF-IDF of the established products'
texts), and the encoder trained as long on the same texts in wrong pairs. Means over stores with Student's intervals,
differences paired by store; a store has one seed of training, so its luck is in the interval too.

Real shop, tuning period only (before 2011-04-18): trained on titles bought in one order before 2010-12-27, without a
fifth of the products; measured on orders after it: the rank of the partner's title among all products', by whether both
products were in training. Beside it the order by popularity, which reads nothing, and counted words. Intervals redraw
query products.

Forgetting: finding a review's text by its headline (women's clothing), in English that no shop trained on.

Primary comparison, named before the run: the cold start of all newcomers, after less before. Expected, written before
the first run (two stores): retrieval improves, most on the simulated store, whose grammar is small; co-purchases
improve a little, less for products not in training; category agreement is near its ceiling already; the cold start
does not improve by more than 0.02, for words that no text used are moved by nothing; a little English is forgotten.
Expected of the run over ten stores, written before it: the gain of retrieval has an interval above zero, and counted
words, which share half of the description's words, still find more; the category agreement goes to 0.99, against the
first expectation, as it did on two stores; the cold start stays within 0.02; wrong pairs gain nothing.

Records text_adaptation: ``shop, measure, group, encoder`` (before, after, difference, wrong pairs, tfidf, popularity),
``value, low, high, n``, ``chosen``, the layers that learnt, and ``minutes``, the mean CPU minutes of one adaptation.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import t as student
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import load_store, recorded
from ecomlib.stores.published.download import read_tables
from ecomlib.stores.simulated import make_store
from ecomlib.stores.store import Store
from ecomlib.text import AdaptSettings, Encoder, adapt_encoder, basket_pairs, cold_start, encode, load_encoder

SEEDS, CHOICE = tuple(range(11, 21)), 4  # lessons and trials used 0 to 3
CANDIDATES = tuple(AdaptSettings(layers=n, lr=lr, batch_size=32) for n, lr in ((2, 2e-4), (7, 1e-4)))
SPLIT, END = pd.Timestamp("2010-12-27"), pd.Timestamp("2011-04-18")
Indices = Sequence[int] | np.ndarray


def reciprocal_ranks(queries: np.ndarray, answers: np.ndarray, own: Indices, but: Indices = ()) -> np.ndarray:
    """1 / rank of answer ``own[i]`` for query i by cosine, ``but[i]`` left out; ties count against us."""
    scores = queries @ answers.T
    if len(but):
        scores[np.arange(len(queries)), but] = -np.inf
    right = scores[np.arange(len(queries)), own]
    return 1 / (scores >= right[:, None] - 1e-7).sum(axis=1)


def newcomers_of(store: Store) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The products with their first texts, who is new, and the share of words that no earlier product used."""
    table = cold_start.newcomers(store.observed())
    truth = store.truth.cold_start.set_index("product_id").loc[table["product_id"]]
    return table, truth["cold"].to_numpy(bool), truth["unseen_share"].to_numpy()


def shop_pairs(store: Store, table: pd.DataFrame, new: np.ndarray, most: int, seed: int) -> list[tuple[str, str]]:
    """Title and description of established products, in versions from before the first newcomer."""
    assert store.listings is not None
    known = store.listings["product_id"].isin(table.loc[~new, "product_id"])
    listed = store.listings[known & (store.listings["valid_from"] < table.loc[new, "first_day"].min())]
    pairs = list(zip(listed["title"], listed["description"], strict=True))
    return [pairs[number] for number in np.random.default_rng(seed).permutation(len(pairs))[:most]]


def measure(
    table: pd.DataFrame, new: np.ndarray, unseen: np.ndarray, title: np.ndarray, told: np.ndarray, seed: int
) -> dict[tuple[str, str], float]:
    """(measure, group) -> value on one simulated store, from vectors of length one of titles and descriptions."""
    found = {("own description, reciprocal rank", "newcomers"): reciprocal_ranks(title[new], told, np.flatnonzero(new))}
    near = np.argsort(-title[new] @ title[~new].T, axis=1)[:, :5]
    kind = table["category"].to_numpy()
    found["neighbours of the same category", "newcomers"] = (kind[~new][near] == kind[new][:, None]).mean(axis=1)
    y = (table["y"] - table["level"]).to_numpy()
    markup = np.log(table["price"] / table["unit_cost"]).to_numpy()[:, None]
    dummies = pd.get_dummies(table["category"]).to_numpy(float)
    base = np.hstack([dummies[:, 1:], dummies * (markup - markup.mean())])
    block = {"text": np.hstack([title, told]).astype(float)}
    forecast = cold_start.predict_arms(y, base, block, ~new, list(table["product_id"]), np.random.default_rng(seed))
    result = {key: float(value.mean()) for key, value in found.items()}
    for group, share in (("all newcomers", None), ("0 % unseen", 0.0), ("50 % unseen", 0.5), ("100 % unseen", 1.0)):
        here = np.ones(new.sum(), bool) if share is None else unseen[new] == share
        rho = cold_start.rank_correlation(y[new][here], forecast["text"].to_numpy()[here])
        result["cold start, rank correlation", group] = float(rho)
    return result


def counted(sides: Sequence[Sequence[str]], known: np.ndarray) -> list[np.ndarray]:
    """TF-IDF vectors of length one; vocabulary and idf come from the rows that may be known, of all sides."""
    words = TfidfVectorizer().fit([text for side in sides for text in np.array(list(side), dtype=object)[known]])
    return [words.transform(side).toarray() for side in sides]


def wrong_pairs(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same titles, each with a description that belongs to another pair."""
    left, right = zip(*pairs, strict=True)
    return list(zip(left, right[1:] + right[:1], strict=True))


def one_store(seed: int, size: str, most: int, settings: AdaptSettings) -> tuple[pd.DataFrame, Encoder]:
    """Before, after and the rivals on one store."""
    rows, start = [], load_encoder()
    store = make_store(size, seed)
    table, new, unseen = newcomers_of(store)
    pairs = shop_pairs(store, table, new, most, seed)
    started = time.process_time()
    adapted = adapt_encoder(pairs, settings, model=start).encoder
    minutes = (time.process_time() - started) / 60
    encoders = {
        "before": start,
        "after": adapted,
        "wrong pairs": adapt_encoder(wrong_pairs(pairs), settings, model=start).encoder,
    }
    sides = [list(table[name]) for name in ("title", "description")]
    vectors = {name: [encode(side, model=encoder) for side in sides] for name, encoder in encoders.items()}
    for name, (title, told) in {**vectors, "tfidf": counted(sides, ~new)}.items():
        for (what, group), value in measure(table, new, unseen, title, told, seed).items():
            row = {"seed": seed, "measure": what, "group": group, "encoder": name, "value": value}
            rows.append(row | {"minutes": minutes})
    return pd.DataFrame(rows), adapted


def over_stores(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over the stores with Student's intervals; differences are paired within a store."""
    wide = rows.pivot_table(index=["measure", "group", "seed"], columns="encoder", values="value")
    wide["difference"] = wide["after"] - wide["before"]
    found = []
    for (what, group), part in wide.groupby(["measure", "group"]):
        for name in wide:
            mean, count = part[name].mean(), len(part)
            half = student.ppf(0.975, count - 1) * part[name].std() / np.sqrt(count) if count > 1 else np.nan
            row = {"shop": "simulated", "measure": what, "group": group, "encoder": name}
            found.append(row | {"value": mean, "low": mean - half, "high": mean + half, "n": count})
    return pd.DataFrame(found)


def kept(folder: Path, name: str, make: Callable[[], tuple[pd.DataFrame, Encoder]]) -> tuple[pd.DataFrame, Encoder]:
    """A part of the run, from the folder where an interrupted one left it; with the processor's seconds it took."""
    file = folder / f"{name}.parquet"
    if not file.is_file():
        started = time.process_time()
        table, encoder = make()
        encoder.save(folder / name)
        table.assign(cpu_seconds=time.process_time() - started).to_parquet(file)
    table = pd.read_parquet(file)
    print(name, table.round(3).to_string(), sep="\n", flush=True)
    return table, load_encoder(folder / name)


def candidate(settings: AdaptSettings, size: str, most: int) -> tuple[pd.DataFrame, Encoder]:
    """How many of the newcomers' descriptions it finds on a store that is not measured."""
    store = make_store(size, CHOICE)
    table, new, _ = newcomers_of(store)
    encoder = adapt_encoder(shop_pairs(store, table, new, most, CHOICE), settings).encoder
    title, told = (encode(table[name], model=encoder) for name in ("title", "description"))
    reached = reciprocal_ranks(title[new], told, np.flatnonzero(new)).mean()
    return pd.DataFrame({"layers": [settings.layers], "value": [reached]}), encoder


def summed(values: dict[str, np.ndarray], clusters: np.ndarray, seed: int, **row: object) -> list[dict]:
    """Means with 95 % intervals that redraw clusters; each of ``values`` is one number an observation."""
    names, place = np.unique(clusters, return_inverse=True)
    size = np.bincount(place)
    pick = np.random.default_rng(seed).integers(len(names), size=(2000, len(names)))
    rows = []
    for encoder, value in {**values, "difference": values["after"] - values["before"]}.items():
        total = np.bincount(place, weights=value)
        drawn = total[pick].sum(axis=1) / size[pick].sum(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        rows.append({**row, "encoder": encoder, "value": value.mean(), "low": low, "high": high, "n": len(value)})
    return rows


def baskets(
    orders: pd.DataFrame, titles: pd.Series, split: pd.Timestamp, settings: AdaptSettings, most: int, shop: str
) -> tuple[pd.DataFrame, Encoder]:
    """Co-purchases after ``split``, found by an encoder that read those before it."""
    rng, start = np.random.default_rng(7), load_encoder()
    early, late = orders[orders["ordered_at"] < split], orders[orders["ordered_at"] >= split]
    titles = titles[titles.index.isin(orders["product_id"])]
    known = titles[rng.random(len(titles)) < 0.8]
    pairs = basket_pairs(early, known, rng, per_basket=1)[:most]
    adapted = adapt_encoder(pairs, settings, model=start).encoder
    asked = basket_pairs(late, pd.Series(titles.index, titles.index), rng)[:most]  # product_ids, not words
    left, right = (titles.index.get_indexer(side) for side in zip(*asked, strict=True))
    sold = early.groupby("product_id")["order_id"].nunique().reindex(titles.index, fill_value=0).to_numpy(float)
    values = {"popularity": 1 / (1 + (sold[None] > sold[right][:, None]).sum(axis=1))}
    for name, encoder in (("before", start), ("after", adapted)):
        vectors = encode(titles, model=encoder)
        values[name] = reciprocal_ranks(vectors[left], vectors, right, left)
    (words,) = counted([list(titles)], titles.index.isin(known.index))
    values["tfidf"] = reciprocal_ranks(words[left], words, right, left)
    both = titles.index.isin(known.index)[left] & titles.index.isin(known.index)[right]
    rows = []
    for group, here in (("both in training", both), ("one or both held out", ~both)):
        part, row = {name: value[here] for name, value in values.items()}, {"shop": shop, "group": group}
        rows += summed(part, left[here], 0, measure="bought together, reciprocal rank", **row)
    print(f"{len(pairs):,} pairs to learn from, {len(asked):,} asked for among {len(titles):,}", flush=True)
    return pd.DataFrame(rows), adapted


def forgetting(reviews: pd.DataFrame, encoders: dict[str, Encoder]) -> pd.DataFrame:
    """A review's text by its headline: the encoder as published, and after each shop."""
    ranks = {}
    for name, encoder in {"published": load_encoder(), **encoders}.items():
        head, body = (encode(reviews[column], model=encoder) for column in ("Title", "Review Text"))
        ranks[name] = reciprocal_ranks(head, body, range(len(reviews)))
    rows = []
    for name in encoders:
        both, row = {"before": ranks["published"], "after": ranks[name]}, {"shop": name, "group": "English reviews"}
        rows += summed(both, np.arange(len(reviews)), 0, measure="review by its headline, reciprocal rank", **row)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "the tiny store, 64 pairs; records nothing")
    chosen = parser.parse_args()
    smoke, seeds = chosen.smoke, (1,) if chosen.smoke else SEEDS
    torch.set_num_threads(1)
    size, most = ("tiny", 64) if smoke else ("small", 500)
    if smoke:
        store = load_store("tiny")
        assert store.reviews is not None
        orders = store.orders
        split = orders["ordered_at"].min() + (orders["ordered_at"].max() - orders["ordered_at"].min()) / 2
        reviews = store.reviews["text"].dropna().head(20).to_frame("Review Text")
        reviews["Title"] = reviews["Review Text"]
    else:
        store, split = load_store("online_retail"), SPLIT
        orders = store.orders[store.orders["ordered_at"] < END]
        reviews = read_tables("womens_reviews")["reviews"].dropna(subset=["Title", "Review Text"])
        reviews = reviews.drop_duplicates("Title").sample(300, random_state=0)
    with tempfile.TemporaryDirectory() as name, trial_folder(chosen) as tables:
        folder = Path(name) if smoke else partial_folder("adaptation")
        tried = () if smoke else CANDIDATES
        choice = [
            kept(folder, f"layers_{c.layers}", lambda c=c: candidate(c, size, most))[0]  # type: ignore[misc]
            for c in tried
        ]
        reached = [part["value"].item() for part in choice]
        settings = AdaptSettings(batch_size=16, layers=1) if smoke else CANDIDATES[int(np.argmax(reached))]

        def on_store(seed: int) -> tuple[pd.DataFrame, Encoder]:
            return kept(folder, f"store_{seed}", lambda: one_store(seed, size, most, settings))

        # What can be had once comes first: an interrupted run lacks stores, never a measure.
        first, ours = on_store(seeds[0])
        titles = store.products.set_index("product_id")["title"]
        real, theirs = kept(
            folder, "baskets", lambda: baskets(orders, titles, split, settings, 4 * most, "online_retail")
        )
        encoders = {"simulated": ours, "online_retail": theirs}
        after, _ = kept(folder, "forgetting", lambda: (forgetting(reviews, encoders), ours))
        parts = [first, *(on_store(seed)[0] for seed in seeds[1:])]
        whole = [over_stores(pd.concat(parts)), real, after]
        frame = pd.concat(whole, ignore_index=True).drop(columns="cpu_seconds")
        frame["chosen"] = settings.layers
        frame["minutes"] = np.mean([part["minutes"].mean() for part in parts])
        print(frame.round(3).to_string())
        recorded.write(
            "text_adaptation",
            frame,
            script=__file__,
            command="python -m benchmarks.real_shop.adaptation",
            protocol="title-description pairs of ten simulated stores, newcomers held out; basket pairs of "
            f"Online Retail II before {SPLIT:%Y-%m-%d}, asked until {END:%Y-%m-%d}",
            # The processor's: the run may have been interrupted.
            seconds=sum(part["cpu_seconds"].iloc[0] for part in [*choice, *parts, real, after]),
            smoke=smoke,
            directory=tables,
            measured=["minutes"],
            facts={"pairs": {"simulated": most, "baskets": 4 * most}, "seeds": list(seeds)},
        )


if __name__ == "__main__":
    main()
