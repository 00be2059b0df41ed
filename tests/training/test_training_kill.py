"""kill -9 in the middle of training leaves nothing that a second run trips over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ecomlib.training import load, save

SCRIPT = """
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ecomlib.training import TrainSettings, fit, make_network, predict, save
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

torch.set_num_threads(1)
folder, epochs = Path(sys.argv[1]), int(sys.argv[2])
weeks = pd.date_range("2021-01-04", periods=60, freq="W-MON")
rng = np.random.default_rng(0)
parts = [pd.DataFrame({"unique_id": f"p{k}", "ds": weeks, "y": rng.poisson(5 + k, 60).astype(float)}) for k in range(4)]
windows = WindowSet.from_panel(pd.concat(parts, ignore_index=True), WindowSettings(look_back=8, horizon=2))
train, valid = windows.split(weeks[45], 10)
model = make_network("gru", windows, hidden=8, dropout=0.1)
settings = TrainSettings(epochs=epochs, batch_size=32, patience=epochs, device="cpu")
result = fit(model, train, valid, settings, checkpoint=folder / "checkpoint.safetensors")
save(model, folder / "net", windows=windows.settings)
np.save(folder / "answer.npy", predict(model, windows)["forecast"].to_numpy())
print("epochs", len(result.history), flush=True)
"""


def start(script: Path, folder: Path, epochs: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(script), str(folder), str(epochs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_in_the_middle_the_second_run_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    epochs = 40
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    undisturbed.mkdir()
    killed.mkdir()
    whole = start(script, undisturbed, epochs)
    victim = start(script, killed, epochs)
    checkpoint = killed / "checkpoint.safetensors"
    limit = time.monotonic() + 300
    while not checkpoint.exists() and victim.poll() is None and time.monotonic() < limit:
        time.sleep(0.002)
    assert victim.poll() is None, f"the run was over before it could be killed: {victim.communicate()}"
    victim.kill()
    victim.communicate()
    assert not (killed / "net.safetensors").exists(), "half a run must not leave a model"
    # A kill in the middle of a write leaves such a file; it must not be in the way either.
    (killed / ".checkpoint.safetensors.99999.tmp").write_bytes(b"half a file")
    second = start(script, killed, epochs)
    out, error = second.communicate(timeout=300)
    assert second.returncode == 0, error
    assert out.split() == ["epochs", str(epochs)]
    _, error = whole.communicate(timeout=300)
    assert whole.returncode == 0, error
    np.testing.assert_array_equal(np.load(killed / "answer.npy"), np.load(undisturbed / "answer.npy"))
    one, two = load(killed / "net")[0].state_dict(), load(undisturbed / "net")[0].state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_kill_between_weights_and_card_leaves_a_model_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card beside the weights is for people; `load` reads the one inside. So there is no moment of half a model."""
    from ecomlib.models import GRUNetwork, LSTMNetwork, NetworkSettings

    save(GRUNetwork(NetworkSettings(past=1, horizon=2, hidden=4)), tmp_path / "net")
    real, calls = os.replace, []

    def dies_at_the_second(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        save(LSTMNetwork(NetworkSettings(past=1, horizon=2, hidden=6)), tmp_path / "net")
    monkeypatch.setattr(os, "replace", real)
    model, card = load(tmp_path / "net")
    assert card["kind"] == model.kind == "lstm" and model.settings.hidden == 6
