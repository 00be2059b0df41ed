"""More small exports after the systems' own documentation: web shops, marketplaces, tills and ERPs of further countries."""

# ruff: noqa: E501
from __future__ import annotations

from shop_exports import LAYOUTS, add

__all__ = ["LAYOUTS"]

add(
    "bigcommerce",
    {
        "orders.csv": """
Order ID,Customer ID,Customer Name,Customer Email,Order Status,Order Date,Order Time,Subtotal (inc tax),Subtotal (ex tax),Tax Total,Shipping Cost (inc tax),Coupon Details,Total Quantity,Total Shipped,Order Currency Code,Payment Method,Shipping Zip,Shipping Country,Product ID,Product Qty,Product SKU,Product Name,Product Weight,Product Unit Price,Product Total Price
101,7,Ann A,a@x.org,Completed,03/02/2023,10:22:11,33.00,30.00,3.00,4.00,,3,3,USD,Card,07030,United States,55,2,MUG,Red mug,0.4,12.00,24.00
101,7,Ann A,a@x.org,Completed,03/02/2023,10:22:11,33.00,30.00,3.00,4.00,,3,3,USD,Card,07030,United States,56,1,CUP,Blue cup,0.3,9.00,9.00
103,8,Bob B,b@x.org,Shipped,03/14/2023,09:00:00,9.00,8.00,1.00,4.00,,1,1,USD,Card,10001,United States,56,1,CUP,Blue cup,0.3,9.00,9.00
102,8,Bob B,b@x.org,Cancelled,03/14/2023,09:00:00,9.00,8.00,1.00,4.00,,1,0,USD,Card,10001,United States,56,1,CUP,Blue cup,0.3,9.00,9.00
"""
    },
    columns={
        "order_id": "Order ID",
        "product_id": "Product ID",
        "title": "Product Name",
        "ordered_at": "Order Date",
        "time": "Order Time",
        "quantity": "Product Qty",
        "unit_price": "Product Unit Price",
    },
    lines=[
        ("101", "55", "2023-03-02 10:22:11", 2, 12.0),
        ("101", "56", "2023-03-02 10:22:11", 1, 9.0),
        ("103", "56", "2023-03-14 09:00", 1, 9.0),
    ],
    titles={"55": "Red mug"},
)
add(
    "wix",
    {
        "orders.csv": """
Order number,Date created,Time,Total order quantity,Contact email,Note from customer,Item,Variant,SKU,Qty,Quantity refunded,Price,Weight,Delivery method,Recipient name,Delivery country,Delivery zip/postal code,Payment status,Payment method,Coupon code,Gift card amount,Shipping rate,Total tax,Total,Currency,Refunded amount,Net amount,Fulfillment status
10001,"Mar 2, 2023",9:12:33 AM,3,a@x.org,,Red mug,Large,MUG,2,0,12.00,0.4,Post,Ann A,USA,07030,Paid,Card,,0,4.00,0,37.00,USD,0,37.00,Fulfilled
10001,"Mar 2, 2023",9:12:33 AM,3,a@x.org,,Blue cup,,CUP,1,0,9.00,0.3,Post,Ann A,USA,07030,Paid,Card,,0,4.00,0,37.00,USD,0,37.00,Fulfilled
10002,"Mar 14, 2023",1:00:00 PM,1,b@x.org,,Blue cup,,CUP,1,0,9.00,0.3,Post,Bob B,USA,10001,Paid,Card,,0,4.00,0,13.00,USD,0,13.00,Fulfilled
"""
    },
    columns={
        "order_id": "Order number",
        "product_id": "SKU",
        "title": "Item",
        "ordered_at": "Date created",
        "time": "Time",
        "quantity": "Qty",
        "unit_price": "Price",
    },
    lines=[
        ("10001", "MUG", "2023-03-02 09:12:33", 2, 12.0),
        ("10001", "CUP", "2023-03-02 09:12:33", 1, 9.0),
        ("10002", "CUP", "2023-03-14 13:00", 1, 9.0),
    ],
    titles={"CUP": "Blue cup"},
)
add(
    "squarespace",
    {
        "orders.csv": """
Order ID,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,Shipping,Taxes,Amount Refunded,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Lineitem variant,Lineitem requires shipping,Billing Name,Billing Zip,Billing Country,Shipping Name,Shipping Zip,Shipping Country,Cancelled at,Private Notes,Channel Type,Payment Method
00012,a@x.org,PAID,2023-03-02 09:12:33 -0500,FULFILLED,2023-03-03 09:00:00 -0500,USD,33.00,4.00,0.00,0.00,33.70,TEN,3.30,Post,2023-03-02 09:12:30 -0500,2,Red mug,12.00,SQ1,Large,true,Ann,07030,US,Ann,07030,US,,,web,STRIPE
00012,a@x.org,,,,,,,,,,,,,,,1,Blue cup,9.00,SQ2,,true,,,,,,,,,,
00013,b@x.org,PAID,2023-03-14 09:12:33 -0400,FULFILLED,,USD,9.00,4.00,0.00,0.00,13.00,,0.00,Post,2023-03-14 09:12:30 -0400,1,Blue cup,9.00,SQ2,,true,Bob,10001,US,Bob,10001,US,,,web,STRIPE
"""
    },
    columns={
        "order_id": "Order ID",
        "product_id": "Lineitem sku",
        "title": "Lineitem name",
        "ordered_at": "Created at",
        "quantity": "Lineitem quantity",
        "unit_price": "Lineitem price",
        "order_discount": "Discount Amount",
    },
    lines=[
        ("00012", "SQ1", "2023-03-02 09:12:30", 2, 10.8),
        ("00012", "SQ2", "2023-03-02 09:12:30", 1, 8.1),
        ("00013", "SQ2", "2023-03-14 09:12:30", 1, 9.0),
    ],
    titles={"SQ2": "Blue cup"},
)
add(
    "prestashop's tables",
    {
        "ps_orders.csv": "id_order;reference;id_customer;current_state;payment;total_discounts;total_paid;date_add\n"
        "5;XKBKNABJK;2;5;Card;0.000000;33.000000;2023-03-02 09:12:33\n6;OHSATSERP;3;2;Card;0.000000;9.000000;2023-03-14 10:00:00\n",
        "ps_order_detail.csv": "id_order_detail;id_order;product_id;product_attribute_id;product_name;product_quantity;product_quantity_refunded;product_price;reduction_percent;reduction_amount;product_reference;total_price_tax_incl;unit_price_tax_incl;unit_price_tax_excl\n"
        "1;5;11;0;Tasse rouge;2;0;10.000000;0.00;0.000000;T-R;24.000000;12.000000;10.000000\n"
        "2;5;12;0;Tasse bleue;1;0;7.500000;0.00;0.000000;T-B;9.000000;9.000000;7.500000\n"
        "3;6;12;0;Tasse bleue;1;0;7.500000;0.00;0.000000;T-B;9.000000;9.000000;7.500000\n",
    },
    columns={
        "order_id": "id_order",
        "title": "product_name",
        "ordered_at": "date_add",
        "quantity": "product_quantity",
        "unit_price": "unit_price_tax_incl",
        "product_id": "product_id",
    },
    lines=[
        ("5", "11", "2023-03-02 09:12:33", 2, 12.0),
        ("5", "12", "2023-03-02 09:12:33", 1, 9.0),
        ("6", "12", "2023-03-14 10:00", 1, 9.0),
    ],
    titles={"11": "Tasse rouge"},
)
add(
    "magento's tables, with a configurable product and its simple one",
    {
        "sales_order.csv": "entity_id,state,status,increment_id,customer_email,base_discount_amount,order_currency_code,grand_total,created_at\n"
        "71,complete,complete,000000071,a@x.org,0.0000,EUR,33.0000,2023-03-02 09:12:33\n72,canceled,canceled,000000072,b@x.org,0.0000,EUR,9.0000,2023-03-14 10:00:00\n"
        "73,complete,complete,000000073,b@x.org,0.0000,EUR,9.0000,2023-03-15 10:00:00\n",
        "sales_order_item.csv": "item_id,order_id,parent_item_id,product_id,product_type,sku,name,qty_ordered,price,base_price,row_total,discount_percent,discount_amount\n"
        "1,71,,9,configurable,MUG-L,Red mug,2.0000,12.0000,12.0000,24.0000,0.0000,0.0000\n2,71,1,10,simple,MUG-L,Red mug - Large,2.0000,0.0000,0.0000,0.0000,0.0000,0.0000\n"
        "3,71,,12,simple,CUP,Blue cup,1.0000,9.0000,9.0000,9.0000,0.0000,0.0000\n4,72,,12,simple,CUP,Blue cup,1.0000,9.0000,9.0000,9.0000,0.0000,0.0000\n"
        "5,73,,12,simple,CUP,Blue cup,1.0000,9.0000,9.0000,9.0000,0.0000,0.0000\n",
    },
    columns={
        "order_id": "order_id",
        "product_id": "sku",
        "title": "name",
        "ordered_at": "created_at",
        "quantity": "qty_ordered",
        "unit_price": "price",
    },
    lines=[
        ("71", "MUG-L", "2023-03-02 09:12:33", 2, 12.0),
        ("71", "CUP", "2023-03-02 09:12:33", 1, 9.0),
        ("73", "CUP", "2023-03-15 10:00", 1, 9.0),
    ],
    titles={"CUP": "Blue cup"},
)
add(
    "odoo",
    {
        "sale.order.csv": """
"Order Reference","Order Date","Customer","Order Lines/Product/Internal Reference","Order Lines/Description","Order Lines/Quantity","Order Lines/Unit Price","Order Lines/Discount (%)","Order Lines/Subtotal","Currency","Status"
"S00021","2023-03-02 09:12:33","Azure Interior","FURN_01","[FURN_01] Desk","2.00","100.00","10.00","180.00","EUR","Sales Order"
"","","","FURN_02","[FURN_02] Chair","4.00","25.00","0.00","100.00","",""
"S00022","2023-03-14 10:00:00","Deco Addict","FURN_02","[FURN_02] Chair","1.00","25.00","0.00","25.00","EUR","Sales Order"
"S00023","2023-03-15 10:00:00","Deco Addict","FURN_02","[FURN_02] Chair","1.00","25.00","0.00","25.00","EUR","Cancelled"
"""
    },
    columns={
        "order_id": "Order Reference",
        "product_id": "Order Lines/Product/Internal Reference",
        "title": "Order Lines/Description",
        "ordered_at": "Order Date",
        "quantity": "Order Lines/Quantity",
        "unit_price": "Order Lines/Unit Price",
        "discount_percent": "Order Lines/Discount (%)",
    },
    lines=[
        ("S00021", "FURN_01", "2023-03-02 09:12:33", 2, 90.0),
        ("S00021", "FURN_02", "2023-03-02 09:12:33", 4, 25.0),
        ("S00022", "FURN_02", "2023-03-14 10:00", 1, 25.0),
    ],
    titles={"FURN_02": "[FURN_02] Chair"},
)
add(
    "dynamics business central",
    {
        "Posted Sales Invoice Lines.csv": """
Document No.;Posting Date;Sell-to Customer No.;Line No.;Type;No.;Description;Location Code;Quantity;Unit of Measure Code;Unit Price Excl. VAT;Line Discount %;Line Amount Excl. VAT;VAT %
103001;02.03.2023;10000;10000;Item;1896-S;ATHENS Desk;MAIN;2;PCS;649,40;5;1.233,86;25
103001;02.03.2023;10000;20000;Item;1900-S;PARIS Guest Chair;MAIN;4;PCS;125,10;0;500,40;25
103002;14.03.2023;20000;10000;Item;1900-S;PARIS Guest Chair;MAIN;1;PCS;125,10;0;125,10;25
"""
    },
    columns={
        "order_id": "Document No.",
        "product_id": "No.",
        "title": "Description",
        "ordered_at": "Posting Date",
        "quantity": "Quantity",
        "unit_price": "Unit Price Excl. VAT",
        "discount_percent": "Line Discount %",
    },
    lines=[
        ("103001", "1896-S", "2023-03-02", 2, 616.93),
        ("103001", "1900-S", "2023-03-02", 4, 125.1),
        ("103002", "1900-S", "2023-03-14", 1, 125.1),
    ],
    titles={"1896-S": "ATHENS Desk"},
)
add(
    "xero",
    {
        "SalesInvoices.csv": """
ContactName,EmailAddress,POCity,PORegion,POPostalCode,POCountry,InvoiceNumber,Reference,InvoiceDate,DueDate,Total,TaxTotal,InvoiceAmountPaid,InvoiceAmountDue,InventoryItemCode,Description,Quantity,UnitAmount,Discount,LineAmount,AccountCode,TaxType,TaxAmount,TrackingName1,Currency,Type,Sent,Status
Ann Ltd,a@x.org,London,,N1,GB,INV-0001,P1,02/03/2023,16/03/2023,39.60,6.60,39.60,0.00,MUG,Red mug,2,12.00,,24.00,200,20% (VAT on Income),4.80,,GBP,Sales invoice,Sent,Paid
Ann Ltd,a@x.org,London,,N1,GB,INV-0001,P1,02/03/2023,16/03/2023,39.60,6.60,39.60,0.00,CUP,Blue cup,1,9.00,,9.00,200,20% (VAT on Income),1.80,,GBP,Sales invoice,Sent,Paid
Bob Ltd,b@x.org,Leeds,,L1,GB,INV-0002,P2,14/03/2023,28/03/2023,9.72,1.62,0.00,9.72,CUP,Blue cup,1,9.00,10,8.10,200,20% (VAT on Income),1.62,,GBP,Sales invoice,Sent,Awaiting Payment
Bob Ltd,b@x.org,Leeds,,L1,GB,INV-0003,P3,15/03/2023,28/03/2023,10.80,1.80,0.00,0.00,CUP,Blue cup,1,9.00,,9.00,200,20% (VAT on Income),1.80,,GBP,Sales invoice,Sent,Voided
"""
    },
    columns={
        "order_id": "InvoiceNumber",
        "product_id": "InventoryItemCode",
        "title": "Description",
        "ordered_at": "InvoiceDate",
        "quantity": "Quantity",
        "unit_price": "UnitAmount",
        "discount_percent": "Discount",
        "status": "Status",
    },
    lines=[
        ("INV-0001", "MUG", "2023-03-02", 2, 12.0),
        ("INV-0001", "CUP", "2023-03-02", 1, 9.0),
        ("INV-0002", "CUP", "2023-03-14", 1, 8.1),
    ],
    titles={"MUG": "Red mug"},
)
add(
    "sage, French",
    {
        "lignes.csv": """
Type;N° pièce;Date pièce;Code client;Intitulé client;Référence article;Désignation;Quantité;P.U. HT;Remise;Montant HT
Facture;FA0001;02/03/2023;C01;Dupont;A-1;Tasse rouge;3;4,50;10 %;12,15
Facture;FA0001;02/03/2023;C01;Dupont;A-2;Cuillère;1;12,50;;12,50
Facture;FA0002;14/03/2023;C02;Durand;A-1;Tasse rouge;1;4,50;;4,50
"""
    },
    encoding="cp1252",
    columns={
        "order_id": "N° pièce",
        "product_id": "Référence article",
        "title": "Désignation",
        "ordered_at": "Date pièce",
        "quantity": "Quantité",
        "unit_price": "P.U. HT",
        "discount_percent": "Remise",
    },
    lines=[
        ("FA0001", "A-1", "2023-03-02", 3, 4.05),
        ("FA0001", "A-2", "2023-03-02", 1, 12.5),
        ("FA0002", "A-1", "2023-03-14", 1, 4.5),
    ],
    titles={"A-2": "Cuillère"},
)
add(
    "jtl",
    {
        "auftragspositionen.csv": """
Auftragsnummer;Externe Auftragsnummer;Auftragsdatum;Kundennummer;Firma;Lieferland;Plattform;Positionstyp;Artikelnummer;Artikelname;Menge;VK Netto;VK Brutto;Rabatt %;MwSt. %;VK-Gesamt brutto;Auftragsstatus
AU2023-1;;02.03.2023 09:12;10001;;Deutschland;Shop;Artikel;T-1;Tasse rot;2;10,08;12,00;0;19;24,00;Abgeschlossen
AU2023-1;;02.03.2023 09:12;10001;;Deutschland;Shop;Artikel;T-2;Tasse blau;1;7,56;9,00;10;19;8,10;Abgeschlossen
AU2023-2;;14.03.2023 10:00;10002;;Deutschland;Shop;Artikel;T-2;Tasse blau;1;7,56;9,00;0;19;9,00;Abgeschlossen
AU2023-3;;15.03.2023 10:00;10002;;Deutschland;Shop;Artikel;T-2;Tasse blau;1;7,56;9,00;0;19;9,00;Storniert
"""
    },
    columns={
        "order_id": "Auftragsnummer",
        "product_id": "Artikelnummer",
        "title": "Artikelname",
        "ordered_at": "Auftragsdatum",
        "quantity": "Menge",
        "unit_price": "VK Brutto",
        "discount_percent": "Rabatt %",
        "status": "Auftragsstatus",
    },
    lines=[
        ("AU2023-1", "T-1", "2023-03-02 09:12", 2, 12.0),
        ("AU2023-1", "T-2", "2023-03-02 09:12", 1, 8.1),
        ("AU2023-2", "T-2", "2023-03-14 10:00", 1, 9.0),
    ],
    titles={"T-1": "Tasse rot"},
)
add(
    "lexware",
    {
        "belegpositionen.txt": """
Belegart	Belegnummer	Belegdatum	Kundennummer	Kundenmatchcode	Pos.	Artikelnummer	Artikeltext	Menge	Einheit	E-Preis	Rabatt in %	G-Preis
Rechnung	RE-1	02.03.2023	10001	Mueller	1	T-1	Tasse rot	2	Stk	12,00	25,00	18,00
Rechnung	RE-1	02.03.2023	10001	Mueller	2	T-2	Tasse blau	1	Stk	9,00	0,00	9,00
Rechnung	RE-2	14.03.2023	10002	Maier	1	T-2	Tasse blau	3	Stk	9,00	0,00	27,00
"""
    },
    encoding="cp1252",
    columns={
        "order_id": "Belegnummer",
        "product_id": "Artikelnummer",
        "title": "Artikeltext",
        "ordered_at": "Belegdatum",
        "quantity": "Menge",
        "unit_price": "E-Preis",
        "discount_percent": "Rabatt in %",
    },
    lines=[
        ("RE-1", "T-1", "2023-03-02", 2, 9.0),
        ("RE-1", "T-2", "2023-03-02", 1, 9.0),
        ("RE-2", "T-2", "2023-03-14", 3, 9.0),
    ],
    titles={"T-2": "Tasse blau"},
)
add(
    "afterbuy",
    {
        "export.csv": """
BestellNr;Anr;Artikelbezeichnung;Menge;VK-Preis;Endpreis;Waehrung;Auktionsende;Bezahlt am;KundenNr;KLand;KPLZ
9001;4711;Tasse rot;2;12,00;24,00;EUR;02.03.2023 09:12:33;03.03.2023;501;Deutschland;01067
9001;4712;Tasse blau;1;9,00;9,00;EUR;02.03.2023 09:12:33;03.03.2023;501;Deutschland;01067
9002;4712;Tasse blau;1;9,00;9,00;EUR;14.03.2023 10:00:00;15.03.2023;502;Deutschland;80331
"""
    },
    encoding="cp1252",
    columns={
        "order_id": "BestellNr",
        "product_id": "Anr",
        "title": "Artikelbezeichnung",
        "ordered_at": "Auktionsende",
        "quantity": "Menge",
        "unit_price": "VK-Preis",
        "customer_id": "KundenNr",
    },
    lines=[
        ("9001", "4711", "2023-03-02 09:12:33", 2, 12.0),
        ("9001", "4712", "2023-03-02 09:12:33", 1, 9.0),
        ("9002", "4712", "2023-03-14 10:00", 1, 9.0),
    ],
    titles={"4711": "Tasse rot"},
)
add(
    "cegid",
    {
        "ventes.csv": """
Etablissement;Caisse;Numéro ticket;Date pièce;Heure;Code client;Code article;Libellé article;Famille;Qté;Prix unitaire TTC;Remise ligne TTC;Total ligne TTC
Lyon;1;100245;02/03/2023;09:12:33;C1;0815;Tasse rouge;Cuisine;2;12,00;4,00;20,00
Lyon;1;100245;02/03/2023;09:12:33;C1;0816;Tasse bleue;Cuisine;1;9,00;0,00;9,00
Paris;1;100246;14/03/2023;10:00:00;C2;0816;Tasse bleue;Cuisine;1;9,00;0,00;9,00
"""
    },
    columns={
        "order_id": "Numéro ticket",
        "product_id": "Code article",
        "title": "Libellé article",
        "ordered_at": "Date pièce",
        "time": "Heure",
        "quantity": "Qté",
        "unit_price": "Prix unitaire TTC",
        "discount": "Remise ligne TTC",
        "region_id": "Etablissement",
    },
    lines=[
        ("100245", "0815", "2023-03-02 09:12:33", 2, 10.0),
        ("100245", "0816", "2023-03-02 09:12:33", 1, 9.0),
        ("100246", "0816", "2023-03-14 10:00", 1, 9.0),
    ],
    titles={"0815": "Tasse rouge"},
)
add(
    "1C",
    {
        "продажи.csv": """
Номер заказа;Дата;Контрагент;Артикул;Номенклатура;Количество;Ед.;Цена;Скидка;Сумма;Валюта;Статус
ЗК-000001;02.03.2023 9:12:33;Иванов;К-01;Кружка красная;2;шт;350,00;50,00;650,00;RUB;Закрыт
ЗК-000001;02.03.2023 9:12:33;Иванов;К-02;Чашка синяя;1;шт;210,00;0,00;210,00;RUB;Закрыт
ЗК-000002;14.03.2023 10:00:00;Петров;К-02;Чашка синяя;1;шт;210,00;0,00;210,00;RUB;Закрыт
ЗК-000003;15.03.2023 10:00:00;Петров;К-02;Чашка синяя;1;шт;210,00;0,00;210,00;RUB;Отменён
"""
    },
    columns={
        "order_id": "Номер заказа",
        "product_id": "Артикул",
        "title": "Номенклатура",
        "ordered_at": "Дата",
        "quantity": "Количество",
        "unit_price": "Цена",
        "discount": "Скидка",
        "status": "Статус",
    },
    lines=[
        ("ЗК-000001", "К-01", "2023-03-02 09:12:33", 2, 325.0),
        ("ЗК-000001", "К-02", "2023-03-02 09:12:33", 1, 210.0),
        ("ЗК-000002", "К-02", "2023-03-14 10:00", 1, 210.0),
    ],
    titles={"К-02": "Чашка синяя"},
)
add(
    "allegro",
    {
        "zamowienia.csv": """
Numer zamówienia;Data zakupu;Login kupującego;Kod pocztowy;Kraj;Numer oferty;SKU;Nazwa oferty;Liczba sztuk;Cena za sztukę;Wartość;Waluta;Status zamówienia
ab-1;2023-03-02 09:12;ann1;00-950;PL;7001;K-01;Kubek czerwony;2;45,00;90,00;PLN;Wysłane
ab-1;2023-03-02 09:12;ann1;00-950;PL;7002;K-02;Kubek niebieski;1;39,99;39,99;PLN;Wysłane
ab-2;2023-03-14 10:00;bob2;30-001;PL;7002;K-02;Kubek niebieski;1;39,99;39,99;PLN;Wysłane
ab-3;2023-03-15 10:00;bob2;30-001;PL;7002;K-02;Kubek niebieski;1;39,99;39,99;PLN;Anulowane
"""
    },
    columns={
        "order_id": "Numer zamówienia",
        "product_id": "SKU",
        "title": "Nazwa oferty",
        "ordered_at": "Data zakupu",
        "quantity": "Liczba sztuk",
        "unit_price": "Cena za sztukę",
        "status": "Status zamówienia",
    },
    lines=[
        ("ab-1", "K-01", "2023-03-02 09:12", 2, 45.0),
        ("ab-1", "K-02", "2023-03-02 09:12", 1, 39.99),
        ("ab-2", "K-02", "2023-03-14 10:00", 1, 39.99),
    ],
    titles={"K-01": "Kubek czerwony"},
)
add(
    "mercado libre",
    {
        "ventas.csv": """
# de venta;Fecha de venta;Estado;Descripción del estado;Paquete de varios productos;Unidades;Ingresos por productos (ARS);Cargo por venta e impuestos;Total (ARS);SKU;# de publicación;Título de la publicación;Variante;Precio unitario de venta de la publicación (ARS);Comprador;País;Código postal
2000001;2 de marzo de 2023 09:12 hs.;Entregado;Llegó el 4 de marzo;No;2;9.000,00;-1.200,00;7.800,00;TZ-R;MLA1;Taza roja;;4.500,00;Ana;Argentina;1900
2000002;14 de marzo de 2023 10:00 hs.;Entregado;Llegó el 16 de marzo;No;1;3.250,50;-400,00;2.850,50;TZ-A;MLA2;Taza azul;;3.250,50;Blas;Argentina;5000
2000003;15 de marzo de 2023 10:00 hs.;Venta cancelada;Cancelada por el comprador;No;1;3.250,50;0,00;0,00;TZ-A;MLA2;Taza azul;;3.250,50;Blas;Argentina;5000
"""
    },
    columns={
        "order_id": "# de venta",
        "product_id": "SKU",
        "title": "Título de la publicación",
        "ordered_at": "Fecha de venta",
        "quantity": "Unidades",
        "unit_price": "Precio unitario de venta de la publicación (ARS)",
        "status": "Estado",
    },
    lines=[("2000001", "TZ-R", "2023-03-02 09:12", 2, 4500.0), ("2000002", "TZ-A", "2023-03-14 10:00", 1, 3250.5)],
    titles={"TZ-A": "Taza azul"},
)
add(
    "lightspeed, R series",
    {
        "sales_lines.csv": """
Sale ID,Completed Time,Shop,Customer,System ID,Custom SKU,Item,Category,Qty,Retail,Subtotal,Discounts,Tax,Total,Cost
301,2023-03-02 09:12:33,Main,Ann,210000000001,MUG,Red mug,Kitchen,2,$12.00,$24.00,$4.00,$2.00,$22.00,$10.00
301,2023-03-02 09:12:33,Main,Ann,210000000002,CUP,Blue cup,Kitchen,1,$9.00,$9.00,$0.00,$0.90,$9.90,$4.00
302,2023-03-14 10:00:00,Main,Bob,210000000002,CUP,Blue cup,Kitchen,1,$9.00,$9.00,$0.00,$0.90,$9.90,$4.00
"""
    },
    columns={
        "order_id": "Sale ID",
        "product_id": "Custom SKU",
        "title": "Item",
        "ordered_at": "Completed Time",
        "quantity": "Qty",
        "unit_price": "Retail",
        "discount": "Discounts",
    },
    lines=[
        ("301", "MUG", "2023-03-02 09:12:33", 2, 10.0),
        ("301", "CUP", "2023-03-02 09:12:33", 1, 9.0),
        ("302", "CUP", "2023-03-14 10:00", 1, 9.0),
    ],
    titles={"MUG": "Red mug"},
)
add(
    "quickbooks",
    {
        "Sales by Product Detail.csv": """
Sales by Product/Service Detail
Our shop
January - March 2023

Date,Transaction type,Num,Customer full name,Product/Service full name,SKU,Memo/Description,Quantity,Sales price,Amount,Balance
03/02/2023,Invoice,1001,Ann,Mugs:Red mug,MUG,Red mug,2,12.00,24.00,24.00
03/02/2023,Invoice,1001,Ann,Cups:Blue cup,CUP,Blue cup,1,9.00,9.00,33.00
03/14/2023,Invoice,1002,Bob,Cups:Blue cup,CUP,Blue cup,1,9.00,9.00,42.00
TOTAL,,,,,,,4,,42.00,
"""
    },
    columns={
        "order_id": "Num",
        "product_id": "SKU",
        "ordered_at": "Date",
        "quantity": "Quantity",
        "unit_price": "Sales price",
    },
    lines=[
        ("1001", "MUG", "2023-03-02", 2, 12.0),
        ("1001", "CUP", "2023-03-02", 1, 9.0),
        ("1002", "CUP", "2023-03-14", 1, 9.0),
    ],
    titles={},
)
add(
    "zettle, Swedish",
    {
        "export.csv": """
Datum,Tid,Kvittonummer,Artikelnamn,Variant,SKU,Antal,Pris (SEK),Rabatt (SEK),Slutpris (SEK),Moms,Säljare
2023-03-02,09:12,501,Röd mugg,,T1,2,120.00,24.00,216.00,25%,Ann
2023-03-14,10:12,502,Blå kopp,,T2,1,90.00,0.00,90.00,25%,Ann
"""
    },
    columns={
        "order_id": "Kvittonummer",
        "product_id": "SKU",
        "title": "Artikelnamn",
        "ordered_at": "Datum",
        "quantity": "Antal",
        "unit_price": "Pris (SEK)",
        "discount": "Rabatt (SEK)",
    },
    lines=[("501", "T1", "2023-03-02 09:12", 2, 108.0), ("502", "T2", "2023-03-14 10:12", 1, 90.0)],
    titles={"T1": "Röd mugg"},
)
add(
    "toast",
    {
        "export.csv": """
Location,Order Id,Order #,Sent Date,Order Date,Check Id,Server,Item Id,Item Selection Id,Menu Item,Menu Group,Menu,Gross Price,Discount,Net Price,Qty,Tax,Void?
Main,9001,12,3/2/23 9:12 AM,3/2/23 9:12 AM,1,Ann,I1,s1,Latte,Drinks,Day,9.00,1.00,8.00,2.0,0.80,false
Main,9002,13,3/14/23 9:12 AM,3/14/23 9:12 AM,2,Ann,I2,s2,Bagel,Food,Day,3.50,0.00,3.50,1.0,0.30,false
Main,9003,14,3/15/23 9:12 AM,3/15/23 9:12 AM,3,Ann,I1,s3,Latte,Drinks,Day,4.50,0.00,4.50,1.0,0.30,true
"""
    },
    columns={
        "order_id": "Order Id",
        "title": "Menu Item",
        "ordered_at": "Order Date",
        "quantity": "Qty",
        "line_total": "Net Price",
        "discount": None,
    },
    lines=[("9001", "I1", "2023-03-02 09:12", 2, 4.0), ("9002", "I2", "2023-03-14 09:12", 1, 3.5)],
    titles={"I1": "Latte"},
)
add(
    "trendyol, Turkish",
    {
        "export.csv": """
Sipariş Numarası;Sipariş Tarihi;Sipariş Statüsü;Barkod;Stok Kodu;Ürün Adı;Adet;Birim Fiyatı;Satış Tutarı;İndirim Tutarı;Faturalanacak Tutar;İl
1001;02.03.2023 09:12;Teslim Edildi;869001;T1;Kırmızı kupa;2;120,00;240,00;24,00;216,00;İstanbul
1002;14.03.2023 09:12;Teslim Edildi;869002;T2;Mavi fincan;1;90,00;90,00;0,00;90,00;Ankara
1003;15.03.2023 09:12;İptal Edildi;869002;T2;Mavi fincan;1;90,00;90,00;0,00;90,00;Ankara
"""
    },
    columns={
        "order_id": "Sipariş Numarası",
        "title": "Ürün Adı",
        "ordered_at": "Sipariş Tarihi",
        "quantity": "Adet",
        "unit_price": "Birim Fiyatı",
        "discount": "İndirim Tutarı",
    },
    lines=[("1001", "T1", "2023-03-02 09:12", 2, 108.0), ("1002", "T2", "2023-03-14 09:12", 1, 90.0)],
    titles={"T1": "Kırmızı kupa"},
)
add(
    "nuvemshop, Portuguese",
    {
        "export.csv": """
Número do Pedido;E-mail;Data;Status do Pedido;Status do Pagamento;Moeda;Subtotal;Desconto;Valor do Frete;Total;Nome do Produto;Valor do Produto;Quantidade Comprada;SKU;País
100;a@x.org;02/03/2023 09:12:33;Aberto;Confirmado;BRL;24,00;2,40;5,00;26,60;Caneca vermelha;12,00;2;T1;Brasil
101;b@x.org;14/03/2023 09:12:33;Cancelado;Confirmado;BRL;9,00;0,00;5,00;14,00;Copo azul;9,00;1;T2;Brasil
102;b@x.org;15/03/2023 09:12:33;Aberto;Confirmado;BRL;9,00;0,00;5,00;14,00;Copo azul;9,00;1;T2;Brasil
"""
    },
    columns={
        "order_id": "Número do Pedido",
        "product_id": "SKU",
        "title": "Nome do Produto",
        "ordered_at": "Data",
        "quantity": "Quantidade Comprada",
        "unit_price": "Valor do Produto",
    },
    lines=[("100", "T1", "2023-03-02 09:12:33", 2, 10.8), ("102", "T2", "2023-03-15 09:12:33", 1, 9.0)],
    titles={"T1": "Caneca vermelha"},
)
add(
    "shopee",
    {
        "export.txt": """
Order ID	Order Status	Order Creation Date	Product Name	SKU Reference No.	Variation Name	Original Price	Deal Price	Quantity	Returned quantity	Product Subtotal	Seller Voucher	Grand Total
230302A	Completed	2023-03-02 09:12	Red mug	T1	Large	15.00	12.00	2	1	24.00	0	24.00
230314B	Completed	2023-03-14 09:12	Blue cup	T2		9.00	9.00	1	0	9.00	0	9.00
230315C	Cancelled	2023-03-15 09:12	Blue cup	T2		9.00	9.00	1	0	9.00	0	9.00
"""
    },
    columns={
        "order_id": "Order ID",
        "product_id": "SKU Reference No.",
        "title": "Product Name",
        "ordered_at": "Order Creation Date",
        "quantity": "Quantity",
        "unit_price": "Deal Price",
    },
    lines=[
        ("230302A", "T1", "2023-03-02 09:12", 1, 12.0),
        ("230302A", "T1", "2023-03-02 09:12", 1, 12.0),
        ("230314B", "T2", "2023-03-14 09:12", 1, 9.0),
    ],
    titles={"T1": "Red mug"},
)
add(
    "rakuten, Japanese",
    {
        "export.csv": """
注文番号,注文日時,商品番号,商品名,単価,個数,クーポン,合計金額,ステータス
301-1,2023/03/02 09:12:33,T1,赤いマグカップ,1200,2,0,2400,発送済
301-2,2023/03/14 09:12:33,T2,青いカップ,900,1,0,900,発送済
301-3,2023/03/15 09:12:33,T2,青いカップ,900,1,0,900,キャンセル
"""
    },
    columns={
        "order_id": "注文番号",
        "product_id": "商品番号",
        "title": "商品名",
        "ordered_at": "注文日時",
        "quantity": "個数",
        "unit_price": "単価",
    },
    lines=[("301-1", "T1", "2023-03-02 09:12:33", 2, 1200.0), ("301-2", "T2", "2023-03-14 09:12:33", 1, 900.0)],
    titles={"T1": "赤いマグカップ"},
)
add(
    "taobao, Chinese",
    {
        "export.csv": """
订单编号,买家,商品标题,商家编码,单价,数量,金额,订单创建时间,订单状态
="301001",ann,红杯子,T1,12.00,2,24.00,2023-03-02 09:12:33,交易成功
="301002",bob,蓝杯子,T2,9.00,1,9.00,2023-03-14 09:12:33,交易关闭
="301003",bob,蓝杯子,T2,9.00,1,9.00,2023-03-15 09:12:33,交易成功
"""
    },
    columns={
        "order_id": "订单编号",
        "product_id": "商家编码",
        "title": "商品标题",
        "ordered_at": "订单创建时间",
        "quantity": "数量",
        "unit_price": "单价",
    },
    lines=[("301001", "T1", "2023-03-02 09:12:33", 2, 12.0), ("301003", "T2", "2023-03-15 09:12:33", 1, 9.0)],
    titles={"T1": "红杯子"},
)
add(
    "shoptet, Czech",
    {
        "export.csv": """
Číslo objednávky;Datum;Stav;E-mail;Kód;Název;Množství;Jednotková cena;Sleva %;Celkem;Měna;Země
2023001;02.03.2023 09:12:33;Vyřízena;a@x.org;T1;Hrnek červený;2;120,00;10;216,00;CZK;CZ
2023002;14.03.2023 09:12:33;Stornována;b@x.org;T2;Šálek modrý;1;90,00;0;90,00;CZK;CZ
2023003;15.03.2023 09:12:33;Vyřízena;b@x.org;T2;Šálek modrý;1;90,00;0;90,00;CZK;CZ
"""
    },
    columns={
        "order_id": "Číslo objednávky",
        "product_id": "Kód",
        "title": "Název",
        "ordered_at": "Datum",
        "quantity": "Množství",
        "unit_price": "Jednotková cena",
        "discount_percent": "Sleva %",
    },
    lines=[("2023001", "T1", "2023-03-02 09:12:33", 2, 108.0), ("2023003", "T2", "2023-03-15 09:12:33", 1, 90.0)],
    titles={"T1": "Hrnek červený"},
)
add(
    "a Danish shop",
    {
        "export.csv": """
Ordrenummer;Ordredato;Varenummer;Varenavn;Antal;Stykpris;Rabat;Beløb;Kunde
1;02-03-2023;T1;Rødt krus;2;120,00;24,00;216,00;Ann
2;14-03-2023;T2;Blå kop;1;90,00;0,00;90,00;Bob
"""
    },
    columns={
        "order_id": "Ordrenummer",
        "product_id": "Varenummer",
        "title": "Varenavn",
        "ordered_at": "Ordredato",
        "quantity": "Antal",
        "unit_price": "Stykpris",
        "discount": "Rabat",
    },
    lines=[("1", "T1", "2023-03-02", 2, 108.0), ("2", "T2", "2023-03-14", 1, 90.0)],
    titles={"T1": "Rødt krus"},
)
add(
    "a Russian marketplace",
    {
        "export.csv": """
Номер заказа;Дата заказа;Артикул продавца;Название;Кол-во;Цена;Скидка, %;Сумма;Статус заказа
1;02.03.2023;К1;Кружка;2;350,00;10;630,00;Доставлен
2;14.03.2023;К2;Чашка;1;210,00;0;210,00;Возврат
3;15.03.2023;К2;Чашка;1;210,00;0;210,00;Отменён
"""
    },
    columns={
        "order_id": "Номер заказа",
        "title": "Название",
        "ordered_at": "Дата заказа",
        "quantity": "Кол-во",
        "unit_price": "Цена",
        "discount_percent": "Скидка, %",
    },
    lines=[("1", "К1", "2023-03-02", 2, 315.0), ("2", "К2", "2023-03-14", 1, 210.0)],
    titles={"К1": "Кружка"},
)
