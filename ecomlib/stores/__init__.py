"""The store: its tables, their rules, and where they come from (lesson 00)."""

from ecomlib.stores.store import TABLES, Store

__all__ = ["TABLES", "Store"]
