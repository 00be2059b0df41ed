"""Files that look like the publishers' own, made from the tiny simulated store, with the publishers' faults planted.

They prove the loaders, and the lessons' second parts, where the real data are not.
`python tests/helpers/lookalike.py FOLDER` fills a folder that ECOMLIB_DATA_DIR can point at; names, columns and types
are those of the real files, sizes are not.
"""

from __future__ import annotations

import sys
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from ecomlib.stores import Store, load_store

FIRST_DAY, LAST_MOMENT = pd.Timestamp("2009-12-01"), pd.Timestamp("2011-12-09 12:50")
SECOND_FROM, FIRST_UNTIL = pd.Timestamp("2010-12-01 08:26"), pd.Timestamp("2010-12-09 20:01")
COUNTRIES = (
    "United Kingdom",
    "EIRE",
    "Germany",
    "France",
    "RSA",
    "Channel Islands",
    "Unspecified",
    "European Community",
    "USA",
)
EDITION_1 = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
EDITION_2 = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
WEEKS_OF_TINY = 26


@dataclass(frozen=True)
class Shop:
    """Both years under the first edition's names, and what was planted: rows (and units) by reason."""

    first: pd.DataFrame
    second: pd.DataFrame
    rows: dict[str, int]
    matched_units: int
    products: int
    customers: int
    lower_case: int


def online_retail(seed: int = 0, store: Store | None = None) -> Shop:
    """Two years of invoices: the tiny store's half-year four times over, a fifth of the lines left out each time."""
    store = store or load_store("tiny")
    rng = np.random.default_rng(seed)
    lines = _two_years(store, rng)
    goods = _codes(store)
    lines["StockCode"] = lines["product_id"].map(goods)
    titles = store.products.set_index("product_id")["title"].str.upper().str[:35]
    lines["Description"] = lines["product_id"].map(titles)
    customers = {name: 12346 + place for place, name in enumerate(sorted(lines["customer_id"].dropna().unique()))}
    lines["CustomerID"] = lines["customer_id"].map(customers).astype("Int32")
    lines["Country"] = lines["region_id"].map(dict(zip(sorted(store.regions["region_id"]), COUNTRIES, strict=True)))
    lines["InvoiceNo"] = (489434 + pd.factorize(lines["order_id"])[0]).astype(str)
    lines = lines.rename(columns={"ordered_at": "InvoiceDate", "quantity": "Quantity", "unit_price": "UnitPrice"})
    sold = lines[EDITION_1].reset_index(drop=True)

    cancelled, unmatched, units = _cancellations(sold, rng)
    services = _services(sold, rng)
    write_off = sold.sample(30, random_state=rng).assign(UnitPrice=0.0, CustomerID=_guests(30))
    write_off = write_off.assign(Quantity=-write_off["Quantity"] * 7, Description=["damaged", "?", None] * 10)
    gift = sold.sample(20, random_state=rng).assign(UnitPrice=0.0, CustomerID=_guests(20), Description="found")
    twice = sold.sample(25, random_state=rng)
    small = rng.random(len(sold)) < 0.01
    sold.loc[small, "StockCode"] = sold.loc[small, "StockCode"].str.lower() + " "
    wordless = rng.random(len(sold)) < 0.005
    sold.loc[wordless, "Description"] = "nan"

    groups = {
        "cancellation, its purchase found": cancelled,
        "cancellation, its purchase not found": unmatched,
        **services,
        "stock correction (no units sold)": write_off,
        "no price (given away, found or damaged)": gift,
        "kept": pd.concat([sold, twice]),
    }
    everything = pd.concat(groups.values(), ignore_index=True)
    everything = everything.astype({"Quantity": "int32", "CustomerID": "Int32", "InvoiceDate": "datetime64[ms]"})
    everything = everything.sort_values(["InvoiceDate", "InvoiceNo"], kind="stable", ignore_index=True)
    # The second file begins at this very minute, whatever was drawn, as the real one does.
    everything.loc[everything["InvoiceDate"].searchsorted(SECOND_FROM), "InvoiceDate"] = SECOND_FROM
    first = everything[everything["InvoiceDate"] <= FIRST_UNTIL].reset_index(drop=True)
    second = everything[everything["InvoiceDate"] >= SECOND_FROM].reset_index(drop=True)
    rows = Counter({reason: len(part) for reason, part in groups.items()})
    rows["in both years' files"] = len(first) + len(second) - len(everything)
    rows["read"] = len(first) + len(second)
    return Shop(first, second, dict(rows), units, lines["product_id"].nunique(), len(customers), int(small.sum()))


