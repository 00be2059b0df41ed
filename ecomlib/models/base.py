"""Defines what the sequence models share: settings, fusion of past, future, static features and text, masking.

A forecaster is an encoder and a decoder. The encoder (one file a network: `lstm.py`, `gru.py`, `transformer.py`) turns
the past x (B, T, C) into one state (B, D). The decoder looks, for each step of the horizon, at that state, at what is
known ahead of that step f (B, H, C), at the window's level, at the static features z (B, S) and at the text e (B, 384),
and a head says what its output means. How memory and what is known ahead meet is the `fusion`; in each of its kinds,
what is known ahead of a step reaches the forecast of that step alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ecomlib.errors import DataError
from ecomlib.models.attention import Attention, positions
from ecomlib.models.heads import DEFAULT_QUANTILES, Head, make_head
from ecomlib.models.ranges import TrainingRange

if TYPE_CHECKING:
    from ecomlib.windows import Batch, WindowSet

STEP_WIDTH = 8
FUSIONS = ("concat", "gate", "cross_attention")


@dataclass(frozen=True)
class ForecasterSettings:
    """Everything that is needed to make a network anew, weights aside (lesson 04, section 4).

    Attributes
    ----------
    past, future, static, text: numbers of channels C of x, C of f, S of z, and the length of e (0 = none).
    horizon: steps H.
    hidden: width D of the state.
    layers: stacked recurrent layers, or blocks of the Transformer.
    dropout: share of the state's entries dropped in training, after the encoder.
    decoder: width of the decoder's hidden layer.
    text_width: the text vector enters through a linear map to this width, so that 384 numbers a product cannot drown
        the few numbers of its history.
    head, quantiles: see `ecomlib.models.heads`.
    seed: of the weights at the start.
    heads, feed_forward: of the Transformer's blocks, attention heads and the width of the layer after; `heads` are also
        those of the fusion by cross-attention. `hidden` is a multiple of them.
    fusion: how what is known ahead meets the memory. "concat": the two side by side. "gate": a gate that reads both
        also decides, entry by entry, how much of the memory gives way to the plan. "cross_attention": each step of the
        horizon also asks the whole look-back for what its plan needs.
    """

    past: int
    horizon: int
    future: int = 0
    static: int = 0
    text: int = 0
    hidden: int = 64
    layers: int = 1
    dropout: float = 0.0
    decoder: int = 64
    text_width: int = 8
    head: str = "absolute"
    quantiles: tuple[float, ...] = DEFAULT_QUANTILES
    seed: int = 0
    heads: int = 4
    feed_forward: int = 64
    fusion: str = "concat"

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", tuple(self.quantiles))  # a card's JSON gives a list
        for name in ("past", "horizon", "hidden", "layers", "decoder", "text_width", "heads", "feed_forward"):
            if getattr(self, name) < 1:
                raise DataError(f"{name} must be at least 1", value=getattr(self, name), remedy="mend the settings.")
        if not 0 <= self.dropout < 1:
            raise DataError("dropout is a share from 0 to below 1", value=self.dropout, remedy="0.1 is a usual value.")
        if self.fusion not in FUSIONS:
            raise DataError("unknown fusion", value=self.fusion, remedy=f"take one of {', '.join(FUSIONS)}.")
        if self.fusion == "cross_attention" and self.hidden % self.heads:
            raise DataError(
                "hidden must be a multiple of heads",
                value=(self.hidden, self.heads),
                remedy="hidden=32, heads=4 is a small choice.",
            )


class Gate(nn.Module):
    """Memory and plan mixed by a gate that reads both (lesson 04, section 6).

    The GRU's own update once more: g * memory + (1 - g) * tanh(W plan), with g = sigmoid(V [memory, plan]). After the
    gated residual networks of Lim et al., "Temporal Fusion Transformers" (2021).
    """

    def __init__(self, hidden: int, known: int) -> None:
        super().__init__()
        self.open, self.plan = nn.Linear(hidden + known, hidden), nn.Linear(known, hidden)

    def forward(self, memory: Tensor, known: Tensor) -> Tensor:
        """Memory (B, H, D), known (B, H, K) -> (B, H, D)."""
        share = torch.sigmoid(self.open(torch.cat([memory, known], dim=-1)))
        return share * memory + (1 - share) * torch.tanh(self.plan(known))


class Forecaster(nn.Module):
    """Encoder, decoder and head; one class a network gives the encoder (lesson 04, section 4)."""

    kind = "forecaster"

    def __init__(self, settings: ForecasterSettings) -> None:
        super().__init__()
        self.settings = settings
        with torch.random.fork_rng(devices=[]):  # the caller's random state is left as it was
            torch.manual_seed(settings.seed)
            self.encoder = self.make_encoder(settings)
            self.dropout = nn.Dropout(settings.dropout)
            self.text = nn.Linear(settings.text, settings.text_width) if settings.text else None
            width = (
                settings.hidden + 1 + settings.static + settings.future + (settings.text_width if settings.text else 0)
            )
            # One row a step: the decoder must know how far ahead it looks.
            self.step = nn.Embedding(settings.horizon, STEP_WIDTH)
            self.decoder = nn.Sequential(nn.Linear(width + STEP_WIDTH, settings.decoder), nn.ReLU())
            self.head: Head = make_head(settings.head, settings.decoder, settings.quantiles)
            self.range: TrainingRange | None = None
            if self.head.exponential and settings.static + settings.future:
                self.range = TrainingRange(settings.static + settings.future)
            # Drawn last: the other weights start alike whatever the fusion.
            known = width - settings.hidden + STEP_WIDTH
            self.gate = Gate(settings.hidden, known) if settings.fusion == "gate" else None
            self.ask: Attention | None = None
            if settings.fusion == "cross_attention":
                self.ask = Attention(known, settings.hidden, settings.hidden, settings.heads)

    def make_encoder(self, settings: ForecasterSettings) -> nn.Module:
        """The recurrent layers: a module that reads (B, T, C) with `batch_first`."""
        raise NotImplementedError

    def _read(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, T, D) of each row moved left until its padding stands on the right, and its padding (B,)."""
        steps = x.shape[1]
        x = torch.cat([x, seen.unsqueeze(-1).to(x.dtype)], dim=-1)
        # Padding before the first period that is known; a row without any is all padding.
        padding = torch.where(seen.any(1), seen.to(torch.uint8).argmax(1), torch.full_like(seen[:, 0].long(), steps))
        position = (torch.arange(steps, device=x.device) + padding.unsqueeze(1)).clamp(max=steps - 1)  # (B, T)
        return self.encoder(x.gather(1, position.unsqueeze(-1).expand_as(x)))[0], padding

    def encode(self, x: Tensor, seen: Tensor) -> Tensor:
        """The past x (B, T, C), and `seen` (B, T), which is 1 where the period is known -> state (B, D).

        Windows of young series are padded on the left. Reading on from a row of padding would give every young series
        the same invented past, so each row is moved to the left until its padding stands on the right, and the state is
        taken after the last period: exactly what the network would have said to the short row alone. Gaps inside a row
        (censored periods) stay where they are; `seen` is a channel of its own, so that they are not read as zeros.
        """
        (states, padding), steps = self._read(x, seen), x.shape[1]
        last = (steps - padding - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, states.shape[2])
        state = states.gather(1, last)[:, 0]
        return self.dropout(torch.where((padding < steps).unsqueeze(1), state, torch.zeros_like(state)))

    def remember(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """The state after each period (B, T, D), 0 at padding, and which periods are no padding (B, T) bool.

        A state rests on its own period and those before it; the last one is what `encode` returns, dropout aside.
        """
        states, padding = self._read(x, seen)
        back = torch.arange(x.shape[1], device=x.device) - padding.unsqueeze(1)  # (B, T)
        states = states.gather(1, back.clamp(min=0).unsqueeze(-1).expand_as(states))
        return states.masked_fill((back < 0).unsqueeze(-1), 0.0), back >= 0

    def known(self, batch: Batch) -> Tensor:
        """All that is known at the origin of each step beside the past (B, H, K): level, z, text, f, the step."""
        # Scaling takes the level away; a network that does not know it treats one unit a week like a thousand.
        static, ahead = batch.z, batch.f
        if self.range is not None:
            held = self.range(self._covariates(batch))
            static, ahead = held[:, 0, : self.settings.static], held[..., self.settings.static :]
        rows = [torch.log1p(batch.scale.clamp(min=0)), static]
        if self.text is not None:
            if batch.e is None:
                raise DataError(
                    "this network reads a text vector and the windows have none",
                    remedy="make the windows with text=, one vector a product.",
                )
            rows.append(self.text(batch.e))
        row = torch.cat(rows, dim=-1).unsqueeze(1).expand(-1, self.settings.horizon, -1)
        # shape[0] and not len: an exported network must take any number of windows.
        return torch.cat([row, ahead, self.step.weight.unsqueeze(0).expand(row.shape[0], -1, -1)], dim=-1)

    def _covariates(self, batch: Batch) -> Tensor:
        """Static features and what is known ahead, side by side (B, H, S + C)."""
        return torch.cat([batch.z.unsqueeze(1).expand(-1, self.settings.horizon, -1), batch.f], dim=-1)

    def note_ranges(self, batches: Iterable[Batch]) -> None:
        """Note what training shows: a count head's network neither reads nor forecasts beyond it (`TrainingRange`)."""
        for batch in batches if self.head.exponential else ():
            if self.range is not None:
                self.range.widen(self._covariates(batch), batch.mask)
            self.head.note_range(batch.target, batch.mask)

    def forward(self, batch: Batch) -> Tensor:
        """A batch of B windows -> the head's raw parameters (B, H, K)."""
        seen, known = batch.seen.bool(), self.known(batch)
        if self.ask is None:
            memory = self.encode(batch.x, seen).unsqueeze(1).expand(-1, self.settings.horizon, -1)
        else:
            states, keys, allowed = self._memory(batch)
            memory = self.dropout(states[:, -1:] + self.ask(known, keys, allowed))
        if self.gate is not None:
            memory = self.gate(memory, known)
        raw: Tensor = self.head(self.decoder(torch.cat([memory, known], dim=-1)))
        return raw

    def _memory(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """States (B, T, D), the same with their positions, and which may be asked (B, 1, T)."""
        states, exists = self.remember(batch.x, batch.seen.bool())
        exists = exists | ~exists.any(1, keepdim=True)  # a window of padding asks its zeros
        return states, states + positions(states.shape[1], states.shape[2], states.device), exists.unsqueeze(1)

    def step_attention(self, batch: Batch) -> Tensor:
        """Where each step of the horizon looks under "cross_attention": (B, heads, H, T) (lesson 04, section 6)."""
        if self.ask is None:
            raise DataError(
                "only cross-attention has weights",
                value=self.settings.fusion,
                remedy='make the network with fusion="cross_attention".',
            )
        with self._asked():
            _, keys, allowed = self._memory(batch)
            return self.ask.weights(self.known(batch), keys, allowed)

    def check_windows(self, windows: WindowSet) -> None:
        """Raise `DataError` where network, head and windows were not made for each other."""
        settings, batch = self.settings, windows.batch(torch.zeros(min(len(windows), 1), dtype=torch.long))
        text = 0 if batch.e is None else batch.e.shape[-1]
        pairs = {
            "past": (settings.past, batch.x.shape[-1]),
            "future": (settings.future, batch.f.shape[-1]),
            "static": (settings.static, batch.z.shape[-1]),
            "horizon": (settings.horizon, windows.settings.horizon),
            "text": (settings.text, text if settings.text else 0),
        }
        for name, (wants, has) in pairs.items():
            if wants != has:
                raise DataError(
                    f"the network was made for {name}={wants} and the windows have {has}",
                    remedy="make the network with make_network(windows).",
                )
        if windows.settings.scale not in self.head.scales:
            raise DataError(
                f"the head '{settings.head}' cannot work with windows scaled by '{windows.settings.scale}'",
                remedy=f"make the windows with scale one of {', '.join(self.head.scales)}.",
            )

    def loss_of(self, raw: Tensor, batch: Batch) -> Tensor:
        """The head's mean loss over the counted cells of the batch, on the windows' scale: a scalar."""
        return self.head.loss(raw, batch.target, batch.mask, batch.scale)

    def weight(self, batch: Batch) -> Tensor:
        """Number of counted cells, which `loss_of` is the mean over: a scalar."""
        return batch.mask.sum(dtype=torch.float32)

    def loss(self, batch: Batch) -> Tensor:
        """`loss_of` what the network says to the batch: a scalar."""
        return self.loss_of(self(batch), batch)

    def predict(self, batch: Batch) -> Tensor:
        """Forecasts (B, H, columns of the head), on the windows' scale; no gradient, no dropout."""
        with self._asked():
            return self.head.predict(self(batch), batch.scale)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """No gradient and no dropout inside; the mode of training afterwards as before."""
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(was_training)

    def count(self) -> int:
        """Number of trainable weights."""
        return sum(weight.numel() for weight in self.parameters() if weight.requires_grad)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in vars(self.settings).items())
