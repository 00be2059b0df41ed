"""Small exports after the systems' own documentation, with faults that real ones have; each with what is right."""

# ruff: noqa: E501, W291
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Describe an export: its files, the columns that must be proposed, and its first order lines."""

    name: str
    files: dict[str, bytes]
    columns: dict[str, str]
    lines: list[tuple[str, str, str, int, float]]  # order, product, moment, quantity, price of a unit
    titles: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)


LAYOUTS: list[Layout] = []


def add(name: str, files: dict[str, str], encoding: str = "utf-8", **more: object) -> None:
    content = {file: text.lstrip("\n").encode(encoding) for file, text in files.items()}
    LAYOUTS.append(Layout(name, content, **more))  # type: ignore[arg-type]


def write(layout: Layout, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in layout.files.items():
        (folder / name).write_bytes(data)
    return folder


add(
    "shopify",
    {
        "orders_export_1.csv": """
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,Billing Zip,Billing Country,Shipping Name,Shipping Zip,Shipping Country,Notes,Cancelled at,Payment Method,Refunded Amount,Vendor,Id,Tags,Source,Lineitem discount
#1001,ann@example.com,paid,2023-01-02 08:11:09 -0500,fulfilled,2023-01-03 10:00:00 -0500,yes,USD,33.00,5.00,0.00,38.00,,0.00,Standard,2023-01-02 08:11:00 -0500,2,Red mug - Large,12.00,15.00,MUG-R,true,true,fulfilled,Ann A,1 Road,'07030,US,Ann A,'07030,US,,,Card,0.00,Acme,4501,,web,0.00
#1001,ann@example.com,,,,,,,,,,,,,,,1,Blue cup,9.00,,CUP-B,true,true,fulfilled,,,,,,,,,,,,Acme,,,,0.00
#1002,bob@example.com,refunded,2023-05-02 09:00:00 -0400,fulfilled,,no,USD,12.00,5.00,0.00,17.00,,0.00,Standard,2023-05-02 08:59:00 -0400,1,Red mug - Large,12.00,15.00,MUG-R,true,true,fulfilled,Bob B,2 Road,10001,US,Bob B,10001,US,,,Card,17.00,Acme,4502,,web,0.00
#1003,ann@example.com,paid,2023-05-03 09:00:00 -0400,fulfilled,,no,USD,20.00,5.00,0.00,25.00,,0.00,Standard,2023-05-03 09:00:00 -0400,1,Gift card,20.00,,,false,false,fulfilled,Ann A,1 Road,10001,US,Ann A,10001,US,,,Card,0.00,Acme,4503,,web,0.00
#1004,cem@example.com,voided,,,,no,USD,9.00,5.00,0.00,14.00,,0.00,Standard,2023-05-04 09:00:00 -0400,1,Blue cup,9.00,,CUP-B,true,true,pending,Cem C,3 Road,10001,US,Cem C,10001,US,,2023-05-04 10:00:00 -0400,Card,0.00,Acme,4504,,web,0.00
"""
    },
    columns={
        "order_id": "Name",
        "product_id": "Lineitem sku",
        "title": "Lineitem name",
        "ordered_at": "Created at",
        "quantity": "Lineitem quantity",
        "unit_price": "Lineitem price",
        "customer_id": "Email",
        "region_id": "Shipping Country",
    },
    lines=[
        ("#1001", "MUG-R", "2023-01-02 08:11", 2, 12.0),
        ("#1001", "CUP-B", "2023-01-02 08:11", 1, 9.0),
        ("#1002", "MUG-R", "2023-05-02 08:59", 1, 12.0),
        ("#1003", "Gift card", "2023-05-03 09:00", 1, 20.0),
    ],
    titles={"MUG-R": "Red mug - Large", "Gift card": "Gift card"},
)
add(
    "woocommerce",
    {
        "orders.csv": """
