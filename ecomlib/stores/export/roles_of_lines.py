"""Lists the names that shop systems give to what makes an order line: order, product, moment and quantity."""

from __future__ import annotations

from ecomlib.stores.export.role import Role, names

OF_LINES = (
    Role(
        "order_id",
        "the order's identifier",
        "id",
        names(
            "order id, order number, order no, orderid, ordernumber, order name, order reference, order ref, amazon "
            "order id, increment id, order increment id, sales order, sales document, receipt number, receipt no, "
            "receipt id, sale id, transaction id, transaction no, transaction number, invoice, invoice no, invoice "
            "number, invoice id, document number, document no, doc no, ticket, ticket number, order code, id order, "
            "bestellnummer, bestellnr, bestell nr, bestell nummer, bestell id, auftragsnummer, auftragsnr, auftrags "
            "nr, auftrag nr, auftrag, belegnr, belegnummer, beleg nr, beleg, rechnungsnummer, rechnungsnr, rechnungs "
            "nr, re nr, vorgangsnummer, vorgang, bonnummer, bon nr, verkaufsbeleg, kassenbon, no commande, numero "
            "commande, num commande, numero de commande, n commande, commande, reference commande, code commande, no "
            "no zamowienia, no paragonu, numer paragonu, paragon, no dokumentu, numer dokumentu, dokument, no faktury, "
            "numer faktury, no transakcji, numer transakcji, bestallningsnummer, kvittonr, numero da encomenda, numero "
            "do pedido, facture, numero facture, numero de facture, num facture, facture, no de commande, no piece, "
            "numero piece, no ticket, piece, no bon, id commande, numero de piece, no de facture, no de piece, numero "
            "pedido, numero de pedido, num pedido, no pedido, pedido, id pedido, no de pedido, numero factura, no "
            "factura, factura, albaran, numero de factura, no de factura, codigo pedido, numero ordine, n ordine, no "
            "ordine, ordine, id ordine, num ordine, numero d ordine, numero documento, n documento, fattura, numero "
            "fattura, codice ordine, scontrino, no documento, num documento, ordernummer, order nr, bestelnummer, "
            "bestelling, factuurnummer, bonnr, ordernr, verkoopordernummer, vbeln, aubel, numero encomenda, numer "
            "zamowienia, ordrenummer, sales order number, so number, so no, no de venta, numero de venta, номер "
            "заказа, заказ, номер документа, номер чека, чек, документ, накладная, реализация, zamowienie, id "
            "zamowienia, nr zamowienia, kvittonummer, kvitteringsnummer, kvitto, bongnummer, siparis numarasi, siparis "
            "no, siparis, fatura no, cislo objednavky, objednavka, cislo faktury, faktura cislo, cislo dokladu, "
            "注文番号, 受注番号, 伝票番号, 订单编号, 订单号, 訂單編號"
        ),
        names(
            "order, id, name, receipt, sale, number, nummer, nr, numero, no, entity id, merchant order id, parent id, "
            "sales record number, transaction, basket id, reference, session, document, bon, ticketnr, num, номер"
        ),
        names("order id, order number, order no, bestellnummer, auftragsnummer, belegnummer, commande, pedido, ordine"),
        names(
            "date, datum, fecha, data, item, line, position, posten, status, statut, stato, estado, customer, kunde, "
            "client, product, sku, artik, total, amount, type, qty, menge, quantity, quantite, time, value, currency, "
            "purchase order, discount, дата, статус"
        ),
        names(
            "order, orders, voucher, verkaufsbeleg, kundenauftrag, kundenauftrags, verkaufsauftrag, purchase order, "
            "sales order, invoice, receipt, sale, sales, ticket, document, doc, transaction, trans, trx, bill, "
            "bestell, bestellung, bestellungs, auftrag, auftrags, beleg, rechnung, rechnungs, vorgang, vorgangs, bon, "
            "lieferschein, kauf, re, commande, facture, piece, vente, pedido, factura, venta, albaran, documento, "
            "dokumentu, paragonu, faktury, transakcji, dokladu, objednavky, "
            "ordine, fattura, scontrino, vendita, bestelling, bestel, factuur, verkoop, verkooporder, zamowienia, "
            "faktura, fakturanummer, ordre, encomenda, cart, basket, checkout, заказа, заказ, документа, чека, "
            "продажи, счета, накладнои"
        ),
    ),
    Role(
        "product_id",
        "the product's identifier",
        "id",
        names(
            "product id, sku, item sku, lineitem sku, product sku, variant sku, custom sku, custom label, stock code, "
            "stockcode, item code, item number, item no, product code, product number, product no, article number, "
            "article no, article code, part number, part no, material, material number, material no, asin, upc, ean, "
            "gtin, barcode, listing id, custom label sku, product reference, item id, plu, article id, article, "
            "productid, artikelnr, artikelnummer, artikel nr, artikel nummer, artikel id, art nr, artnr, artikel no, "
            "bestandseinheit, materialnummer, materialnr, warennummer, produktnummer, produkt nr, produktnr, produkt "
            "id, sachnummer, teilenummer, artikelcode, artikel kurzel, eigene sku, reference, ref, reference article, "
            "reference produit, ref article, ref produit, code article, code produit, no article, article ref, numero "
            "article, id produit, code barre, code barres, ref art, reference art, codigo articulo, codigo producto, "
            "codigo de articulo, codigo de producto, codigo del articulo, referencia, ref articulo, id producto, cod "
            "articulo, articulo codigo, clave, codigo, cod art, cod producto, codice articolo, codice prodotto, "
            "codice, cod articolo, riferimento, id prodotto, cod prodotto, artikel code, productnummer, productcode, "
            "sygnatura, sku oferty, id oferty, kod towaru, kod artykulu, symbol, symbol towaru, indeks towaru, kod "
            "kreskowy, id produktu, id towaru, varenummer, artikelkod, cod produto, cislo zbozi, product nr, artnum, "
            "matnr, referencia produto, codigo produto, indeks, kod produktu, variation sku, variation id, varenr, "
            "varunummer, stok kodu, urun kodu, kod, barkod, kod zbozi, katalogove cislo, 商品番号, 商品管理番号, "
            "商品编码, 商品编号, 商家编码, 品番, system id, matl, anr, inventory item code, артикул, код товара, "
            "номенклатурный код, штрихкод, артикул продавца, артикул поставщика, sku продавца, numer oferty, no de "
            "publicacion"
        ),
        names(
            "id, code, number, nummer, no, merchant sku, seller sku, article no, variation id, product, item, "
            "produkt, artikel, produit, articolo, producto, articulo, prodotto, handle, model, style, parent sku, "
            "item ref, ref, nr"
        ),
        names("sku, artikelnr, artikelnummer, art nr, product id, product code, item code, code article, stock code"),
        names(
            "name, title, titel, description, beschreib, bezeichn, designation, libell, order, commande, customer, "
            "kunde, price, preis, prix, date, datum, qty, quantity, menge, total, type, status, group, gruppe, "
            "categor, kategor, famil, cost, gesamt"
        ),
        names(
            "zbozi, "
            "product, products, prod, item, article, art, artikel, sku, material, matl, part, stock, produkt, ware, "
            "waren, sach, teile, produit, articulo, producto, articolo, prodotto, merchandise, goods, model, variant, "
            "internal, intern, supplier, item sku, interne, interna, ean, style, listing, variation, varianten, "
            "variante, artykulu, produktu, vare, varenummer, produto, menu item, lot, inventory, inventory item, "
            "товара, номенклатуры, oferty, towaru"
        ),
    ),
    Role(
        "title",
        "the words a customer sees",
        "text",
        names(
            "title, product name, product title, item name, item title, lineitem name, line item name, listing title, "
            "item description, product description, material description, article name, short text, article "
            "description, details, label, product label, item desc, prod desc, product desc, desc, article desc, long "
            "name, item full name, order item name, item label, variant name, productname, bezeichnung, "
            "artikelbezeichnung, artikelname, artikel name, produktname, produktbezeichnung, titel, artikeltext, "
            "angebotstitel, kurztext, positionstext, materialkurztext, artikelbeschreibung, warenbezeichnung, "
            "bezeichnung 1, designation, libelle, nom du produit, nom produit, produit, intitule, libelle article, "
            "designation article, nom article, nom de l article, libelle produit, description article, designation "
            "produit, titre, descripcion, nombre del producto, nombre producto, producto, titulo, denominacion, "
            "tytul, nazwa pozycji, nazwa artykulu, opis towaru, varetekst, descricao do produto, "
            "descripcion articulo, nombre articulo, articulo, nombre del articulo, concepto, descripcion del "
            "articulo, descripcion producto, descrizione, nome prodotto, prodotto, descrizione articolo, titolo, "
            "denominazione, nome articolo, articolo, descrizione prodotto, omschrijving, productnaam, "
            "artikelomschrijving, naam, product omschrijving, artikelnaam, productomschrijving, arktx, maktx, "
            "descricao, nazwa, nazwa produktu, produktnavn, sku name, artikelnamn, benamning, varenavn, "
            "varubenamning, urun adi, urun, nazev, nazev produktu, nazev zbozi, 商品名, 商品名称, 商品标题, 品名, "
            "nazwa oferty, tytul oferty, nazwa towaru, towar, titulo de la publicacion, titulo del anuncio, "
            "номенклатура, наименование, название, товар, наименование товара, название товара, produktnamn, "
            "produktbenamning, nome do produto, produto, varebeskrivelse"
        ),
        names(
            "name, description, item, product, stock item, menu item, product item, artikel, produkt, article, "
            "beschreibung, nom, nombre, nome, text, product s, bezeichnung 2, beschreibung lang, ware, "
            "produktbeschreibung, model, label, goods, dish"
        ),
        names(
            "bezeichnung, libelle, designation, product name, item name, item title, produktname, artikelname, "
            "descri, desc, titel, title"
        ),
        names(
            "customer, kunde, client, cliente, klant, buyer, kaufer, ship, bill, user, discount, tax, status, price, "
            "preis, qty, menge, order no, order id, device, estado, stato, statut, first name, last name, vorname, "
            "nachname, company, firma, coupon, category, kategorie, vendor, brand, variation, method, register, "
            "location, point, payment, staff, employee, amount, group, warengruppe, code, nummer, sku, country, "
            "region, city"
        ),
    ),
    Role(
        "ordered_at",
        "when the order was placed (date, or date and time)",
        "moment",
        names(
            "ordered at, order date, orderdate, purchase date, purchased on, created at, date created, created on, "
            "sale date, sales date, order created, date ordered, order time, order timestamp, order datetime, "
            "transaction date, invoice date, document date, purchase time, creation date, date of sale, sold on, "
            "invoicedate, order placed, placed on, purchased at, sold at, order created at, order created date, date "
            "order, order date time, date time, bestelldatum, auftragsdatum, belegdatum, rechnungsdatum, kaufdatum, "
            "verkaufsdatum, datum uhrzeit, verkauft am, angelegt am, erstellt am, bestellt am, erfasst am, "
            "auftragseingang, buchungsdatum, bestellzeit, datum der bestellung, bestellzeitpunkt, eingangsdatum, kauf "
            "data wystawienia, data dokumentu, data transakcji, data paragonu, data faktury, data i godzina, data "
            "zlozenia, data zlozenia zamowienia, inkopsdatum, forsaljningsdatum, placed at, datum, beleg datum, "
            "bondatum, date commande, date de commande, date de la commande, date facture, date de facture, date "
            "vente, date de vente, date piece, date de creation, date achat, date d achat, date add, cree le, commande "
            "le, date heure, date document, date et heure, date ticket, date de piece, date creation, fecha pedido, "
            "fecha de pedido, fecha del pedido, fecha venta, fecha de venta, fecha factura, fecha de compra, fecha "
            "compra, fecha de creacion, fecha documento, fecha y hora, fecha hora, fecha de factura, fecha creacion, "
            "data ordine, data dell ordine, data vendita, data documento, data acquisto, data fattura, data di "
            "acquisto, data creazione, data e ora, data ora, data dell acquisto, data registrazione, besteldatum, "
            "verkoopdatum, factuurdatum, aankoopdatum, aangemaakt op, datum bestelling, erdat, audat, bstdk, fkdat, "
            "posted date time, data zamowienia, data encomenda, order day, data zakupu, data sprzedazy, data do "
            "pedido, data da venda, data da compra, orderdatum, dato, ordredato, kvittodatum, siparis tarihi, tarih, "
            "fatura tarihi, datum objednavky, datum vystaveni, datum prodeje, 注文日, 注文日時, 受注日, 订单创建时间, "
            "下单时间, 订单日期, 付款时间, kopdatum, ordredato, salgsdato, auktionsende, дата, дата заказа, дата "
            "продажи, дата документа, дата и время, дата чека, период"
        ),
        names(
            "date, datum, fecha, data, day, tag, timestamp, datetime, jour, posted date, created, moment, dia, "
            "giorno, bldat, budat, paid at, date paid, payment date, payments date, zeitstempel, bezahlt am, "
            "zahlungsdatum, posting date, event date, business date, completed time, datum zeit, when, ds, paid on "
            "date"
        ),
        names("order date, date, datum, fecha, data ordine, created, timestamp"),
        names(
            "ship, liefer, versand, livraison, entrega, envio, spedizione, consegna, lever, update, modif, due, "
            "fallig, cancel, storn, expir, birth, geburt, refund, return, valid, fulfil, geander, delivery, launch, "
            "closed, status, settlement, deposit, expedition, price, last, promise, latest, earliest, echeance, "
            "scadenza, estimated, format, by"
        ),
    ),
    Role(
        "time",
        "the time of day, where it stands in a column of its own",
        "time",
        names(
            "time, order time, sale time, purchase time, transaction time, uhrzeit, zeit, bestellzeit, heure, hora, "
            "ora, tijd, tijdstip, erzet, belegzeit, heure commande, hora pedido, ora ordine, heure vente, heure de "
            "commande, created time, tageszeit, bonzeit, time of sale, godzina, tid, klokkeslett, saat, cas, время, "
            "время заказа, время продажи"
        ),
        never=names("zone"),
    ),
    Role(
        "quantity",
        "units bought",
        "count",
        names(
            "quantity, qty, lineitem quantity, line item quantity, quantity purchased, quantity ordered, qty ordered, "
            "ordered quantity, order quantity, order qty, units, units sold, quantity sold, qty sold, item quantity, "
            "item qty, quantity refund, product quantity, items sold, number of items, units ordered, pieces, pcs, "
            "sold quantity, purchased quantity, quantity shipped, line qty, product qty, menge, anzahl, stuck, "
            "stuckzahl, auftragsmenge, bestellmenge, verkaufte menge, stk, verkaufsmenge, absatz, positionsmenge, "
            "gelieferte menge, fakturierte menge, bestellte menge, anz, mge, quantite, qte, qte commandee, quantite "
            "commandee, nombre, nb, quantite vendue, qte vendue, nb articles, qt, nombre d articles, quantites, "
            "ilosc sztuk, ilosc sprzedana, sprzedana ilosc, qtd, qtde, "
            "cantidad, cant, unidades, uds, cantidad pedida, ud, cantidad vendida, unidades vendidas, quantita, qta, "
            "q ta, pezzi, quantita ordinata, qta ordinata, quantita venduta, pz, aantal, hoeveelheid, besteld aantal, "
            "stuks, aantal besteld, aantal verkocht, kwmeng, fkimg, lfimg, quantidade, ilosc, antal, liczba sztuk, "
            "sztuk, szt, количество, кол во, кол, quantidade vendida, quantidade comprada, adet, miktar, mnozstvi, "
            "pocet, pocet kusu, 数量, 個数, 购买数量, 宝贝总数量, antall, unidades por venta"
        ),
        names("count, number, amount, volume, kusch, zahl, q, net quantity, quantidade, sales units, nos"),
        names("quantity, qty, menge, anzahl, quantite, cantidad, quantita, aantal"),
        names(
            "refund, return, retour, cancel, storn, price, preis, prix, total, stock, bestand, lager, available, min, "
            "max, discount, amount, offen, open, backorder, restocked"
        ),
    ),
)
