"""SASRec ranks as RecTools' does where both read the same: baskets of one item. Runs where rectools is installed.

rectools needs attrs below 24, so it has an environment of its own: ``pip install --no-deps rectools "attrs<24"
pytorch-lightning lightning-utilities torchmetrics typeguard`` beside ecomlib's packages. What came of it stands in
``benchmarks/README.md``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
rectools = pytest.importorskip("rectools")

from rectools.dataset import Dataset  # noqa: E402
from rectools.models import SASRecModel  # noqa: E402

from ecomlib.decisions import recommendation as rec  # noqa: E402
from ecomlib.decisions.recommendation.networks import (  # noqa: E402
    SequenceSettings,
    fit_sequence,
    sequence_scores,
)

EPOCHS, LR, BATCH, WIDTH = 10, 5e-3, 16, 64
START = pd.Timestamp("2024-01-01")


def walks(customers: int = 1500, items: int = 100, visits: int = 16) -> pd.DataFrame:
    """Each item has three likely followers; one step of five is anywhere."""
    rng, rows = np.random.default_rng(0), []
    after = np.array([rng.permutation(items)[:3] for _ in range(items)])
    for customer in range(customers):
        place, first = rng.integers(items), START + pd.Timedelta(days=int(rng.integers(5)))
        for visit in range(visits):
            rows.append((f"c{customer:05d}", first + pd.Timedelta(days=10 * visit), f"i{place:03d}"))
            near = rng.random() < 0.8
            place = after[place][rng.choice(3, p=[0.7, 0.2, 0.1])] if near else rng.integers(items)
    return rec.basket_lines(pd.DataFrame(rows, columns=["customer_id", "ordered_at", "product_id"]))


def theirs(lines: pd.DataFrame, cut: rec.Cut) -> np.ndarray:
    past = lines[(lines["day"] < cut.at) & lines["product_id"].isin(cut.items)]
    columns = rectools.Columns
    names = {columns.User: past["customer_id"], columns.Item: past["product_id"], columns.Datetime: past["day"]}
    data = Dataset.construct(pd.DataFrame(names).assign(**{columns.Weight: 1}))
    model = SASRecModel(
        n_blocks=2,
        n_heads=2,
        n_factors=WIDTH,
        session_max_len=20,
        loss="softmax",
        lr=LR,
        epochs=EPOCHS,
        batch_size=BATCH,
        deterministic=True,
    ).fit(data)
    told = model.recommend(cut.customers[cut.cases], data, k=len(cut.items), filter_viewed=False)
    scores = np.full(cut.targets.shape, -1e9)
    row = np.searchsorted(cut.customers[cut.cases], told[columns.User].to_numpy(object))
    scores[row, np.searchsorted(cut.items, told[columns.Item].to_numpy(object))] = told[columns.Score]
    return scores


def test_sasrec_ranks_as_well_as_rectools_on_baskets_of_one_item() -> None:
    lines = walks()
    cut = rec.cut_at(lines, START + pd.Timedelta(days=145))
    settings = SequenceSettings(cell="attention", layers=2, width=WIDTH, epochs=EPOCHS, lr=LR, batch=BATCH)
    ours = sequence_scores(fit_sequence(cut, settings), cut)
    ndcg = [
        rec.two_tables(scores, cut).query("table == 'all'")["ndcg"].mean()
        for scores in (ours, theirs(lines, cut), rec.popularity(cut))
    ]
    assert ndcg[0] > 3 * ndcg[2] and abs(ndcg[0] - ndcg[1]) < 0.01
