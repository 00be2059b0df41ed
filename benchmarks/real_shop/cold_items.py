"""Protocol R, cold items: a product that nobody has bought yet, and one of which a few are sold, on Online Retail II.

    python -m benchmarks.real_shop.cold_items --tune  # the cut of 2010-05-01; writes tuning/cold_items.csv
    python -m benchmarks.real_shop.cold_items --test  # four cuts, once: logged and recorded
    python -m benchmarks.real_shop.cold_items --smoke           # seconds, on an invented shop; records nothing

A newcomer is an item first seen in the 92 days from a cut (which is not always a launch); its title and its price are
those of its first line, taken as known when the item is listed. A case is a customer who bought before the cut and
whose next basket with a newcomer lies in the window; targets are the newcomers in it. Candidates are all newcomers of
the window, ranked in full.

- *Strictly cold*: no sale is known. Random order, price, words (TF-IDF) of titles, BERT's vectors of titles; neighbours
  of both kinds read what the customer bought before the cut.
- *Warming up*: what sold before the day of that basket is known, newcomers alone, faded by age; popularity so far, the
  texts, and their blend. A newcomer that has not sold by then stays a candidate.

Expected, before the four cuts were scored: random about .08, price above it by .01 to .03; words and BERT far above
both, and undecided between them (the claim of this script: a paired interval of BERT less TF-IDF that holds zero, or
lies within .005 of it); warming up, popularity so far is above the texts and the blend above both, with the interval.
What has been seen before: protocol R's prototypes looked at these cuts with 21 methods.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.trial import add_trial_options, log_scorings, trial_folder
from ecomlib import recorded
from ecomlib.decisions import recommendation as rec
from ecomlib.decisions.recommendation.cold import price_distance, text_neighbours, warming_blend
from ecomlib.stores.published import online_retail

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
TUNING = Path(__file__).resolve().parent / "tuning" / "cold_items.csv"
TUNING_CUTS = ("2010-05-01",)
TEST_CUTS = ("2010-08-01", "2011-02-01", "2011-05-01", "2011-08-01")
WINDOW = 92  # days
NEIGHBOURS, HALF, SHARES = (5, 20, 80, 320), (3.5, 7.0, 14.0, 28.0), (0.1, 0.25, 0.5)
# Chosen below, on TUNING_CUTS: neighbours of the titles, days of fading alone and in the blend, share of the texts.
CHOSEN: dict[str, Any] = {"tfidf": 80, "bert": 80, "alone": 3.5, "fade": 7.0, "share": 0.25}
COMPARED = (
    ("cold", "BERT", "TF-IDF", True),
    ("cold", "TF-IDF", "price", False),
    ("cold", "BERT", "price", False),
    ("warming", "blend", "sold so far", True),
    ("warming", "blend", "BERT", False),
)


def published_lines() -> pd.DataFrame:
    """Lines of the shop with the title that each line had."""
    store = online_retail.load()
    raw = pd.concat([online_retail.read_lines("2010"), online_retail.read_lines("2011")], ignore_index=True)
    known = raw.assign(product_id=raw["product_id"].astype(str).str.strip().str.upper()).dropna(subset=["title"])
    first = known.sort_values("ordered_at", kind="stable").drop_duplicates("product_id")
    titles = first.set_index("product_id")["title"].astype(str).str.strip()
    made = store.orders[["customer_id", "ordered_at", "product_id", "unit_price"]].copy()
    made["title"] = made["product_id"].map(titles)
    return made.assign(title=made["title"].fillna(made["product_id"]))


def invented(customers: int = 80, kinds: int = 4) -> pd.DataFrame:
    """A shop in which each customer buys one kind of thing, and newcomers come all the time."""
    rng, rows = np.random.default_rng(0), []
    nouns = ["mug", "lamp", "soap", "kite", "card", "tray"][:kinds]
    for customer in range(customers):
        kind = nouns[customer % kinds]
        for day in np.sort(rng.choice(700, 14, replace=False)):
            newest = int(day // 35)
            for number in set(rng.integers(max(0, newest - 5), newest + 1, 2)):
                rows.append(
                    (f"c{customer:02d}", day, f"{kind}{number:02d}", 1.0 + nouns.index(kind), f"{kind} no {number}")
                )
    made = pd.DataFrame(rows, columns=["customer_id", "day", "product_id", "unit_price", "title"])
    return made.assign(ordered_at=pd.Timestamp("2009-12-01") + pd.to_timedelta(made.pop("day"), unit="D"))


class Window:
    """The newcomers of a cut, its cases, what they bought before it, and what had sold by the day of their basket."""

    def __init__(self, lines: pd.DataFrame, at: str) -> None:
        cut = pd.Timestamp(at)
        seen = lines.sort_values("ordered_at", kind="stable").drop_duplicates("product_id").set_index("product_id")
        first = seen["ordered_at"].dt.normalize()
        end = cut + pd.Timedelta(days=WINDOW)
        self.new = np.sort(first.index[(first >= cut) & (first < end)].to_numpy(dtype=object))
        books = rec.basket_lines(lines)
        past = books[books["day"] < cut]
        self.known = np.sort(past["product_id"].unique().astype(object))
        ahead = books[(books["day"] >= cut) & (books["day"] < end) & books["product_id"].isin(self.new)]
        ahead = ahead[ahead["customer_id"].isin(past["customer_id"])]
        target = ahead[ahead["day"] == ahead.groupby("customer_id")["day"].transform("min")]
        self.cases = np.sort(target["customer_id"].unique().astype(object))
        row = np.searchsorted(self.cases, target["customer_id"].to_numpy(dtype=object))
        column = np.searchsorted(self.new, target["product_id"].to_numpy(dtype=object))
        self.targets = np.zeros((len(self.cases), len(self.new)), bool)
        self.targets[row, column] = True
        mine = past[past["customer_id"].isin(self.cases)]
        weight = np.exp(-(cut - mine["day"]).dt.days.to_numpy() / 180.0)
        place = (
            np.searchsorted(self.cases, mine["customer_id"].to_numpy(dtype=object)),
            np.searchsorted(self.known, mine["product_id"].to_numpy(dtype=object)),
        )
        self.profile = sparse.csr_matrix((weight, place), shape=(len(self.cases), len(self.known)))
        self.titles = {
            name: seen.loc[ids, "title"].tolist() for name, ids in (("known", self.known), ("new", self.new))
        }
        self.prices = {
            name: seen.loc[ids, "unit_price"].to_numpy() for name, ids in (("known", self.known), ("new", self.new))
        }
        sold = lines[lines["product_id"].isin(self.new)].assign(day=lambda f: f["ordered_at"].dt.normalize())
        sold = sold.groupby(["product_id", "day"])["customer_id"].size().reset_index(name="lines")
        self._sold = (np.searchsorted(self.new, sold["product_id"].to_numpy(dtype=object)), sold["day"], sold["lines"])
        self.day = target.drop_duplicates("customer_id").set_index("customer_id").loc[self.cases, "day"]

    def sold_so_far(self, fade: float) -> np.ndarray:
        """Lines of each newcomer before the day of each case's basket, faded by age, (N, M)."""
        item, day, lines = self._sold
        found = {}
        for when in self.day.unique():
            age = (when - day).dt.days.to_numpy()
            weight = np.where(age > 0, lines.to_numpy() * np.exp(-np.maximum(age, 0) / fade), 0.0)
            found[when] = np.bincount(item, weight, minlength=len(self.new))
        return np.stack([found[when] for when in self.day])

    def texts(self, kind: str, neighbours: int) -> np.ndarray:
        """Scores by the neighbours of titles, (N, M)."""
        if kind == "tfidf":
            words = TfidfVectorizer(sublinear_tf=True).fit(self.titles["known"])
            known, new = (sparse.csr_matrix(words.transform(self.titles[name])) for name in ("known", "new"))
        else:
            from ecomlib.text import encode

            known, new = (encode(self.titles[name], progress=False).astype(float) for name in ("known", "new"))
        return text_neighbours(self.profile, known, new, neighbours)

    def ndcg(self, scores: np.ndarray) -> np.ndarray:
        """NDCG at 20 of each case, (N,)."""
        places = min(20, len(self.new))
        hit = np.take_along_axis(self.targets, rec.ranked(scores, places), axis=1)
        discount = 1 / np.log2(np.arange(places) + 2)
        best = np.cumsum(discount)[np.minimum(self.targets.sum(axis=1), places) - 1]
        return np.asarray((hit @ discount) / best)


