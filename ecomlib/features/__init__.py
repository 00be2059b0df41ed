"""Features with the time at which each was known (lesson 02, section 1; lesson 02b, section 1).

Every function says when its values are known, and looks only at what came before. The default is the strict past: an
event at the very moment of a row is not yet known to it. A row of a panel stands for the moment its period starts.
"""

from ecomlib.features.asof import as_of_join, counts, recency, return_rate
from ecomlib.features.calendar import calendar
from ecomlib.features.customers import customer_panel
from ecomlib.features.history import lags, last_year
from ecomlib.features.intermittence import demand_classes
from ecomlib.features.leaks import find_leaks
from ecomlib.features.line_history import line_history, table_rate
from ecomlib.features.prices import relative_price, usual_price

__all__ = [
    "as_of_join",
    "calendar",
    "counts",
    "customer_panel",
    "demand_classes",
    "find_leaks",
    "lags",
    "last_year",
    "line_history",
    "recency",
    "relative_price",
    "return_rate",
    "table_rate",
    "usual_price",
]
