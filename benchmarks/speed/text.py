"""How fast are the titles of a real shop read, beside sentence-transformers in the same run?

    ECOMLIB_DATA_DIR=... python -m benchmarks.speed.text  # titles of Online Retail II; five minutes
    python -m benchmarks.speed.text --smoke               # the tiny store's titles; records nothing

The titles: of each stock code of either year (upper-cased) that has a description, the most frequent one. That makes
4,779 (the script stops if it finds another number), some of them equal; everybody gets the distinct ones, though only
``encode`` would spare itself the others. All methods hold the same weights, already loaded, on one thread, and take
turns; which begins is rotated from repeat to repeat. Ratios are formed within a repeat. Records text_speed: one row a
method and repeat. Bar: ``encode`` is never slower than the reference at its default batch size; a second call is free.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import load_store, recorded
from ecomlib.stores.published.download import read_tables
from ecomlib.text import DEFAULT, encode, load_encoder
from ecomlib.text.hub import SOURCES, find_folder

CODES = 4_779


def real_titles() -> list[str]:
    """The most frequent description of each stock code, the first in the alphabet where two are equally frequent."""
    lines = pd.concat(read_tables("online_retail").values())
    told = pd.DataFrame({"code": lines["StockCode"].astype(str).str.upper(), "title": lines["Description"]}).dropna()
    counts = told.groupby(["code", "title"]).size().reset_index(name="lines")
    best = counts.sort_values(["code", "lines", "title"], ascending=[True, False, True]).drop_duplicates("code")
    if len(best) != CODES:
        raise SystemExit(f"{len(best):,} stock codes have a description, not {CODES:,}: these are not the same files")
    return best["title"].astype(str).to_list()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "the tiny store's titles, one repeat; records nothing")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    started = time.perf_counter()
    titles = load_store("tiny").products["title"].to_list() if chosen.smoke else real_titles()
    texts = sorted(set(titles))
    texts = [texts[number] for number in np.random.default_rng(0).permutation(len(texts))]
    folder = find_folder(SOURCES[DEFAULT])
    with tempfile.TemporaryDirectory() as name, trial_folder(chosen) as tables:
        place = Path(name)
        encoder, small = load_encoder(), load_encoder(precision="int8", cache_dir=place)
        reference = SentenceTransformer(str(folder), device="cpu")
        methods: dict[str, Callable[[], np.ndarray]] = {
            "ecomlib": lambda: encode(texts, model=encoder, cache=False),
            "ecomlib_int8": lambda: encode(texts, model=small, cache=False),
            "reference": lambda: reference.encode(texts, normalize_embeddings=True),
            "reference_64": lambda: reference.encode(texts, normalize_embeddings=True, batch_size=64),
            "ecomlib_second_call": lambda: encode(texts, cache_dir=place),
        }
        encode(texts, model=encoder, cache_dir=place)  # what the second call will find
        for run in methods.values():
            run()  # nobody pays for a first call
        rows: list[dict[str, object]] = []
        found: dict[str, np.ndarray] = {}
        for repeat in range(1 if chosen.smoke else chosen.repeats):
            names = list(methods)[repeat % len(methods) :] + list(methods)[: repeat % len(methods)]
            for method in names:
                wall, cpu = time.perf_counter(), time.process_time()
                found[method] = methods[method]()
                seconds = time.perf_counter() - wall, time.process_time() - cpu
                rows.append({"repeat": repeat, "method": method, "wall_seconds": seconds[0], "cpu_seconds": seconds[1]})
                print(f"{repeat}  {method:<20} {seconds[0]:7.2f} s, {seconds[1]:7.2f} s of the processor", flush=True)
        frame = pd.DataFrame(rows)
        for kind in ("wall", "cpu"):
            base = frame[frame["method"] == "reference"].set_index("repeat")[f"{kind}_seconds"]
            frame[f"{kind}_ratio"] = frame[f"{kind}_seconds"] / frame["repeat"].map(base)
        ratios = frame.groupby("method")[["wall_ratio", "cpu_ratio"]].agg(["min", "median", "max"])
        cosine = (found["ecomlib"] * found["ecomlib_int8"]).sum(axis=1)
        facts = {
            "titles": len(titles),
            "distinct": len(texts),
            "largest_difference_from_reference": float(np.abs(found["ecomlib"] - found["reference"]).max()),
            "int8_cosine_mean": float(cosine.mean()),
            "int8_cosine_min": float(cosine.min()),
            **{f"ratio_{method}": [round(float(v), 4) for v in row["cpu_ratio"]] for method, row in ratios.iterrows()},
        }
        print(ratios.round(3), facts, sep="\n")
        recorded.write(
            "text_speed",
            frame,
            script=__file__,
            command="python -m benchmarks.speed.text",
            protocol=f"{len(texts):,} distinct of {len(titles):,} titles, weights loaded, one thread, taking turns; "
            "ratio = seconds / seconds of sentence-transformers at its default batch size, within a repeat",
            seconds=time.perf_counter() - started,
            smoke=chosen.smoke,
            directory=tables,
            measured=["wall_seconds", "cpu_seconds", "wall_ratio", "cpu_ratio"],
            facts=facts,
        )


if __name__ == "__main__":
    main()
