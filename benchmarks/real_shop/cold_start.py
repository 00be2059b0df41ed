"""Does the language model help with a product nobody has bought? Protocol K, with its controls.

    ecomlib data fetch online_retail
    python -m benchmarks.real_shop.cold_start  # about fifteen minutes on one core; continues where it was interrupted
    python -m benchmarks.real_shop.cold_start --simulated  # the simulated stores alone; the real shop's rows are kept
    python -m benchmarks.real_shop.cold_start --smoke  # the tiny store and an invented catalogue; records nothing

Simulated: stores of seeds that no lesson shows, as the course's are and misspecified ones, with 720 products of which
30 % are newcomers: enough to count. A newcomer's units in its first eight weeks, relative to what the established
products sold in the same weeks, are predicted from price and category with each block of columns added, by the share
of its telling words that no earlier product had used. The ceiling is the rank correlation of the true expectation
with what came; "attributes" is an arm that reads every title without fault: its material, its use and the quality
told; "entities" has learnt a vector for the category and for each word of title and description from the established
products' sales.

What a forecast is worth: each newcomer's first eight weeks are ordered at once, at the quantile of past misses that the
costs ask for (misses on half of the established products, by forecasts learnt from the other half). A unit too few
costs its margin, or 1, 3 or 9 times what a unit too many costs, which is a quarter of its unit cost; the true demand
judges. Primary comparison: BERT less TF-IDF, at the margin. Expected before the run: with a title a tenth to a quarter
of the cost of mistakes is saved, BERT and TF-IDF level or undecided; entities fall as TF-IDF does where words are new.

Real: Online Retail II, cut at four dates fixed beforehand; products first seen between a cut and the next are forecast
from those whose eight weeks were over at the cut; the results are pooled. The title is that of the product's first
line (the store's table has the most frequent one, which is known later). The shop has no categories: that arm takes
the last word of the title. Nothing was chosen on the test products, penalties are chosen within the training products;
each scoring is appended to test_scorings.csv. The season stands in the base only where the training products' first
days cover a year: the first scoring had it always, and at the first cut, with five weeks of first days to learn the
year's circle from, even the base alone was absurd (rank correlation -0.08 there, 0.18 pooled). So the base was changed
after the test products had been seen once; no arm was. ``--simulated`` scores none of them: it takes the real shop's
rows from the card as it stands, whose facts then say when they were scored.

Expected of the changed simulated store, written before it was run: the arms keep their order (counted words first where
words are known, BERT ahead of them where every telling word is new, random vectors within 0.01 of the base), and each
stays within 0.05 of what the store before gave.

The shuffled arm first dealt vectors within fifths of the price. The base of the simulated stores has price over cost,
of which the text tells much more, so the fifths there are now of price over cost; the real shop knows no cost.

Records first_orders: ``shop, ratio`` (0: the margin), ``arm, cost`` (money a newcomer), ``saved, low, high`` (share of
the cost with price and category alone), ``stores``; rows "bert less tfidf" hold the paired difference of two arms.
Records cold_start: ``shop, unseen`` (per cent; empty: all), ``penalty`` (free: the base is not penalised; common: the
usual pipeline, at fault), ``arm, rho, low, high``, ``gain`` on the base alone with its interval, ``void, products,
stores``. Rows "bert less tfidf" and "bert less static" hold paired differences of two arms.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.linear_model import LinearRegression

from benchmarks.trial import add_trial_options, log_scorings, partial_folder, trial_folder
from ecomlib import load_store, recorded
from ecomlib.decisions import first_order, launch_level, newsvendor_cost
from ecomlib.features import calendar
from ecomlib.stores.published import online_retail
from ecomlib.stores.simulated import make_store
from ecomlib.stores.simulated.settings import settings_for
from ecomlib.stores.simulated.words import MATERIALS, USES
from ecomlib.text import cold_start
from ecomlib.text.entities import learn_entities

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
RESTS_ON = Path(cold_start.__file__)
SEEDS = tuple(range(31, 41))  # lessons and trials used others
MISSPECIFIED = tuple(range(31, 36))
CUTS = pd.to_datetime(["2010-03-01", "2010-09-01", "2011-03-01", "2011-07-01"])
WEEKS = 8
BASE = {"simulated": "category", "misspecified": "category", "online_retail": "nothing"}


def one_store(seed: int, misspecified: bool, size: str = "small") -> pd.DataFrame:
    """Rank correlations on one simulated store: a row for each penalty, share of unseen words and arm.

    Rows with the penalty "money" hold the cost of mistaken first orders instead, ``unseen`` the ratio of costs.
    """
    more = replace(settings_for(size), products=720 if size == "small" else 60, cold_share=0.3)
    store = make_store(size, seed, misspecified=misspecified, settings=more, cache=False)
    table = cold_start.newcomers(store.observed(), weeks=WEEKS)
    truth = store.truth.cold_start.set_index("product_id").loc[table["product_id"]]
    train = ~truth["cold"].to_numpy()
    y = (table["y"] - table["level"]).to_numpy()
    markup = np.log(table["price"] / table["unit_cost"]).to_numpy()[:, None]
    kind = pd.get_dummies(table["category"]).to_numpy(float)
    base = np.hstack([kind[:, 1:], kind * (markup - markup.mean())])
    rng = np.random.default_rng([seed, misspecified])
    blocks = cold_start.text_blocks([table["title"], table["description"]], markup[:, 0], train, rng)
    blocks["attributes"] = attributes(table, store.truth.quality)
    names = list(table["product_id"])
    seen = {}
    for penalty in ("free", "common"):
        seen[penalty] = cold_start.predict_arms(y, base, blocks, train, names, rng, common=penalty == "common")
        seen[penalty] = seen[penalty].rename(columns={"nothing": "category"})
    alone = cold_start.predict_arms(y, markup, {}, train, names, rng)
    level = LinearRegression().fit(base[train], y[train]).predict(base)
    words = [
        [c, *re.findall(r"[\w-]{3,}", f"{t} {d}".lower())]
        for c, t, d in zip(table["category"], table["title"], table["description"], strict=True)
    ]
    learnt = level + learn_entities(words, y - level, train)
    extra = {"nothing": alone["nothing"], "entities": learnt[~train], "ceiling": expected(store, table)[~train]}
    seen["free"] = seen["free"].assign(**extra)
    money = first_orders(store, table, train, base, blocks, seen["free"], np.random.default_rng(seed))
    wanted = expected(store, table, "demand")[~train] - table["level"].to_numpy()[~train]
    unseen, rows = truth["unseen_share"].to_numpy()[~train], []
    for penalty, forecasts in seen.items():
        for share in (None, 0.0, 0.5, 1.0):
            here = np.ones(len(unseen), bool) if share is None else unseen == share
            for arm in forecasts:
                forecast = forecasts[arm].to_numpy()[here]
                rho = {
                    name: float(cold_start.rank_correlation(v[here], forecast))
                    for name, v in (("rho", y[~train]), ("rho_demand", wanted))
                }
                percent = np.nan if share is None else 100 * share
                rows.append({"seed": seed, "penalty": penalty, "unseen": percent, "arm": arm, **rho, "n": here.sum()})
    return pd.concat([pd.DataFrame(rows), money.assign(seed=seed, penalty="money")], ignore_index=True)


def first_orders(
    store: object,
    table: pd.DataFrame,
    train: np.ndarray,
    base: np.ndarray,
    blocks: dict[str, np.ndarray],
    forecasts: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """What mistaken first orders cost, money a newcomer: a row for each ratio of costs and arm."""
    y, names = (table["y"] - table["level"]).to_numpy(), table["product_id"].to_numpy()
    learn = rng.random(int(train.sum())) < 0.5
    own = {arm: blocks[arm][train] for arm in ("bert", "tfidf", "static")}
    held = cold_start.predict_arms(y[train], base[train], own, learn, list(names[train]), rng)
    misses = {arm: (y[train] - held[arm].reindex(range(len(learn)))).dropna().to_numpy() for arm in held}
    wanted, hoped = (total(store, table, what) for what in ("demand", "expected_demand"))
    misses["ceiling"] = np.log(wanted[train].clip(min=0.5) / hoped[train])
    level, days = launch_level(store, table)[~train], table["days"].to_numpy()[~train]  # type: ignore[arg-type]
    known = {"category": forecasts["category"], **{arm: forecasts[arm] for arm in own}}
    known["ceiling"] = np.log(hoped[~train] / level / days * 7)
    cost = table["unit_cost"].to_numpy()[~train]
    listed, c_o = (table["price"].to_numpy()[~train] - cost).clip(min=0.01), 0.25 * cost
    rows = []
    for ratio in (0, 1, 3, 9):
        c_u = ratio * c_o if ratio else listed
        for arm, forecast in known.items():
            past = misses["nothing" if arm == "category" else arm]
            order = first_order(forecast, past, level, days, c_u, c_o)
            lost = newsvendor_cost(order, wanted[~train], c_u, c_o).mean()
            rows.append({"unseen": float(ratio), "arm": arm, "rho": lost, "n": len(order)})
    return pd.DataFrame(rows)


def attributes(table: pd.DataFrame, quality: pd.DataFrame) -> np.ndarray:
    """What a reader without fault takes from a title: material and use, whatever the word, and the quality told."""
    columns = [quality[quality["version"] == 1].set_index("product_id").loc[table["product_id"], ["told"]].to_numpy()]
    for concepts in (MATERIALS, USES):
        of = {word.lower(): name for name, wordings in concepts.items() for word in wordings}
        named = [next(of[word] for word in re.findall(r"\w+", title.lower()) if word in of) for title in table["title"]]
        columns.append(pd.get_dummies(pd.Series(named)).to_numpy(float))
    return np.hstack(columns)


def total(store: object, table: pd.DataFrame, what: str) -> np.ndarray:
    """Hidden units in each product's first days."""
    truth = store.truth  # type: ignore[attr-defined]
    daily = pd.DataFrame(getattr(truth, what).sum(axis=1).T, index=truth.dates, columns=truth.product_ids)
    so_far = pd.concat([pd.DataFrame(0.0, [truth.dates[0] - pd.Timedelta(days=1)], daily.columns), daily.cumsum()])
    begin, days = table["first_day"] - pd.Timedelta(days=1), pd.to_timedelta(table["days"], unit="D")
    column = daily.columns.get_indexer(table["product_id"])
    units = [so_far.to_numpy()[so_far.index.get_indexer(day), column] for day in (begin, begin + days)]
    return np.asarray(units[1] - units[0])