Order Number,Order Status,Order Date,Customer Note,First Name (Billing),Last Name (Billing),Email (Billing),Country Code (Billing),Payment Method Title,Cart Discount Amount,Order Subtotal Amount,Shipping Method Title,Order Shipping Amount,Order Refund Amount,Order Total Amount,Order Total Tax Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Coupon Code,Discount Amount,Discount Amount Tax
801,Completed,2023-02-01 10:22,,Ann,A,ann@example.com,GB,Card,0,31,Flat rate,4,0,35,0,M-1,1,Red mug,2,11.00,,0,0
801,Completed,2023-02-01 10:22,,Ann,A,ann@example.com,GB,Card,0,31,Flat rate,4,0,35,0,C-1,2,Blue cup,1,9.00,,0,0
802,Processing,2023-02-03 18:05,,Bob,B,bob@example.com,GB,Card,0,9,Flat rate,4,0,13,0,C-1,1,Blue cup,1,9.00,,0,0
803,Cancelled,2023-02-04 18:05,,Bob,B,bob@example.com,GB,Card,0,9,Flat rate,4,0,13,0,C-1,1,Blue cup,1,9.00,,0,0
"""
    },
    columns={
        "order_id": "Order Number",
        "product_id": "SKU",
        "title": "Item Name",
        "ordered_at": "Order Date",
        "quantity": "Quantity (- Refund)",
        "unit_price": "Item Cost",
    },
    lines=[
        ("801", "M-1", "2023-02-01 10:22", 2, 11.0),
        ("801", "C-1", "2023-02-01 10:22", 1, 9.0),
        ("802", "C-1", "2023-02-03 18:05", 1, 9.0),
    ],
    titles={"M-1": "Red mug", "C-1": "Blue cup"},
)
add(
    "amazon all orders",
    {
        "123456789.txt": """
amazon-order-id	merchant-order-id	purchase-date	last-updated-date	order-status	fulfillment-channel	sales-channel	order-channel	url	ship-service-level	product-name	sku	asin	item-status	quantity	currency	item-price	item-tax	shipping-price	shipping-tax	gift-wrap-price	gift-wrap-tax	item-promotion-discount	ship-promotion-discount	ship-city	ship-state	ship-postal-code	ship-country	promotion-ids
111-1	111-1	2023-03-01T07:12:33+00:00	2023-03-02T07:00:00+00:00	Shipped	Amazon	Amazon.com			Expedited	Red mug	MUG-R	B001	Shipped	3	USD	36.00	2.10							HOBOKEN	NJ	07030	US	
111-1	111-1	2023-03-01T07:12:33+00:00	2023-03-02T07:00:00+00:00	Shipped	Amazon	Amazon.com			Expedited	Blue cup	CUP-B	B002	Shipped	1	USD	9.00	0.50							HOBOKEN	NJ	07030	US	
111-2	111-2	2023-03-02T20:00:00+00:00	2023-03-02T21:00:00+00:00	Cancelled	Amazon	Amazon.com			Standard	Red mug	MUG-R	B001	Cancelled	0	USD									AUSTIN	TX	73301	US	
111-3	111-3	2023-03-03T20:00:00+00:00	2023-03-03T21:00:00+00:00	Shipped	Amazon	Amazon.com			Standard	Red mug	MUG-R	B001	Shipped	1	USD	12.00	0.70							AUSTIN	TX	73301	US	
"""
    },
    columns={
        "order_id": "amazon-order-id",
        "product_id": "sku",
        "title": "product-name",
        "ordered_at": "purchase-date",
        "quantity": "quantity",
        "line_total": "item-price",
        "region_id": "ship-country",
    },
    lines=[
        ("111-1", "MUG-R", "2023-03-01 07:12:33", 3, 12.0),
        ("111-1", "CUP-B", "2023-03-01 07:12:33", 1, 9.0),
        ("111-3", "MUG-R", "2023-03-03 20:00", 1, 12.0),
    ],
    titles={"MUG-R": "Red mug"},
)
add(
    "amazon transactions, German",
    {
        "2023MonthlyTransaction.csv": """
