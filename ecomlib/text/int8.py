"""Runs an encoder in eight-bit numbers on the CPU, by ONNX Runtime (lesson 02, section 2)."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from ecomlib.errors import MissingDependencyError, install_command
from ecomlib.files import draft_folder, put
from ecomlib.folders import cache_dir as writable_cache

_RECIPE = 1  # counts up when the export changes, so that older files are left alone


class Int8Body:
    """Stands where ``Encoder.bert`` stands: word pieces in, ``last_hidden_state`` (B, L, D) out, on the CPU."""

    def __init__(self, file: Path, config: Any) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self.config, self.device = config, torch.device("cpu")

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        states = self.session.run(None, {"ids": input_ids.numpy(), "mask": attention_mask.numpy()})[0]
        return SimpleNamespace(last_hidden_state=torch.from_numpy(states))


def quantised(bert: Any, sha256: str, folder: str | Path | None = None) -> Int8Body:
    """The int8 twin of an encoder; exported once for these weights into ``folder`` (by default the package's cache).

    Dynamic quantisation: weights are stored in seven of eight bits, a scale for each output, activations are rounded
    as they come (Jacob et al., 2018). Seven, because processors without VNNI instructions overflow with eight.

    Raises MissingDependencyError without onnx and onnxruntime.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"Encoding in int8 needs the package '{error.name}': run  {install_command('ecomlib[serve]')}"
        ) from error
    place = Path(folder) if folder is not None else writable_cache("text")
    file = place / f"{sha256[:20]}.int8.{_RECIPE}.onnx"
    if not file.is_file():
        with draft_folder(file) as work:
            put(_export(bert, work), file)
    return Int8Body(file, bert.config)


def _export(bert: Any, work: Path) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    class Body(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            # The mask as numbers to add to the attention's scores: a tracer would follow transformers' own branches
            # for these two texts only, and export a model that looks at padding.
            hidden = (1.0 - mask[:, None, None, :].float()) * -1e9
            return self.bert(input_ids=ids, attention_mask=hidden).last_hidden_state

    axes = {0: "texts", 1: "pieces"}
    two = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 4]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer, and that a newer exporter (with more packages) exists
        torch.onnx.export(
            Body().eval(),
            two,
            str(work / "fp32.onnx"),
            input_names=["ids", "mask"],
            output_names=["states"],
            dynamic_axes={"ids": axes, "mask": axes, "states": axes},
            opset_version=17,
            dynamo=False,
        )
    quiet = logging.Filter("nobody")  # the quantiser advises a step that was tried and changed nothing
    logging.getLogger().addFilter(quiet)
    try:
        quantize_dynamic(
            work / "fp32.onnx", work / "int8.onnx", weight_type=QuantType.QInt8, per_channel=True, reduce_range=True
        )
    finally:
        logging.getLogger().removeFilter(quiet)
    return work / "int8.onnx"