def expected(store: object, table: pd.DataFrame, what: str = "expected_demand") -> np.ndarray:
    """Logarithm of the hidden weekly units in each product's first days; for the expectation, less the level."""
    weekly = 7 * total(store, table, what) / table["days"].to_numpy()
    return np.log(weekly) - table["level"].to_numpy() if what == "expected_demand" else np.log(weekly + 1 / 16)


def over_stores(rows: pd.DataFrame, shop: str) -> pd.DataFrame:
    """Means over the stores with Student's intervals; gains are paired within a store."""
    found = []
    for (penalty, unseen), part in rows.groupby(["penalty", "unseen"], dropna=False):
        for column in ("rho", "rho_demand"):
            wide = part.pivot_table(index="seed", columns="arm", values=column)
            gain = wide.sub(wide[BASE[shop]], axis=0)
            void = not abs(gain["random"].mean()) <= cold_start.ArmSettings().tolerance
            for rival in ("tfidf", "static"):
                gain[f"bert less {rival}"] = wide["bert"] - wide[rival]
            for arm in gain:
                row = {"shop": shop if column == "rho" else f"{shop}, demand", "unseen": unseen, "penalty": penalty}
                for name, value in (("rho", wide.get(arm, gain[arm])), ("gain", gain[arm])):
                    half = student.ppf(0.975, len(value) - 1) * value.std() / np.sqrt(len(value))
                    ends = ("low", "high") if name == "rho" else ("gain_low", "gain_high")
                    row |= {"arm": arm, name: value.mean(), ends[0]: value.mean() - half, ends[1]: value.mean() + half}
                found.append(
                    row | {"void": void, "products": part.groupby("seed")["n"].first().sum(), "stores": len(wide)}
                )
    return pd.DataFrame(found)