"Enthält Transaktionen von Amazon Marketplace"
"Alle Beträge in EUR, sofern nicht anders angegeben"
"Definitionen:"
"Umsätze: Enthält Warenwert"
"Datum/Uhrzeit","Abrechnungsnummer","Typ","Bestellnummer","SKU","Beschreibung","Menge","Marketplace","Versand","Ort der Bestellung","Bundesland","Postleitzahl","Steuererhebungsmodell","Umsätze","Produktumsatzsteuer","Gutschrift für Versandkosten","Verkaufsgebühren","Gesamt"
"03.01.2023 11:45:10 UTC","158","Bestellung","302-1","TASSE-R","Rote Tasse","2","amazon.de","Amazon","Köln","NRW","50667","","24,00","3,83","0","-3,60","24,23"
"04.01.2023 01:00:00 UTC","158","Servicegebühr","","","Kosten der Werbung","","amazon.de","","","","","","0","0","0","-33,10","-33,10"
"05.01.2023 12:05:10 UTC","158","Bestellung","302-2","TASSE-B","Blaue Tasse","1","amazon.de","Amazon","Berlin","Berlin","10115","","1.009,00","1,43","0","-1,35","9,08"
"07.01.2023 08:05:10 UTC","158","Erstattung","302-1","TASSE-R","Rote Tasse","2","amazon.de","Amazon","Köln","NRW","50667","","-24,00","-3,83","0","3,60","-24,23"
"09.01.2023 08:05:10 UTC","158","Übertrag","","","Auf Konto","","","","","","","","0","0","0","0","-500,00"
"""
    },
    columns={
        "order_id": "Bestellnummer",
        "product_id": "SKU",
        "title": "Beschreibung",
        "ordered_at": "Datum/Uhrzeit",
        "quantity": "Menge",
        "line_total": "Umsätze",
        "status": "Typ",
    },
    lines=[
        ("302-1", "TASSE-R", "2023-01-03 11:45:10", 2, 12.0),
        ("302-2", "TASSE-B", "2023-01-05 12:05:10", 1, 1009.0),
    ],
    titles={"TASSE-R": "Rote Tasse"},
)
add(
    "amazon settlement, German",
    {
        "settlement.txt": """
settlement-id	settlement-start-date	settlement-end-date	deposit-date	total-amount	currency	transaction-type	order-id	merchant-order-id	adjustment-id	shipment-id	marketplace-name	amount-type	amount-description	amount	fulfillment-id	posted-date	posted-date-time	order-item-code	merchant-order-item-id	merchant-adjustment-item-id	sku	quantity-purchased	promotion-id
177	01.01.2023 00:00:00 UTC	14.01.2023 00:00:00 UTC	16.01.2023 00:00:00 UTC	812,11	EUR																		
177						Order	303-1			D1	Amazon.de	ItemPrice	Principal	30,00	AFN	02.01.2023	02.01.2023 10:11:12 UTC	55			M-1	2	
177						Order	303-1			D1	Amazon.de	ItemPrice	Tax	5,70	AFN	02.01.2023	02.01.2023 10:11:12 UTC	55			M-1		
177						Order	303-1			D1	Amazon.de	ItemFees	Commission	-4,50	AFN	02.01.2023	02.01.2023 10:11:12 UTC	55			M-1		
177						Order	303-2			D2	Amazon.de	ItemPrice	Principal	15,00	AFN	03.01.2023	03.01.2023 10:11:12 UTC	56			M-1	1	
"""
    },
    columns={
        "order_id": "order-id",
        "product_id": "sku",
        "ordered_at": "posted-date-time",
        "quantity": "quantity-purchased",
        "line_total": "amount",
    },
    lines=[("303-1", "M-1", "2023-01-02 10:11:12", 2, 15.0), ("303-2", "M-1", "2023-01-03 10:11:12", 1, 15.0)],
    titles={"M-1": "M-1"},
)
add(
    "etsy",
    {
        "EtsySoldOrderItems2023.csv": """
