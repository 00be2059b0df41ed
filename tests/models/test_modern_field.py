"""The modern field: each network computes what its paper says, looks back as far as it says, and keeps its options.

That they keep the contract of networks and forecasters (shapes, gradients, padding, no look ahead, seeds, files,
exports) is proved with all others in the tests over `NETWORKS` and in `test_testing.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import ecomlib
from ecomlib.errors import DataError
from ecomlib.models import NETWORKS, Network
from ecomlib.models.checkpoints import load, save
from ecomlib.models.mlp import Ramp

NEW = ("averages", "linear", "patch", "itransformer", "tide", "nhits", "tcn")
B, T, C, H, D = 5, 26, 4, 4, 24


def network(kind: str, **options: Any) -> Network:
    cls = NETWORKS[kind]
    return cls(cls.Settings(**{"past": C, "horizon": H, "look_back": T, "hidden": D, **options})).eval()


def window(periods: int = T, channels: int = C) -> Tensor:
    return torch.randn(B, periods, channels, generator=torch.Generator().manual_seed(0))


def state(model: Network, x: Tensor, seen: Tensor | None = None) -> Tensor:
    with torch.no_grad():
        return model.encode(x, torch.ones(x.shape[:2], dtype=torch.bool) if seen is None else seen)


@pytest.mark.parametrize("smooth", [1, 4, 13, 51])
def test_the_linear_network_is_one_matrix(smooth: int) -> None:
    """Moving average and rest, by numpy; both together are a linear map, whose closed form least squares gives."""
    model = network("linear", smooth=smooth)
    x = window()
    both = np.concatenate([x.numpy(), np.ones((B, T, 1))], axis=2)
    left, weights = (smooth - 1) // 2, {name: w.detach().numpy() for name, w in model.encoder.named_parameters()}
    wide = np.pad(both, ((0, 0), (left, smooth - 1 - left), (0, 0)), mode="edge")
    slow = np.stack([wide[:, t : t + smooth].mean(axis=1) for t in range(T)], axis=1)
    rest = both - (slow if smooth > 1 else 0.0)
    expected = rest.reshape(B, -1) @ weights["rest.weight"].T + weights["rest.bias"]
    if smooth > 1:
        expected += slow.reshape(B, -1) @ weights["slow.weight"].T
    np.testing.assert_allclose(state(model, x), expected, atol=1e-5)


def test_trained_by_squares_the_linear_network_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(80, 6, 1)), dtype=torch.float32)
    y = torch.tensor(rng.normal(size=80), dtype=torch.float32) + x[:, -1, 0]
    model = network("linear", past=1, look_back=6, hidden=1, smooth=3)
    optimizer = torch.optim.LBFGS(model.encoder.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def said() -> Tensor:
        return model.encode(x, torch.ones(80, 6, dtype=torch.bool))[:, 0]

    def loss() -> Tensor:
        optimizer.zero_grad()
        cost = ((said() - y) ** 2).mean()
        cost.backward()
        return cost

    optimizer.step(loss)
    design = np.column_stack([x[..., 0].numpy(), np.ones(80)])
    closed = design @ np.linalg.lstsq(design, y.numpy(), rcond=None)[0]
    np.testing.assert_allclose(said().detach(), closed, atol=1e-3)


def test_averages_are_means_of_what_is_known() -> None:
    model, x = network("averages", spans=(1, 3, 40)), window()
    seen = torch.ones(B, T, dtype=torch.bool)
    seen[0, -3:-1] = False  # a gap: one of the last three is known
    seen[1, -3:] = False  # nothing of the last three
    x = torch.where(seen.unsqueeze(-1), x, torch.full_like(x, 1e3))  # what is unknown must not count
    columns = []
    for span in (1, 3, 40):
        known = seen.numpy()[:, -span:, None]
        total, count = (x.numpy()[:, -span:] * known).sum(axis=1), known.sum(axis=1)
        columns += [total / np.maximum(count, 1), count / span]
    weight, bias = (w.detach().numpy() for w in model.encoder.linear.parameters())
    np.testing.assert_allclose(state(model, x, seen), np.concatenate(columns, axis=1) @ weight.T + bias, atol=1e-4)


def test_averages_have_no_memory_beyond_their_longest_span() -> None:
    model, x = network("averages"), window()
    changed = x.clone()
    changed[:, :-13] += 5.0
    torch.testing.assert_close(state(model, changed), state(model, x), rtol=1e-5, atol=1e-5)
    changed[:, -13] += 5.0
    assert not torch.allclose(state(model, changed), state(model, x))
    swapped = x.clone()  # inside a span there is no order: weeks 5 to 13 back may change places
    swapped[:, -13:-4] = x[:, -13:-4].flip(1)
    torch.testing.assert_close(state(model, swapped), state(model, x), rtol=1e-5, atol=1e-5)


def test_the_convolutions_are_causal_and_look_back_as_far_as_they_say() -> None:
    model, x = network("tcn"), window(80)
    seen = torch.ones(B, 80, dtype=torch.bool)
    with torch.no_grad():
        before, _ = model.hidden_states(x, seen)
        for period in (79, 40, 10):
            changed = x.clone()
            changed[:, period] += 3.0
            moved = (model.hidden_states(changed, seen)[0] - before).abs().amax((0, 2))
            assert moved[:period].max() == 0 and moved[period] > 0
            assert not moved[period + 61 :].any(), "61 periods, its own among them"
        far = x.clone()
        far[:, 19] += 100.0  # 60 before the last
        assert (state(model, far) != state(model, x)).any()


def test_the_knots_of_nhits_are_joined_by_lines() -> None:
    line = Ramp(2, 5)(torch.tensor([[1.0, 3.0]]))
    torch.testing.assert_close(line, torch.tensor([[1.0, 1.5, 2.0, 2.5, 3.0]]))
    assert Ramp(1, 3)(torch.tensor([[2.0]])).tolist() == [[2.0, 2.0, 2.0]]
    assert torch.equal(Ramp(4, 4).matrix, torch.eye(4))


def test_each_block_of_nhits_reads_what_the_coarser_ones_left() -> None:
    model, x = network("nhits", pools=(8, 4, 1)), window()
    coarse, middle, fine = model.encoder.blocks
    assert fine.back is None and coarse.pool(torch.zeros(1, C + 1, T)).shape[2] == 4  # 26 periods by eights
    full = torch.cat([x, torch.ones(B, T, 1)], dim=2).transpose(1, 2)
    with torch.no_grad():
        told = [coarse.dense(coarse.pool(full).flatten(1))]
        left = full - coarse.back(told[0])
        told.append(middle.dense(middle.pool(left).flatten(1)))
        left = left - middle.back(told[1])
        told.append(fine.dense(left.flatten(1)))
        shares = [block.ahead(seen) for block, seen in zip((coarse, middle, fine), told, strict=True)]
        torch.testing.assert_close(state(model, x), model.encoder.state(sum(shares)))
    for share, block in zip(shares[:2], (coarse, middle), strict=True):  # one knot ahead: one number for four weeks
        assert block.ahead[0].out_features == 1 and (share.diff(dim=1) == 0).all()


@pytest.mark.parametrize(("periods", "patch", "stride"), [(26, 4, 2), (27, 4, 2), (7, 4, 3), (3, 4, 2), (8, 8, 8)])
def test_patches_cover_the_look_back_and_end_at_the_origin(periods: int, patch: int, stride: int) -> None:
    encoder = network("patch", look_back=periods, patch=patch, stride=stride).encoder
    places = encoder.places - encoder.fill  # of the look-back; below zero what is filled in
    assert places.max() == periods - 1 and set(range(periods)) <= set(places.flatten().tolist())
    assert 0 <= encoder.fill < max(stride, patch - periods + 1) and places.shape[1] == patch
    assert len(network("patch").encoder.places) == 12


def test_columns_are_tokens_and_have_no_order_among_themselves() -> None:
    """Swapped columns and swapped weights of the reading layer: the same state, so attention knows them by content."""
    model, x = network("itransformer", layers=2), window()
    swapped = x[:, :, [0, 2, 1, 3]]
    assert not torch.allclose(state(model, swapped), state(model, x))
    before, weight = state(model, x), model.encoder.mix.read.weight
    with torch.no_grad():
        weight.copy_(weight.unflatten(1, (C + 1, D))[:, [0, 2, 1, 3, 4]].flatten(1))
    torch.testing.assert_close(state(model, swapped), before, rtol=1e-4, atol=1e-5)


def test_without_its_dense_blocks_tide_is_a_linear_map() -> None:
    model, x = network("tide"), window()
    last = model.encoder.deep[-1].norm
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    flat = torch.cat([x, torch.ones(B, T, 1)], dim=2).flatten(1)
    torch.testing.assert_close(state(model, x), model.encoder.past_it(flat).detach())


def linear(reads: int, gives: int) -> int:
    return reads * gives + gives


def residual(reads: int, width: int, gives: int) -> int:
    return linear(reads, width) + linear(width, gives) + linear(reads, gives) + 2 * gives


BLOCK = 4 * D * D + 3 * D + linear(D, 64) + linear(64, D) + 4 * D  # attention, two layers, two norms
ALL = C + 1  # channels, and which periods are known
WEIGHTS = {
    "averages": linear(4 * ALL, D),
    "linear": linear(T * ALL, D) + T * ALL * D,
    "patch": linear(4 * ALL, D) + 12 * D + BLOCK + 2 * D + linear(12 * D, D),
    "itransformer": linear(T, D) + BLOCK + 2 * D + linear(ALL * D, D),
    "tide": residual(ALL, D, 4) + residual(T * 4, D, D) + linear(T * ALL, D),
    "nhits": sum(linear(few * ALL, D) for few in (4, 7, T))  # what each block sees: 26 periods by 8, by 4, by 1
    + sum(linear(D, few * ALL) + linear(D, 1) for few in (4, 7))
    + linear(D, H)
    + linear(H, D),
    "tcn": 3 * ALL * D + D + linear(ALL, D) + 7 * (3 * D * D + D),  # eight convolutions, and one to match the widths
}


@pytest.mark.parametrize("kind", NEW)
def test_weights_are_counted(kind: str) -> None:
    model = network(kind)
    assert sum(weight.numel() for weight in model.encoder.parameters()) == WEIGHTS[kind]
    decoder = linear(D + 1 + 8, 64) + H * 8 + linear(64, 1)  # state, level and step; the steps; the head
    assert model.count() == WEIGHTS[kind] + decoder


OPTIONS: dict[str, dict[str, Any]] = {
    "averages": {"spans": [1, 5]},
    "linear": {"smooth": 3},
    "patch": {"patch": 3, "stride": 3},
    "itransformer": {"attention_heads": 2},
    "tide": {"projection": 2, "layers": 2},
    "nhits": {"pools": [5, 2], "layers": 2},
    "tcn": {"kernel": 2, "layers": 3},
}


@pytest.mark.parametrize("kind", NEW)
def test_own_options_come_back_from_a_file(kind: str, tmp_path: Path) -> None:
    model = network(kind, **OPTIONS[kind])
    again, _ = load(save(model, tmp_path / "net"))
    assert again.settings == model.settings != network(kind).settings and hash(again.settings)
    torch.testing.assert_close(state(again, window()), state(model, window()), rtol=0, atol=0)


@pytest.mark.parametrize("kind", NEW)
def test_the_level_is_kept(kind: str) -> None:
    """A series of three a week and one of nine hundred, in one training: each forecast is near its own level."""
    rng, weeks = np.random.default_rng(0), pd.date_range("2023-01-02", periods=44, freq="W-MON")
    levels = {"small": 3.0, "large": 900.0}
    panel = pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": weeks, "y": rng.poisson(y, 44)}) for name, y in levels.items()]
    )
    given = ecomlib.forecaster(kind, look_back=12, hidden=8, epochs=20, batch_size=32, future=(), device="cpu")
    found = given.fit(panel, horizon=3).forecast(panel).groupby("unique_id")[kind].mean()
    for name, level in levels.items():
        assert 0.6 * level < found[name] < 1.6 * level


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("averages", {"spans": ()}, "spans count periods"),
        ("nhits", {"pools": (4, 0)}, "pools count periods"),
        ("patch", {"stride": 0}, "stride must be at least 1"),
        ("patch", {"hidden": 9}, "hidden must be a multiple of attention_heads"),
        ("linear", {"smooth": 0}, "smooth must be at least 1"),
        ("tide", {"projection": 0}, "projection must be at least 1"),
        ("tcn", {"kernel": 0}, "kernel must be at least 1"),
        ("nhits", {"look_back": None}, "reads windows of one length alone"),
        ("patch", {"fusion": "cross_attention"}, "no hidden_states, which fusion by cross-attention asks"),
    ],
)
def test_faults_are_named(kind: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        network(kind, **options)


def test_names_of_the_papers_lead_to_the_registered_ones() -> None:
    for paper, name in {"PatchTST": "patch", "DLinear": "linear", "NHITS": "nhits"}.items():
        with pytest.raises(AttributeError, match=rf'forecaster\("{name}"\)'):
            getattr(ecomlib, paper)
    with pytest.raises(DataError, match="did you mean patch"):
        ecomlib.forecaster("patchtst")
