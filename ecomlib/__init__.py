"""ecomlib: forecasts for online stores: what they will sell, to whom, where and when.

The support package of a numbered Jupyter course. Importing it is light: torch, transformers and pandera are imported
by the functions that use them.
"""

from ecomlib.stores import Store, load_store

__all__ = ["Store", "load_store"]
__version__ = "0.1.0"
