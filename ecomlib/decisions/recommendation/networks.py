"""Reads baskets in order: GRU4Rec and SASRec with a full softmax, plain or with repeat and popularity terms (10b).

A step is one basket: the mean of its items' vectors and the days since the basket before. Behind each step stands a
question, *what will the next basket hold?*, asked on a day between the two, drawn at random; at the cut that day is the
cut. All items of the catalogue are in the softmax at every step: with one negative instead, SASRec loses a third of its
quality (Petrov and Macdonald, 2023). B customers, T baskets, D width, I items, Q questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from ecomlib.decisions.recommendation.baskets import Cut
from ecomlib.errors import DataError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
NEVER = 3_650.0  # days: what an absent previous basket reads as
_NOTHING = np.zeros(0, np.int64)


@dataclass(frozen=True)
class SequenceSettings:
    """Hold what a sequence network and its training are made of.

    Parameters
    ----------
    cell : {"gru", "attention"}
        GRU4Rec or SASRec.
    terms : bool
        Whether log own frequency and log popularity are added to the scores, with weights that the state decides.
    width : int
        Of item vectors and states.
    layers, heads : int
        Heads are of attention alone.
    steps : int
        Baskets read, the latest.
    dropout, lr, decay : float
        ``decay`` is the weight decay.
    epochs, batch, seed : int
        A batch is so many customers.
    recent : int
        Questions whose answer came in so many days before the cut are learnt from.
    fade : float
        Days after which a basket counts 1/e in the own frequency.
    window : int
        Days of the popularity.
    classes : tuple of int
        Days that part the time since an item was last bought, such as ``(28, 56)``: with terms, each class adds a
        weight of its own to the items in it, so that *bought three weeks ago* may count against an item. None without.
    shuffled : bool
        Whether the contents of the baskets read are dealt anew before each question, days staying: the control without
        an order. What answers a question is never dealt into it.
    forget : bool
        Whether the terms too read what was dealt anew: then nothing knows *when* an item was bought, only how often.
    """

    cell: Literal["gru", "attention"] = "gru"
    terms: bool = False
    width: int = 64
    layers: int = 1
    heads: int = 2
    steps: int = 20
    dropout: float = 0.2
    lr: float = 5e-3
    decay: float = 1e-4
    epochs: int = 10
    batch: int = 16
    seed: int = 0
    recent: int = 365
    fade: float = 180.0
    window: int = 28
    classes: tuple[int, ...] = ()
    shuffled: bool = False
    forget: bool = False

    def __post_init__(self) -> None:
        if self.cell not in ("gru", "attention"):
            raise DataError("there is no such cell", value=self.cell, remedy='write "gru" or "attention".')
        if self.cell == "attention" and self.width % self.heads:
            remedy = "choose a width that the number of heads divides."
            raise DataError("heads share the width", value=(self.width, self.heads), remedy=remedy)
        if self.forget and not self.shuffled:
            raise DataError("forget needs shuffled", value=self.forget, remedy="write shuffled=True beside it.")


def causal_mask(steps: int) -> Tensor:
    """Tell which basket may not be looked at from which, (T, T): True above the diagonal (lesson 10b, section 2).

    Examples
    --------
    >>> causal_mask(3).int().tolist()
    [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    """
    return torch.ones(steps, steps, dtype=torch.bool).triu(1)


class SequenceRecommender(nn.Module):
    """Score the catalogue after each basket of a sequence: (B, T) baskets -> (Q, I) scores.

    Parameters
    ----------
    items : int
        Of the catalogue.
    settings : SequenceSettings
    """

    def __init__(self, items: int, settings: SequenceSettings) -> None:
        super().__init__()
        self.settings, width = settings, settings.width
        self.items = nn.Embedding(items, width)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        self.level = nn.LayerNorm(width)  # the mean of many items' vectors is short: without this it is hardly heard
        self.gap = nn.Linear(1, width)
        self.dropout = nn.Dropout(settings.dropout)
        if settings.cell == "gru":
            self.gru = nn.GRU(width, width, settings.layers, batch_first=True)
        else:
            self.place = nn.Embedding(settings.steps, width)
            nn.init.normal_(self.place.weight, std=width**-0.5)
            layer = nn.TransformerEncoderLayer(
                width, settings.heads, 2 * width, settings.dropout, "gelu", batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(layer, settings.layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.since = nn.Linear(1, width)
        self.out = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(items))
        self.weigh = nn.Linear(width, 2 + len(settings.classes))

    def states(self, baskets: Tensor, gaps: Tensor, padding: Tensor) -> Tensor:
        """Read baskets from left to right -> states (B, T, D).

        Parameters
        ----------
        baskets : tensor
            Mean item vectors, (B, T, D).
        gaps : tensor
            Log days since the basket before, (B, T).
        padding : tensor
            True where there is no basket, (B, T).
        """
        x = self.dropout(self.level(baskets) + self.gap(gaps.unsqueeze(-1)))
        if self.settings.cell == "gru":
            return self.gru(x)[0]  # type: ignore[no-any-return]
        steps = x.shape[1]
        x = x + self.place(torch.arange(steps, device=x.device))
        mask = causal_mask(steps).to(x.device)
        return self.blocks(x, mask=mask, src_key_padding_mask=padding)  # type: ignore[no-any-return]

    def scores(self, state: Tensor, since: Tensor, own: Tensor, popular: Tensor) -> Tensor:
        """Score the catalogue for questions, (Q, I).

        Parameters
        ----------
        state : tensor
            After the last basket read, (Q, D).
        since : tensor
            Log days from that basket to the day of the question, (Q,).
        own, popular : tensor
            The terms: log own frequency and classes (Q, 1 + classes, I), log popularity (Q, I); read with ``terms``.
        """
        h = self.dropout(state + self.since(since.unsqueeze(-1)))
        found = self.out(h) @ self.items.weight.T + self.bias
        if self.settings.terms:
            weight = self.weigh(h)  # (Q, 2 + classes); a class may count against an item
            weight = torch.cat([nn.functional.softplus(weight[:, :2]), weight[:, 2:]], dim=1)
            found = found + weight[:, :1] * own[:, 0] + weight[:, 1:2] * popular
            for k in range(len(self.settings.classes)):
                found = found + weight[:, 2 + k, None] * own[:, 1 + k]
        return found


@dataclass(frozen=True, eq=False)
class Steps:
    """Hold the baskets of a cut as steps: contents, days, and the questions between them.

    Parameters
    ----------
    content : csr_matrix
        Items of each step, (S, I), ones.
    age : array
        Days before the cut, (S,).
    start : array
        The first step of each customer, and the end, (U + 1,).
    popular : array
        log(1 + baskets in the window) of each item on each day before the cut, from day 0, (days, I).
    """

    content: sparse.csr_matrix
    age: Whole
    start: Whole
    popular: NDArray[np.float32]

    def own(self, customer: int, last: int, day: int, settings: SequenceSettings) -> sparse.csr_matrix:
        """Sum what a customer's steps up to ``last`` held, as seen ``day`` days before the cut, (1 + classes, I).

        The first row fades with age, the others count within a class of days.

        Parameters
        ----------
        customer, last, day : int
        settings : SequenceSettings
        """
        part = slice(self.start[customer], self.start[customer] + last + 1)
        gap = self.age[part] - day
        held = self.content[part]
        if settings.forget:
            held = held[_dealt(settings, customer, last + 1)]
        edges = (0, *settings.classes)
        rows = [(low <= gap) & (gap < high) for low, high in pairwise(edges)]
        return sparse.csr_matrix(np.vstack([np.exp(-gap / settings.fade), *rows])) @ held


def steps_of(cut: Cut, settings: SequenceSettings) -> Steps:
    """Build the steps of a cut's history.

    Parameters
    ----------
    cut : Cut
    settings : SequenceSettings
    """
    lines = cut.lines
    days = lines[["customer", "age"]].drop_duplicates()
    place = (lines[["customer", "age"]] != lines[["customer", "age"]].shift()).any(axis=1).cumsum().to_numpy() - 1
    shape = (len(days), len(cut.items))
    content = sparse.csr_matrix((np.ones(len(lines), np.float32), (place, lines["item"])), shape=shape)
    start = np.searchsorted(days["customer"].to_numpy(), np.arange(len(cut.customers) + 1))
    longest = int(settings.recent + 1)
    near = lines[lines["age"] <= longest + settings.window]
    daily = sparse.csr_matrix(
        (np.ones(len(near), np.float32), (near["age"], near["item"])),
        shape=(longest + settings.window + 1, len(cut.items)),
    ).toarray()
    total = np.vstack([np.zeros((1, daily.shape[1]), np.float32), daily.cumsum(axis=0, dtype=np.float32)])
    asked = np.arange(longest + 1)  # on day d before the cut: sales of days d + 1 .. d + window before it
    popular = np.log1p(np.maximum(total[np.minimum(asked + settings.window + 1, len(daily))] - total[asked + 1], 0))
    return Steps(content, days["age"].to_numpy(), start, popular.astype(np.float32))


@dataclass(frozen=True, eq=False)
class _Batch:
    """What a batch of customers asks: padded baskets, and questions (Q,) with their two terms and answers."""

    flat: Tensor
    offsets: Tensor
    gaps: Tensor
    padding: Tensor
    row: Tensor
    step: Tensor
    since: Tensor
    own: Tensor
    popular: Tensor
    answer: Tensor | None


def _dealt(settings: SequenceSettings, customer: int, read: int) -> Whole:
    """The order in which a customer's first baskets are read when they are shuffled: one for each question."""
    return np.random.default_rng([settings.seed, int(customer), int(read)]).permutation(int(read))


def _read(
    steps: Steps, entries: Whole, settings: SequenceSettings
) -> tuple[list[Whole], NDArray[np.float32], NDArray[np.bool_]]:
    """The baskets of entries (customer, steps read), padded on the right: contents, log gaps (B, T), padding (B, T)."""
    contents: list[Whole] = []
    gaps = np.zeros((len(entries), settings.steps), np.float32)
    padding = np.ones((len(entries), settings.steps), bool)
    for b, (person, read) in enumerate(entries):
        begin = steps.start[person]
        age, order = steps.age[begin : begin + read], np.arange(read)
        if settings.shuffled:
            order = _dealt(settings, person, read)
        lead = max(0, read - settings.steps)
        known = read - lead
        gaps[b, :known] = np.log1p(np.concatenate([[NEVER], -np.diff(age)]))[lead:]
        padding[b, :known] = False
        for place in begin + order[lead:]:
            contents.append(steps.content.indices[steps.content.indptr[place] : steps.content.indptr[place + 1]])
        contents += [_NOTHING] * (settings.steps - known)
    return contents, gaps, padding


def _asked(
    steps: Steps, entries: Whole, settings: SequenceSettings, rng: np.random.Generator | None
) -> Iterator[tuple[int, int, int, int]]:
    """Questions (entry, last step read, day before the cut, place of the answer or -1); without ``rng`` at the cut."""
    for b, (person, read) in enumerate(entries):
        begin = int(steps.start[person])
        if rng is None:
            yield b, int(read) - 1, 0, -1
            continue
        first = int(read) - 1 if settings.shuffled else max(0, int(read) - settings.steps)
        for k in range(first, int(read)):
            reply, before = int(steps.age[begin + k + 1]), int(steps.age[begin + k])
            if reply <= settings.recent:  # any day after the basket read and up to the answer's, at most 90 before it
                yield b, k, int(rng.integers(reply, max(reply + 1, min(before, reply + 90)))), begin + k + 1


def _batch(
    steps: Steps, entries: Whole, settings: SequenceSettings, rng: np.random.Generator | None = None
) -> _Batch | None:
    """Questions of entries (customer, steps read), (E, 2): with ``rng`` those that were answered, else at the cut."""
    asked = list(_asked(steps, entries, settings, rng))
    if not asked:
        return None
    contents, gaps, padding = _read(steps, entries, settings)
    row, step, day, answers = (np.array(part) for part in zip(*asked, strict=True))
    people = entries[row, 0]
    since = np.log1p(steps.age[steps.start[people] + step] - day).astype(np.float32)
    own = popular = np.zeros((1, 1), np.float32)
    if settings.terms:
        popular = steps.popular[np.minimum(day, len(steps.popular) - 1)]
        each = [steps.own(int(j), int(k), int(d), settings) for j, k, d in zip(people, step, day, strict=True)]
        own = sparse.vstack(each).toarray().reshape(len(each), 1 + len(settings.classes), -1).astype(np.float32)
        own[:, 0] = np.log1p(20 * own[:, 0])
        later = np.zeros(popular.shape, bool)  # an item is in the class of the day when it was bought last
        for k in range(1, own.shape[1]):
            here = own[:, k] > 0
            own[:, k] = here & ~later
            later = later | here
    lead = np.maximum(0, entries[row, 1] - settings.steps)
    lengths = np.array([len(part) for part in contents])
    return _Batch(
        torch.from_numpy(np.concatenate(contents).astype(np.int64)),
        torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)),
        torch.from_numpy(gaps),
        torch.from_numpy(padding),
        torch.from_numpy(row),
        torch.from_numpy(step - lead),
        torch.from_numpy(since),
        torch.from_numpy(own),
        torch.from_numpy(popular),
        None if rng is None else torch.from_numpy(steps.content[answers].toarray()),
    )