def money_over_stores(rows: pd.DataFrame, shop: str) -> pd.DataFrame:
    """Mean costs over the stores, and the share that each arm saves with Student's interval, paired within a store."""
    found = []
    for ratio, part in rows.groupby("unseen"):
        wide = part.pivot_table(index="seed", columns="arm", values="rho")
        saved = 1 - wide.div(wide["category"], axis=0)
        saved["bert less tfidf"] = saved["bert"] - saved["tfidf"]
        for arm in saved:
            half = student.ppf(0.975, len(saved) - 1) * saved[arm].std() / np.sqrt(len(saved))
            row = {"shop": shop, "ratio": int(ratio), "arm": arm, "cost": wide[arm].mean() if arm in wide else np.nan}
            ends = {"low": saved[arm].mean() - half, "high": saved[arm].mean() + half}
            found.append(row | {"saved": saved[arm].mean(), **ends, "stores": len(saved)})
    return pd.DataFrame(found)


def first_titles() -> pd.Series:
    """The words of each product's first purchase line, as they stood there."""
    lines = pd.concat([online_retail.read_lines("2010"), online_retail.read_lines("2011")])
    lines = lines[(lines["quantity"] > 0) & (lines["unit_price"] > 0) & lines["title"].notna()]
    lines = lines[~lines["order_id"].astype(str).str.upper().str.startswith("C")]
    lines = lines.assign(product_id=lines["product_id"].astype(str).str.strip().str.upper())
    words = lines.sort_values("ordered_at", kind="stable").groupby("product_id")["title"].first()
    return words.astype(str).str.split().str.join(" ")


