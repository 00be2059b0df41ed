"""Describes the exports of known shop systems, after their own documentation: which of their columns is which.

A layout only settles what names alone leave open, such as that Amazon's ``item-price`` is the price of the whole line.
An export of a system that is not here is read by its names and values all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ecomlib.stores.export.role import plain


@dataclass(frozen=True)
class Layout:
    """Describe one export: columns that tell it, columns by role, and the values that rows must have to be lines.

    Names are written as ``plain`` writes them. Of several names for a role the first that is there counts.
    """

    name: str
    tells: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    returned: tuple[str, ...] = ()  # states that say so in this system only


def _layout(
    name: str,
    tells: str,
    keep: Mapping[str, tuple[str, ...]] | None = None,
    returned: tuple[str, ...] = (),
    **columns: str,
) -> Layout:
    split = {role: tuple(part.strip() for part in names.split(",")) for role, names in columns.items()}
    return Layout(name, tuple(part.strip() for part in tells.split(",")), split, keep or {}, returned)


LAYOUTS = (
    _layout(
        "Shopify's orders export",
        "lineitem quantity, lineitem name, lineitem price",
        order_id="name, order name, id",
        product_id="lineitem sku",
        title="lineitem name",
        ordered_at="created at, paid at",
        quantity="lineitem quantity",
        unit_price="lineitem price",
        list_price="lineitem compare at price",
        discount="lineitem discount",
        order_discount="discount amount",
        customer_id="email, customer id",
        region_id="shipping country, billing country",
        postcode="shipping zip, billing zip",
        currency="currency",
        status="financial status",
        cancelled="cancelled at",
    ),
    _layout(
        "a WooCommerce order export",
        "order number, order date, item name, item cost",
        order_id="order number",
        product_id="sku, item no, product id",
        title="item name",
        ordered_at="order date",
        quantity="quantity refund, quantity",
        unit_price="item cost",
        order_discount="cart discount amount, discount amount",
        customer_id="email billing, customer user id",
        region_id="country code shipping, country code billing, country name shipping",
        status="order status",
        currency="order currency",
    ),
    _layout(
        "Amazon's report of all orders",
        "amazon order id, purchase date, item price",
        order_id="amazon order id",
        product_id="sku, asin",
        title="product name",
        ordered_at="purchase date",
        quantity="quantity",
        line_total="item price",
        discount="item promotion discount",
        region_id="ship country, ship state",
        postcode="ship postal code",
        currency="currency",
        status="order status",
    ),
    _layout(
        "Amazon's report of new orders",
        "order item id, quantity purchased, item price",
        order_id="order id",
        product_id="sku",
        title="product name",
        ordered_at="purchase date",
        quantity="quantity purchased",
        line_total="item price",
        discount="item promotion discount",
        customer_id="buyer email",
        region_id="ship country",
        postcode="ship postal code",
        currency="currency",
    ),
    _layout(
        "Amazon's settlement report",
        "settlement id, amount type, amount description, quantity purchased",
        keep={"amount type": ("itemprice",), "amount description": ("principal",)},
        order_id="order id",
        product_id="sku",
        ordered_at="posted date time, posted date",
        quantity="quantity purchased",
        line_total="amount",
        region_id="marketplace name",
        currency="currency",
        status="transaction type",
    ),
    _layout(
        "Amazon's settlement report",
        "settlement id, price type, price amount, quantity purchased",
        keep={"price type": ("principal",)},
        order_id="order id",
        product_id="sku",
        ordered_at="posted date",
        quantity="quantity purchased",
        line_total="price amount",
        region_id="marketplace name",
        currency="currency",
        status="transaction type",
    ),
    _layout(
        "Amazon's report of transactions (Germany)",
        "datum uhrzeit, typ, bestellnummer, sku, beschreibung, menge, umsatze",
        order_id="bestellnummer",
        product_id="sku",
        title="beschreibung",
        ordered_at="datum uhrzeit",
        quantity="menge",
        line_total="umsatze",
        discount="rabatte aus werbeaktionen",
        region_id="bundesland",
        postcode="postleitzahl",
        status="typ",
    ),
    _layout(
        "Amazon's report of transactions",
        "date time, type, order id, sku, description, quantity, product sales",
        order_id="order id",
        product_id="sku",
        title="description",
        ordered_at="date time",
        quantity="quantity",
        line_total="product sales",
        discount="promotional rebates",
        region_id="order state",
        postcode="order postal",
        status="type",
    ),
    _layout(
        "Etsy's sold order items",
        "sale date, item name, transaction id, listing id, order id",
        order_id="order id",
        product_id="sku, listing id",
        title="item name",
        ordered_at="sale date",
        quantity="quantity",
        unit_price="price",
        customer_id="buyer",
        region_id="ship country",
        postcode="ship zipcode",
        currency="currency",
    ),
    _layout(
        "Square's items detail",
        "date, time, item, qty, gross sales, transaction id",
        order_id="transaction id",
        product_id="sku, token",
        title="item",
        ordered_at="date",
        time="time",
        quantity="qty",
        line_total="gross sales",
        discount="discounts",
        customer_id="customer id",
        region_id="location",
        category="category",
        status="event type",
    ),
    _layout(
        "eBay's orders report",
        "order number, item number, item title, sold for",
        order_id="order number",
        product_id="custom label sku, custom label, item number",
        title="item title",
        ordered_at="sale date, paid on date",
        quantity="quantity",
        unit_price="sold for",
        customer_id="buyer username",
        region_id="ship to country",
        postcode="ship to zip",
    ),
    _layout(
        "a Magento order export",
        "increment id, qty ordered, sku",
        order_id="increment id",
        product_id="sku",
        title="name, product name",
        ordered_at="created at",
        quantity="qty ordered",
        unit_price="price, base price",
        discount="discount amount",
        customer_id="customer email, customer id",
        status="status",
        currency="order currency code",
    ),
    _layout(
        "Magento's table of order items",
        "item id, order id, parent item id, sku, qty ordered",
        order_id="order id",
        product_id="sku",
        title="name",
        quantity="qty ordered",
        unit_price="price, base price",
        discount="discount amount",
        part_of="parent item id",
    ),
    _layout(
        "PrestaShop's order details",
        "id order, product name, product quantity, unit price tax incl",
        order_id="id order",
        product_id="product id, product reference",
        title="product name",
        quantity="product quantity",
        unit_price="unit price tax incl, unit price tax excl",  # after reductions; product_price is before them
    ),
    _layout(
        "Toast's item selections",
        "menu item, qty, gross price, net price",
        order_id="order id, order no",
        product_id="item id, master id",
        title="menu item",
        ordered_at="order date, sent date",
        quantity="qty",
        line_total="net price",
        region_id="location",
        category="menu group",
        cancelled="void",
    ),
    _layout(
        "Xero's sales invoices",
        "invoice number, inventory item code, unit amount",
        order_id="invoice number",
        product_id="inventory item code",
        title="description",
        ordered_at="invoice date",
        quantity="quantity",
        unit_price="unit amount",
        discount_percent="discount",
        customer_id="email address, contact name",
        region_id="po country",
        currency="currency",
        status="status",
    ),
    _layout(
        "Lightspeed's sales history",
        "receipt, line type, details, quantity, sku",
        keep={"line type": ("sale line", "saleline")},
        order_id="receipt",
        product_id="sku",
        title="details",
        ordered_at="date",
        quantity="quantity",
        line_total="subtotal, total",
        customer_id="customer code, customer",
        region_id="register",
        status="status",
    ),
    _layout(
        "an SAP list of order items",
        "vbeln, matnr",
        returned=("RE", "H", "K"),
        order_id="vbeln",
        product_id="matnr",
        title="arktx, maktx",
        ordered_at="audat, erdat, bstdk, fkdat",
        time="erzet",
        quantity="kwmeng, fkimg, lfimg, menge",
        unit_price="netpr",
        line_total="netwr",
        price_per="kpein",
        customer_id="kunnr, kunag",
        region_id="werks, land1",
        postcode="pstlz",
        currency="waerk, waers",
        category="matkl",
        status="vbtyp, auart",
        cancelled="abgru",
    ),
)


def recognise(names: Iterable[str]) -> Layout | None:
    """Find the layout that all of its telling columns name; of several the one with most of them, or None."""
    # SAP's tools may write the table before the field: VBAP-MATNR.
    here = {plain(name) for name in names}
    here |= {name.split(" ", 1)[1] for name in here if name.startswith(("vbap ", "vbak ", "makt ", "vbrp ", "vbrk "))}
    found = [layout for layout in LAYOUTS if here.issuperset(layout.tells)]
    return max(found, key=lambda layout: len(layout.tells), default=None)
