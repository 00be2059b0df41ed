"""A network of one's own: made from its class, held to the encoder's contract, saved, loaded and named in sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ecomlib.contract import REGISTERED, register
from ecomlib.errors import DataError
from ecomlib.models import NETWORKS, GRUNetwork, Network, NetworkSettings, make_network, network_class
from ecomlib.models.checkpoints import load, save
from ecomlib.training import TrainSettings, fit, predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

SHAPE = WindowSettings(look_back=6, horizon=2, scale="mean_abs")
PLAIN = NetworkSettings(past=1, horizon=2, hidden=4)


@dataclass(frozen=True)
class ConvolutionSettings(NetworkSettings):
    kernel: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("kernel")


class Convolution(Network):
    """One causal convolution."""

    kind = "convolution"
    Settings = ConvolutionSettings

    def make_encoder(self, settings: ConvolutionSettings) -> nn.Module:
        return Causal(settings.past + 1, settings.hidden, settings.kernel, settings.kernel - 1)


class Causal(nn.Module):
    def __init__(self, channels: int, width: int, kernel: int, left: int) -> None:
        super().__init__()
        self.left, self.right = left, kernel - 1 - left
        self.read, self.norm = nn.Conv1d(channels, width, kernel), nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        padded = nn.functional.pad(x.transpose(1, 2), (self.left, self.right))
        return self.norm(self.read(padded)).transpose(1, 2)


class Flat(Network):
    """Reads the whole look-back at once: no encoder of states."""

    kind, fixed_look_back = "flat", True

    def make_encoder(self, settings: NetworkSettings) -> nn.Module:
        return nn.Linear(settings.look_back * (settings.past + 1), settings.hidden)

    def encode(self, x: Tensor, seen: Tensor) -> Tensor:
        return self.encoder(torch.cat([x, seen.unsqueeze(-1).to(x.dtype)], dim=-1).flatten(1))


@pytest.fixture
def registered() -> Iterator[None]:
    before = dict(REGISTERED)
    register(Convolution)
    yield
    REGISTERED.clear()
    REGISTERED.update(before)


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    weeks = pd.date_range("2023-01-02", periods=30, freq="W-MON")
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame({"unique_id": f"p{k}", "ds": weeks[3 * k :], "y": rng.poisson(5.0 + k, 30 - 3 * k).astype(float)})
        for k in range(3)
    ]
    return WindowSet.from_panel(pd.concat(parts, ignore_index=True), SHAPE)


def test_it_is_made_from_its_class_with_options_of_its_own(windows: WindowSet) -> None:
    model = make_network(Convolution, windows, kernel=3, hidden=4)
    assert model.settings == ConvolutionSettings(past=1, horizon=2, look_back=6, hidden=4, kernel=3)
    assert model.encoder.read.kernel_size == (3,)
    fit(model, windows, None, TrainSettings(epochs=2, average=0.5, device="cpu"))
    assert np.isfinite(predict(model, windows)["forecast"]).all()
    plain = Convolution(PLAIN)  # the settings of all networks: its own options stay at their defaults
    assert plain.settings.kernel == 2
    with pytest.raises(DataError, match="kernel must be at least 1"):
        make_network(Convolution, windows, kernel=0)
    with pytest.raises(DataError, match="cannot be made from ConvolutionSettings"):
        NETWORKS["transformer"](ConvolutionSettings(past=1, horizon=2))


def test_what_there_is_not_is_named_beside_what_there_is(windows: WindowSet, registered: None) -> None:
    with pytest.raises(DataError, match=r"'gru' has no setting 'kernel'.*it has past, horizon, look_back"):
        make_network("gru", windows, kernel=3)
    with pytest.raises(DataError, match=r"no setting 'kernal'.*did you mean kernel\?"):
        make_network("convolution", windows, kernal=3)
    with pytest.raises(DataError, match=r"no such network.*did you mean convolution\?.*gru, lstm, transformer"):
        network_class("convoluton")
    with pytest.raises(DataError, match="no setting 'feed_forward'"):  # the Transformer's own
        make_network("lstm", windows, feed_forward=8)


def test_registered_it_is_saved_and_loaded(windows: WindowSet, registered: None, tmp_path: Path) -> None:
    model = make_network("convolution", windows, kernel=3, hidden=4)
    fit(model, windows, None, TrainSettings(epochs=1, device="cpu"))
    again, card = load(save(model, tmp_path / "net"))
    assert type(again) is Convolution and card["settings"]["kernel"] == 3
    pd.testing.assert_frame_equal(predict(again, windows), predict(model, windows), check_exact=True)
    REGISTERED.pop("convolution")
    with pytest.raises(DataError, match="no such network"):
        load(tmp_path / "net")
    with pytest.raises(DataError, match="Convolution is not registered"):
        save(model, tmp_path / "other")
    assert not (tmp_path / "other.safetensors").exists()


def test_a_class_that_is_not_registered_is_told_before_it_is_written(tmp_path: Path) -> None:
    class Mine(GRUNetwork):  # the kind is still "gru": loaded again it would be another class
        pass

    with pytest.raises(DataError, match=r"Mine is not registered.*@ecomlib\.register"):
        save(Mine(PLAIN), tmp_path / "net")


@pytest.mark.parametrize("kind", ["gru", "lstm", "transformer"])  # those that there were then
def test_a_file_of_format_one_is_read(kind: str, tmp_path: Path) -> None:
    """Its settings had `heads` and `feed_forward` for every network, and the fusion's weights were called `ask`."""
    settings = NETWORKS[kind].Settings(past=2, horizon=2, hidden=8, fusion="cross_attention", fusion_heads=2)
    if kind == "transformer":
        settings = replace(settings, attention_heads=2, feed_forward=12)
    model = NETWORKS[kind](settings)
    path = save(model, tmp_path / "net")
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    new = ("look_back", "fusion_heads", "attention_heads", "feed_forward")
    old = {name: value for name, value in card["settings"].items() if name not in new}
    card |= {"format": 1, "settings": old | {"heads": 2, "feed_forward": 12}}
    tensors = {name.replace("cross_attention.", "ask."): value for name, value in load_file(path).items()}
    assert any(name.startswith("ask.") for name in tensors)
    save_file(tensors, path, metadata={"card": json.dumps(card)})
    again, read = load(path)
    assert read["format"] == 1 and asdict(again.settings) == asdict(settings)
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    card["format"] = 3
    save_file(tensors, path, metadata={"card": json.dumps(card)})
    with pytest.raises(DataError, match="newer ecomlib"):
        load(path)


