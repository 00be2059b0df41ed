"""How memory meets the plan: what each fusion may see, what it computes, and that the plain one is what it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from at_once import skip_other_lengths, skip_without_states
from torch import nn

from ecomlib.errors import DataError
from ecomlib.models import NETWORKS, Network, NetworkSettings, make_head
from ecomlib.models.base import FUSIONS, STEP_WIDTH, Gate
from ecomlib.windows import Batch

B, T, H = 6, 8, 3
KINDS = sorted(NETWORKS)


def settings(**changes: object) -> NetworkSettings:
    plain = NetworkSettings(
        past=2, horizon=H, look_back=T, future=2, static=1, text=5, hidden=8, decoder=8, fusion_heads=2
    )
    return replace(plain, **changes)


def make_batch(padding: tuple[int, ...] = (0, 0, 1, 3, T - 1, T)) -> Batch:
    rng = torch.Generator().manual_seed(0)
    seen = torch.arange(T) >= torch.tensor(padding).unsqueeze(1)
    y = torch.rand(B, H, generator=rng)
    return Batch(
        x=torch.randn(B, T, 2, generator=rng) * seen.unsqueeze(-1),
        seen=seen,
        f=torch.randn(B, H, 2, generator=rng),
        z=torch.randn(B, 1, generator=rng),
        e=torch.randn(B, 5, generator=rng),
        y=y,
        target=y,
        mask=torch.ones(B, H, dtype=torch.bool),
        scale=torch.rand(B, 1, generator=rng) + 0.5,
        index=torch.arange(B),
    )


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("net", KINDS)
def test_gradients_reach_every_part(net: str, fusion: str) -> None:
    skip_without_states(net, fusion)
    model = NETWORKS[net](settings(fusion=fusion, layers=2))
    model.loss(make_batch()).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name
        assert weight.grad.abs().sum() > 0, f"no gradient reaches {name}"


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("net", KINDS)
def test_the_plan_of_a_step_reaches_that_step_alone(net: str, fusion: str) -> None:
    """Prices and promotions of later steps are known too, and may be read; these networks do not read them."""
    skip_without_states(net, fusion)
    model, batch = NETWORKS[net](settings(fusion=fusion)), make_batch()
    before = model.predict(batch)
    for step in range(H):
        f = batch.f.clone()
        f[:, step] += 2.0
        after = model.predict(replace(batch, f=f))
        others = [h for h in range(H) if h != step]
        torch.testing.assert_close(after[:, others], before[:, others], rtol=0, atol=1e-7)
        assert ((after[:, step] - before[:, step]).abs() > 1e-6).all()
    for name in ("z", "e", "scale"):  # what holds for the whole window reaches all steps
        changed = model.predict(replace(batch, **{name: getattr(batch, name) + 1.0}))
        assert ((changed - before).abs().amax(0) > 1e-6).all(), name
    later = replace(batch, y=batch.y + 9, target=batch.target + 9, mask=~batch.mask)
    torch.testing.assert_close(model.predict(later), before, rtol=0, atol=0)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("net", KINDS)
def test_padding_stays_padding(net: str, fusion: str) -> None:
    """What padding holds is not read; a window without any history gives a number."""
    skip_without_states(net, fusion)
    model, batch = NETWORKS[net](settings(fusion=fusion)), make_batch()
    before = model.predict(batch)
    assert torch.isfinite(before).all()
    noise = torch.where(batch.seen.unsqueeze(-1), batch.x, torch.full_like(batch.x, 1e3))
    torch.testing.assert_close(model.predict(replace(batch, x=noise)), before, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("net", KINDS)
def test_a_young_series_window_says_what_the_short_window_alone_says(net: str, fusion: str) -> None:
    skip_other_lengths(net)
    skip_without_states(net, fusion)
    model, batch = NETWORKS[net](settings(fusion=fusion)), make_batch()
    row = slice(3, 4)
    short = {k: getattr(batch, k)[row] for k in ("f", "z", "e", "y", "target", "mask", "scale", "index")}
    one = Batch(x=batch.x[row, 3:], seen=batch.seen[row, 3:], **short)
    torch.testing.assert_close(model.predict(one), model.predict(batch)[row], rtol=1e-5, atol=1e-6)


def rebuilt(s: NetworkSettings) -> dict[str, torch.Tensor]:
    """The weights of a GRU that concatenates, drawn in the order in which they always were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(s.seed)
        parts = {"encoder": nn.GRU(s.past + 1, s.hidden, s.layers, batch_first=True)}
        parts["text"] = nn.Linear(s.text, s.text_width)
        width = s.hidden + 1 + s.static + s.future + s.text_width
        parts["step"] = nn.Embedding(s.horizon, STEP_WIDTH)
        parts["decoder"] = nn.Sequential(nn.Linear(width + STEP_WIDTH, s.decoder), nn.ReLU())
        parts["head"] = make_head(s.head, s.decoder, s.quantiles)
    return {f"{part}.{name}": value for part, module in parts.items() for name, value in module.state_dict().items()}


