"""Lists the names that shop systems give to prices, customers, places, states and what describes a product."""

from __future__ import annotations

from ecomlib.stores.export.role import Role, names

_MONEY_BESIDE = names(
    "tax, steuer, mwst, tva, iva, btw, shipping, versand, frais, fees, gebuhr, discount, rabatt, remise, "
    "descuento, sconto, korting, refund, tip, deposit, gift, promotion, coupon, gutschein, commission, provision, "
    "cost of goods"
)

BESIDE_LINES = (
    Role(
        "unit_price",
        "price of one unit",
        "money",
        names(
            "unit price, price per unit, item price each, lineitem price, line item price, price each, single price, "
            "item cost, selling price, net price, sales price, price each item, unitprice, sold for, product price, "
            "sale price, rate, unit price net, unit price gross, price paid, price unit, price incl tax, price excl "
            "tax, einzelpreis, stuckpreis, verkaufspreis, preis pro stuck, nettopreis, vk preis, vkpreis, preis je "
            "stuck, einzelpreis netto, einzelpreis brutto, bruttopreis, e preis, ep, epreis, verkauft fur, vk, preis "
            "stuck, stk preis, pu ht, pu ttc, prix unitaire, prix unitaire ht, prix unitaire ttc, pu, prix unit, prix "
            "de vente, puht, puttc, prix u, prix a l unite, p u, p u ht, prix vente, prix unitaire net, precio "
            "unitario, precio unidad, precio por unidad, precio venta, precio de venta, precio ud, p unitario, pvp, "
            "prezzo unitario, prezzo unit, prezzo vendita, prezzo di vendita, prezzo un, prezzo netto, stukprijs, "
            "prijs per stuk, eenheidsprijs, verkoopprijs, prijs per eenheid, netpr, unit price tax incl, unit price "
            "tax excl, preco unitario, cena jednostkowa, cena brutto, cena netto, cena sprzedazy, cena za sztuke, cena "
            "sprzedazy brutto, cena jedn, styckpris, a pris, stykpris, preco de venda, valor unitario, cena za kus, "
            "jednotkova cena, enhedspris, retail"
        ),
        names(
            "price, preis, prix, precio, prezzo, prijs, artikelpreis, each, item price, base price, cena, preco, pris, "
            "regular price, vkp, kurs"
        ),
        names(
            "unit price, einzelpreis, stuckpreis, prix unitaire, pu ht, precio unitario, prezzo unitario, "
            "stukprijs, price"
        ),
        (
            *_MONEY_BESIDE,
            *names(
                "total, compare, list, uvp, rrp, purchase price, einkauf, ek, achat, compra, acquisto, inkoop, "
                "old, point, before, group, designation, gesamt, kosten, summe"
            ),
        ),
    ),
    Role(
        "line_total",
        "price of the whole line, all its units together",
        "money",
        names(
            "line total, row total, item total, item subtotal, line amount, extended price, gross sales, total price, "
            "product sales, line subtotal, item sales, net sales, line value, line net, line gross, ext price, total "
            "line, lineitem total, total amount, sales amount, sales value, revenue, sales, order item total, "
            "turnover, item price total, principal amount, order line total, total item price, line price, "
            "gesamtpreis, positionswert, zeilensumme, umsatz, umsatze, positionsbetrag, gesamtbetrag, warenwert, wert, "
            "betrag, nettowert, gesamt netto, gesamt brutto, nettobetrag, positionssumme, zeilenbetrag, umsatz brutto, "
            "umsatz netto, gp, summe, g preis, gpreis, pos summe, netto betrag, bruttobetrag, positionspreis, montant "
            "ht, montant ttc, total ht, total ttc, total ligne, montant ligne, montant, prix total, ca ht, ca, montant "
            "net, total ligne ht, prix total ht, prix total ttc, mt ht, montant total, importe, importe linea, total "
            "linea, importe total, precio total, subtotal linea, importe neto, importe bruto, importo, totale riga, "
            "totale, importo riga, prezzo totale, imponibile, valore, importo totale, totale netto, regelbedrag, "
            "regeltotaal, bedrag, totaalprijs, omzet, totaalbedrag, totaal, regel totaal, netwr, total price tax incl, "
            "total price tax excl, wartosc, valor total, wartosc brutto, wartosc netto, wartosc sprzedazy, wartosc "
            "pozycji, kwota, kwota brutto, kwota netto, suma, razem, belopp, radsumma, belob, linjetotal, valor, "
            "celkem, castka, final price, amount paid, line total after discount, row total after discount, line "
            "amount incl vat, line amount excl vat, sales net"
        ),
        names(
            "total, amount, extended, subtotal, value, gesamt, netto, brutto, net, gross, product charges, ventas, "
            "vendite, net amount"
        ),
        names("line total, row total, item total, zeilensumme, positionswert, total ligne, gesamtpreis"),
        (
            *_MONEY_BESIDE,
            *names(
                "grand, order, bestell, commande total, unit, einzel, stuck, unitaire, unitario, paid, count, invoice"
            ),
        ),
    ),
    Role(
        "discount",
        "what was taken off the line: an amount for all its units, or a percentage where its name says so",
        "money",
        names(
            "item discount, line discount, lineitem discount, line item discount, row discount, product discount, "
            "discount percent, discount percentage, discount pct, line discount percent, item discount amount, line "
            "discount amount, row discount amount, item promotion discount, zeilenrabatt, positionsrabatt, "
            "artikelrabatt, remise ligne, remise article, descuento linea, sconto riga, regelkorting, rabat pozycji"
        ),
        # Alone these may be of the whole order; a sign of per cent behind them says that they are of the line.
        names(
            "rabatt percent, percent rabatt, remise percent, percent remise, descuento percent, percent descuento, dto "
            "percent, percent dto, dcto percent, sconto percent, percent sconto, korting percent, percent korting, "
            "rabat percent, percent rabat, disc percent, percent discount, rab percent, rabatt in percent, rabattsatz"
        ),
        never=names("discount amount, order, total, cart, coupon, shipping, code, type, reason, name, document"),
    ),
    Role(
        "cancelled_quantity",
        "units of the line that were cancelled",
        "count",
        names(
            "qty canceled, qty cancelled, quantity canceled, quantity cancelled, cancelled quantity, canceled "
            "quantity, cancelled qty, canceled qty, units cancelled, units canceled, stornierte menge, storno menge, "
            "quantite annulee, cantidad cancelada, cantidad anulada, quantita annullata, aantal geannuleerd"
        ),
    ),
    Role(
        "returned_quantity",
        "units of the line that came back",
        "count",
        names(
            "qty refunded, qty returned, quantity refunded, quantity returned, refunded quantity, returned quantity, "
            "refunded qty, returned qty, return quantity, return qty, units returned, units refunded, retourmenge, "
            "retournierte menge, ruckgabemenge, quantite retournee, quantite remboursee, product quantity refunded, "
            "cantidad devuelta, cantidad reembolsada, quantita resa, quantita rimborsata, aantal retour, aantal "
            "geretourneerd, product quantity return"
        ),
    ),
    Role(
        "unit",
        "the unit of measure of the quantity: pieces, kilograms",
        "text",
        names(
            "unit of measure, uom, measure unit, unit of measurement, sales unit, um, u m, mengeneinheit, einheit, "
            "verkaufseinheit, me, vme, meins, vrkme, unite de mesure, unite, unidad de medida, unidad medida, u "
            "medida, unidad, unita di misura, unita misura, udm, unita, eenheid, meeteenheid, jm, j m, jednostka "
            "miary, jednostka, jedn, unidade"
        ),
        names("unit, measure"),
    ),
    Role(
        "price_per",
        "number of units that the price is for (an ERP's price unit)",
        "count",
        names("kpein, peinh, price unit, preiseinheit, per, prijseenheid, unite de prix, price base quantity, pe"),
    ),
    Role(
        "customer_id",
        "who bought",
        "id",
        names(
            "customer id, customer no, customer number, customer email, email, e mail, buyer email, buyer id, client "
            "id, email billing, billing email, customer, customerid, user id, account number, account id, buyer "
            "username, buyer, customer code, customer reference id, sold to party, sold to, member id, loyalty id, "
            "account no, kundennr, kundennummer, kunden nr, kunde, kunden id, debitor, debitorennummer, auftraggeber, "
            "kd nr, kdnr, nutzername des kaufers, e mail adresse, kunden email, kaufer, debitor nr, debitorennr, "
            "kundenkonto, kundennummer nr, client, code client, no client, numero client, id client, ref client, "
            "numero de client, compte client, no de client, cliente, codigo cliente, id cliente, numero de cliente, no "
            "cliente, cod cliente, numero cliente, no de cliente, codice cliente, klantnummer, klant, klantnr, "
            "klantcode, klant id, debiteur, debiteurnummer, kunnr, kunag, correo, correo electronico, courriel, email "
            "cliente, klient, kundenr, no klienta, numer klienta, id klienta, kod klienta, kontrahent, nip klienta, "
            "kundnummer, kundnr, zakaznik"
        ),
        names(
            "user, account, member, party, tiers, household key, guest, buyer name, customer name, kundenname, "
            "nom client, ship name, ship to name"
        ),
        names("customer id, customer email, kundennr, kundennummer, buyer email, code client"),
        names(
            "price, group, gruppe, type, typ, note, order, bestell, status, date, vat, accepts, phone, country, "
            "ip, first name, last name, address, city, comment, nachricht"
        ),
    ),
    Role(
        "region_id",
        "where it was sold",
        "text",
        names(
            "region, region id, ship country, shipping country, ship to country, country, country code, store, branch, "
            "state, location, delivery country, delivery state, ship state, shipping province, shipping country code, "
            "shop, outlet, country code billing, country code shipping, plant, sales region, territory, state code "
            "billing, market, warehouse, bundesland, land, lieferland, filiale, werk, region lieferung, standort, "
            "niederlassung, versandland, verkaufsgebiet, pays, pays livraison, pays de livraison, departement, "
            "magasin, etablissement, agence, depot, pais, provincia, tienda, pais de envio, comunidad autonoma, "
            "sucursal, pais envio, nazione, negozio, regione, paese, magazzino, punto vendita, provincie, winkel, "
            "vestiging, verzendland, werks, land1, vkbur, regio, vkorg, sklep, magazyn, kraj, kraj dostawy, "
            "wojewodztwo, oddzial, punkt sprzedazy, filiaal, butik, loja, estado de entrega, prodejna, zeme, ship "
            "country code, marketplace"
        ),
        names(
            "order state, billing country, billing province, province, billing state, ship city, city, "
            "rechnungsland, ort, ville"
        ),
        names("country, bundesland, filiale, region"),
        names("currency, tax, phone, code postal, zip, status, name of, cost, price, time, vat"),
    ),
    Role(
        "postcode",
        "the postcode of the delivery",
        "id",
        names(
            "plz, postcode, zip, zip code, postal code, ship postal code, shipping zip, ship zipcode, "
            "postleitzahl, code postal, codigo postal, cap, lieferplz, plz lieferung, shipping postcode, cp, "
            "delivery postcode, ship zip, postalcode, pstlz"
        ),
        names("billing zip, billing postcode, postal code billing, postcode billing, bill zip, rechnungsplz"),
        names("postal code, postcode, plz, zip code"),
    ),
    Role(
        "status",
        "the state of the order or line: cancelled and returned ones are told by it",
        "text",
        names(
            "order status, status, item status, financial status, transaction type, event type, type, sale type, line "
            "status, line type, order state, document type, sales type, adjustment type, itemization type, "
            "bestellstatus, auftragsstatus, typ, status der bestellung, vorgangsart, belegart, vorgangstyp, "
            "positionsstatus, statut, etat, statut commande, statut de la commande, etat commande, type de piece, type "
            "piece, etat de la commande, estado, estado del pedido, estado pedido, tipo, tipo de transaccion, tipo "
            "documento, stato, stato ordine, stato dell ordine, besteldstatus, orderstatus, bestelstatus, soort, order "
            "type, auart, vbtyp, fkart, zahlungsstatus, payment status, kind, status zamowienia, typ dok, typ "
            "dokumentu, rodzaj dokumentu, stan zamowienia, line state, item state, ordrestatus, current state, current "
            "status, orderstatus order, situacao, stav objednavky, stav"
        ),
        parts=names("status, statut"),
        never=names("fulfil, tax, customer, shipping, versand"),
    ),
    Role(
        "cancelled",
        "filled in where the order or line was cancelled",
        "mark",
        names(
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
        names(
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
        names(
            "currency, currency code, wahrung, devise, moneda, valuta, divisa, waerk, waers, order currency, "
            "munt, monnaie, wkz, waluta, mena"
        ),
    ),
    Role(
        "category",
        "the product's group",
        "text",
        names(
            "category, product category, product type, department, product group, item category, kategorie, "
            "warengruppe, produktgruppe, artikelgruppe, hauptwarengruppe, categorie, famille, categoria, familia, "
            "famiglia, reparto, rubriek, groupe, sous famille, matkl, matl group, material group, item group, "
            "productgroep, categorie produit, rayon, artikelkategorie, departamento, dept, kategori, gruppo, grupa, "
            "grupa towarowa, grupa asortymentowa, kategoria, kategoria produktu, dzial, groep, artikelgroep, "
            "varugrupp, varegruppe, grupo, skupina zbozi, kategorie zbozi, category path, category name"
        ),
        names("type, group, gruppe, collection, class, sub category, subcategory, line of business"),
    ),
    Role(
        "description",
        "longer words on the product",
        "text",
        names(
            "description, long description, body html, body, beschreibung, langtext, artikelbeschreibung, "
            "description longue, descripcion larga, descrizione lunga, lange omschrijving, produktbeschreibung, "
            "product description, full description"
        ),
    ),
    Role(
        "list_price",
        "price of one unit before any promotion",
        "money",
        names(
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
        names(
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
        names(
            "launched on, launch date, first available, date first available, available from, lancierung, verkaufsstart"
        ),
    ),
)