Sale Date,Item Name,Buyer,Quantity,Price,Coupon Code,Coupon Details,Discount Amount,Shipping Discount,Order Shipping,Order Sales Tax,Item Total,Currency,Transaction ID,Listing ID,Date Paid,Date Shipped,Ship Name,Ship Address1,Ship City,Ship State,Ship Zipcode,Ship Country,Order ID,Variations,Order Type,Listings Type,Payment Type,VAT Paid by Buyer,SKU
11/28/23,"Mug, red",ann,2,12.00,,,0,0,4,0,24.00,USD,9001,501,11/28/23,11/29/23,Ann A,1 Road,Hoboken,NJ,07030,United States,7001,,online,listing,online_cc,0,
11/03/23,Blue cup,bob,1,9.00,,,0,0,4,0,9.00,USD,9000,502,11/03/23,11/04/23,Bob B,2 Road,Austin,TX,73301,United States,7000,,online,listing,online_cc,0,
"""
    },
    columns={
        "order_id": "Order ID",
        "product_id": "Listing ID",
        "title": "Item Name",
        "ordered_at": "Sale Date",
        "quantity": "Quantity",
        "unit_price": "Price",
    },
    lines=[("7000", "502", "2023-11-03", 1, 9.0), ("7001", "501", "2023-11-28", 2, 12.0)],
    titles={"501": "Mug, red"},
)
add(
    "square",
    {
        "items-2023.csv": """
Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,Payment ID,Device Name,Notes,Details,Event Type,Location,Dining Option,Customer ID,Customer Name,Customer Reference ID,Unit,Count
01/05/23,09:12:33,Eastern Time (US & Canada),Drinks,Latte,2.0,Regular,LAT,,"$9.00","$0.00","$9.00","$0.80",tx1,p1,Till,,https://x,Payment,Main St,,,,,,2
01/05/23,09:12:33,Eastern Time (US & Canada),Food,Bagel,1.0,Regular,BAG,,"$3.50","-$0.50","$3.00","$0.20",tx1,p1,Till,,https://x,Payment,Main St,,,,,,1
01/18/23,14:00:01,Eastern Time (US & Canada),Drinks,Latte,1.0,Regular,LAT,,"$4.50","$0.00","$4.50","$0.40",tx2,p2,Till,,https://x,Payment,Main St,,,,,,1
01/19/23,14:10:01,Eastern Time (US & Canada),Drinks,Latte,-1.0,Regular,LAT,,"($4.50)","$0.00","($4.50)","-$0.40",tx3,p3,Till,,https://x,Refund,Main St,,,,,,-1
"""
    },
    columns={
        "order_id": "Transaction ID",
        "product_id": "SKU",
        "title": "Item",
        "ordered_at": "Date",
        "time": "Time",
        "quantity": "Qty",
        "line_total": "Gross Sales",
    },
    lines=[
        ("tx1", "LAT", "2023-01-05 09:12:33", 2, 4.5),
        ("tx1", "BAG", "2023-01-05 09:12:33", 1, 3.0),  # of 3.50, less a discount of 0.50
        ("tx2", "LAT", "2023-01-18 14:00:01", 1, 4.5),
    ],
    titles={"BAG": "Bagel"},
)
add(
    "german erp",
    {
        "belege.csv": """
sep=;
Belegnr;Belegdatum;Kundennr;PLZ;Pos;Artikelnr;Bezeichnung;Menge;ME;Einzelpreis;Gesamtpreis
RE-1;05.01.2023;10001;01067;1;0815;Tasse weiß;10;Stk;1.204,50;12.045,00
RE-1;05.01.2023;10001;01067;2;0816;Löffel;4;Stk;2,25;9,00
RE-2;06.01.2023;10002;80331;1;0816;Löffel;1;Stk;2,25;2,25
Summe;;;;;;;;;;12.056,25
"""
    },
    encoding="cp1252",
    columns={
        "order_id": "Belegnr",
        "product_id": "Artikelnr",
        "title": "Bezeichnung",
        "ordered_at": "Belegdatum",
        "quantity": "Menge",
        "unit_price": "Einzelpreis",
        "customer_id": "Kundennr",
        "postcode": "PLZ",
    },
    lines=[
        ("RE-1", "0815", "2023-01-05", 10, 1204.5),
        ("RE-1", "0816", "2023-01-05", 4, 2.25),
        ("RE-2", "0816", "2023-01-06", 1, 2.25),
    ],
    titles={"0815": "Tasse weiß", "0816": "Löffel"},
)
add(
    "french erp",
    {
        "ventes.csv": """
N° commande;Date;Client;Référence;Désignation;Qté;PU HT;Montant HT
C001;31/01/2023;Dupont;A-1;Tasse rouge;3;4,50 €;13,50 €
C001;31/01/2023;Dupont;A-2;Cuillère;1;1 250,00 €;1 250,00 €
C002;01/02/2023;Durand;A-1;Tasse rouge;1;4,50 €;4,50 €
"""
    },
    encoding="utf-16",
    columns={
        "order_id": "N° commande",
        "product_id": "Référence",
        "title": "Désignation",
        "ordered_at": "Date",
        "quantity": "Qté",
        "unit_price": "PU HT",
        "customer_id": "Client",
    },
    lines=[
        ("C001", "A-1", "2023-01-31", 3, 4.5),
        ("C001", "A-2", "2023-01-31", 1, 1250.0),
        ("C002", "A-1", "2023-02-01", 1, 4.5),
    ],
    titles={"A-2": "Cuillère"},
)
add(
    "sap",
    {
        "vbap.csv": """
