"""Newcomers on the simulated store: a product that nobody has bought, a customer whom nobody knows (lesson 10b).

    python -m benchmarks.simulated.newcomers          # ten small stores, seeds 10-19, once: logged and recorded
    python -m benchmarks.simulated.newcomers --smoke  # two tiny stores; records nothing

*Products* first sold in the last 300 days, ranked for customers with a past on the day of their first basket with one
of them (NDCG of ten places). *Strictly cold*: random, price, category, words (TF-IDF of titles), category and words.
*Warming up*: what sold before that day, faded over 28 days; which are on the shelf at all; a quarter of the category.
*Customers* who first bought in the last 90 days (NDCG of twenty places, all items): popularity of 28 days, that of
their region, what others bought in first baskets. Then customers by how many baskets they had: popularity, own
frequency, TIFU-kNN. Settings are those of lesson 10b's page; they were seen on stores 0 to 3 alone.

Expected, before stores 10-19 were scored: cold, the category is above the words, and both together are undecided
against it; warming up, sold so far is far above the shelf, and the blend a little above it. At the door neither region
nor first baskets beat popularity. After one basket own frequency is above popularity already, by about .01; TIFU-kNN
passes it from three baskets on. "Two baskets make a person", as store 0 alone says, is that store's luck.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.trial import add_trial_options, log_scorings, trial_folder
from ecomlib import recorded
from ecomlib.decisions import recommendation as rec
from ecomlib.decisions.recommendation.cold import price_distance, text_neighbours, warming_blend
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
SEEDS, DAYS = tuple(range(10, 20)), 90
GROUPS = {"1": (1, 1), "2": (2, 2), "3, 4": (3, 4), "5 to 9": (5, 9), "10 or more": (10, 10_000)}
COMPARED = (
    ("cold", "category", "random"),
    ("cold", "TF-IDF", "category"),
    ("cold", "category and TF-IDF", "category"),
    ("warming", "sold so far", "on the shelf"),
    ("warming", "sold so far and category", "sold so far"),
    ("door", "region", "popularity, 28 days"),
    ("door", "first baskets", "popularity, 28 days"),
    *((group, name, "popularity, 28 days") for group in GROUPS for name in ("own frequency", "TIFU-kNN")),
)
_NONE = pd.DataFrame({"customer": [], "item": [], "age": []}).astype(int)

Scores = dict[tuple[str, str], float]


def _goals(frame: pd.DataFrame, items: np.ndarray) -> tuple[np.ndarray, sparse.csr_matrix, pd.Series]:
    """Who bought something of ``items`` first, what on that day, and which day it was."""
    goal = frame[frame["day"] == frame.groupby("customer_id")["day"].transform("min")]
    who = np.sort(goal["customer_id"].unique().astype(object))
    spot = [
        np.searchsorted(ids, goal[name].to_numpy(dtype=object))
        for ids, name in ((who, "customer_id"), (items, "product_id"))
    ]
    matrix = sparse.csr_matrix((np.ones(len(goal)), spot), shape=(len(who), len(items)))
    return who, matrix, goal.drop_duplicates("customer_id").set_index("customer_id").loc[who, "day"]


def products(store: Store, lines: pd.DataFrame, seed: int) -> Scores:
    """NDCG of newcomers among products, by state and model."""
    shelf, last = store.observed().products.set_index("product_id"), lines["day"].max()
    begin = last - pd.Timedelta(days=min(300, (last - lines["day"].min()).days // 2))
    debut = lines.groupby("product_id")["day"].min()
    new = np.sort(debut.index[debut >= begin].to_numpy(dtype=object))
    past, later = lines[lines["day"] < begin], lines[(lines["day"] >= begin) & lines["product_id"].isin(new)]
    later = later[later["customer_id"].isin(past["customer_id"])]
    old = np.sort(past["product_id"].unique().astype(object))
    who, goals, day = _goals(later, new)
    mine = past[past["customer_id"].isin(who)]
    spot = [
        np.searchsorted(ids, mine[name].to_numpy(dtype=object))
        for ids, name in ((who, "customer_id"), (old, "product_id"))
    ]
    fading = np.exp(-(begin - mine["day"]).dt.days.to_numpy() / 180)
    profile = sparse.csr_matrix((fading, spot), shape=(len(who), len(old)))
    words = TfidfVectorizer(sublinear_tf=True).fit(shelf.loc[old, "title"])
    read = [sparse.csr_matrix(words.transform(shelf.loc[ids, "title"])) for ids in (old, new)]
    text = text_neighbours(profile, read[0], read[1], 20)
    same = shelf.loc[old, "category"].to_numpy()[:, None] == shelf.loc[new, "category"].to_numpy()
    category, nothing = np.asarray(profile @ same.astype(float)), np.zeros(len(new))
    chance = np.random.default_rng(seed).random(goals.shape)
    sold, column = np.zeros(goals.shape), np.searchsorted(new, later["product_id"].to_numpy(dtype=object))
    for today in day.unique():
        ago = (today - later["day"]).dt.days.to_numpy()
        weight = np.where(ago > 0, np.exp(-np.maximum(ago, 0) / 28), 0.0)
        sold[(day == today).to_numpy()] = np.bincount(column, weight, minlength=len(new))
    there = shelf.loc[new, "launched_on"].to_numpy()[None, :] <= day.to_numpy()[:, None]
    made = {
        ("cold", "random"): chance,
        ("cold", "price"): price_distance(profile, shelf.loc[old, "list_price"], shelf.loc[new, "list_price"]),
        ("cold", "category"): category,
        ("cold", "TF-IDF"): text,
        ("cold", "category and TF-IDF"): warming_blend(nothing, category, 1.0) + warming_blend(nothing, text, 1.0),
        ("warming", "on the shelf"): there + 0.5 * chance,
        ("warming", "sold so far"): sold,
        ("warming", "sold so far and category"): warming_blend(sold, category, 0.25),
    }
    window = rec.Cut(begin, new, who, _NONE, np.arange(len(who)), goals, {})
    return {key: _ndcg(scores, window, min(10, len(new))).mean() for key, scores in made.items()}


def _ndcg(scores: np.ndarray, cut: rec.Cut, places: int = 20) -> np.ndarray:
    both = rec.two_tables(scores, cut, places)
    return both.loc[both["table"] == "all", "ndcg"].to_numpy()


def customers(store: Store, lines: pd.DataFrame) -> Scores:
    """NDCG of those who came in the last days, and of others by how many baskets they had."""
    at = lines["day"].max() - pd.Timedelta(days=DAYS - 1)
    some = rec.cut_at(lines, at, earlier=1)
    ahead = lines[(lines["day"] >= at) & (lines["day"] < at + pd.Timedelta(days=DAYS))]
    strangers = ahead[~ahead["customer_id"].isin(some.customers) & ahead["product_id"].isin(some.items)]
    who, goals, _ = _goals(strangers, some.items)
    door = replace(some, customers=who, lines=_NONE, cases=np.arange(len(who)), targets=goals)
    assert store.customers is not None
    region = store.customers.set_index("customer_id")["region_id"]
    recent = some.lines[some.lines["age"] <= 28]
    local = pd.crosstab(region.loc[some.customers[recent["customer"]]].to_numpy(), recent["item"].to_numpy())
    local = local.reindex(index=np.unique(region), columns=range(len(some.items)), fill_value=0)
    debuts = some.lines[some.lines["age"] == some.lines.groupby("customer")["age"].transform("max")]
    debuts = np.bincount(debuts.loc[debuts["age"] <= 28, "item"], minlength=len(some.items)) + 0.0
    popular = rec.popularity(some)
    found: Scores = {
        ("door", "popularity, 28 days"): _ndcg(np.tile(popular[0], (len(who), 1)), door).mean(),
        ("door", "region"): _ndcg(local.loc[region.loc[who]].to_numpy(float), door).mean(),
        ("door", "first baskets"): _ndcg(np.tile(debuts, (len(who), 1)), door).mean(),
    }
    had = np.bincount(some.lines.drop_duplicates(["customer", "age"])["customer"], minlength=len(some.customers))
    made = {"popularity, 28 days": popular, "own frequency": rec.own_frequency(some)}
    made["TIFU-kNN"] = rec.tifu_knn(some, neighbours=300, share=0.3)
    for name, scores in made.items():
        each = _ndcg(scores, some)
        for group, (low, high) in GROUPS.items():
            here = (had[some.cases] >= low) & (had[some.cases] <= high)
            found[group, name] = each[here].mean() if here.any() else np.nan
    return found


def result_table(rows: pd.DataFrame, draws: int = 4000) -> pd.DataFrame:
    """Each store's NDCG, and the comparisons over stores with their intervals (missing with fewer than ten)."""
    wide = rows.pivot_table("ndcg", "seed", ["state", "model"])
    against = []
    for state, ours, rival in COMPARED:
        gap = (wide[state, ours] - wide[state, rival]).to_numpy()
        drawn = np.random.default_rng(0).integers(0, len(gap), (draws, len(gap)))
        low, high = np.quantile(gap[drawn].mean(axis=1), [0.025, 0.975]) if len(gap) >= 10 else (np.nan, np.nan)
        row = {"what": "against", "state": state, "model": ours, "rival": rival, "value": gap.mean()}
        against.append(row | {"low": low, "high": high, "ahead": int((gap > 0).sum())})
    return pd.concat([rows.assign(what="score"), pd.DataFrame(against)], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "two tiny stores; records nothing")
    options = parser.parse_args()
    started, parts = time.process_time(), []
    for seed in SEEDS[:2] if options.smoke else SEEDS:
        store = make_store("tiny" if options.smoke else "small", seed)
        lines = rec.basket_lines(store.observed().orders)
        found = products(store, lines, seed) | customers(store, lines)
        parts += [{"seed": seed, "state": s, "model": m, "ndcg": value} for (s, m), value in found.items()]
        print(seed, {f"{s}: {m}": round(float(v), 3) for (s, m), v in found.items()}, flush=True)
    rows = pd.DataFrame(parts)
    table = result_table(rows)
    print(table[table["what"] == "against"].drop(columns=["seed", "ndcg"]).round(4).to_string(index=False))
    if not options.smoke:
        board = rows.groupby(["state", "model"], sort=False)["ndcg"].mean().reset_index()
        named = board["model"] + " (newcomers, " + board["state"] + ", ten simulated stores: NDCG)"
        log_scorings("D", pd.DataFrame({"model": named, "rmsse": board["ndcg"]}))
    with trial_folder(options) as folder:
        recorded.write(
            "newcomers_n",
            table,
            script=__file__,
            command="python -m benchmarks.simulated.newcomers",
            protocol="D: newcomers among products and customers on ten small stores",
            seconds=time.process_time() - started,
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
