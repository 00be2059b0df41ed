"""Defines what the sequence models share: settings, fusion of past, future, static features and text, masking.

A network is an encoder and a decoder. The encoder (one file a network: `lstm.py`, `gru.py`, `transformer.py`) turns
the past x (B, T, C) into one state (B, D). The decoder looks, for each step of the horizon, at that state, at what is
known ahead of that step f (B, H, C), at the window's level, at the static features z (B, S) and at the text e (B, 384),
and a head says what its output means. How memory and what is known ahead meet is the `fusion`; in each of its kinds,
what is known ahead of a step reaches the forecast of that step alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from ecomlib.contract.settings import checked_types
from ecomlib.errors import DataError, explained
from ecomlib.models.attention import Attention, positions
from ecomlib.models.heads import DEFAULT_QUANTILES, HEADS, CountHead, Head, make_head
from ecomlib.models.proof import prove, states_of
from ecomlib.models.ranges import TrainingRange
from ecomlib.windows import Batch

if TYPE_CHECKING:
    from ecomlib.windows import WindowSet

STEP_WIDTH = 8
INPUTS = ("x", "seen", "f", "z", "e", "scale")  # the parts of a batch that a forecast rests on
FUSIONS = ("concat", "gate", "cross_attention")


@dataclass(frozen=True)
class NetworkSettings:
    """Everything that is needed to make a network anew, weights aside (lesson 04, section 4).

    These are the settings that all networks have. A network with options of its own has a class of settings derived
    from this one, under the name `Settings`.

    Attributes
    ----------
    past, future, static, text : int
        Numbers of channels C of x, C of f, S of z, and the length of e (0 = none).
    horizon : int
        Steps H.
    look_back : int, optional
        Periods T of the windows that it was made for. Most networks read any number of them; those with
        `fixed_look_back` read this one alone.
    hidden : int
        Width D of the state.
    layers : int
        Stacked recurrent layers, blocks of the Transformer, and what else an encoder stacks.
    dropout : float
        Share of the state's entries dropped in training, after the encoder.
    decoder : int
        Width of the decoder's hidden layer.
    text_width : int
        The text vector enters through a linear map to this width, so that 384 numbers a product cannot drown the few
        numbers of its history.
    head, quantiles : str, tuple of float
        See `ecomlib.models.heads`.
    seed : int
        Of the weights at the start.
    fusion : {"concat", "gate", "cross_attention"}
        How what is known ahead meets the memory. "concat": the two side by side. "gate": a gate that reads both also
        decides, entry by entry, how much of the memory gives way to the plan. "cross_attention": each step of the
        horizon also asks the whole look-back for what its plan needs.
    fusion_heads : int
        Attention heads of the fusion by cross-attention; `hidden` is a multiple of them.
    """

    past: int
    horizon: int
    look_back: int | None = None
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
    fusion: str = "concat"
    fusion_heads: int = 4

    def __post_init__(self) -> None:
        checked_types(self)
        object.__setattr__(self, "quantiles", tuple(self.quantiles))  # a card's JSON gives a list
        self.at_least_one("past", "horizon", "hidden", "layers", "decoder", "text_width", "fusion_heads")
        if self.look_back is not None:
            self.at_least_one("look_back")
        if not 0 <= self.dropout < 1:
            raise DataError("dropout is a share from 0 to below 1", value=self.dropout, remedy="0.1 is a usual value.")
        if self.head not in HEADS:
            raise DataError("there is no such head", value=self.head, remedy=f"take one of {', '.join(HEADS)}.")
        if self.fusion not in FUSIONS:
            raise DataError("unknown fusion", value=self.fusion, remedy=f"take one of {', '.join(FUSIONS)}.")
        if self.fusion == "cross_attention":
            self.multiple_of("fusion_heads")

    def at_least_one(self, *names: str) -> None:
        """Raise `DataError` where one of these settings is below 1."""
        for name in names:
            if getattr(self, name) < 1:
                raise DataError(f"{name} must be at least 1", value=getattr(self, name), remedy="mend the settings.")

    def multiple_of(self, heads: str) -> None:
        """Raise `DataError` where the state cannot be parted among this setting's attention heads."""
        if self.hidden % getattr(self, heads):
            raise DataError(
                f"hidden must be a multiple of {heads}",
                value=(self.hidden, getattr(self, heads)),
                remedy=f"hidden=32, {heads}=4 is a small choice.",
            )


