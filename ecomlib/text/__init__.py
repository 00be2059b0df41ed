"""Text vectors from a frozen language model of the BERT family, cached on disk (lesson 02, section 2)."""

from ecomlib.text.adapt import Adapted, AdaptSettings, adapt_encoder, basket_pairs, info_nce
from ecomlib.text.encoder import Agreement, Encoder, Layer, Precision, encode, load_encoder, mean_pool, precision_loss
from ecomlib.text.hub import DEFAULT, MULTILINGUAL, SOURCES, EncoderSource, hub_is_reachable

__all__ = [
    "DEFAULT",
    "MULTILINGUAL",
    "SOURCES",
    "AdaptSettings",
    "Adapted",
    "Agreement",
    "Encoder",
    "EncoderSource",
    "Layer",
    "Precision",
    "adapt_encoder",
    "basket_pairs",
    "encode",
    "hub_is_reachable",
    "info_nce",
    "load_encoder",
    "mean_pool",
    "precision_loss",
]