def arms(window: Window, chosen: dict[str, Any]) -> dict[tuple[str, str], np.ndarray]:
    """NDCG of each case by state and model."""
    rng = np.random.default_rng(0)
    bert, words = window.texts("bert", chosen["bert"]), window.texts("tfidf", chosen["tfidf"])
    sold = window.sold_so_far(chosen["fade"])
    made = {
        ("cold", "random"): rng.random(window.targets.shape),
        ("cold", "price"): price_distance(window.profile, window.prices["known"], window.prices["new"]),
        ("cold", "TF-IDF"): words,
        ("cold", "BERT"): bert,
        ("warming", "sold so far"): window.sold_so_far(chosen["alone"]),
        ("warming", "TF-IDF"): words,
        ("warming", "BERT"): bert,
        ("warming", "blend"): warming_blend(sold, bert, chosen["share"]),
        ("warming", "blend with TF-IDF"): warming_blend(sold, words, chosen["share"]),
    }
    return {key: window.ndcg(scores) for key, scores in made.items()}


def _ndcg(row: dict[str, Any]) -> float:
    return float(row["ndcg"])


def tune(lines: pd.DataFrame) -> pd.DataFrame:
    """Try neighbours, fading and share on the tuning cut."""
    window = Window(lines, TUNING_CUTS[0])
    rows: list[dict[str, Any]] = []
    for kind in ("tfidf", "bert"):
        for k in NEIGHBOURS:
            rows.append({"choice": kind, "value": k, "ndcg": window.ndcg(window.texts(kind, k)).mean()})
    text = window.texts("bert", int(max((row for row in rows if row["choice"] == "bert"), key=_ndcg)["value"]))
    for fade in HALF:
        sold = window.sold_so_far(fade)
        rows.append({"choice": "fade", "value": fade, "ndcg": window.ndcg(sold).mean()})
        for share in SHARES:
            blend = warming_blend(sold, text, share)
            rows.append({"choice": f"share, fade {fade:g}", "value": share, "ndcg": window.ndcg(blend).mean()})
    print(f"{len(window.cases)} cases, {len(window.new)} newcomers")
    return pd.DataFrame(rows)