def real_shop(table: pd.DataFrame, cuts: pd.DatetimeIndex, seed: int = 0) -> pd.DataFrame:
    """Forecasts of the products first seen after each cut, pooled: product_id, cut, y, penalty, a column an arm."""
    season = calendar(table["first_day"], "D")[["week_sin", "week_cos", "to_christmas"]].to_numpy()
    opening = table["first_day"] < table["first_day"].min() + pd.Timedelta(
        days=28
    )  # seen then, launched who knows when
    rng, y = np.random.default_rng(seed), table["y"].to_numpy()
    found = []
    for cut, until in zip(cuts, [*cuts[1:], pd.Timestamp.max], strict=True):
        train = (table["first_day"] + pd.Timedelta(weeks=WEEKS) <= cut).to_numpy()
        test = table["first_day"].between(cut, until, inclusive="left").to_numpy()
        use = train | test
        here = table[use]
        span = table.loc[train, "first_day"].max() - table.loc[train, "first_day"].min()
        base = np.column_stack([np.log(table["price"]), opening, *([season] if span >= pd.Timedelta(days=365) else [])])
        noun = here["title"].str.split().str[-1]
        common = noun[train[use]].value_counts()
        nouns = pd.get_dummies(noun.where(noun.isin(common.index[common >= 5]))).to_numpy(float)
        blocks = {"category": nouns} | cold_start.text_blocks(
            [here["title"]], here["price"].to_numpy(), train[use], rng
        )
        for penalty in ("free", "common"):
            forecasts = cold_start.predict_arms(
                y[use], base[use], blocks, train[use], list(here["product_id"]), rng, common=penalty == "common"
            )
            ids = here["product_id"].to_numpy()[~train[use]]
            found.append(forecasts.assign(product_id=ids, cut=cut, y=y[test], penalty=penalty, train=int(train.sum())))
        print(f"cut {cut:%Y-%m-%d}: {train.sum():,} products learnt from, {test.sum()} tested", flush=True)
    return pd.concat(found, ignore_index=True)


def judged(forecasts: pd.DataFrame) -> pd.DataFrame:
    """The pooled comparison on the real shop, and each cut's own (``unseen`` stays empty)."""
    rows = []
    for penalty, part in forecasts.groupby("penalty"):
        own = part.drop(columns=["product_id", "cut", "y", "penalty", "train"])
        board = cold_start.judge_arms(part["y"].to_numpy(), own, np.random.default_rng(0))
        rows.append(board.assign(shop="online_retail", penalty=penalty, products=len(part)))
        for rival in ("tfidf", "static"):  # the same redraws with the rival as the arm to be beaten
            pair = own[["bert", rival, "random"]].rename(columns={rival: cold_start.NOTHING})
            beaten = cold_start.judge_arms(part["y"].to_numpy(), pair, np.random.default_rng(0)).iloc[:1].copy()
            beaten[["rho", "low", "high"]] = beaten[["gain", "gain_low", "gain_high"]].to_numpy()
            beaten = beaten.assign(arm=f"bert less {rival}", void=board["void"].iloc[0])
            rows.append(beaten.assign(shop="online_retail", penalty=penalty, products=len(part)))
        for cut, some in part.groupby("cut"):
            board = cold_start.judge_arms(some["y"].to_numpy(), own.loc[some.index], np.random.default_rng(0))
            rows.append(board.assign(shop=f"online_retail, cut {cut:%Y-%m-%d}", penalty=penalty, products=len(some)))
    return pd.concat(rows, ignore_index=True).assign(unseen=np.nan, stores=1)


def catalogue(smoke: bool) -> tuple[pd.DataFrame, pd.DatetimeIndex]:
    """The real shop's newcomers and the cuts; for trial runs a small invented catalogue."""
    if smoke:
        table = cold_start.newcomers(load_store("simulated", size="tiny").observed(), weeks=WEEKS)
        days = pd.to_timedelta(np.arange(len(table)) * 6, unit="D")
        return table.assign(first_day=pd.Timestamp("2009-12-01") + days), pd.to_datetime(["2010-06-01", "2010-09-01"])
    table = cold_start.newcomers(load_store("online_retail"), weeks=WEEKS)
    table["title"] = table["product_id"].map(first_titles()).fillna(table["title"])
    return table, CUTS