def made_with(encoder: nn.Module, settings: NetworkSettings = PLAIN) -> Network:
    class Own(Network):
        kind = "own"

        def make_encoder(self, settings: NetworkSettings) -> nn.Module:
            return encoder

    return Own(settings)


class Wrapped(nn.Module):
    """Calls a GRU and hands on what `after` makes of it."""

    def __init__(self, after: object, channels: int = 2, **more: object) -> None:
        super().__init__()
        self.gru, self.after = nn.GRU(channels, 4, batch_first=True, **more), after

    def forward(self, x: Tensor) -> object:
        return self.after(self.gru(x))


def test_the_encoder_may_return_states_or_a_tuple_that_starts_with_them() -> None:
    one, two = made_with(Wrapped(lambda out: out)), made_with(Wrapped(lambda out: out[0]))
    assert one.settings == two.settings


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [
        (
            Wrapped(lambda out: {"states": out[0]}),
            r"encoder of Own cannot be used: it returns a dict.*\(B, T, hidden\)",
        ),
        (Wrapped(lambda out: ()), "it returns a tuple"),
        (Wrapped(lambda out: out[0][:, -1]), r"returns the shape \(3, 4\), where \(3, 9, 4\) is needed"),
        (Wrapped(lambda out: out[0].transpose(0, 1)), r"returns the shape \(9, 3, 4\).*batch first"),
        (nn.GRU(2, 5, batch_first=True), r"returns the shape \(3, 9, 5\)"),
        (nn.GRU(1, 4, batch_first=True), r"cannot be used.*let it read \(B, T, 2\), where the last channel"),
        (nn.GRU(2, 2, batch_first=True, bidirectional=True), "looks ahead.*no bidirectional layer"),
        (Causal(2, 4, 3, 1), "looks ahead.*pad a convolution on the left alone"),
        (Wrapped(lambda out: out[0].double()), r"returns torch\.float64, where torch\.float32 is needed"),
        (Wrapped(lambda out: out[0].long()), r"returns torch\.int64"),
        (Wrapped(lambda out: out[0] / 0.0), "returns states that are no finite numbers"),
        (Wrapped(lambda out: out[0].detach()), "a state without a gradient"),
        (Wrapped(lambda out: out[0] - out[0].mean(0)), "the state of one window depends on the others in the batch"),
    ],
)
def test_the_contract_is_proved_when_the_network_is_made(encoder: nn.Module, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        made_with(encoder)


def test_the_proof_leaves_no_trace() -> None:
    class Noisy(Causal):
        def forward(self, x: Tensor) -> Tensor:
            self.norm.num_batches_tracked += 1  # whatever it does to itself
            self.norm.running_mean = self.norm.running_mean + 0.0
            return super().forward(x) + 0.0 * torch.rand(1)

    encoder = Noisy(2, 4, 3, 2)
    encoder.read.eval()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    model = made_with(encoder)
    assert torch.equal(torch.get_rng_state(), before)
    assert int(model.encoder.norm.num_batches_tracked) == 0 and not model.encoder.norm.running_mean.any()
    assert model.training and model.encoder.norm.training and not model.encoder.read.training
    assert all(weight.grad is None for weight in model.parameters())


def test_a_network_without_states_is_told_what_cross_attention_needs(windows: WindowSet) -> None:
    model = make_network(Flat, windows, hidden=4)
    fit(model, windows, None, TrainSettings(epochs=1, device="cpu"))
    with pytest.raises(DataError, match="no hidden_states, which fusion by cross-attention asks"):
        make_network(Flat, windows, hidden=4, fusion="cross_attention")


def test_a_fixed_look_back_is_insisted_on(windows: WindowSet) -> None:
    model = make_network(Flat, windows, hidden=4)
    assert model.settings.look_back == 6
    longer = replace(windows, settings=replace(SHAPE, look_back=7))
    with pytest.raises(DataError, match="made for look_back=6 and the windows have 7"):
        predict(model, longer)
    predict(make_network("gru", windows, hidden=4), longer)  # reads any number of periods
    with pytest.raises(DataError, match="windows of one length alone and must know it"):
        Flat(PLAIN)


def test_settings_of_another_kind_are_refused_when_the_class_is_written() -> None:
    @dataclass(frozen=True)
    class Alone:
        kernel: int = 3

    class Undecorated(NetworkSettings):
        kernel: int = 3

    for wrong in (Alone, Undecorated, {"kernel": 3}):
        with pytest.raises(DataError, match=r"Settings of Own is no frozen dataclass.*@dataclass\(frozen=True\)"):
            type("Own", (Flat,), {"Settings": wrong})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"hidden": "64"}, r"'hidden' of NetworkSettings is a whole number \(found '64'\).*write hidden=64"),
        ({"hidden": 8.0}, "'hidden' of NetworkSettings is a whole number"),
        ({"quantiles": 0.5}, "'quantiles' of NetworkSettings is a tuple"),
        ({"head": 3}, "'head' of NetworkSettings is a text"),
    ],
)
def test_a_setting_of_another_type_is_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        replace(PLAIN, **settings)
    with pytest.raises(DataError, match="'kernel' of ConvolutionSettings is a whole number"):
        ConvolutionSettings(past=1, horizon=2, kernel=2.0)


