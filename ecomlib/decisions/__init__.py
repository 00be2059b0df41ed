"""Turns forecasts and effects into decisions: what to order, what to charge. Pure functions over frames.

``newsvendor`` reads an order off a forecast's quantiles and prices what an error costs, ``inventory`` reads whole
orders off past errors, ``first_orders`` orders what nobody has bought yet, ``pricing`` computes what another price
would do from its causal effect, ``price_advice`` makes a price list and an offers page of that, ``sales_plan`` adds
forecasts up to a quarter's plan. ``retention`` describes customers and labels who falls silent, ``lifetimes`` counts
what they will buy, ``uplift`` learns whom a letter moves, ``qini`` says what a list is worth, and ``letters`` makes one
of a shop's own letters. None knows the running service, which calls them. ``registry`` lists the decisions
that ``ecomlib decide`` makes of a shop's tables, ``shop`` holds their glue.

Decisions are judged in the store as a game: ``shop_game`` holds its rules, ``shop_env`` opens it for Gymnasium (extra
``decide``) and keeps the score, ``shop_policies`` holds the rules and references to be compared with, and
``markdown_env`` a season's last stock. ``season`` holds that season, ``markdown`` solves and learns it,
``markdown_log`` plans from a log of seasons, and ``off_policy`` judges a new policy by an old log. How far a policy
comes from a rule to the reference tells ``evaluation.share``.
"""

from __future__ import annotations

from ecomlib.decisions.first_orders import first_order, launch_level
from ecomlib.decisions.inventory import (
    OrderSettings,
    error_quantiles,
    need_ahead,
    order_list,
    order_quantiles,
    plan_orders,
)
from ecomlib.decisions.newsvendor import newsvendor_cost, newsvendor_quantile, order_from_quantiles, order_quantities
from ecomlib.decisions.off_policy import PolicyValue, doubly_robust, ips, snips
from ecomlib.decisions.price_advice import PriceRules, advise_prices, best_price, offers_page
from ecomlib.decisions.pricing import Effect, PriceChange, WhatIf, price_change, what_if
from ecomlib.decisions.sales_plan import sales_plan, scenario

__all__ = [
    "Effect",
    "OrderSettings",
    "PolicyValue",
    "PriceChange",
    "PriceRules",
    "WhatIf",
    "advise_prices",
    "best_price",
    "doubly_robust",
    "error_quantiles",
    "first_order",
    "ips",
    "launch_level",
    "need_ahead",
    "newsvendor_cost",
    "newsvendor_quantile",
    "offers_page",
    "order_from_quantiles",
    "order_list",
    "order_quantiles",
    "order_quantities",
    "plan_orders",
    "price_change",
    "sales_plan",
    "scenario",
    "snips",
    "what_if",
]
