"""Runs one training step: gather, loss, gradient, clip, update; eager, from a CUDA graph, or as one share of several.

Nothing in a step asks the device for a number: asking would make the processor wait for it, and could not be recorded.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ecomlib.training.protocols import Trainable, Windows
from ecomlib.training.settings import TrainSettings

Perturb = Callable[[Any, Any], Any]  # (network, batch) -> batch: what happens to it before the network learns from it
LEAST_WEIGHT = 1e-9  # of a batch in which nothing counts: its loss is 0 and must not become NaN
EAGER_STEPS = 3  # before recording: libraries choose their kernels and take their memory in the first steps


@contextlib.contextmanager
def tensor_cores(precision: str) -> Iterator[None]:
    """On CUDA "fp32" means 32 bits and "tf32" products of 19 bits; without this torch uses tf32 in an LSTM unasked."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = precision != "fp32"
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def half(device: torch.device, precision: str) -> contextlib.AbstractContextManager[None]:
    """Products in 16 bits where the precision says so; weights and sums stay in 32 (Micikevicius et al., 2018)."""
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=precision in ("bf16", "fp16"))


def decay_groups(model: nn.Module, settings: TrainSettings) -> list[dict[str, Any]]:
    """Weights by what the optimizer draws towards zero and what not; one group where all are (lesson 04, section 4)."""
    weights = list(model.parameters())
    if settings.decay == "all":
        return [{"params": weights, "weight_decay": settings.weight_decay}]
    tables = {id(part.weight) for part in model.modules() if isinstance(part, nn.Embedding)}
    free = [weight for weight in weights if weight.ndim < 2 or id(weight) in tables]
    drawn = [weight for weight in weights if not (weight.ndim < 2 or id(weight) in tables)]
    return [{"params": drawn, "weight_decay": settings.weight_decay}, {"params": free, "weight_decay": 0.0}]


class Step:
    """Call it with the numbers of a batch's windows; its rate is the optimizer's (lesson 04b, section 4).

    Where a process group is there (`process_group`) each process takes every world-th window of the batch, and the
    gradient is the one that a single process would have had: the mean over all that counts in all shares.
    """

    def __init__(
        self,
        model: Trainable,
        windows: Windows,
        settings: TrainSettings,
        device: torch.device,
        precision: str,
        perturb: Perturb | None = None,
    ) -> None:
        self.model, self.windows, self.settings = model, windows, settings
        self.device, self.precision, self.perturb = device, precision, perturb
        together = dist.is_available() and dist.is_initialized()
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if together else (0, 1)
        self.shared = nn.parallel.DistributedDataParallel(cast(nn.Module, model)) if self.world > 1 else None
        # What perturbs a batch may draw numbers and take gradients of its own: that is launched anew each time.
        self.replay = settings.replay and device.type == "cuda" and self.world == 1 and perturb is None
        # A recorded step reads its rate from the device; `fused` skips a step of infinite gradients without asking.
        lr = torch.tensor(settings.lr, device=device) if self.replay else settings.lr
        fused = True if self.replay and precision == "fp16" else None
        self.optimizer = torch.optim.AdamW(
            decay_groups(cast(nn.Module, model), settings), lr, capturable=self.replay, fused=fused
        )
        self.scaler = self.new_scaler()
        self.total = torch.zeros((), device=device)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.index, self.done = torch.zeros(settings.batch_size, dtype=torch.long, device=device), 0

    def new_scaler(self) -> torch.amp.GradScaler:
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    def __call__(self, index: Tensor) -> None:
        if not self.replay or len(index) < self.settings.batch_size:
            return self.run(index)
        self.index.copy_(index)
        self.done += 1
        if self.done <= EAGER_STEPS:
            side, here = torch.cuda.Stream(), torch.cuda.current_stream()
            side.wait_stream(here)
            with torch.cuda.stream(side):
                self.run(self.index)
            return here.wait_stream(side)
        if self.graph is None:
            self.record()
        return self.run(index) if self.graph is None else self.graph.replay()

    def record(self) -> None:
        """Record one step without running it; where that is not possible, steps are run as usual from now on."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.run(self.index)
            self.graph = graph
        except RuntimeError as error:
            torch.cuda.synchronize()
            self.replay, self.scaler = False, self.new_scaler()  # the old scaler may be halfway through a step
            warnings.warn(f"the step cannot be recorded, so each is launched anew: {error}", stacklevel=2)

    def chunks(self, index: Tensor) -> tuple[Tensor, ...]:
        """This process's share of a batch in chunks, as many as every other process has (lesson 04b, section 6).

        A batch smaller than the number of processes is computed whole by each. Where shares differ by a window a chunk
        may hold one more than the settings say: a process without a chunk would leave the others waiting.
        """
        if self.world == 1:
            return index.split(self.settings.chunk or len(index))
        if len(index) < self.world:
            mine, least, most = index, len(index), len(index)
        else:
            mine, least, most = index[self.rank :: self.world], len(index) // self.world, -(-len(index) // self.world)
        return mine.tensor_split(min(-(-most // (self.settings.chunk or most)), least))

    def run(self, index: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        batches = [self.windows.batch(part) for part in self.chunks(index)]
        if self.perturb is not None:  # before the loss, with the weights as they are now
            batches = [self.perturb(self.model, batch) for batch in batches]
        weights = [self.model.weight(batch) for batch in batches]
        whole = torch.stack(weights).sum()
        if self.world > 1:
            dist.all_reduce(whole)
        for k, (batch, weight) in enumerate(zip(batches, weights, strict=True)):
            with self.together_after(k == len(batches) - 1):
                with half(self.device, self.precision):
                    raw = self.model(batch) if self.shared is None else self.shared(batch)
                    loss = self.model.loss_of(raw, batch)
                # The mean over all that counts, whoever computes it.
                loss = loss * (weight * self.world / whole.clamp(min=LEAST_WEIGHT))
                self.scaler.scale(loss).backward()
            self.total += loss.detach() * (len(index) / self.world)
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def together_after(self, last: bool) -> contextlib.AbstractContextManager[None]:
        """Gradients of a batch's chunks are added here, and among the processes once, after the last one."""
        if self.shared is None or last:
            return contextlib.nullcontext()
        waiting: contextlib.AbstractContextManager[None] = self.shared.no_sync()
        return waiting

    def mean_loss(self) -> float:
        """The mean training loss since the last call, over all processes."""
        if self.world > 1:
            dist.all_reduce(self.total)
        mean = float(self.total) / len(self.windows)
        self.total.zero_()
        return mean