def test_an_encoder_that_is_none_is_named() -> None:
    with pytest.raises(DataError, match="make_encoder of Own returns a NoneType"):
        made_with(None)


def test_swapped_axes_show_whatever_the_width_of_the_state() -> None:
    for hidden in (4, 8, 9, 10):
        with pytest.raises(DataError, match="returns the shape"):
            made_with(SwappedAxes(hidden), replace(PLAIN, hidden=hidden))


class SwappedAxes(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Linear(2, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.read(x).transpose(1, 2)


def test_an_encode_of_ones_own_gets_sentences_that_fit_it() -> None:
    class Wide(Flat):
        def encode(self, x: Tensor, seen: Tensor) -> Tensor:
            return super().encode(x, seen).unsqueeze(1)

    class Forgotten(GRUNetwork):
        fixed_look_back = True

    settings = replace(PLAIN, look_back=6)
    with pytest.raises(DataError, match=r"Wide\.encode returns the shape \(3, 1, 4\).*one state .* a window"):
        Wide(settings)
    with pytest.raises(DataError, match=r"has fixed_look_back and no encode of its own.*leave fixed_look_back out"):
        Forgotten(settings)


def test_a_network_without_an_encoder_is_told_to_write_one() -> None:
    with pytest.raises(DataError, match=r"Network does not say its encoder.*write make_encoder"):
        Network(PLAIN)