VBELN;POSNR;AUART;MATNR;ARKTX;ERDAT;KWMENG;VRKME;NETPR;KPEIN;NETWR;WAERK;WERKS;KUNNR;ABGRU
0000004711;000010;TA;000000000000000815;Tasse weiss;20230105;2,000;ST;450,00;100;9,00;EUR;1000;0000100001;
0000004711;000020;TA;000000000000000816;Löffel;20230105;12,000;ST;1,50;1;18,00;EUR;1000;0000100001;
0000004712;000010;TA;000000000000000815;Tasse weiss;20230107;1,000;ST;450,00;100;4,50;EUR;2000;0000100002;
0000004713;000010;TA;000000000000000815;Tasse weiss;20230108;1,000;ST;450,00;100;4,50;EUR;2000;0000100002;50
"""
    },
    columns={
        "order_id": "VBELN",
        "product_id": "MATNR",
        "title": "ARKTX",
        "ordered_at": "ERDAT",
        "quantity": "KWMENG",
        "unit_price": "NETPR",
        "region_id": "WERKS",
    },
    lines=[
        ("0000004711", "000000000000000815", "2023-01-05", 2, 4.5),
        ("0000004711", "000000000000000816", "2023-01-05", 12, 1.5),
        ("0000004712", "000000000000000815", "2023-01-07", 1, 4.5),
    ],
    titles={"000000000000000816": "Löffel"},
)
add(
    "sap, joined tables",
    {
        "VBAK.csv": "VBELN;ERDAT;KUNNR;VKORG\n4711;05.01.2023;100001;1000\n4712;17.01.2023;100002;1000\n",
        "VBAP.csv": "VBELN;POSNR;MATNR;KWMENG;NETPR\n4711;10;M-01;2,000;4,50\n4711;20;M-02;1,000;1,50\n4712;10;M-01;3,000;4,50\n",
        "MAKT.csv": "MATNR;SPRAS;MAKTX\nM-01;D;Tasse weiss\nM-02;D;Loeffel\nM-03;D;Gabel\n",
    },
    columns={
        "order_id": "VBELN",
        "product_id": "MATNR",
        "title": "MAKTX",
        "ordered_at": "ERDAT",
        "quantity": "KWMENG",
        "unit_price": "NETPR",
    },
    lines=[
        ("4711", "M-01", "2023-01-05", 2, 4.5),
        ("4711", "M-02", "2023-01-05", 1, 1.5),
        ("4712", "M-01", "2023-01-17", 3, 4.5),
    ],
    titles={"M-01": "Tasse weiss", "M-03": "Gabel"},
)
add(
    "ebay",
    {
        "eBay-OrdersReport.csv": """

Sales Record Number,Order Number,Buyer Username,Buyer Name,Buyer Email,Ship To Zip,Ship To Country,Item Number,Item Title,Custom Label,Sold Via Promoted Listings,Quantity,Sold For,Shipping And Handling,Total Price,Payment Method,Sale Date,Paid On Date,Ship By Date,Variation Details

101,05-1,ann,Ann A,a@x.org,07030,United States,,,,,3,$33.00,$4.00,$37.00,PayPal,Jan-05-23,Jan-05-23,Jan-08-23,
101,05-1,ann,,,,,3301,Red mug,MUG-R,No,2,$12.00,,,,Jan-05-23,,,
101,05-1,ann,,,,,3302,Blue cup,CUP-B,No,1,$9.00,,,,Jan-05-23,,,
102,05-2,bob,Bob B,b@x.org,10001,United States,3301,Red mug,MUG-R,No,1,$12.00,$4.00,$16.00,PayPal,Jan-09-23,Jan-09-23,Jan-12-23,

2,record(s) downloaded
Seller ID : myshop
"""
    },
    columns={
        "order_id": "Order Number",
        "product_id": "Custom Label",
        "title": "Item Title",
        "ordered_at": "Sale Date",
        "quantity": "Quantity",
        "unit_price": "Sold For",
    },
    lines=[
        ("05-1", "MUG-R", "2023-01-05", 2, 12.0),
        ("05-1", "CUP-B", "2023-01-05", 1, 9.0),
        ("05-2", "MUG-R", "2023-01-09", 1, 12.0),
    ],
    titles={"MUG-R": "Red mug"},
)
add(
    "magento",
    {
        "sales_order_item.csv": """
