"""Encodes texts as vectors by a frozen language model of the BERT family (lesson 02, section 2)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from tqdm import tqdm

from ecomlib.errors import DataError, MissingDependencyError, install_command
from ecomlib.files import write_whole
from ecomlib.text.hub import CARD, DEFAULT, MULTILINGUAL, EncoderSource, check_weights, find_folder, identify
from ecomlib.text.vector_cache import Row, read, remember, write

if TYPE_CHECKING:
    import torch

Layer = Literal["last", "input"]
Precision = Literal["auto", "fp32", "fp16", "int8"]
_AT_ONCE = 8_192  # texts that are cut into pieces together, so that those alike in length meet in a batch


@dataclass(frozen=True, eq=False)
class Encoder:
    """A frozen encoder: ``tokenizer`` cuts texts into word pieces, ``bert`` (evaluation mode) gives each a vector."""

    source: EncoderSource
    tokenizer: Any  # tokenizers.Tokenizer, without padding
    bert: Any  # transformers.PreTrainedModel, or its int8 twin
    precision: str = "fp32"

    def pieces(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Numbers of the word pieces, a mask of what is no padding, and one of what is neither padding nor frame.

        Three integer tensors (B, L); [CLS] and [SEP] frame each text.
        """
        found = text_list(texts)
        return self.pad(self.tokenizer.encode_batch(found))

    def pad(self, cut: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The same of texts that ``tokenizer`` has cut already."""
        import torch

        length = max((len(item.ids) for item in cut), default=0)
        gaps = [length - len(item.ids) for item in cut]
        blank = getattr(self.bert.config, "pad_token_id", None) or 0
        ids = torch.tensor([item.ids + [blank] * gap for item, gap in zip(cut, gaps, strict=True)])
        frame = torch.tensor([item.special_tokens_mask + [1] * gap for item, gap in zip(cut, gaps, strict=True)])
        mask = torch.tensor([[1] * len(item.ids) + [0] * gap for item, gap in zip(cut, gaps, strict=True)])
        return tuple(part.to(self.bert.device) for part in (ids, mask, 1 - frame))  # type: ignore[return-value]

    def save(self, folder: str | Path) -> Path:
        """Write weights (safetensors), configuration, tokenizer and a card into a folder; ``model=folder`` reads them.

        Each file is written whole or not at all; weights without their own card are refused when read.
        """
        from safetensors.torch import save

        if self.precision != "fp32":
            raise DataError("only full precision is saved", value=self.precision, remedy="load the encoder as fp32.")
        folder, weights = Path(folder), save(weights_of(self.bert))
        source = replace(self.source, package="", sha256=hashlib.sha256(weights).hexdigest())
        write_whole(folder / "model.safetensors", weights)
        write_whole(folder / "config.json", self.bert.config.to_json_string(use_diff=False).encode())
        write_whole(folder / "tokenizer.json", self.tokenizer.to_str().encode())
        return write_whole(folder / CARD, json.dumps(asdict(source), indent=2).encode())


def encode(
    texts: Iterable[str],
    *,
    model: str | Path | Encoder = DEFAULT,
    revision: str | None = None,
    layer: Layer = "last",
    cache_dir: str | Path | None = None,
    cache: bool = True,
    batch_size: int = 64,
    device: str = "cpu",
    precision: Precision = "auto",
    progress: bool | None = None,
    allow_unknown: float = 0.3,
) -> np.ndarray:
    """One vector of length one for each text, by pooling its word pieces' vectors (lesson 02, section 2).

    A text without a word piece, such as the empty one, says nothing that ``layer="input"`` could pool: its vector is
    zero there, alike to none. The last layer has a vector of length one for it too, which means nothing else.

    Sentence embeddings by mean pooling: Reimers & Gurevych, Sentence-BERT (2019); the default model is MiniLM (Wang et
    al., 2020), trained for English. Each text is computed once, then read from the cache.

    Parameters
    ----------
    model: a name on the model hub (with a ``revision``: a commit or tag there), a folder that ``Encoder.save`` wrote,
        or an ``Encoder``. The default's weights are compared with their published SHA-256; of others the hash is taken
        when they are first seen, and a warning says so. Mean or first piece: as the encoder's own files tell.
    layer: ``"last"`` pools what the model says of each piece in its context; ``"input"`` pools the word vectors that it
        reads, which know nothing of the context: the fair control for "does the language model help?".
    cache_dir: folder of the cache; by default the package's own. ``cache=False`` neither reads nor writes.
    precision: ``"auto"`` is fp16 on CUDA and fp32 elsewhere; ``"int8"`` computes on the CPU by ONNX Runtime, about
        three times as fast, and not quite the same vectors: see ``precision_loss``. Each is remembered on its own.
    progress: a bar on standard error; by default only where that is a terminal.
    allow_unknown: the highest share of word pieces that the vocabulary may lack. Above 5 per cent you are warned.

    Returns
    -------
    float32 array of shape (number of texts, width; 384 by default), on the processor whatever ``device`` computes.

    Raises
    ------
    DataError: the texts are one string, one of them is none or holds half a character, there is no such model, or too
        many pieces are unknown (another language?).
    MissingDependencyError: the weights, or what int8 needs, are neither on this machine nor to be had.
    """
    texts = text_list(texts)
    unique = sorted(set(texts), key=lambda text: (len(text), text))
    if isinstance(model, Encoder):
        source, precision = model.source, model.precision  # type: ignore[assignment]
    else:
        source, precision = identify(model, revision)[0], settle_precision(precision, device)
    if precision == "int8" and layer == "input":
        raise DataError("the input layer is a table, there is nothing to compute in int8", remedy="use fp32.")
    manner = f"{source.sha256}|{source.pooling}|{source.max_pieces}|{layer}|{precision}"
    keys = {text: hashlib.sha256(f"{manner}|{text}".encode()).digest() for text in unique}
    with contextlib.closing(remember(cache_dir, cache)) as memory:
        found = read(memory, list(keys.values()))
        missing = [text for text in unique if keys[text] not in found]
        if missing:
            if not isinstance(model, Encoder):
                how = {"revision": revision, "device": device, "precision": precision, "cache_dir": cache_dir}
                model = load_encoder(model, **how)  # type: ignore[arg-type]
            shown = sys.stderr.isatty() if progress is None else progress
            with tqdm(total=len(missing), desc="reading texts", unit="text", file=sys.stderr, disable=not shown) as bar:
                for batch, rows in _encode_all(model, missing, layer, batch_size):
                    fresh = {keys[text]: row for text, row in zip(batch, rows, strict=True)}
                    write(memory, fresh)
                    found.update(fresh)
                    bar.update(len(batch))
    _judge_unknown([(text, *found[keys[text]][1:]) for text in unique], allow_unknown, source)
    place = {text: number for number, text in enumerate(unique)}
    table = np.frombuffer(b"".join(found[keys[text]][0] for text in unique), dtype="<f4")
    return table.reshape(len(unique), source.width)[[place[text] for text in texts]].astype(np.float32)


def text_list(texts: Iterable[str]) -> list[str]:
    """Return the texts as a list, after proof that they are several and each can be read.

    Raises
    ------
    DataError
        One string instead of several, a frame, or a text that is none or holds half of a pair of surrogates, as a
        title that was cut inside an emoji does.

    Examples
    --------
    >>> text_list(("red mug", ""))
    ['red mug', '']
    """
    if isinstance(texts, str):  # each letter would be taken for a text
        raise DataError("several texts are encoded, and this is one", value=texts, remedy=f"write [{texts!r}].")
    if hasattr(texts, "columns"):
        raise DataError("texts are one column", value=type(texts).__name__, remedy='take one: products["title"].')
    found = list(texts)
    for row, text in enumerate(found, start=1):
        if not isinstance(text, str):
            raise DataError("this is no text", rows=[row], value=text, remedy="fill gaps with an empty string first.")
        try:
            text.encode()
        except UnicodeEncodeError:
            remedy = 'take it out: text.encode("utf-8", "ignore").decode("utf-8").'
            problem = "a text holds half a character (half a surrogate pair), as an emoji that was cut in two leaves it"
            raise DataError(problem, rows=[row], value=text, remedy=remedy) from None
    return found


def load_encoder(
    model: str | Path = DEFAULT,
    *,
    revision: str | None = None,
    device: str = "cpu",
    precision: Precision = "auto",
    cache_dir: str | Path | None = None,
) -> Encoder:
    """The frozen encoder itself, for looking inside (lesson 02, section 2); parameters as in ``encode``.

    It is looked for in the local cache of the model hub, then in the package of the extra ``bert``, then on the hub;
    the hash of its weights is checked in each case.
    """
    try:
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModel
    except ImportError as error:
        raise MissingDependencyError(
            f"Reading texts needs the package '{error.name}': run  {install_command('ecomlib[bert]')}"
        ) from error
    source, folder = identify(model, revision)
    folder = folder or find_folder(source)
    check_weights(source, folder)
    precision = settle_precision(precision, device)
    bert, missing = read_weights(AutoModel, folder)
    if wrong := [name for name in missing if "pooler" not in name]:  # an unused head; all else would be random numbers
        raise DataError(f"the weights of {source.repository} do not fit its configuration", value=wrong[0])
    bert.requires_grad_(False).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(source.max_pieces)
    tokenizer.no_padding()  # the file's own is to a fixed 128
    if precision == "int8":
        from ecomlib.text.int8 import quantised

        return Encoder(source, tokenizer, quantised(bert, source.sha256, cache_dir), precision)
    bert.to(device=device, dtype=torch.float16 if precision == "fp16" else torch.float32)
    return Encoder(source, tokenizer, bert, precision)


def settle_precision(precision: str, device: str) -> Precision:
    """What is computed: half precision on CUDA unless told otherwise, full precision elsewhere."""
    if precision not in ("auto", "fp32", "fp16", "int8"):
        raise DataError("unknown precision", value=precision, remedy="use auto, fp32, fp16 or int8.")
    if precision == "int8" and not device.startswith("cpu"):
        raise DataError("int8 computes on the CPU", value=device, remedy="use device='cpu', or precision='fp16'.")
    if precision == "auto":
        return "fp16" if device.startswith("cuda") else "fp32"
    return precision  # type: ignore[return-value]


def read_weights(kind: Any, folder: Path) -> tuple[Any, list[str]]:
    """A model of transformers from files on this machine, and the names of weights that no file has; without a word."""
    import torch
    from transformers.utils import logging

    bar, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity(logging.CRITICAL)
    try:
        with torch.random.fork_rng(devices=[]):  # weights that are overwritten at once shall cost nobody a draw
            model, facts = kind.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{folder} cannot be read as an encoder: {error}", remedy=f"choose {DEFAULT}.") from error
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
    return model, sorted(facts["missing_keys"])


def weights_of(bert: Any) -> dict[str, torch.Tensor]:
    """The weights as they are saved and hashed: on the processor, each in its own memory."""
    return {name: value.detach().cpu().clone().contiguous() for name, value in bert.state_dict().items()}


def mean_pool(vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the word pieces that are no padding (lesson 02, section 2): (B, L, D) and mask (B, L) to (B, D)."""
    weight = mask.unsqueeze(-1).to(vectors.dtype)  # (B, L, 1)
    return (vectors * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-9)


def embed(encoder: Encoder, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Pooled vectors of length one, with gradients where the encoder has them: two (B, L) tensors to float32 (B, D)."""
    import torch

    states = encoder.bert(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    pooled = states[:, 0] if encoder.source.pooling == "cls" else mean_pool(states, mask)
    return torch.nn.functional.normalize(pooled, dim=1)


def _encode_all(
    encoder: Encoder, texts: Sequence[str], layer: Layer, batch_size: int
) -> Iterator[tuple[list[str], list[Row]]]:
    """Batches of texts with equally many pieces or nearly so: what is padded is computed for nothing."""
    for start in range(0, len(texts), _AT_ONCE):
        cut = encoder.tokenizer.encode_batch(list(texts[start : start + _AT_ONCE]))
        order = sorted(range(len(cut)), key=lambda number: len(cut[number].ids))
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            yield [texts[start + n] for n in batch], _encode_batch(encoder, [cut[n] for n in batch], layer)


def _encode_batch(encoder: Encoder, cut: Sequence[Any], layer: Layer) -> list[Row]:
    """For each text its vector as little-endian float32, its number of word pieces, and of unknown ones."""
    import torch

    ids, mask, words = encoder.pad(cut)
    with torch.inference_mode():
        if layer == "last":
            vectors = embed(encoder, ids, mask)
        else:
            pooled = mean_pool(encoder.bert.get_input_embeddings()(ids).float(), words)
            vectors = torch.nn.functional.normalize(pooled, dim=1)
    rows = vectors.cpu().numpy().astype("<f4")
    strange = {encoder.tokenizer.token_to_id(name) for name in ("[UNK]", "<unk>")} - {None}
    unknown = [sum(piece in strange for piece in item.ids) for item in cut]
    return [(row.tobytes(), p, u) for row, p, u in zip(rows, words.sum(dim=1).tolist(), unknown, strict=True)]


def _judge_unknown(counts: Sequence[tuple[str, int, int]], allowed: float, source: EncoderSource) -> None:
    """Warn above 5 per cent of unknown pieces, refuse above ``allowed``: the vectors would say little of the texts."""
    pieces, unknown = sum(row[1] for row in counts), sum(row[2] for row in counts)
    share = unknown / max(pieces, 1)
    if share <= min(0.05, allowed):
        return
    worst = max(counts, key=lambda row: row[2] / max(row[1], 1))[0]
    language = "; it reads English" if source.repository == DEFAULT else ""
    problem = f"the encoder does not know {share:.0%} of the texts' word pieces{language}"
    remedy = (
        f"use an encoder that reads the texts' language, such as model='{MULTILINGUAL}', or translate them; "
        "allow_unknown=1 encodes them all the same."
    )
    if share > allowed:
        raise DataError(problem, value=worst, remedy=remedy)
    warnings.warn(f"{problem} (for instance {worst!r}). What to do: {remedy}", UserWarning, stacklevel=3)


class Agreement(NamedTuple):
    """Cosines between the vectors of two precisions: their mean, the smallest, and the text that has it."""

    mean: float
    smallest: float
    text: str


def precision_loss(
    texts: Iterable[str], precision: Precision = "int8", *, model: str | Path = DEFAULT, **how: Any
) -> Agreement:
    """How far the vectors of ``precision`` are from those in full precision (lesson 02, section 2).

    ``how`` goes to ``encode`` (``cache_dir``, ``revision``, ``device``). One text at least; duplicates count once.
    """
    unique = sorted(set(text_list(texts)))
    if not unique:
        raise DataError("there is no text to compare", remedy="give one at least.")
    exact = encode(unique, model=model, precision="fp32", **how)
    cosines = (exact * encode(unique, model=model, precision=precision, **how)).sum(axis=1)
    worst = int(cosines.argmin())
    return Agreement(float(cosines.mean()), float(cosines[worst]), unique[worst])
