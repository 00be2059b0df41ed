"""Lists what a column of an export may be, and the names that shop systems give it.

A role is a column of the schema, or something that helps to make one: a line's total becomes a price, a date and a time
become a moment. Names stand as ``plain`` writes them. ``sure`` names say it alone; ``maybe`` names say it where nothing
speaks against it; ``parts`` are looked for inside a name; a name that holds one of ``never`` is something else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """Describe one role: its key in a mapping file, what it holds, what its values are, and its names."""

    key: str
    means: str
    kind: str
    sure: tuple[str, ...]
    maybe: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()  # nouns that say it together with a word for "number" or "code"


def plain(name: str) -> str:
    """Write a column's name in small letters without accents or signs, words apart: ``N° Commande`` is ``no commande``.

    Examples
    --------
    >>> plain("Lineitem SKU"), plain("orderDate"), plain("N° commande"), plain("Order #"), plain("Größe")
    ('lineitem sku', 'order date', 'no commande', 'order no', 'grosse')
    """
    # A degree sign, an ordinal sign or a hash all stand for "number".
    text = re.sub(r"\b[nN](?:[°º]|o\b)\.?|№|#", " no ", name.replace("ß", "ss").replace("\xad", ""))
    text = unicodedata.normalize("NFKD", text)
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", " ", text)
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.replace("\n", " ").split(",") if name.strip())


# Words for "number", as a name may end or begin with them.
NUMBER_WORDS = _names(
    "number, no, nr, num, nummer, numer, numero, id, code, cod, kod, codigo, codice, ref, reference, referenz, "
    "key, idx, no de, numero de, code de, num de, codigo de, numero di, codice di, ref de, n, numero del, numero "
    "dell, codigo del, identifier, kennung"
)
_MONEY_BESIDE = _names(
    "tax, steuer, mwst, tva, iva, btw, shipping, versand, frais, fees, gebuhr, discount, rabatt, remise, "
    "descuento, sconto, korting, refund, tip, deposit, gift, promotion, coupon, gutschein, commission, provision, "
    "cost of goods"
)

ROLES = (
    Role(
        "order_id",
        "the order's identifier",
        "id",
        _names(
            "order id, order number, order no, orderid, ordernumber, order name, order reference, order ref, "
            "amazon order id, increment id, order increment id, sales order, sales document, receipt number, "
            "receipt no, receipt id, sale id, transaction id, transaction no, transaction number, invoice, "
            "invoice no, invoice number, invoice id, document number, document no, doc no, ticket, ticket number, "
            "order code, id order, bestellnummer, bestellnr, bestell nr, bestell nummer, bestell id, "
            "auftragsnummer, auftragsnr, auftrags nr, auftrag nr, auftrag, belegnr, belegnummer, beleg nr, beleg, "
            "rechnungsnummer, rechnungsnr, rechnungs nr, re nr, vorgangsnummer, vorgang, bonnummer, bon nr, "
            "verkaufsbeleg, kassenbon, no commande, numero commande, num commande, numero de commande, n "
            "commande, commande, reference commande, code commande, no facture, numero facture, numero de "
            "facture, num facture, facture, no de commande, no piece, numero piece, no ticket, piece, no bon, id "
            "commande, numero de piece, no de facture, no de piece, numero pedido, numero de pedido, num pedido, "
            "no pedido, pedido, id pedido, no de pedido, numero factura, no factura, factura, albaran, numero de "
            "factura, no de factura, codigo pedido, numero ordine, n ordine, no ordine, ordine, id ordine, num "
            "ordine, numero d ordine, numero documento, n documento, fattura, numero fattura, codice ordine, "
            "scontrino, no documento, num documento, ordernummer, order nr, bestelnummer, bestelling, "
            "factuurnummer, bonnr, ordernr, verkoopordernummer, vbeln, aubel, numero encomenda, numer zamowienia, "
            "ordrenummer, sales order number, so number, so no"
        ),
        _names(
            "order, id, name, receipt, sale, number, nummer, nr, numero, no, entity id, merchant order id, parent "
            "id, sales record number, transaction, basket id, reference, session, document, bon, ticketnr"
        ),
        _names(
            "order id, order number, order no, bestellnummer, auftragsnummer, belegnummer, commande, pedido, ordine"
        ),
        _names(
            "date, datum, fecha, data, item, line, position, posten, status, statut, stato, estado, customer, "
            "kunde, client, product, sku, artik, total, amount, type, qty, menge, quantity, quantite, time, "
            "value, currency, purchase order, discount"
        ),
        _names(
            "order, orders, voucher, verkaufsbeleg, kundenauftrag, kundenauftrags, verkaufsauftrag, purchase "
            "order, sales order, invoice, receipt, sale, sales, ticket, document, doc, transaction, trans, trx, "
            "bill, bestell, bestellung, bestellungs, auftrag, auftrags, beleg, rechnung, rechnungs, vorgang, "
            "vorgangs, bon, lieferschein, kauf, re, commande, facture, piece, vente, pedido, factura, venta, "
            "albaran, documento, ordine, fattura, scontrino, vendita, bestelling, bestel, factuur, verkoop, "
            "verkooporder, zamowienia, faktura, fakturanummer, ordre, encomenda, cart, basket, checkout"
        ),
    ),
    Role(
        "product_id",
        "the product's identifier",
        "id",
        _names(
            "product id, sku, item sku, lineitem sku, product sku, variant sku, custom sku, custom label, stock "
            "code, stockcode, item code, item number, item no, product code, product number, product no, article "
            "number, article no, article code, part number, part no, material, material number, material no, "
            "asin, upc, ean, gtin, barcode, listing id, custom label sku, product reference, item id, plu, "
            "article id, article, productid, artikelnr, artikelnummer, artikel nr, artikel nummer, artikel id, "
            "art nr, artnr, artikel no, bestandseinheit, materialnummer, materialnr, warennummer, produktnummer, "
            "produkt nr, produktnr, produkt id, sachnummer, teilenummer, artikelcode, artikel kurzel, eigene sku, "
            "reference, ref, reference article, reference produit, ref article, ref produit, code article, code "
            "produit, no article, article ref, numero article, id produit, code barre, code barres, ref art, "
            "reference art, codigo articulo, codigo producto, codigo de articulo, codigo de producto, codigo del "
            "articulo, referencia, ref articulo, id producto, cod articulo, articulo codigo, clave, codigo, cod "
            "art, cod producto, codice articolo, codice prodotto, codice, cod articolo, riferimento, id prodotto, "
            "cod prodotto, artikel code, productnummer, productcode, product nr, artnum, matnr, referencia "
            "produto, codigo produto, indeks, kod produktu, system id, matl"
        ),
        _names(
            "id, code, number, nummer, no, merchant sku, seller sku, article no, variation id, product, item, "
            "produkt, artikel, produit, articolo, producto, articulo, prodotto, handle, model, style, parent sku, "
            "item ref, ref, nr"
        ),
        _names("sku, artikelnr, artikelnummer, art nr, product id, product code, item code, code article, stock code"),
        _names(
            "name, title, titel, description, beschreib, bezeichn, designation, libell, order, commande, "
            "customer, kunde, price, preis, prix, date, datum, qty, quantity, menge, total, type, status, group, "
            "gruppe, categor, kategor, famil, cost, gesamt"
        ),
        _names(
            "product, products, prod, item, article, art, artikel, sku, material, matl, part, stock, produkt, "
            "ware, waren, sach, teile, produit, articulo, producto, articolo, prodotto, merchandise, goods, "
            "model, variant, internal, intern, supplier, item sku, interne, interna, ean, style, listing, "
            "artykulu, produktu, vare, varenummer, produto, menu item, lot"
        ),
    ),
    Role(
        "title",
        "the words a customer sees",
        "text",
        _names(
            "title, product name, product title, item name, item title, lineitem name, line item name, listing "
            "title, item description, product description, material description, article name, short text, "
            "article description, details, label, product label, item desc, prod desc, product desc, desc, "
            "article desc, long name, item full name, order item name, item label, variant name, productname, "
            "bezeichnung, artikelbezeichnung, artikelname, artikel name, produktname, produktbezeichnung, titel, "
            "artikeltext, angebotstitel, kurztext, positionstext, materialkurztext, artikelbeschreibung, "
            "warenbezeichnung, bezeichnung 1, designation, libelle, nom du produit, nom produit, produit, "
            "intitule, libelle article, designation article, nom article, nom de l article, libelle produit, "
            "description article, designation produit, titre, descripcion, nombre del producto, nombre producto, "
            "producto, titulo, denominacion, descripcion articulo, nombre articulo, articulo, nombre del "
            "articulo, concepto, descripcion del articulo, descripcion producto, descrizione, nome prodotto, "
            "prodotto, descrizione articolo, titolo, denominazione, nome articolo, articolo, descrizione "
            "prodotto, omschrijving, productnaam, artikelomschrijving, naam, product omschrijving, artikelnaam, "
            "productomschrijving, arktx, maktx, descricao, nazwa, nazwa produktu, produktnavn"
        ),
        _names(
            "name, description, item, product, stock item, menu item, product item, artikel, produkt, article, "
            "beschreibung, nom, nombre, nome, text, product s, bezeichnung 2, beschreibung lang, ware, "
            "produktbeschreibung, model, label, goods, dish"
        ),
        _names(
            "bezeichnung, libelle, designation, product name, item name, item title, produktname, artikelname, "
            "descri, desc, titel, title"
        ),
        _names(
            "customer, kunde, client, cliente, klant, buyer, kaufer, ship, bill, user, discount, tax, status, "
            "price, preis, qty, menge, order no, order id, device, first name, last name, vorname, nachname, "
            "company, firma, coupon, category, kategorie, vendor, brand, variation, method, register, location, "
            "point, payment, staff, employee, amount, group, warengruppe, code, nummer, sku, country, region, "
            "city"
        ),
    ),
    Role(
        "ordered_at",
        "when the order was placed (date, or date and time)",
        "moment",
        _names(
            "ordered at, order date, orderdate, purchase date, purchased on, created at, date created, created "
            "on, sale date, sales date, order created, date ordered, order time, order timestamp, order datetime, "
            "transaction date, invoice date, document date, purchase time, creation date, date of sale, sold on, "
            "invoicedate, order placed, placed on, purchased at, sold at, order created at, order created date, "
            "date order, order date time, date time, bestelldatum, auftragsdatum, belegdatum, rechnungsdatum, "
            "kaufdatum, verkaufsdatum, datum uhrzeit, verkauft am, angelegt am, erstellt am, bestellt am, erfasst "
            "am, auftragseingang, buchungsdatum, bestellzeit, datum der bestellung, bestellzeitpunkt, "
            "eingangsdatum, kauf datum, beleg datum, bondatum, date commande, date de commande, date de la "
            "commande, date facture, date de facture, date vente, date de vente, date piece, date de creation, "
            "date achat, date d achat, date add, cree le, commande le, date heure, date document, date et heure, "
            "date ticket, date de piece, date creation, fecha pedido, fecha de pedido, fecha del pedido, fecha "
            "venta, fecha de venta, fecha factura, fecha de compra, fecha compra, fecha de creacion, fecha "
            "documento, fecha y hora, fecha hora, fecha de factura, fecha creacion, data ordine, data dell "
            "ordine, data vendita, data documento, data acquisto, data fattura, data di acquisto, data creazione, "
            "data e ora, data ora, data dell acquisto, data registrazione, besteldatum, verkoopdatum, "
            "factuurdatum, aankoopdatum, aangemaakt op, datum bestelling, erdat, audat, bstdk, fkdat, posted date "
            "time, data zamowienia, data encomenda, order day"
        ),
        _names(
            "date, datum, fecha, data, day, tag, timestamp, datetime, jour, posted date, created, moment, dia, "
            "giorno, bldat, budat, paid at, date paid, payment date, payments date, zeitstempel, bezahlt am, "
            "zahlungsdatum, posting date, event date, business date, completed time, datum zeit, when, ds, paid "
            "on date"
        ),
        _names("order date, date, datum, fecha, data ordine, created, timestamp"),
        _names(
            "ship, liefer, versand, livraison, entrega, envio, spedizione, consegna, lever, update, modif, due, "
            "fallig, cancel, storn, expir, birth, geburt, refund, return, valid, fulfil, geander, delivery, "
            "launch, closed, status, settlement, deposit, expedition, price, last, promise, latest, earliest, "
            "echeance, scadenza, estimated, format, by"
        ),
    ),
    Role(
        "time",
        "the time of day, where it stands in a column of its own",
        "time",
        _names(
            "time, order time, sale time, purchase time, transaction time, uhrzeit, zeit, bestellzeit, heure, "
            "hora, ora, tijd, tijdstip, erzet, belegzeit, heure commande, hora pedido, ora ordine, heure vente, "
            "heure de commande, created time, tageszeit, bonzeit, time of sale, godzina"
        ),
        never=_names("zone"),
    ),
    Role(
        "quantity",
        "units bought",
        "count",
        _names(
            "quantity, qty, lineitem quantity, line item quantity, quantity purchased, quantity ordered, qty "
            "ordered, ordered quantity, order quantity, order qty, units, units sold, quantity sold, qty sold, "
            "item quantity, item qty, quantity refund, product quantity, items sold, number of items, units "
            "ordered, pieces, pcs, sold quantity, purchased quantity, quantity shipped, line qty, product qty, "
            "menge, anzahl, stuck, stuckzahl, auftragsmenge, bestellmenge, verkaufte menge, stk, verkaufsmenge, "
            "absatz, positionsmenge, gelieferte menge, fakturierte menge, bestellte menge, anz, mge, quantite, "
            "qte, qte commandee, quantite commandee, nombre, nb, quantite vendue, qte vendue, nb articles, qt, "
            "nombre d articles, quantites, cantidad, cant, unidades, uds, cantidad pedida, ud, cantidad vendida, "
            "unidades vendidas, quantita, qta, q ta, pezzi, quantita ordinata, qta ordinata, quantita venduta, "
            "pz, aantal, hoeveelheid, besteld aantal, stuks, aantal besteld, aantal verkocht, kwmeng, fkimg, "
            "lfimg, quantidade, ilosc, antal"
        ),
        _names("count, number, amount, volume, kusch, zahl, q, net quantity, quantidade, sales units, nos"),
        _names("quantity, qty, menge, anzahl, quantite, cantidad, quantita, aantal"),
        _names(
            "refund, return, retour, cancel, storn, price, preis, prix, total, stock, bestand, lager, available, "
            "min, max, discount, amount, offen, open, backorder, restocked"
        ),
    ),
    Role(
        "unit_price",
        "price of one unit",
        "money",
        _names(
            "unit price, price per unit, item price each, lineitem price, line item price, price each, single "
            "price, item cost, selling price, net price, sales price, price each item, unitprice, sold for, "
            "product price, sale price, rate, unit price net, unit price gross, price paid, price unit, price "
            "incl tax, price excl tax, einzelpreis, stuckpreis, verkaufspreis, preis pro stuck, nettopreis, vk "
            "preis, vkpreis, preis je stuck, einzelpreis netto, einzelpreis brutto, bruttopreis, e preis, ep, "
            "epreis, verkauft fur, vk, preis stuck, stk preis, pu ht, pu ttc, prix unitaire, prix unitaire ht, "
            "prix unitaire ttc, pu, prix unit, prix de vente, puht, puttc, prix u, prix a l unite, p u, p u ht, "
            "prix vente, prix unitaire net, precio unitario, precio unidad, precio por unidad, precio venta, "
            "precio de venta, precio ud, p unitario, pvp, prezzo unitario, prezzo unit, prezzo vendita, prezzo di "
            "vendita, prezzo un, prezzo netto, stukprijs, prijs per stuk, eenheidsprijs, verkoopprijs, prijs per "
            "eenheid, netpr, unit price tax incl, unit price tax excl, preco unitario, cena jednostkowa, "
            "enhedspris, retail"
        ),
        _names(
            "price, preis, prix, precio, prezzo, prijs, item price, base price, cena, preco, pris, regular price, "
            "vkp, kurs"
        ),
        _names(
            "unit price, einzelpreis, stuckpreis, prix unitaire, pu ht, precio unitario, prezzo unitario, "
            "stukprijs, price"
        ),
        (
            *_MONEY_BESIDE,
            *_names(
                "total, compare, list, uvp, rrp, purchase price, einkauf, ek, achat, compra, acquisto, inkoop, "
                "old, point, before, group, designation, gesamt, kosten, summe"
            ),
        ),
    ),
    Role(
        "line_total",
        "price of the whole line, all its units together",
        "money",
        _names(
            "line total, row total, item total, item subtotal, line amount, extended price, gross sales, total "
            "price, product sales, line subtotal, item sales, net sales, line value, line net, line gross, ext "
            "price, total line, lineitem total, total amount, sales amount, sales value, revenue, sales, order "
            "item total, turnover, item price total, principal amount, order line total, total item price, line "
            "price, gesamtpreis, positionswert, zeilensumme, umsatz, umsatze, positionsbetrag, gesamtbetrag, "
            "warenwert, wert, betrag, nettowert, gesamt netto, gesamt brutto, nettobetrag, positionssumme, "
            "zeilenbetrag, umsatz brutto, umsatz netto, gp, summe, g preis, gpreis, pos summe, netto betrag, "
            "bruttobetrag, positionspreis, montant ht, montant ttc, total ht, total ttc, total ligne, montant "
            "ligne, montant, prix total, ca ht, ca, montant net, total ligne ht, prix total ht, prix total ttc, "
            "mt ht, montant total, importe, importe linea, total linea, importe total, precio total, subtotal "
            "linea, importe neto, importe bruto, importo, totale riga, totale, importo riga, prezzo totale, "
            "imponibile, valore, importo totale, totale netto, regelbedrag, regeltotaal, bedrag, totaalprijs, "
            "omzet, totaalbedrag, totaal, regel totaal, netwr, total price tax incl, total price tax excl, "
            "wartosc, valor total, sales net"
        ),
        _names(
            "total, amount, subtotal, value, gesamt, netto, brutto, net, gross, product charges, ventas, vendite, "
            "net amount"
        ),
        _names("line total, row total, item total, zeilensumme, positionswert, total ligne, gesamtpreis"),
        (
            *_MONEY_BESIDE,
            *_names(
                "grand, order, bestell, commande total, unit, einzel, stuck, unitaire, unitario, paid, count, invoice"
            ),
        ),
    ),
    Role(
        "price_per",
        "number of units that the price is for (an ERP's price unit)",
        "count",
        _names("kpein, peinh, price unit, preiseinheit, per, prijseenheid, unite de prix, price base quantity, pe"),
    ),
    Role(
        "customer_id",
        "who bought",
        "id",
        _names(
            "customer id, customer no, customer number, customer email, email, e mail, buyer email, buyer id, "
            "client id, email billing, billing email, customer, customerid, user id, account number, account id, "
            "buyer username, buyer, customer code, customer reference id, sold to party, sold to, member id, "
            "loyalty id, account no, kundennr, kundennummer, kunden nr, kunde, kunden id, debitor, "
            "debitorennummer, auftraggeber, kd nr, kdnr, nutzername des kaufers, e mail adresse, kunden email, "
            "kaufer, debitor nr, debitorennr, kundenkonto, kundennummer nr, client, code client, no client, "
            "numero client, id client, ref client, numero de client, compte client, no de client, cliente, codigo "
            "cliente, id cliente, numero de cliente, no cliente, cod cliente, numero cliente, no de cliente, "
            "codice cliente, klantnummer, klant, klantnr, klantcode, klant id, debiteur, debiteurnummer, kunnr, "
            "kunag, correo, correo electronico, courriel, email cliente, klient, kundenr"
        ),
        _names(
            "user, account, member, party, tiers, household key, guest, buyer name, customer name, kundenname, "
            "nom client, ship name, ship to name"
        ),
        _names("customer id, customer email, kundennr, kundennummer, buyer email, code client"),
        _names(
            "price, group, gruppe, type, typ, note, order, bestell, status, date, vat, accepts, phone, country, "
            "ip, first name, last name, address, city, comment, nachricht"
        ),
    ),
    Role(
        "region_id",
        "where it was sold",
        "text",
        _names(
            "region, region id, ship country, shipping country, ship to country, country, country code, store, "
            "branch, state, location, delivery country, delivery state, ship state, shipping province, shipping "
            "country code, shop, outlet, country code billing, country code shipping, plant, sales region, "
            "territory, state code billing, market, warehouse, bundesland, land, lieferland, filiale, werk, "
            "region lieferung, standort, niederlassung, versandland, verkaufsgebiet, pays, pays livraison, pays "
            "de livraison, departement, magasin, etablissement, agence, depot, pais, provincia, tienda, pais de "
            "envio, comunidad autonoma, sucursal, pais envio, nazione, negozio, regione, paese, magazzino, punto "
            "vendita, provincie, winkel, vestiging, verzendland, werks, land1, vkbur, regio, vkorg"
        ),
        _names(
            "order state, billing country, billing province, province, billing state, ship city, city, "
            "rechnungsland, ort, ville"
        ),
        _names("country, bundesland, filiale, region"),
        _names("currency, tax, phone, code postal, zip, status, name of, cost, price, time, vat"),
    ),
    Role(
        "postcode",
        "the postcode of the delivery",
        "id",
        _names(
            "plz, postcode, zip, zip code, postal code, ship postal code, shipping zip, ship zipcode, "
            "postleitzahl, code postal, codigo postal, cap, lieferplz, plz lieferung, shipping postcode, cp, "
            "delivery postcode, ship zip, postalcode, pstlz"
        ),
        _names("billing zip, billing postcode, postal code billing, postcode billing, bill zip, rechnungsplz"),
        _names("postal code, postcode, plz, zip code"),
    ),
    Role(
        "status",
        "the state of the order or line: cancelled and returned ones are told by it",
        "text",
        _names(
            "order status, status, item status, financial status, transaction type, event type, type, sale type, "
            "line status, line type, order state, document type, sales type, adjustment type, itemization type, "
            "bestellstatus, auftragsstatus, typ, status der bestellung, vorgangsart, belegart, vorgangstyp, "
            "positionsstatus, statut, etat, statut commande, statut de la commande, etat commande, type de piece, "
            "type piece, etat de la commande, estado, estado del pedido, estado pedido, tipo, tipo de "
            "transaccion, tipo documento, stato, stato ordine, stato dell ordine, besteldstatus, orderstatus, "
            "bestelstatus, soort, order type, auart, vbtyp, fkart, zahlungsstatus, payment status, kind"
        ),
        parts=_names("status, statut"),
        never=_names("fulfil, tax, customer, shipping, versand"),
    ),
    Role(
        "cancelled",
        "filled in where the order or line was cancelled",
        "mark",
        _names(
            "cancelled at, canceled at, cancelled, canceled, cancel date, date cancelled, cancelled on, "
            "storniert, storniert am, storno, annule, annulee, annule le, cancelado, annullato, geannuleerd, "
            "abgru, rejection reason, absagegrund, is cancelled, is canceled, cancelled date, cancellation date, "
            "is cancellation, voided, void, stornodatum, deleted"
        ),
    ),
    Role(
        "returned",
        "true or false: whether the line came back",
        "mark",
        _names(
            "returned, is returned, returned at, was returned, refunded, is refund, is refunded, is return, "
            "retourniert, retoure, retourne, rembourse, devuelto, reso, reembolsado, rimborsato, geretourneerd, "
            "zuruckgeschickt, zuruck, retour, refunded at, return flag, returned on, retoure am, devolucion, "
            "return"
        ),
    ),
    Role(
        "currency",
        "the currency of the prices",
        "text",
        _names(
            "currency, currency code, wahrung, devise, moneda, valuta, divisa, waerk, waers, order currency, "
            "munt, monnaie, wkz"
        ),
    ),
    Role(
        "category",
        "the product's group",
        "text",
        _names(
            "category, product category, product type, department, product group, item category, kategorie, "
            "warengruppe, produktgruppe, artikelgruppe, hauptwarengruppe, categorie, famille, categoria, familia, "
            "famiglia, reparto, rubriek, groupe, sous famille, matkl, matl group, material group, item group, "
            "productgroep, categorie produit, rayon, artikelkategorie, departamento, dept, kategori, gruppo"
        ),
        _names("type, group, gruppe, collection, class, sub category, subcategory, line of business"),
    ),
    Role(
        "description",
        "longer words on the product",
        "text",
        _names(
            "description, long description, body html, body, beschreibung, langtext, artikelbeschreibung, "
            "description longue, descripcion larga, descrizione lunga, lange omschrijving, produktbeschreibung, "
            "product description, full description"
        ),
    ),
    Role(
        "list_price",
        "price of one unit before any promotion",
        "money",
        _names(
            "list price, listprice, lineitem compare at price, compare at price, rrp, msrp, uvp, listenpreis, "
            "prix catalogue, prix public, precio de lista, prezzo di listino, adviesprijs, regular price, "
            "original price, variant compare at price, variant price, prix catalogue ht, katalogpreis, prezzo "
            "listino, precio tarifa"
        ),
    ),
    Role(
        "unit_cost",
        "what one unit costs the shop",
        "money",
        _names(
            "unit cost, cost price, cost, purchase price, cost per item, cost of goods, einkaufspreis, ek, ek "
            "preis, ekpreis, prix d achat, prix achat, pa ht, precio de coste, coste, precio compra, costo, "
            "prezzo di acquisto, inkoopprijs, kostprijs, precio de compra, prezzo acquisto, wareneinsatz, supply "
            "price, cogs, einstandspreis, wavwr"
        ),
    ),
    Role(
        "launched_on",
        "first day on sale",
        "day",
        _names(
            "launched on, launch date, first available, date first available, available from, lancierung, verkaufsstart"
        ),
    ),
)
ROLE = {role.key: role for role in ROLES}
REQUIRED = ("order_id", "product_id", "title", "ordered_at", "quantity", "unit_price")
# Roles that describe a product, so a list of products may hold them instead of the order lines.
OF_PRODUCT = ("title", "category", "description", "list_price", "unit_cost", "launched_on")
# Roles that are the same on all lines of an order, so they may stand on its first line only.
OF_ORDER = ("ordered_at", "time", "customer_id", "region_id", "postcode", "currency", "cancelled")