def _guests(count: int) -> Any:
    return pd.array([pd.NA] * count, dtype="Int32")


def _two_years(store: Store, rng: np.random.Generator) -> pd.DataFrame:
    orders = store.orders.assign(ordered_at=store.orders["ordered_at"].dt.floor("min"))
    shift = FIRST_DAY - orders["ordered_at"].min().normalize()
    blocks = []
    for number in range(5):
        block = orders[rng.random(len(orders)) < 0.8].copy()
        block["ordered_at"] += shift + pd.Timedelta(weeks=WEEKS_OF_TINY) * number
        block["order_id"] = f"{number}" + block["order_id"]
        blocks.append(block)
    lines = pd.concat(blocks, ignore_index=True)
    lines = lines[lines["ordered_at"] <= LAST_MOMENT]
    return lines.sort_values(["ordered_at", "order_id"], kind="stable", ignore_index=True)


def _codes(store: Store) -> dict[str, str]:
    """Five digits, and for every fifth product a letter, as in 85123A."""
    products = sorted(store.products["product_id"])
    return {name: f"{20000 + 7 * place}{'A' if place % 5 == 0 else ''}" for place, name in enumerate(products)}


def _cancellations(sold: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """C invoices: some of lines that can be found, some of lines that cannot (no customer, or another price)."""
    early = sold[sold["CustomerID"].notna() & (sold["InvoiceDate"] < LAST_MOMENT - pd.Timedelta(days=4))]
    # One a pair of customer and product: then there is always a line with units enough.
    picked = early.sample(160, random_state=rng).drop_duplicates(["CustomerID", "StockCode"])
    back = picked.assign(
        InvoiceNo=[f"C{536379 + place}" for place in range(len(picked))],
        InvoiceDate=picked["InvoiceDate"] + pd.Timedelta(days=3),
        Quantity=-np.where(rng.random(len(picked)) < 0.5, picked["Quantity"], 1),
    )
    lost = back.iloc[:40].copy()
    lost.iloc[:20, lost.columns.get_loc("CustomerID")] = pd.NA
    lost.iloc[20:, lost.columns.get_loc("UnitPrice")] += 1000.0
    found = back.iloc[40:]
    return found, lost, int(-found["Quantity"].sum())


def _services(sold: pd.DataFrame, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    kinds: dict[str, list[tuple[str, str | None, int, float]]] = {
        "postage and carriage": [
            ("POST", "POSTAGE", 1, 18.0),
            ("DOT", "DOTCOM POSTAGE", 1, 240.5),
            ("C2", "CARRIAGE", 1, 50),
        ],
        "manual entry": [("M", "Manual", 1, 373.57), ("m", "Manual", 1, 2.55)],
        "discount": [("D", "Discount", -1, 27.5)],
        "sample": [("S", "SAMPLES", -1, 6.0)],
        "fee or commission": [("BANK CHARGES", " Bank Charges", -1, 18.0), ("AMAZONFEE", "AMAZON FEE", -1, 7000.0)],
        "book entry": [("B", "Adjust bad debt", 1, -11062.06), ("ADJUST", "Adjustment by john", 1, 60.0)],
        "gift voucher": [("gift_0001_20", "Dotcomgiftshop Gift Voucher £20.00", 1, 16.67)],
        "test": [("TEST001", "This is a test product.", 5, 4.5)],
    }
    made = {}
    for service, codes in kinds.items():
        parts = []
        for code, words, quantity, price in codes:
            part = sold.sample(12 if code == "POST" else 3, random_state=rng)
            part = part.assign(StockCode=code, Description=words, Quantity=quantity, UnitPrice=price)
            if quantity < 0:
                part["InvoiceNo"] = "C" + part["InvoiceNo"]
            if code == "B":
                part = part.assign(InvoiceNo="A" + part["InvoiceNo"], CustomerID=_guests(len(part)))
            parts.append(part)
        made[f"service code: {service}"] = pd.concat(parts)
    return made


def complete_journey(store: Store | None = None) -> dict[str, pd.DataFrame]:
    """The eight tables of the R package, the transactions a sample, as the Parquet files hold them."""
    store = store or load_store("tiny")
    orders = store.orders[store.orders["customer_id"].notna()]
    number = orders["customer_id"].str.extract(r"(\d+)", expand=False).astype(int).astype("string")
    product = orders["product_id"].str.extract(r"(\d+)", expand=False).astype(int).add(800000)
    later = pd.Timestamp("2017-01-02") - orders["ordered_at"].min().normalize()
    discount = (0.1 * orders["unit_price"] * orders["quantity"]).round(2)
    lines = pd.DataFrame(
        {
            "household_id": number,
            "store_id": orders["region_id"].str[1:].astype(int).add(300).astype("string"),
            "basket_id": orders["order_id"].str[1:].astype(int).add(31198000000).astype("string"),
            "product_id": product.astype("string"),
            "quantity": orders["quantity"].astype("float64"),
            "sales_value": (orders["unit_price"] * orders["quantity"]).round(2),
            "retail_disc": discount.where(orders.index % 4 == 0, 0.0),
            "coupon_disc": 0.0,
            "coupon_match_disc": 0.0,
            "week": ((orders["ordered_at"] - orders["ordered_at"].min()).dt.days // 7 + 1).astype("Int32"),
            "transaction_timestamp": (orders["ordered_at"] + later).astype("datetime64[us]"),
        }
    ).reset_index(drop=True)
    # The publisher's faults: petrol by volume, lines without units or money, a product that the product table lacks.
    lines.loc[:9, ["product_id", "quantity", "sales_value"]] = ["6534178", 17335.0, 30.0]
    lines.loc[10:14, "quantity"] = 0.0
    lines.loc[15:17, "sales_value"] = 0.0
    lines.loc[18:19, "product_id"] = "999999999"
    goods = store.products
    number = goods["product_id"].str.extract(r"(\d+)", expand=False).astype(int).add(800000)
    products = pd.DataFrame(
        {
            "product_id": number.astype("string"),
            "manufacturer_id": pd.Series("69", index=goods.index, dtype="string"),
            "department": pd.Series("GROCERY", index=goods.index, dtype="string"),
            "brand": pd.Categorical(np.where(np.arange(len(goods)) % 3 == 0, "Private", "National")),
            "product_category": goods["category"].str.upper().astype("string"),
            "product_type": goods["title"].str.upper().str[:30].astype("string"),
            "package_size": pd.Series([None, "50 OZ", "1 LB"] * (len(goods) // 3), dtype="string"),
        }
    )
    petrol = {
        "product_id": "6534178",
        "manufacturer_id": "69",
        "department": "FUEL",
        "brand": "Private",
        "product_category": "COUPON/MISC ITEMS",
        "product_type": "GASOLINE-REG UNLEADED",
        "package_size": "1 GA",
    }
    products = pd.concat([products, pd.DataFrame([petrol]).astype(products.dtypes.to_dict())], ignore_index=True)
    homes = pd.Series(sorted(lines["household_id"].unique(), key=int), dtype="string")
    some = homes.iloc[::3].reset_index(drop=True)
    demographics = pd.DataFrame({"household_id": some})
    for column, value in {
        "age": "45-54",
        "income": "35-49K",
        "home_ownership": "Homeowner",
        "marital_status": "Married",
        "household_size": "2",
        "household_comp": "2 Adults No Kids",
        "kids_count": "0",
    }.items():
        demographics[column] = pd.Categorical([value] * len(some))
    campaigns = pd.DataFrame({"campaign_id": ["1"] * 40 + ["2"] * 30, "household_id": [*homes[:40], *homes[20:50]]})
    days = {"campaign_id": ["1", "2"], "campaign_type": pd.Categorical(["Type B", "Type A"])}
    descriptions = pd.DataFrame(days | {"start_date": [17228.0, 17284.0], "end_date": [17265.0, 17300.0]})
    coupons = pd.DataFrame({"coupon_upc": "10000085207", "product_id": products["product_id"], "campaign_id": "1"})
    redeemed = {"household_id": homes[:5], "coupon_upc": "10000085207", "campaign_id": "1", "redemption_date": 17240.0}
    promoted = {"store_id": "301", "display_location": "3", "mailer_location": "A", "week": 1}
    return {
        "transactions_sample": lines,
        "products": products,
        "demographics": demographics,
        "campaigns": campaigns.astype("string"),
        "campaign_descriptions": descriptions.astype({"campaign_id": "string"}),
        "coupons": coupons.astype("string"),
        "coupon_redemptions": pd.DataFrame(redeemed),
        "promotions_sample": products[["product_id"]].assign(**promoted),
    }


def small_sets(store: Store | None = None) -> dict[str, pd.DataFrame]:
    """The single-lesson data sets by their path in the data folder, with the real columns."""
    store = store or load_store("tiny")
    rng = np.random.default_rng(7)
    sessions, reviews, mailings = store.sessions, store.reviews, store.mailings
    assert sessions is not None and reviews is not None and mailings is not None
    n, m = len(sessions), len(mailings)
    shoppers = pd.DataFrame(
        {
            "Administrative": rng.poisson(2, n),
            "Administrative_Duration": rng.exponential(80, n).round(2),
            "Informational": rng.poisson(0.5, n),
            "Informational_Duration": rng.exponential(30, n).round(2),
            "ProductRelated": rng.poisson(30, n),
            "ProductRelated_Duration": rng.exponential(1000, n).round(2),
            "BounceRates": rng.beta(1, 40, n),
            "ExitRates": rng.beta(1, 20, n),
            "PageValues": rng.exponential(6, n),
            "SpecialDay": 0.0,
            "Month": sessions["started_at"].dt.strftime("%b").replace({"Jun": "June"}),
            "OperatingSystems": 2,
            "Browser": 2,
            "Region": 1,
            "TrafficType": 1,
            "VisitorType": np.where(sessions["customer_id"].notna(), "Returning_Visitor", "New_Visitor"),
            "Weekend": sessions["started_at"].dt.day_of_week >= 5,
            "Revenue": sessions["converted"],
        }
    )
    clothing = pd.DataFrame(
        {
            "Clothing ID": pd.factorize(reviews["product_id"])[0] + 767,
            "Age": rng.integers(18, 90, len(reviews)),
            "Title": None,
            "Review Text": reviews["text"],
            "Rating": reviews["rating"].astype("int64"),
            "Recommended IND": (reviews["rating"] >= 4).astype("int64"),
            "Positive Feedback Count": 0,
            "Division Name": "Initmates",
            "Department Name": "Intimate",
            "Class Name": "Intimates",
        }
    )
    visit = rng.random(m) < np.where(mailings["treated"], 0.15, 0.11)
    hillstrom = pd.DataFrame(
        {
            "recency": rng.integers(1, 13, m),
            "history_segment": "2) $100 - $200",
            "history": rng.gamma(1, 240, m).round(2),
            "mens": rng.integers(0, 2, m),
            "womens": 1,
            "zip_code": "Surburban",
            "newbie": rng.integers(0, 2, m),
            "channel": "Web",
            "segment": np.where(mailings["treated"], "Womens E-Mail", "No E-Mail"),
            "visit": visit.astype(int),
            "conversion": 0,
            "spend": 0.0,
        }
    )
    days = pd.date_range("2012-04-01", periods=113)
    search = pd.MultiIndex.from_product([days, range(500, 530)], names=["day", "dma"]).to_frame(index=False)
    search = pd.DataFrame(
        {
            "date": [f"{day.day}-{day:%b}-{day:%y}" for day in search["day"]],
            "dma": search["dma"],
            "treatment_period": (search["day"] >= "2012-05-22").astype(int),
            "search stays on": (search["dma"] % 3 > 0).astype(int),
            "revenue": rng.lognormal(11, 1, len(search)),
        }
    )
    shops = pd.MultiIndex.from_product([[2, 5, 8], range(1, 12), range(40, 60)], names=["store", "brand", "week"])
    juice = shops.to_frame(index=False).astype("int32")
    juice["logmove"] = rng.normal(9, 1, len(juice))
    juice["constant"] = 1
    for brand in range(1, 12):
        juice[f"price{brand}"] = rng.normal(0.05, 0.01, len(juice)).clip(0.02)
    juice = juice.assign(deal=0, feat=0.0, profit=rng.normal(28, 5, len(juice)))
    places = pd.DataFrame({"STORE": pd.array([2, 5, 8], dtype="Int32")})
    columns = ["AGE60", "EDUC", "ETHNIC", "INCOME", "HHLARGE", "WORKWOM", "HVAL150", "SSTRDIST", "SSTRVOL", "CPDIST5"]
    columns += ["CPWVOL5"]
    places = places.assign(**{column: rng.random(3) for column in columns})
    return {
        "online_shoppers/online_shoppers_intention.csv.gz": shoppers,
        "womens_reviews/womens_clothing_reviews.parquet": clothing,
        "hillstrom/hillstrom.csv.gz": hillstrom,
        "ebay_paidsearch/paidsearch.parquet": search,
        "oj/orange_juice_weekly.parquet": juice,
        "oj/orange_juice_stores.parquet": places,
    }


def write_all(root: Path, seed: int = 0) -> Path:
    """Fill a folder that ``ECOMLIB_DATA_DIR`` can point at; returns it."""
    store = load_store("tiny")
    shop = online_retail(seed, store)
    parts = {
        "online_retail/online_retail_II_sheet1_2009-2010.parquet": shop.first,
        "online_retail/online_retail.parquet": shop.second,
        **{f"completejourney/{name}.parquet": frame for name, frame in complete_journey(store).items()},
        **small_sets(store),
    }
    for name, frame in parts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False)
    return root


def second_edition(shop: Shop) -> dict[str, pd.DataFrame]:
    """The workbook of UCI 502: two sheets, other names, and one line more than UCI 352 at the end of the second."""
    extra = shop.second.iloc[[-1]].assign(StockCode="POST", Description="POSTAGE", Quantity=1, UnitPrice=18.0)
    sheets = {"Year 2009-2010": shop.first, "Year 2010-2011": pd.concat([shop.second, extra], ignore_index=True)}
    return {name: sheet.set_axis(EDITION_2, axis=1) for name, sheet in sheets.items()}


def write_workbook(path: Path, sheets: dict[str, pd.DataFrame]) -> None:
    """An xlsx as a spreadsheet program saves it: numbers as numbers (so the code 20007 is no text), dates as days."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    link = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    pack = "http://schemas.openxmlformats.org/package/2006"
    mime = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(sheets) + 1)
    files = {
        "[Content_Types].xml": f'<Types xmlns="{pack}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{mime}.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="{mime}.styles+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{mime}.worksheet+xml"/>' for n in numbers
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{pack}/relationships"><Relationship Id="rId1" '
        f'Type="{link}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{link}"><sheets>'
        + "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{pack}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{link}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        + f'<Relationship Id="rId0" Type="{link}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/>'
        '<xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    for number, sheet in enumerate(sheets.values(), 1):
        rows = [list(sheet.columns), *sheet.itertuples(index=False)]
        body = "".join("<row>" + "".join(map(_cell, row)) + "</row>" for row in rows)
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in files.items():
            book.writestr(name, head + text)


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return "<c/>"
    if isinstance(value, pd.Timestamp):
        return f'<c s="1"><v>{(value - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)!r}</v></c>'
    if isinstance(value, str) and not value.isdigit():
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


if __name__ == "__main__":
    print(write_all(Path(sys.argv[1])))
