"""Adapts an encoder to the shop by training on pairs of texts that belong together (lesson 02b, section 5)."""

from __future__ import annotations

import copy
import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ecomlib.errors import DataError
from ecomlib.text.encoder import Encoder, embed, load_encoder, text_list, weights_of
from ecomlib.text.hub import DEFAULT

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class AdaptSettings:
    """How an encoder is trained further (lesson 02b, section 5).

    Attributes
    ----------
    epochs, batch_size: passes over the pairs; pairs a step, each of which has the others' texts as its wrong answers.
    lr, warm_up: peak of AdamW's rate (Loshchilov and Hutter, 2019); share of the steps in which it rises, before it
        falls to nothing.
    temperature: divides the cosines; lower looks at the nearest wrong answers only.
    layers: how many of the last layers learn. The word vectors learn too only where it is more than there are layers.
    seed: of order and dropout.
    """

    epochs: int = 1
    batch_size: int = 64
    lr: float = 5e-5
    warm_up: float = 0.1
    temperature: float = 0.05
    layers: int = 2
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Adapted:
    """The new encoder, with a name and hash of its own, and a frame ``step, loss`` of the training."""

    encoder: Encoder
    history: pd.DataFrame


def info_nce(
    left: torch.Tensor, right: torch.Tensor, temperature: float = 0.05, same: torch.Tensor | None = None
) -> torch.Tensor:
    """Which of the batch's texts belongs to mine? Mean cross-entropy, asked from both sides (lesson 02b, section 5).

    van den Oord et al. (2018); other pairs of the batch as wrong answers: Henderson et al. (2017), Gao et al. (SimCSE,
    2021). Two tensors (B, D) of vectors of length one to a scalar, at least 0, about log B for an encoder that knows
    nothing. ``same`` (B, B), true where two pairs share a text: they are no wrong answers to each other.
    """
    import torch

    scores = left @ right.T / temperature  # (B, B): row i should choose column i
    answer = torch.arange(len(left), device=left.device)
    if same is not None:
        scores = scores.masked_fill(same & (answer[:, None] != answer), -torch.inf)
    return (torch.nn.functional.cross_entropy(scores, answer) + torch.nn.functional.cross_entropy(scores.T, answer)) / 2


def basket_pairs(
    orders: pd.DataFrame, titles: pd.Series, rng: np.random.Generator, *, per_basket: int = 2, largest: int = 30
) -> list[tuple[str, str]]:
    """Titles of two different products that were bought in one order, in random order (lesson 02b, section 5).

    ``orders`` has ``order_id, product_id`` and only lines that may be known; ``titles`` is indexed by product_id. An
    order gives at most ``per_basket`` pairs without a product in common; one of more than ``largest`` products, none:
    a wholesaler's list says little about what belongs together.
    """
    lines = orders.loc[orders["product_id"].isin(titles.index), ["order_id", "product_id"]].drop_duplicates()
    lines = lines.iloc[rng.permutation(len(lines))].reset_index(drop=True)
    grouped = lines.groupby("order_id")["product_id"]
    place, size = grouped.cumcount(), grouped.transform("size")
    lines = lines[(place < 2 * per_basket) & (place < size // 2 * 2) & (size <= largest)]
    lines = lines.assign(pair=grouped.cumcount() // 2).sort_values(["order_id", "pair"], kind="stable")
    words = titles.loc[lines["product_id"]].to_list()
    pairs = list(zip(words[::2], words[1::2], strict=True))
    return [pairs[number] for number in rng.permutation(len(pairs))]


def adapt_encoder(
    pairs: Iterable[tuple[str, str]],
    settings: AdaptSettings | None = None,
    *,
    model: str | Path | Encoder = DEFAULT,
    device: str = "cpu",
    progress: bool | None = None,
) -> Adapted:
    """Train an encoder so that texts of one pair come together and those of two come apart (lesson 02b, section 5).

    ``pairs`` are the shop's own: title and description of a product, titles from one basket. The encoder that is handed
    in stays as it is. Raises DataError with fewer pairs than a batch of two.
    """
    import torch

    settings, pairs = settings or AdaptSettings(), list(pairs)
    if min(len(pairs), settings.batch_size) < 2:
        raise DataError(
            "there are too few pairs to tell one from another", value=len(pairs), remedy="give two or more."
        )
    for side in zip(*pairs, strict=True):
        text_list(side)
    start = model if isinstance(model, Encoder) else load_encoder(model, device=device, precision="fp32")
    encoder = replace(start, bert=copy.deepcopy(start.bert))

    def loss(batch: list[tuple[str, str]]) -> torch.Tensor:
        left, right = (embed(encoder, *encoder.pieces(side)[:2]) for side in zip(*batch, strict=True))
        same = torch.tensor([[a == c or b == d for c, d in batch] for a, b in batch], device=left.device)
        return info_nce(left, right, settings.temperature, same)

    history = _train(encoder.bert, pairs, loss, settings, progress)
    return Adapted(_named(encoder, f"{start.source.repository}, adapted"), history)


def _train(
    bert: Any, items: Sequence[Any], loss_of: Callable, settings: AdaptSettings, progress: bool | None
) -> pd.DataFrame:
    """Train the last layers of ``bert``; leave it in evaluation mode."""
    import torch

    rng, size = np.random.default_rng(settings.seed), settings.batch_size
    batches = [
        [items[n] for n in order[first : first + size]]
        for order in (rng.permutation(len(items)) for _ in range(settings.epochs))
        for first in range(0, max(len(items) - size, 0) + 1, size)  # the last, short batch waits for the next epoch
    ]
    layers = (getattr(bert, "encoder", None) or bert.transformer).layer  # DistilBERT calls it so
    bert.requires_grad_(settings.layers > len(layers))
    for layer in layers[max(len(layers) - settings.layers, 0) :]:
        layer.requires_grad_(True)
    learning = [weights for weights in bert.parameters() if weights.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=settings.lr, weight_decay=0.01)
    rise = max(round(settings.warm_up * len(batches)), 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, max(len(batches) - step, 0) / max(len(batches) - rise, 1))
    )
    shown, losses = sys.stderr.isatty() if progress is None else progress, []
    device = bert.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        bert.train()
        for batch in tqdm(batches, desc="adapting", unit="step", file=sys.stderr, disable=not shown):
            optimizer.zero_grad()
            loss = loss_of(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
    bert.requires_grad_(False).eval()
    return pd.DataFrame({"step": range(1, len(losses) + 1), "loss": losses})


def _named(encoder: Encoder, name: str) -> Encoder:
    """The encoder under a name and hash of its own, so that no cache takes its vectors for the old ones."""
    from safetensors.torch import save

    digest = hashlib.sha256(save(weights_of(encoder.bert))).hexdigest()
    return replace(encoder, source=replace(encoder.source, repository=name, package="", sha256=digest))