def test_concat_is_what_it_was() -> None:
    """Recorded results and saved networks rest on it: the same names, the same draws, the same sum by hand."""
    s = settings(layers=2)
    model, weights, batch = NETWORKS["gru"](s), rebuilt(s), make_batch((0,) * B)
    state = model.state_dict()
    assert list(state) == list(weights)
    for name, value in weights.items():
        assert torch.equal(state[name], value), name
    memory = model.encoder(torch.cat([batch.x, batch.seen[..., None].float()], -1))[0][:, -1]
    row = torch.cat([memory, torch.log1p(batch.scale), batch.z, batch.e @ model.text.weight.T + model.text.bias], -1)
    for step in range(H):
        features = torch.cat([row, batch.f[:, step], model.step.weight[step].expand(B, -1)], -1)
        expected = model.head(model.decoder(features))
        torch.testing.assert_close(model(batch)[:, step], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fusion", FUSIONS[1:])
@pytest.mark.parametrize("net", KINDS)
def test_every_fusion_starts_from_the_same_weights(net: str, fusion: str) -> None:
    """So that a comparison of fusions is not one of seeds."""
    skip_without_states(net, fusion)
    plain = NETWORKS[net](settings()).state_dict()
    other = NETWORKS[net](settings(fusion=fusion)).state_dict()
    assert all(torch.equal(other[name], value) for name, value in plain.items())
    assert set(other) > set(plain)


def test_the_gate_by_hand() -> None:
    gate = Gate(4, 3).double()
    rng = np.random.default_rng(0)
    memory, known = rng.normal(size=(2, H, 4)), rng.normal(size=(2, H, 3))
    w = {name: value.numpy() for name, value in gate.state_dict().items()}
    share = 1 / (1 + np.exp(-(np.concatenate([memory, known], -1) @ w["open.weight"].T + w["open.bias"])))
    expected = share * memory + (1 - share) * np.tanh(known @ w["plan.weight"].T + w["plan.bias"])
    found = gate(torch.from_numpy(memory), torch.from_numpy(known)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("net", KINDS)
def test_where_each_step_looks(net: str) -> None:
    skip_without_states(net, "cross_attention")
    model, batch = NETWORKS[net](settings(fusion="cross_attention", dropout=0.5)).train(), make_batch()
    weights = model.step_attention(batch)
    assert weights.shape == (B, 2, H, T) and model.training
    torch.testing.assert_close(weights.sum(-1), torch.ones(B, 2, H))
    assert (weights[3, :, :, :3] == 0).all() and (weights[3, :, :, 3:] > 0).all()
    f = batch.f.clone()
    f[:, 1] += 1.0
    moved = (model.step_attention(replace(batch, f=f)) - weights).abs().amax((0, 1, 3))
    assert moved[1] > 1e-4 and moved[0] == moved[2] == 0  # a step asks by its own plan


def learn(fusion: str) -> float:
    """Loss after training where the plan says which of the last periods matters: only a question can fetch it."""
    rng = torch.Generator().manual_seed(1)
    count = 384
    x = torch.randn(count, T, 2, generator=rng)
    which = torch.randint(0, T, (count, H), generator=rng)
    angle = 2 * torch.pi * which / T
    f = torch.stack([angle.sin(), angle.cos()], -1)
    target = x[:, :, 0].gather(1, which)
    batch = Batch(
        x,
        torch.ones(count, T, dtype=torch.bool),
        f,
        torch.zeros(count, 0),
        None,
        target,
        target,
        torch.ones(count, H, dtype=torch.bool),
        torch.ones(count, 1),
        torch.arange(count),
    )
    model: Network = NETWORKS["transformer"](settings(static=0, text=0, hidden=16, fusion=fusion, head="squared"))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def test_cross_attention_fetches_what_the_plan_asks_for() -> None:
    assert learn("cross_attention") < 0.3 < 0.6 < learn("concat")


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match="unknown fusion"):
        settings(fusion="sum")
    with pytest.raises(DataError, match="multiple of fusion_heads"):
        settings(fusion="cross_attention", hidden=9)
    with pytest.raises(DataError, match="only cross-attention"):
        NETWORKS["gru"](settings()).step_attention(make_batch())
