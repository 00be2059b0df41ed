"""Joins the processes that torchrun started to train one network (lesson 04b, section 6)."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import timedelta

import torch
import torch.distributed as dist

from ecomlib.errors import EcomlibError


@contextlib.contextmanager
def process_group(timeout: float = 60.0) -> Iterator[tuple[int, int]]:
    """Join the processes that `torchrun` started; yields (rank, number of processes) (lesson 04b, section 6).

    Inside it `fit` shares each batch among the processes (Li et al., "PyTorch Distributed", 2020): NCCL where each has
    a CUDA device of its own, else gloo. A script that was not started by torchrun is a single process and gets (0, 1).

    Raises `EcomlibError` where another process has ended, or has not answered within `timeout` seconds.
    """
    if "RANK" not in os.environ:
        yield 0, 1
        return
    own = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if own:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        dist.init_process_group("nccl" if own else "gloo", timeout=timedelta(seconds=timeout))
        yield dist.get_rank(), dist.get_world_size()
    except RuntimeError as error:
        if not re.search(r"gloo|nccl|connection|timed? ?out|store", str(error), re.IGNORECASE):
            raise  # the script's own fault
        raise EcomlibError(
            f"Another process of this run has ended or does not answer within {timeout:g} s. What to do: look for the "
            f"first error above; it is that process's. ({str(error).splitlines()[0][:200]})"
        ) from error
    dist.destroy_process_group()  # not after a fault: it would wait for processes that are gone