increment_id,created_at,status,customer_email,store_id,sku,name,product_type,qty_ordered,qty_invoiced,qty_shipped,qty_refunded,price,base_price,original_price,row_total,tax_amount,discount_amount,order_currency_code
000000101,2023-06-01 12:00:05,complete,a@x.org,1,MUG,Red mug,simple,2.0000,2.0000,2.0000,0.0000,12.0000,12.0000,14.0000,24.0000,0.0000,0.0000,EUR
000000102,2023-06-02 12:00:05,canceled,b@x.org,1,MUG,Red mug,simple,1.0000,0.0000,0.0000,0.0000,12.0000,12.0000,14.0000,12.0000,0.0000,0.0000,EUR
000000103,2023-06-03 12:00:05,complete,b@x.org,1,CUP,Blue cup,simple,3.0000,3.0000,3.0000,0.0000,9.0000,9.0000,9.0000,27.0000,0.0000,0.0000,EUR
"""
    },
    columns={
        "order_id": "increment_id",
        "product_id": "sku",
        "title": "name",
        "ordered_at": "created_at",
        "quantity": "qty_ordered",
        "unit_price": "price",
    },
    lines=[("000000101", "MUG", "2023-06-01 12:00:05", 2, 12.0), ("000000103", "CUP", "2023-06-03 12:00:05", 3, 9.0)],
    titles={"CUP": "Blue cup"},
)
add(
    "lightspeed",
    {
        "sales.csv": """
Date,Receipt,Line Type,Customer Code,Customer,Note,Quantity,Subtotal,Sales Tax,Discount,Total,Paid,Details,Register,User,Status,Sku
2023-04-01 10:00:00,55,Sale,,Ann,,3,33.00,0.00,0.00,33.00,33.00,2 X Red mug + 1 X Blue cup,Main,joe,CLOSED,
2023-04-01 10:00:00,55,Sale Line,,Ann,,2,24.00,0.00,0.00,24.00,,Red mug,Main,joe,CLOSED,MUG
2023-04-01 10:00:00,55,Sale Line,,Ann,,1,9.00,0.00,0.00,9.00,,Blue cup,Main,joe,CLOSED,CUP
2023-04-01 10:00:00,55,Payment,,Ann,,0,0.00,0.00,0.00,0.00,33.00,Cash,Main,joe,CLOSED,
"""
    },
    columns={
        "order_id": "Receipt",
        "product_id": "Sku",
        "title": "Details",
        "ordered_at": "Date",
        "quantity": "Quantity",
        "line_total": "Subtotal",
    },
    lines=[("55", "MUG", "2023-04-01 10:00", 2, 12.0), ("55", "CUP", "2023-04-01 10:00", 1, 9.0)],
    titles={"MUG": "Red mug"},
)
add(
    "shopware",
    {
        "order_lines.csv": """
orderNumber;orderDateTime;orderState;productNumber;label;quantity;unitPrice;totalPrice;customerEmail;country
10001;2023-02-03T11:12:13.000+00:00;completed;SW1;Rote Tasse;2;12.5;25;a@x.org;DE
10002;2023-02-04T11:12:13.000+00:00;completed;SW2;Blaue Tasse;1;9;9;b@x.org;AT
10003;2023-02-05T11:12:13.000+00:00;cancelled;SW2;Blaue Tasse;1;9;9;b@x.org;AT
"""
    },
    columns={
        "order_id": "orderNumber",
        "product_id": "productNumber",
        "title": "label",
        "ordered_at": "orderDateTime",
        "quantity": "quantity",
        "unit_price": "unitPrice",
    },
    lines=[("10001", "SW1", "2023-02-03 11:12:13", 2, 12.5), ("10002", "SW2", "2023-02-04 11:12:13", 1, 9.0)],
    titles={"SW2": "Blaue Tasse"},
)
add(
    "orders, items and products",
    {
        "orders.csv": "order_id,date,customer\n1,2023-01-02,ann\n2,2023-01-15,bob\n",
        "items.csv": "order_id,sku,qty,price\n1,A,2,3.5\n1,B,1,9\n2,A,1,3.5\n",
        "products.csv": "sku,name,category,price\nA,Spoon,kitchen,4\nB,Fork,kitchen,9.5\nC,Knife,kitchen,5\n",
    },
    columns={
        "order_id": "order_id",
        "product_id": "sku",
        "title": "name",
        "ordered_at": "date",
        "quantity": "qty",
        "unit_price": "price",
        "customer_id": "customer",
    },
    lines=[("1", "A", "2023-01-02", 2, 3.5), ("1", "B", "2023-01-02", 1, 9.0), ("2", "A", "2023-01-15", 1, 3.5)],
    titles={"A": "Spoon", "C": "Knife"},
)
add(
    "spanish erp",
    {
        "pedidos.csv": """