def kept_real() -> tuple[pd.DataFrame, str]:
    """The real shop's rows of the card as it stands, and the day on which they were scored."""
    card = recorded.recorded("cold_start")
    rows = pd.DataFrame(card[card["shop"].str.startswith("online_retail")])
    facts = card.attrs["card"]
    return rows, facts["facts"].get("real_scored", facts["date"][:10])


def state() -> str:
    """A name for what the results rest on: parts made by other scripts are made again."""
    return hashlib.sha256(Path(__file__).read_bytes() + RESTS_ON.read_bytes()).hexdigest()[:12]


def once(name: str, folder: Path, make: object, *arguments: object) -> pd.DataFrame:
    """The part called ``name``, computed or read from an earlier run of these very scripts that was interrupted."""
    file = folder / f"{name}-{state()}.parquet"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        started = time.process_time()
        part = make(*arguments)  # type: ignore[operator]
        part.attrs = {}
        part.to_parquet(file)
        file.with_suffix(".json").write_text(json.dumps(time.process_time() - started))
        print(f"{name}: {time.process_time() - started:.0f} s of CPU", flush=True)
    return pd.read_parquet(file)


def log_scoring(board: pd.DataFrame) -> None:
    """Append what was scored on the real shop's test products."""
    mine = board[board["shop"] == "online_retail"]
    names = mine["arm"].where(mine["penalty"] == "free", mine["arm"] + " (common penalty)")
    log_scorings("K", pd.DataFrame({"model": names, "rank_correlation": mine["rho"]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "little invented data; records nothing")
    parser.add_argument("--parts", type=Path, default=partial_folder("cold_start"), help="where parts are kept")
    parser.add_argument("--simulated", action="store_true", help="score simulated stores alone, keep the real rows")
    options = parser.parse_args()
    started, real_scored = time.process_time(), f"{datetime.now(UTC):%Y-%m-%d}"
    with tempfile.TemporaryDirectory() as trial, trial_folder(options) as folder:
        parts = Path(trial) if options.smoke else options.parts
        size, plan = (
            ("tiny", {"simulated": (31, 32)})
            if options.smoke
            else ("small", {"simulated": SEEDS, "misspecified": MISSPECIFIED})
        )
        boards, money = [], []
        for shop in ("simulated", "online_retail", "misspecified"):
            if shop == "online_retail" and options.simulated:
                rows, real_scored = kept_real()
                boards.append(rows)
            elif shop == "online_retail":
                boards.append(judged(once(shop, parts, real_shop, *catalogue(options.smoke))))
            elif shop in plan:
                own = [
                    once(f"{shop}-{seed}", parts, one_store, seed, shop == "misspecified", size) for seed in plan[shop]
                ]
                every = pd.concat(own, ignore_index=True)
                boards.append(over_stores(every[every["penalty"] != "money"], shop))
                money.append(money_over_stores(every[every["penalty"] == "money"], shop))
        board = pd.concat(boards, ignore_index=True)
        first = ["shop", "unseen", "penalty", "arm"]
        board = board[first + [column for column in board if column not in first]]
        seconds = sum(float(file.read_text()) for file in parts.glob(f"*-{state()}.json"))
        print(board[board["unseen"].isna()].round(3).to_string())
        orders = pd.concat(money, ignore_index=True)
        print(orders.round(3).to_string())
        recorded.write(
            "first_orders",
            orders,
            script=__file__,
            command="python -m benchmarks.real_shop.cold_start --simulated",
            protocol="one order for a newcomer's first eight weeks, judged by the true demand; simulated stores",
            seconds=max(seconds, time.process_time() - started),
            smoke=options.smoke,
            directory=folder,
            also=[RESTS_ON],
            facts={"seeds": {name: list(s) for name, s in plan.items()}},
        )
        recorded.write(
            "cold_start",
            board,
            script=__file__,
            command="python -m benchmarks.real_shop.cold_start" + (" --simulated" if options.simulated else ""),
            protocol="K: rank correlation of newcomers' 8 weeks; simulated stores; Online Retail II cut at four dates",
            seconds=max(seconds, time.process_time() - started),
            smoke=options.smoke,
            directory=folder,
            also=[RESTS_ON],
            facts={
                "cuts": [str(cut.date()) for cut in CUTS],
                "seeds": {name: list(s) for name, s in plan.items()},
                "real_scored": real_scored,
            },
        )
        if not (options.smoke or options.simulated):
            log_scoring(board)


if __name__ == "__main__":
    main()
