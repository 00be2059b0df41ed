"""Learns a vector for each category and each word from the shop's own sales: entity embeddings (lesson 02b, section 4).

Guo and Berkhahn, *Entity Embeddings of Categorical Variables* (2016). The structured twin of a text's vector: it knows
no language, and all that sales tell of a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecomlib.errors import DataError

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EntitySettings:
    """Say how entity embeddings are learnt (lesson 02b, section 4).

    Attributes
    ----------
    width: numbers a vector.
    epochs, lr, weight_decay: whole passes over the training rows, AdamW's rate, and how it pulls weights to zero.
    hidden: the share of words that are hidden in a pass, so that the vector of an unknown word is learnt too.
    valid: the share of training rows that are held out to choose the epoch.
    seeds: trainings whose forecasts are averaged.
    """

    width: int = 8
    epochs: int = 200
    lr: float = 0.02
    weight_decay: float = 0.1
    hidden: float = 0.1
    valid: float = 0.2
    seeds: tuple[int, ...] = (0, 1, 2)


def word_numbers(words: Sequence[Sequence[str]], train: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """Number the words: (n, longest), 0 for one that no training row has and -1 for none; and how many are known.

    Examples
    --------
    >>> word_numbers([["mug", "red"], ["mug"], ["kite", "red"]], np.array([True, True, False]))[0].tolist()
    [[1, 2], [1, -1], [0, 2]]
    """
    known = sorted({word for row, learnt in zip(words, train, strict=True) if learnt for word in row})
    book = {word: number for number, word in enumerate(known, 1)}
    longest = max(map(len, words), default=0)
    rows = [[book.get(word, 0) for word in row] + [-1] * (longest - len(row)) for row in words]
    return np.array(rows, dtype=np.int64).reshape(len(words), longest), len(known)


def learn_entities(
    words: Sequence[Sequence[str]],
    y: Floats,
    train: NDArray[np.bool_],
    settings: EntitySettings = EntitySettings(),
) -> Floats:
    """Forecast ``y`` (n,) of all rows by the sum of their words' vectors (lesson 02b, section 4).

    Only rows of ``train`` are learnt from; a fifth of them chooses the epoch. Returns the mean over the seeds, (n,).
    """
    import torch

    if train.sum() < 10:
        raise DataError("too few rows to learn from", value=int(train.sum()), remedy="give ten or more.")
    codes, known = word_numbers(words, train)
    coded, goal = torch.tensor(codes), torch.tensor(np.asarray(y), dtype=torch.float32)
    found = []
    for seed in settings.seeds:
        draw = torch.Generator().manual_seed(seed)
        vectors = torch.empty(known + 1, settings.width).normal_(std=0.3, generator=draw).requires_grad_()
        head = torch.empty(settings.width).normal_(std=0.3, generator=draw).requires_grad_()
        bias = torch.zeros(1, requires_grad=True)
        rows = torch.tensor(np.flatnonzero(train))[torch.randperm(int(train.sum()), generator=draw)]
        held = round(len(rows) * settings.valid)
        valid, learnt = rows[:held], rows[held:]
        optimiser = torch.optim.AdamW([vectors, head, bias], lr=settings.lr, weight_decay=settings.weight_decay)
        best, kept = np.inf, np.zeros(len(goal))
        for _ in range(settings.epochs):
            gone = (torch.rand(coded[learnt].shape, generator=draw) < settings.hidden) & (coded[learnt] > 0)
            forecast = _sum_of_vectors(coded[learnt].masked_fill(gone, 0), vectors) @ head + bias
            loss = ((forecast - goal[learnt]) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                every = _sum_of_vectors(coded, vectors) @ head + bias
                error = float(((every[valid] - goal[valid]) ** 2).mean())
            if error < best:
                best, kept = error, every.numpy().astype(float)
        found.append(kept)
    return np.asarray(np.mean(found, axis=0))


def _sum_of_vectors(codes: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """(n, longest) numbers and (known + 1, width) vectors to (n, width)."""
    there = (codes >= 0).unsqueeze(-1)
    return (vectors[codes.clamp(min=0)] * there).sum(1)