def result_table(found: dict[str, dict[tuple[str, str], np.ndarray]]) -> pd.DataFrame:
    """Scores by cut and pooled, and the paired comparisons over all cases."""
    rows: list[dict[str, Any]] = []
    pooled = {key: np.concatenate([one[key] for one in found.values()]) for key in next(iter(found.values()))}
    for cut, cases in (*found.items(), ("all", pooled)):
        for (state, model), values in cases.items():
            row: dict[str, Any] = {"what": "score", "cut": cut, "state": state, "model": model}
            rows.append(row | {"ndcg": values.mean(), "cases": len(values)})
    for state, ours, rival, bar in COMPARED:
        pair = rec.paired(pooled[state, ours], pooled[state, rival], np.random.default_rng(0))
        row = {"what": "against", "cut": "all", "state": state, "model": ours, "rival": rival, "bar": bar}
        row |= {"ndcg": pair.ours, "value": pair.difference, "low": pair.low, "high": pair.high, "word": pair.word}
        rows.append(row | {"cases": pair.cases})
        print(row, flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="the tuning cut; writes tuning/cold_items.csv")
    parser.add_argument("--test", action="store_true", help="the four cuts, once: logged and recorded")
    add_trial_options(parser, "seconds, on an invented shop; records nothing")
    options = parser.parse_args()
    if not options.smoke and options.tune + options.test != 1:
        parser.error("one of --tune and --test; or --smoke")
    started = time.process_time()
    lines = invented() if options.smoke else published_lines()
    if options.tune:
        table = tune(lines).round(4)
        print(table.to_string(index=False))
        TUNING.parent.mkdir(exist_ok=True)
        table.to_csv(TUNING, index=False, lineterminator="\n")
        return
    windows = {at: Window(lines, at) for at in (TEST_CUTS[:2] if options.smoke else TEST_CUTS)}
    table = result_table({at: arms(window, CHOSEN) for at, window in windows.items()})
    if not options.smoke:  # first of all: once the test part has been scored, the log says so
        board = table[(table["what"] == "score") & (table["cut"] == "all")]
        named = board["model"] + " (items " + board["state"] + ": NDCG@20)"
        log_scorings("R", pd.DataFrame({"model": named, "rmsse": board["ndcg"]}))
    print(table[table["what"] == "score"].pivot_table("ndcg", ["state", "model"], "cut").round(3).to_string())
    with trial_folder(options) as folder:
        recorded.write(
            "cold_items_r",
            table,
            script=__file__,
            command="python -m benchmarks.real_shop.cold_items --test",
            protocol="R, cold items: newcomers ranked for customers with a history, four cuts, two states",
            seconds=time.process_time() - started,
            facts={"chosen": CHOSEN, "newcomers": {at: len(window.new) for at, window in windows.items()}},
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