Nº pedido;Fecha pedido;Código cliente;Provincia;Código artículo;Descripción;Cantidad;Precio unitario;Importe
P1;13/02/2023;77;Madrid;T1;Taza roja;2;4,50;9,00
P2;14/02/2023;78;Sevilla;T2;Cuchara;5;1,20;6,00
"""
    },
    columns={
        "order_id": "Nº pedido",
        "product_id": "Código artículo",
        "title": "Descripción",
        "ordered_at": "Fecha pedido",
        "quantity": "Cantidad",
        "unit_price": "Precio unitario",
    },
    lines=[("P1", "T1", "2023-02-13", 2, 4.5), ("P2", "T2", "2023-02-14", 5, 1.2)],
    titles={"T1": "Taza roja"},
)
add(
    "italian erp",
    {
        "ordini.csv": """
Numero ordine;Data ordine;Cliente;Codice articolo;Descrizione;Quantità;Prezzo unitario;Totale riga
1;13-02-2023;Rossi;T1;Tazza rossa;2;4,50;9,00
2;14-02-2023;Bianchi;T2;Cucchiaio;5;1,20;6,00
"""
    },
    columns={
        "order_id": "Numero ordine",
        "product_id": "Codice articolo",
        "title": "Descrizione",
        "ordered_at": "Data ordine",
        "quantity": "Quantità",
        "unit_price": "Prezzo unitario",
    },
    lines=[("1", "T1", "2023-02-13", 2, 4.5), ("2", "T2", "2023-02-14", 5, 1.2)],
    titles={"T2": "Cucchiaio"},
)
add(
    "dutch shop",
    {
        "verkopen.csv": """
Ordernummer;Besteldatum;Klantnummer;Artikelnummer;Omschrijving;Aantal;Stukprijs;Totaal
1;13-02-2023;7;T1;Rode mok;2;€ 4,50;€ 9,00
2;14-02-2023;8;T2;Lepel;5;€ 1,20;€ 6,00
"""
    },
    columns={
        "order_id": "Ordernummer",
        "product_id": "Artikelnummer",
        "title": "Omschrijving",
        "ordered_at": "Besteldatum",
        "quantity": "Aantal",
        "unit_price": "Stukprijs",
    },
    lines=[("1", "T1", "2023-02-13", 2, 4.5), ("2", "T2", "2023-02-14", 5, 1.2)],
    titles={"T1": "Rode mok"},
)
add(
    "a database's tables, each with an id of its own",
    {
        "orders.csv": "id,customer_id,created_at,status\n1,7,2023-01-02 10:00:00,complete\n2,8,2023-01-15 11:00:00,complete\n"
        "3,8,2023-01-16 11:00:00,cancelled\n",
        "order_items.csv": "id,order_id,product_id,quantity,price\n1,1,2,1,9.5\n2,1,3,2,4.0\n3,2,2,3,9.5\n4,3,2,1,9.5\n",
        "products.csv": "id,sku,name,price\n2,MUG,Red mug,10.0\n3,CUP,Blue cup,4.5\n4,POT,Tea pot,20.0\n",
    },
    columns={
        "order_id": "order_id",
        "product_id": "product_id",
        "title": "name",
        "ordered_at": "created_at",
        "quantity": "quantity",
        "unit_price": "price",
        "list_price": "price",
        "status": "status",
    },
    lines=[
        ("1", "2", "2023-01-02 10:00", 1, 9.5),
        ("1", "3", "2023-01-02 10:00", 2, 4.0),
        ("2", "2", "2023-01-15 11:00", 3, 9.5),
    ],
    titles={"2": "Red mug", "4": "Tea pot"},
)
