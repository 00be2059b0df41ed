"""Maps what a shop system writes (Shopify, Amazon, an ERP, …) to a store's tables (lesson 00, section 6)."""

from ecomlib.stores.export.build import Made, make_store
from ecomlib.stores.export.guess import Proposal, propose
from ecomlib.stores.export.mapping import ExportMapping, Part, read_mapping, write_mapping
from ecomlib.stores.export.read_export import read_export
from ecomlib.stores.export.stack import stack
from ecomlib.stores.export.write import write_folder

__all__ = [
    "ExportMapping",
    "Made",
    "Part",
    "Proposal",
    "make_store",
    "propose",
    "read_export",
    "read_mapping",
    "stack",
    "write_folder",
    "write_mapping",
]
