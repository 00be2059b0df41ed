"""Attacks on forecasts within a budget, and defences against them (lesson 06, section 1).

`budgets` says what an attacker can afford, `attacks` searches within it by gradients, chance and enumeration,
`defences` has adversarial training, a cheap filter and caps, `words` the stuffing of titles.
"""

from __future__ import annotations

from ecomlib.adversarial.attacks import (
    Attack,
    Search,
    enumerate_plans,
    error_objective,
    fgsm,
    forecast,
    frank_wolfe,
    pgd,
    poisoned,
    projected_gradient,
    push_objective,
    random_attack,
    rival_objective,
    seller_objective,
    strongest,
    transfer,
)
from ecomlib.adversarial.budgets import Threat, full_plans, project, whole
from ecomlib.adversarial.defences import Hardening, cap_accounts, cap_history, smoothed
from ecomlib.adversarial.words import stuff

__all__ = [
    "Attack",
    "Hardening",
    "Search",
    "Threat",
    "cap_accounts",
    "cap_history",
    "enumerate_plans",
    "error_objective",
    "fgsm",
    "forecast",
    "frank_wolfe",
    "full_plans",
    "pgd",
    "poisoned",
    "project",
    "projected_gradient",
    "push_objective",
    "random_attack",
    "rival_objective",
    "seller_objective",
    "smoothed",
    "strongest",
    "stuff",
    "transfer",
    "whole",
]
