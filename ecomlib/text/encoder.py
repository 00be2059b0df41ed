"""Texts to vectors by a frozen language model of the BERT family (lesson 02, section 2)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from tqdm import tqdm

from ecomlib.errors import DataError, DownloadError, MissingDependencyError
from ecomlib.text.hub import DEFAULT, EncoderSource, find_files, source_of
from ecomlib.text.memory import Row, read, remember, write

if TYPE_CHECKING:
    import torch

Layer = Literal["last", "input"]


@dataclass(frozen=True, eq=False)
class Encoder:
    """A frozen encoder: ``tokenizer`` cuts texts into word pieces, ``bert`` (evaluation mode) gives each a vector."""

    source: EncoderSource
    tokenizer: Any  # tokenizers.Tokenizer
    bert: Any  # transformers.BertModel


def encode(
    texts: Iterable[str],
    *,
    model: str = DEFAULT,
    layer: Layer = "last",
    cache_dir: str | Path | None = None,
    cache: bool = True,
    batch_size: int = 64,
    device: str = "cpu",
    progress: bool | None = None,
    allow_unknown: float = 0.3,
) -> np.ndarray:
    """One vector of length one for each text, by mean pooling of its word pieces' vectors (lesson 02, section 2).

    Sentence embeddings by mean pooling: Reimers & Gurevych, Sentence-BERT (2019); the default model is MiniLM (Wang et
    al., 2020), trained for English. Each text is computed once, then read from the cache.

    Parameters
    ----------
    layer: ``"last"`` pools what the model says of each piece in its context; ``"input"`` pools the word vectors that it
        reads, which know nothing of the context: the fair control for "does the language model help?".
    cache_dir: folder of the cache; by default the package's own. ``cache=False`` neither reads nor writes.
    progress: a bar on standard error; by default only where that is a terminal.
    allow_unknown: the highest share of word pieces that the vocabulary may lack. Above 5 per cent you are warned.

    Returns
    -------
    float32 array of shape (number of texts, 384), on the processor whatever ``device`` computes.

    Raises
    ------
    DataError: a text is not a string, there is no such model, or too many pieces are unknown (another language?).
    MissingDependencyError: the weights are neither on this machine nor to be had.
    """
    texts = list(texts)
    for row, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise DataError("this is no text", rows=[row], value=text, remedy="fill gaps with an empty string first.")
    unique = sorted(set(texts), key=lambda text: (len(text), text))  # alike in length: little padding in a batch
    source = source_of(model)
    keys = [hashlib.sha256(f"{source.sha256}|{layer}|{text}".encode()).digest() for text in unique]
    with contextlib.closing(remember(cache_dir, cache)) as memory:
        found = read(memory, keys)
        missing = [(key, text) for key, text in zip(keys, unique, strict=True) if key not in found]
        if missing:
            encoder = load_encoder(model, device=device)
            shown = sys.stderr.isatty() if progress is None else progress
            with tqdm(total=len(missing), desc="reading texts", unit="text", file=sys.stderr, disable=not shown) as bar:
                for start in range(0, len(missing), batch_size):
                    batch = missing[start : start + batch_size]
                    rows = _encode_batch(encoder, [text for _, text in batch], layer)
                    fresh = {key: row for (key, _), row in zip(batch, rows, strict=True)}
                    write(memory, fresh)
                    found.update(fresh)
                    bar.update(len(batch))
    _judge_unknown([(text, *found[key][1:]) for key, text in zip(keys, unique, strict=True)], allow_unknown)
    place = {text: number for number, text in enumerate(unique)}
    table = np.frombuffer(b"".join(found[key][0] for key in keys), dtype="<f4").reshape(len(unique), source.width)
    return table[np.array([place[text] for text in texts], dtype=np.intp)].astype(np.float32)


def load_encoder(model: str = DEFAULT, *, device: str = "cpu") -> Encoder:
    """The frozen encoder itself, for looking inside (lesson 02, section 2).

    It is looked for in the local cache of the model hub, then in the package of the extra ``bert``, then on the hub;
    the hash of its weights is checked in each case.
    """
    source = source_of(model)
    try:
        import torch
        from safetensors.torch import load_file
        from tokenizers import Tokenizer
        from transformers import BertConfig, BertModel
    except ImportError as error:
        raise MissingDependencyError(
            f"Reading texts needs the package '{error.name}': run  pip install 'ecomlib[bert]'"
        ) from error
    files = find_files(source)
    digest = hashlib.sha256(files["model.safetensors"].read_bytes()).hexdigest()
    if digest != source.sha256:
        raise DownloadError(
            f"the weights of {model} at {files['model.safetensors']} are not those that were published: their SHA-256 "
            f"is {digest}, not {source.sha256}. What to do: delete that folder and fetch them again."
        )
    config = BertConfig(**json.loads(files["config.json"].read_text(encoding="utf-8")))
    with torch.random.fork_rng(devices=[]):  # the random weights that are overwritten at once shall cost nobody a draw
        bert = BertModel(config)
    weights = load_file(files["model.safetensors"])
    weights.pop("embeddings.position_ids", None)  # older files list a constant among the weights
    bert.load_state_dict(weights)
    bert.requires_grad_(False).eval().to(device)
    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    tokenizer.enable_truncation(source.max_pieces)
    tokenizer.enable_padding()  # to the longest text of a batch, not to the file's fixed 128
    return Encoder(source, tokenizer, bert)


def mean_pool(vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the word pieces that are no padding (lesson 02, section 2): (B, L, D) and mask (B, L) to (B, D)."""
    weight = mask.unsqueeze(-1).to(vectors.dtype)  # (B, L, 1)
    return (vectors * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-9)


