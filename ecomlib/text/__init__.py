"""Texts to vectors by a frozen language model of the BERT family, remembered on disk (lesson 02, section 2)."""

from ecomlib.text.encoder import Encoder, Layer, encode, load_encoder, mean_pool
from ecomlib.text.hub import DEFAULT, SOURCES, EncoderSource, hub_is_reachable

__all__ = [
    "DEFAULT",
    "SOURCES",
    "Encoder",
    "EncoderSource",
    "Layer",
    "encode",
    "hub_is_reachable",
    "load_encoder",
    "mean_pool",
]
