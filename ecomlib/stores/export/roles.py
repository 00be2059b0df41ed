"""Lists what a column of an export may be, and which of it is required."""

from __future__ import annotations

from ecomlib.stores.export.roles_of_lines import OF_LINES
from ecomlib.stores.export.roles_of_money_and_places import BESIDE_LINES

ROLES = (*OF_LINES, *BESIDE_LINES)
ROLE = {role.key: role for role in ROLES}
REQUIRED = ("order_id", "product_id", "title", "ordered_at", "quantity", "unit_price")
# Roles that describe a product, so a list of products may hold them instead of the order lines.
OF_PRODUCT = ("title", "category", "description", "list_price", "unit_cost", "launched_on")
# Roles that are the same on all lines of an order, so they may stand on its first line only.
OF_ORDER = (
    "ordered_at",
    "time",
    "customer_id",
    "region_id",
    "postcode",
    "currency",
    "cancelled",
    "test",
    "order_discount",
)
