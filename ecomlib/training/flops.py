"""Imports torch's counter of floating-point operations without a warning that means nothing here.

Where torch was built for a GPU and triton is not installed, the import of the counter logs in red that it cannot count
in triton's kernels. ecomlib has none. Only that one message is held back, and only during the import.
"""

from __future__ import annotations

import logging

_logger = logging.getLogger("torch.utils.flop_counter")


def _is_not_about_triton(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("triton not found")


_logger.addFilter(_is_not_about_triton)
try:
    from torch.utils.flop_counter import FlopCounterMode
finally:
    _logger.removeFilter(_is_not_about_triton)

__all__ = ["FlopCounterMode"]
