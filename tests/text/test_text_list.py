"""What is handed in as texts: several strings, each of whole characters; anything else is refused at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import ecomlib.text as text
from ecomlib.errors import DataError
from ecomlib.text import encode
from ecomlib.text.cold_start import text_blocks
from ecomlib.text.encoder import text_list

WRONG_TEXTS = [
    ("red mug", r"several texts.*this is one.*write \['red mug'\]"),
    (pd.DataFrame({"title": ["red mug"]}), r"one column.*products\[.title.\]"),
    (["mug", "red mug \ud83d"], r"row 2: a text holds half a character.*take it out"),
    (["mug", "\udc4d"], r"row 2: a text holds half a character"),
    (["mug", None], r"row 2: this is no text"),
    ([b"mug"], r"row 1: this is no text"),
]


@pytest.mark.parametrize(("texts", "said"), WRONG_TEXTS)
def test_what_is_no_list_of_texts_is_refused_before_a_model_is_looked_for(texts: object, said: str) -> None:
    asked: list[Callable[[], object]] = [
        lambda: encode(texts, model="nobody/nothing"),  # type: ignore[arg-type]
        lambda: text.precision_loss(texts, model="nobody/nothing"),  # type: ignore[arg-type]
        lambda: text.Encoder(None, None, None).pieces(texts),  # type: ignore[arg-type]
        lambda: text_blocks([texts], np.ones(2), np.array([True, True]), np.random.default_rng(0)),  # type: ignore[list-item]
    ]
    for ask in asked:
        with pytest.raises(DataError, match=said):
            ask()


def test_a_whole_emoji_is_a_text_and_half_of_one_is_no_pair_to_learn_from() -> None:
    assert text_list(pd.Series(["red mug \U0001f600", ""])) == ["red mug \U0001f600", ""]
    with pytest.raises(DataError, match="row 2: a text holds half a character"):
        text.adapt_encoder([("mug", "a mug"), ("\ud83d", "a cup")], model="nobody/nothing")