def _answer(network: SequenceRecommender, batch: _Batch) -> Tensor:
    """Scores (Q, I) of a batch's questions."""
    b, t = batch.gaps.shape
    mean = nn.functional.embedding_bag(batch.flat, network.items.weight, batch.offsets, mode="mean")
    states = network.states(mean.view(b, t, -1), batch.gaps, batch.padding)
    return network.scores(states[batch.row, batch.step], batch.since, batch.own, batch.popular)


def _entries(steps: Steps, settings: SequenceSettings) -> Whole:
    """What is read in an epoch, (E, 2) customer and steps: all but the newest once, or shuffled each prefix apart."""
    counts = np.diff(steps.start)
    if not settings.shuffled:
        newest = steps.age[np.maximum(steps.start[1:] - 1, 0)]
        people = np.flatnonzero((counts >= 2) & (newest <= settings.recent))
        return np.column_stack([people, counts[people] - 1])
    rows = [
        (j, k)
        for j in np.flatnonzero(counts >= 2)
        for k in range(1, counts[j])
        if steps.age[steps.start[j] + k] <= settings.recent and counts[j] - 1 - k < settings.steps
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def fit_sequence(cut: Cut, settings: SequenceSettings) -> SequenceRecommender:
    """Train a network on the history of a cut; nothing from the cut on is read (lesson 10b, section 1).

    Parameters
    ----------
    cut : Cut
    settings : SequenceSettings

    Raises
    ------
    DataError
        No customer has two baskets.
    """
    steps = steps_of(cut, settings)
    entries = _entries(steps, settings)
    if not len(entries):
        remedy = "a sequence needs customers who came twice; recommend by popularity until then."
        raise DataError("no customer has two baskets", table="orders", remedy=remedy)
    people = len(np.unique(entries[:, 0]))
    size = settings.batch * len(entries) // people  # about as many questions a batch, shuffled or not
    rng = np.random.default_rng(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = SequenceRecommender(len(cut.items), settings)
        optimiser = torch.optim.AdamW(network.parameters(), lr=settings.lr, weight_decay=settings.decay)
        total = settings.epochs * -(-len(entries) // size)
        plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.lr, total_steps=total, pct_start=0.1)
        for _ in range(settings.epochs):
            dealt = rng.permutation(len(entries))
            for begin in range(0, len(dealt), size):
                batch = _batch(steps, entries[dealt[begin : begin + size]], settings, rng)
                if batch is not None and batch.answer is not None:
                    found = torch.log_softmax(_answer(network, batch), dim=1)
                    share = batch.answer / batch.answer.sum(dim=1, keepdim=True)
                    loss = -(share * found).sum(dim=1).mean()
                    optimiser.zero_grad()
                    loss.backward()
                    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                    optimiser.step()
                plan.step()
    return network.eval()


def sequence_scores(network: SequenceRecommender, cut: Cut) -> Floats:
    """Score the catalogue for each case of a cut, log-probabilities (N, I).

    Parameters
    ----------
    network : SequenceRecommender
        Of ``fit_sequence`` on the same cut. A case without any basket of the catalogue gets the bias alone.
    cut : Cut
    """
    settings = network.settings
    steps = steps_of(cut, settings)
    read = np.diff(steps.start)[cut.cases]
    with torch.no_grad():
        bare = torch.log_softmax(network.bias, dim=0).numpy()
        found = np.tile(bare, (len(cut.cases), 1)).astype(np.float64)
        there = np.flatnonzero(read > 0)
        for begin in range(0, len(there), 128):
            part = there[begin : begin + 128]
            batch = _batch(steps, np.column_stack([cut.cases[part], read[part]]), settings)
            if batch is not None:
                found[part] = torch.log_softmax(_answer(network, batch), dim=1).numpy()
    return found
