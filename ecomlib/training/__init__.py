"""Training: losses, precision, graph replay, early stopping, checkpoints; history as a frame (lesson 04, section 4).

`fit` trains a network on windows, `predict` turns windows into a long frame of forecasts in units, `save` and `load`
keep a network as safetensors with a JSON card, and `NetworkForecaster` makes of all this a forecaster: fitted on a
panel, it forecasts a frame. `protocols` says what the loop needs of a network and of its windows. `process_group` lets
several processes train one network (lesson 04b, section 6).
"""

from __future__ import annotations

from ecomlib.models.checkpoints import load, save
from ecomlib.models.registry import make_network
from ecomlib.training.distributed import process_group
from ecomlib.training.forecaster import NetworkForecaster
from ecomlib.training.loop import fit, predict
from ecomlib.training.settings import TrainResult, TrainSettings, pick_device, pick_precision, precisions

__all__ = [
    "NetworkForecaster",
    "TrainResult",
    "TrainSettings",
    "fit",
    "load",
    "make_network",
    "pick_device",
    "pick_precision",
    "precisions",
    "predict",
    "process_group",
    "save",
]