class Gate(nn.Module):
    """Memory and plan mixed by a gate that reads both (lesson 04a, section 3).

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


_MAKE = 'it is made from its windows: make_network("gru", windows, hidden=32), or forecaster("gru", hidden=32).'


@explained(
    'make_network("gru", windows, hidden=32)',
    **dict.fromkeys(("hidden", "layers", "dropout", "hidden_size", "input_size", "h", "head"), _MAKE),
)
class Network(nn.Module):
    """Encoder, decoder and head; one class a network gives the encoder (lesson 04, section 4).

    Attributes
    ----------
    kind : str
        The name under which it is registered, and which the card of a saved network holds.
    Settings : type
        `NetworkSettings`, or a frozen dataclass derived from it with the network's own options.
    fixed_look_back : bool
        Whether it reads windows of one length alone, `settings.look_back`.
    """

    kind: ClassVar[str] = ""
    Settings: ClassVar[type[NetworkSettings]] = NetworkSettings
    fixed_look_back: ClassVar[bool] = False
    settings: Any

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        made: Any = cls.__dict__.get("Settings", NetworkSettings)
        # Its own entry: without the decorator it would have the fields of NetworkSettings alone.
        if not (isinstance(made, type) and issubclass(made, NetworkSettings) and "__dataclass_fields__" in vars(made)):
            raise DataError(
                f"Settings of {cls.__name__} is no frozen dataclass derived from NetworkSettings",
                value=getattr(made, "__name__", made),
                remedy="write @dataclass(frozen=True) above class MySettings(NetworkSettings).",
            )

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        if not isinstance(settings, self.Settings):
            if not issubclass(self.Settings, type(settings)):
                raise DataError(
                    f"{type(self).__name__} cannot be made from {type(settings).__qualname__}",
                    remedy=f"hand in {self.Settings.__qualname__}, or use make_network.",
                )
            settings = self.Settings(**vars(settings))  # its own options stay at their defaults
        if self.fixed_look_back and settings.look_back is None:
            raise DataError(
                f"{type(self).__name__} reads windows of one length alone and must know it",
                remedy="set look_back, or use make_network, which takes it from the windows.",
            )
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
            self.cross_attention: Attention | None = None
            if settings.fusion == "cross_attention":
                self.cross_attention = Attention(known, settings.hidden, settings.hidden, settings.fusion_heads)
        prove(self)

    def make_encoder(self, settings: Any) -> nn.Module:
        """Make the encoder, a module that reads the past; this is what a network of one's own writes.

        Parameters
        ----------
        settings : Settings
            Those of the class.

        Returns
        -------
        Module
            It reads (B, T, C + 1), float32: the C = `settings.past` channels of the past, and as the last channel which
            periods are observed. It returns the states (B, T, D), D = `settings.hidden`, or a tuple whose first entry
            they are. Each state rests on its own period and earlier ones alone: rows are moved left until their padding
            stands on the right, so that what looks ahead would read padding.

        Raises
        ------
        DataError
            Raised when the network is made, where one tiny run shows that the encoder does not keep to this.

        Notes
        -----
        torch's random state is seeded from the settings while this runs, and put back afterwards. A network that is no
        encoder of this kind overrides `encode`, and `hidden_states` for fusion by cross-attention.
        """
        raise DataError(
            f"{type(self).__name__} does not say its encoder",
            remedy="write make_encoder(self, settings), which returns a torch.nn.Module.",
        )

    def _read(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, T, D) of each row moved left until its padding stands on the right, and its padding (B,)."""
        steps = x.shape[1]
        x = torch.cat([x, seen.unsqueeze(-1).to(x.dtype)], dim=-1)
        # Padding before the first period that is known; a row without any is all padding.
        padding = torch.where(seen.any(1), seen.to(torch.uint8).argmax(1), torch.full_like(seen[:, 0].long(), steps))
        position = (torch.arange(steps, device=x.device) + padding.unsqueeze(1)).clamp(max=steps - 1)  # (B, T)
        return states_of(self.encoder(x.gather(1, position.unsqueeze(-1).expand_as(x)))), padding

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

    def hidden_states(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """The state after each period (B, T, D), 0 at padding, and which periods are no padding (B, T) bool.

        A state rests on its own period and those before it; the last one is what `encode` returns, dropout aside.
        """
        states, padding = self._read(x, seen)
        back = torch.arange(x.shape[1], device=x.device) - padding.unsqueeze(1)  # (B, T)
        states = states.gather(1, back.clamp(min=0).unsqueeze(-1).expand_as(states))
        return states.masked_fill((back < 0).unsqueeze(-1), 0.0), back >= 0

    def known_ahead_inputs(self, batch: Batch) -> Tensor:
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
        seen, known = batch.seen.bool(), self.known_ahead_inputs(batch)
        if self.cross_attention is None:
            memory = self.encode(batch.x, seen).unsqueeze(1).expand(-1, self.settings.horizon, -1)
        else:
            states, keys, allowed = self._memory(batch)
            memory = self.dropout(states[:, -1:] + self.cross_attention(known, keys, allowed))
        if self.gate is not None:
            memory = self.gate(memory, known)
        raw: Tensor = self.head(self.decoder(torch.cat([memory, known], dim=-1)))
        return raw

    def _memory(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """States (B, T, D), the same with their positions, and which may be asked (B, 1, T)."""
        states, exists = self.hidden_states(batch.x, batch.seen.bool())
        exists = exists | ~exists.any(1, keepdim=True)  # a window of padding asks its zeros
        return states, states + positions(states.shape[1], states.shape[2], states.device), exists.unsqueeze(1)

    def step_attention(self, batch: Batch) -> Tensor:
        """Where each step of the horizon looks under "cross_attention": (B, heads, H, T) (lesson 04a, section 3)."""
        if self.cross_attention is None:
            raise DataError(
                "only cross-attention has weights",
                value=self.settings.fusion,
                remedy='make the network with fusion="cross_attention".',
            )
        with self._inference_mode():
            _, keys, allowed = self._memory(batch)
            return self.cross_attention.weights(self.known_ahead_inputs(batch), keys, allowed)

    def check_windows(self, windows: WindowSet, later: WindowSet | None = None) -> None:
        """Raise `DataError` where network, head and windows were not made for each other; `later` are to validate."""
        if later is not None:
            self.check_windows(later)
        settings, batch = self.settings, windows.batch(torch.zeros(min(len(windows), 1), dtype=torch.long))
        text = 0 if batch.e is None else batch.e.shape[-1]
        pairs = {
            "past": (settings.past, batch.x.shape[-1]),
            "future": (settings.future, batch.f.shape[-1]),
            "static": (settings.static, batch.z.shape[-1]),
            "horizon": (settings.horizon, windows.settings.horizon),
            "text": (settings.text, text if settings.text else 0),
        }
        if self.fixed_look_back:
            pairs["look_back"] = settings.look_back, windows.settings.look_back
        for name, (wants, has) in pairs.items():
            if wants != has:
                raise DataError(
                    f"the network was made for {name}={wants} and the windows have {has}",
                    remedy=f'make the network with make_network("{self.kind}", windows).',
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
        if not hasattr(batch, "seen"):
            remedy = "training.predict(network, windows) forecasts all windows as a frame."
            raise DataError("a network predicts one batch", value=type(batch).__name__, remedy=remedy)
        with self._inference_mode():
            return self.head.predict(self(batch), batch.scale)

    def law(self, batch: Batch, quantiles: Sequence[float]) -> Tensor:
        """Quantiles in units off a count head's distribution (B, H, len(quantiles)) (lesson 11b, section 4)."""
        if not isinstance(self.head, CountHead):
            raise DataError(
                "only a count head says a whole distribution",
                value=self.settings.head,
                remedy='make the network with head="negative_binomial", or head="quantile" with these quantiles.',
            )
        with self._inference_mode():
            return self.head.law(self(batch), batch.scale, quantiles)

    def example(self) -> Batch:
        """A batch of two empty windows of the length that the network was made for: what an export traces."""
        s = self.settings
        if s.look_back is None:
            raise DataError(
                "it is not known how long the windows of this network are",
                remedy="make it with make_network, or hand an example in: windows.batch(torch.arange(2)).",
            )
        y = torch.zeros(2, s.horizon)
        return Batch(
            x=torch.zeros(2, s.look_back, s.past),
            seen=torch.ones(2, s.look_back, dtype=torch.bool),
            f=torch.zeros(2, s.horizon, s.future),
            z=torch.zeros(2, s.static),
            e=torch.zeros(2, s.text) if s.text else None,
            y=y,
            target=y,
            mask=y.bool(),
            scale=torch.ones(2, 1),
            index=torch.arange(2),
        )

    def inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The tensors of a batch that the network reads, by name."""
        return {name: value for name in INPUTS if (value := getattr(batch, name)) is not None}

    def batch_of(self, inputs: Mapping[str, Tensor]) -> Batch:
        """A batch that holds these tensors alone: enough to forecast from."""
        part: dict[str, Any] = dict.fromkeys(Batch.__slots__) | dict(inputs)
        return Batch(**part)

    @contextmanager
    def _inference_mode(self) -> Iterator[None]:
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