def _encode_batch(encoder: Encoder, texts: Sequence[str], layer: Layer) -> list[Row]:
    """For each text its vector as little-endian float32, its number of word pieces, and of unknown ones."""
    import torch

    cut = encoder.tokenizer.encode_batch(list(texts))
    ids = torch.tensor([item.ids for item in cut], device=encoder.bert.device)  # (B, L)
    mask = torch.tensor([item.attention_mask for item in cut], device=encoder.bert.device)
    with torch.inference_mode():
        if layer == "last":
            pooled = mean_pool(encoder.bert(input_ids=ids, attention_mask=mask).last_hidden_state, mask)  # (B, D)
        else:
            framing = torch.tensor([encoder.tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]", "[PAD]")])
            words = ~torch.isin(ids, framing.to(ids.device))
            pooled = mean_pool(encoder.bert.embeddings.word_embeddings(ids), words)
        vectors = torch.nn.functional.normalize(pooled.float(), dim=1).cpu().numpy().astype("<f4")
    pieces = (mask.sum(dim=1) - 2).tolist()  # [CLS] and [SEP] frame each text
    unknown = (ids == encoder.tokenizer.token_to_id("[UNK]")).sum(dim=1).tolist()
    return [(vector.tobytes(), p, u) for vector, p, u in zip(vectors, pieces, unknown, strict=True)]


def _judge_unknown(counts: Sequence[tuple[str, int, int]], allowed: float) -> None:
    """Warn above 5 per cent of unknown pieces, refuse above ``allowed``: the vectors would say little of the texts."""
    pieces, unknown = sum(row[1] for row in counts), sum(row[2] for row in counts)
    share = unknown / max(pieces, 1)
    if share <= min(0.05, allowed):
        return
    worst = max(counts, key=lambda row: row[2] / max(row[1], 1))[0]
    problem = f"the encoder does not know {share:.0%} of the texts' word pieces; it reads English"
    remedy = "translate the texts or drop them; allow_unknown=1 encodes them all the same."
    if share > allowed:
        raise DataError(problem, value=worst, remedy=remedy)
    warnings.warn(f"{problem} (for instance {worst!r}). What to do: {remedy}", UserWarning, stacklevel=3)
