"""What the pretrained encoder says of a few titles, and the arms and the word attack that rest on it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from shops import store

from ecomlib.adversarial import stuff
from ecomlib.text import encode
from ecomlib.text.cold_start import text_blocks

TITLES = 16
SHOWN = 6  # numbers of each vector; two sums hold the rest


def short(vectors: np.ndarray) -> pd.DataFrame:
    """The first numbers of each vector, with two sums over all of them."""
    table = pd.DataFrame(
        vectors[:, :SHOWN].astype(float), columns=[f"{k}" for k in range(min(SHOWN, vectors.shape[1]))]
    )
    whole = vectors.astype(float)
    place = 1 + np.arange(whole.shape[1]) % 97
    return table.assign(sum=whole.sum(axis=1), weighted=(whole * place / 97).sum(axis=1))


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Vectors of both layers, the blocks of every arm, and a title stuffed with words, without the cache."""
    products = store(seed).products.sort_values("product_id", ignore_index=True).head(TITLES)
    titles = list(products["title"])
    fresh = partial(encode, cache=False, progress=False)
    price, train = products["list_price"].to_numpy(dtype=float), np.arange(len(titles)) % 4 > 0
    known = {"last": fresh(titles), "input": fresh(titles, layer="input")}
    found = {f"vectors: {layer}": short(vectors) for layer, vectors in known.items()}

    def again(texts: list[str], layer: str) -> np.ndarray:
        return known[layer][[titles.index(text) for text in texts]]

    blocks = text_blocks([titles], price, train, np.random.default_rng(seed), encoder=again)
    found |= {f"arm: {name}": short(block) for name, block in blocks.items()}
    aim = known["last"][-1].astype(float)
    words = ["red", "gift", "set", "vintage", "lamp"]
    path = stuff(titles[0], words, lambda some: fresh(some).astype(float) @ aim, budget=2)[1]
    found["stuffed title"] = pd.DataFrame({"score": path})
    return found
