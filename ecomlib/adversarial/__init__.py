"""Attacks on forecasts within a budget, and defences against them (lesson 06, section 1).

`attacks` has threats, gradients and their checks, `defences` adversarial training and a cheap filter, `words` the
stuffing of titles.
"""

from __future__ import annotations

from ecomlib.adversarial.attacks import (
    Attack,
    Threat,
    error_objective,
    fgsm,
    forecast,
    pgd,
    poisoned,
    project,
    push_objective,
    random_attack,
    strongest,
    transfer,
    whole,
)
from ecomlib.adversarial.defences import Hardening, smoothed
from ecomlib.adversarial.words import stuff

__all__ = [
    "Attack",
    "Hardening",
    "Threat",
    "error_objective",
    "fgsm",
    "forecast",
    "pgd",
    "poisoned",
    "project",
    "push_objective",
    "random_attack",
    "smoothed",
    "strongest",
    "stuff",
    "transfer",
    "whole",
]
