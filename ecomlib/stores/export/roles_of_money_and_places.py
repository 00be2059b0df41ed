"""Lists the names that shop systems give to prices, customers, places, states and what describes a product."""

from __future__ import annotations

from ecomlib.stores.export.role import Role, names

_MONEY_BESIDE = names(
    "tax, steuer, mwst, tva, iva, btw, shipping, versand, frais, fees, gebuhr, discount, rabatt, remise, descuento, "
    "sconto, korting, refund, tip, deposit, gift, promotion, coupon, gutschein, commission, provision, cost of goods"
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
            "cena sprzedazy, cena sprzedazy brutto, cena jedn, "
            "tax excl, preco unitario, cena jednostkowa, enhedspris, unit amount, cena za sztuke, cena brutto, cena "
            "netto, цена, цена за единицу, цена продажи, preco de venda, styckpris, pris per styck, pris pr stk, "
            "stykpris, birim fiyati, birim fiyat, satis fiyati, fiyat, cena za kus, cena za ks, jednotkova cena, "
            "単価, 单价, 商品单价, valor do produto, valor unitario, wholesale price, a pris, retail"
        ),
        names(
            "price, preis, prix, precio, prezzo, prijs, artikelpreis, each, item price, base price, cena, preco, "
            "pris, regular price, vkp, kurs"
        ),
        names(
            "unit price, einzelpreis, stuckpreis, prix unitaire, pu ht, precio unitario, prezzo unitario, stukprijs, "
            "price"
        ),
        (
            *_MONEY_BESIDE,
            *names(
                "total, compare, list, uvp, rrp, purchase price, einkauf, ek, achat, compra, acquisto, inkoop, old, "
                "point, before, group, designation, gesamt, kosten, summe"
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
            "turnover, item price total, principal amount, order line total, total item price, line price, wartosc "
            "netto, wartosc sprzedazy, wartosc pozycji, kwota, kwota brutto, kwota netto, suma, razem, linjetotal, "
            "valor, final price, line total after discount, row total after discount, line amount incl vat, line "
            "amount excl vat, gesamtpreis, positionswert, zeilensumme, umsatz, umsatze, positionsbetrag, gesamtbetrag, "
            "warenwert, wert, betrag, nettowert, gesamt netto, gesamt brutto, nettobetrag, positionssumme, "
            "zeilenbetrag, umsatz brutto, umsatz netto, gp, summe, g preis, gpreis, pos summe, netto betrag, "
            "bruttobetrag, positionspreis, montant ht, montant ttc, total ht, total ttc, total ligne, montant ligne, "
            "montant, prix total, ca ht, ca, montant net, total ligne ht, prix total ht, prix total ttc, mt ht, "
            "montant total, importe, importe linea, total linea, importe total, precio total, subtotal linea, importe "
            "neto, importe bruto, importo, totale riga, totale, importo riga, prezzo totale, imponibile, valore, "
            "importo totale, totale netto, regelbedrag, regeltotaal, bedrag, totaalprijs, omzet, totaalbedrag, totaal, "
            "regel totaal, netwr, total price tax incl, total price tax excl, wartosc, valor total, sales net, сумма, "
            "сумма продажи, стоимость, выручка, wartosc brutto, radsumma, belopp, summa, belop, slutpris, total paid, "
            "amount paid, paid amount, price paid total, belob, satis tutari, tutar, toplam, toplam tutar, celkem, "
            "cena celkem, castka, 金額, 合計, 小計, 金额, 总价, 实付金额"
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
        "discount",
        "money taken off the line (all its units together)",
        "money",
        names(
            "discount, discounts, discount amount, line discount, lineitem discount, item discount, line discount "
            "amount, discount value, item promotion discount, promotional rebates, discounts applied, product "
            "discount, seller discount, discount total, total discount amount, discount net, discount gross, "
            "reduction, reduction amount, rabatt, rabatte, rabattbetrag, positionsrabatt, zeilenrabatt, nachlass, "
            "preisnachlass, abzug, rabatte aus werbeaktionen, remise, remises, montant remise, montant de la remise, "
            "remise ligne, reduction amount tax incl, rabais, descuento, descuentos, importe descuento, descuento "
            "linea, dto, dcto, sconto, sconti, importo sconto, sconto riga, korting, kortingen, kortingsbedrag, "
            "desconto, rabat, rabatter, disc amount, disc amt, markdown, markdown amount, uprust, indirim, indirim "
            "tutari, sleva, vyse slevy, 割引, 値引, 优惠, 优惠金额, 折扣, скидка, сумма скидки, скидка руб, znizka, "
            "kwota rabatu"
        ),
        names("promotion, promo, savings, deal discount, disc"),
        names("discount amount, rabattbetrag, montant remise"),
        names(
            "code, name, type, art, reason, ship, shipping, versand, delivery, tax, mwst, tva, percent, pct, prozent, "
            "rate, satz, taux, group, gruppe, price, preis, prix, coupon, gutschein, before, after, nach, apres, id, "
            "fee, description"
        ),
    ),
    Role(
        "unit_discount",
        "money taken off the price of each unit",
        "money",
        names(
            "unit discount, discount per unit, discount per item, item discount amount each, discount each, discount "
            "unit, rabatt pro stuck, rabatt je stuck, stuckrabatt, remise unitaire, descuento unitario, sconto "
            "unitario, korting per stuk"
        ),
    ),
    Role(
        "discount_percent",
        "percent taken off the line's price",
        "money",
        names(
            "discount percent, discount percentage, discount pct, discount rate, line discount percent, percent "
            "discount, disc percent, discount in percent, rabatt percent, rabattsatz, rabatt prozent, rabatt in "
            "percent, rabatt in prozent, prozentrabatt, positionsrabatt percent, nachlass percent, remise percent, "
            "percent remise, taux remise, taux de remise, remise en percent, descuento percent, percent descuento, "
            "dto percent, percent dto, porcentaje descuento, sconto percent, percent sconto, korting percent, "
            "kortingspercentage, percent korting, percent rabatt, rabat percent, desconto percent, percent disc, "
            "процент скидки, скидка percent, percent скидки, znizka percent, indirim orani, indirim percent, sleva "
            "percent, sleva v percent"
        ),
        parts=names("discount percent, rabatt percent, remise percent"),
        never=names("code, name, type, ship, versand, tax, mwst, tva, coupon, cart, order"),
    ),
    Role(
        "order_discount",
        "money taken off the whole order; it is spread over its lines",
        "money",
        names(
            "order discount, order discount amount, order discounts, cart discount, cart discount amount, total "
            "discount, total discounts, total discounts tax incl, order total discount, coupon discount, coupon "
            "amount, coupon value, discount code amount, promo discount, voucher discount, auftragsrabatt, "
            "gesamtrabatt, bestellrabatt, belegrabatt, gutscheinrabatt, warenkorbrabatt, remise totale, remise "
            "globale, remise commande, descuento total, descuento pedido, descuento global, sconto totale, sconto "
            "ordine, totale korting, bestelkorting"
        ),
        never=names("code name, type, ship, versand, tax excl, percent"),
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
            "no klienta, numer klienta, id klienta, kod klienta, kontrahent, nip klienta, kundnr, "
            "numero de client, compte client, no de client, cliente, codigo cliente, id cliente, numero de cliente, "
            "no cliente, cod cliente, numero cliente, no de cliente, codice cliente, klantnummer, klant, klantnr, "
            "klantcode, klant id, debiteur, debiteurnummer, kunnr, kunag, correo, correo electronico, courriel, email "
            "cliente, klient, kundenr, контрагент, покупатель, клиент, login kupujacego, kupujacy, comprador, kund, "
            "kundnummer, musteri, musteri no, alici, zakaznik, odberatel, 顧客番号, 买家, 买家昵称"
        ),
        names(
            "user, account, member, party, tiers, household key, guest, buyer name, customer name, kundenname, nom "
            "client, ship name, ship to name"
        ),
        names("customer id, customer email, kundennr, kundennummer, buyer email, code client"),
        names(
            "price, group, gruppe, type, typ, note, order, bestell, status, date, vat, accepts, phone, country, ip, "
            "first name, last name, address, city, comment, nachricht"
        ),
    ),
    Role(
        "region_id",
        "where it was sold",
        "text",
        names(
            "sklep, magazyn, wojewodztwo, oddzial, punkt sprzedazy, filiaal, butik, loja, estado de entrega, prodejna, "
            "zeme, ship country code, marketplace, region, region id, ship country, shipping country, ship to country, "
            "country, country code, store, branch, state, location, delivery country, delivery state, ship state, "
            "shipping province, shipping country code, shop, outlet, country code billing, country code shipping, "
            "plant, sales region, territory, state code billing, market, warehouse, bundesland, land, lieferland, "
            "filiale, werk, region lieferung, standort, niederlassung, versandland, verkaufsgebiet, pays, pays "
            "livraison, pays de livraison, departement, magasin, etablissement, agence, depot, pais, provincia, "
            "tienda, pais de envio, comunidad autonoma, sucursal, pais envio, nazione, negozio, regione, paese, "
            "magazzino, punto vendita, provincie, winkel, vestiging, verzendland, werks, land1, vkbur, regio, vkorg, "
            "kraj, kraj dostawy, склад, магазин, регион, город, страна, подразделение"
        ),
        names(
            "order state, billing country, billing province, province, billing state, ship city, city, rechnungsland, "
            "ort, ville"
        ),
        names("country, bundesland, filiale, region"),
        names("currency, tax, phone, code postal, zip, status, name of, cost, price, time, vat"),
    ),
    Role(
        "postcode",
        "the postcode of the delivery",
        "id",
        names(
            "plz, postcode, zip, zip code, postal code, ship postal code, shipping zip, ship zipcode, postleitzahl, "
            "code postal, codigo postal, cap, lieferplz, plz lieferung, shipping postcode, cp, delivery postcode, "
            "ship zip, postalcode, pstlz, kod pocztowy, индекс, почтовыи индекс"
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
            "bestellstatus, auftragsstatus, typ, status der bestellung, vorgangsart, belegart, vorgangstyp, typ dok, "
            "typ dokumentu, rodzaj dokumentu, stan zamowienia, line state, item state, ordrestatus, current state, "
            "current status, orderstatus order, positionsstatus, statut, etat, statut commande, statut de la commande, "
            "etat commande, type de piece, type piece, etat de la commande, estado, estado del pedido, estado pedido, "
            "tipo, tipo de transaccion, tipo documento, stato, stato ordine, stato dell ordine, besteldstatus, "
            "orderstatus, bestelstatus, soort, order type, auart, vbtyp, fkart, zahlungsstatus, payment status, kind, "
            "status zamowienia, situacao, siparis durumu, siparis statusu, ステータス, durum, stav, stav objednavky, "
            "注文状態, 订单状态, статус, статус заказа, состояние"
        ),
        parts=names("status, statut"),
        never=names("fulfil, tax, customer, shipping, versand"),
    ),
    Role(
        "cancelled",
        "filled in where the order or line was cancelled",
        "mark",
        names(
            "cancelled at, canceled at, cancelled, canceled, cancel date, date cancelled, cancelled on, storniert, "
            "storniert am, storno, annule, annulee, annule le, cancelado, annullato, geannuleerd, abgru, rejection "
            "reason, absagegrund, is cancelled, is canceled, cancelled date, cancellation date, is cancellation, "
            "отменен, anulowano, voided, void, stornodatum, deleted"
        ),
    ),
    Role(
        "test",
        "true or false: whether the order is a trial of the shop's own",
        "mark",
        names("test, is test, test order, is test order, testbestellung, test mode, commande test, pedido prueba"),
    ),
    Role(
        "returned",
        "true or false: whether the line came back",
        "mark",
        names(
            "returned, is returned, returned at, was returned, refunded, is refund, is refunded, is return, "
            "retourniert, retoure, retourne, rembourse, devuelto, reso, reembolsado, rimborsato, geretourneerd, "
            "zuruckgeschickt, возврат, zwrot, zuruck, retour, refunded at, return flag, returned on, retoure am, "
            "devolucion, return"
        ),
    ),
    Role(
        "quantity_returned",
        "units of the line that came back",
        "count",
        names(
            "quantity refunded, qty refunded, refunded quantity, product quantity refunded, quantity returned, qty "
            "returned, returned quantity, units returned, units refunded, returned qty, refunded qty, retourmenge, "
            "retournierte menge, erstattete menge, ruckgabemenge, quantite retournee, quantite remboursee, qte "
            "retour, cantidad devuelta, quantita resa, aantal retour, product quantity return"
        ),
    ),
    Role(
        "quantity_cancelled",
        "units of the line that were cancelled",
        "count",
        names(
            "quantity cancelled, quantity canceled, qty cancelled, qty canceled, cancelled quantity, canceled "
            "quantity, cancelled qty, canceled qty, units cancelled, stornierte menge, stornomenge, quantite annulee, "
            "cantidad cancelada, quantita annullata"
        ),
    ),
    Role(
        "part_of",
        "filled in where the line is a part of another line (a variant or a part of a bundle)",
        "mark",
        names(
            "parent item id, parent line id, parent order item id, parent order line id, bundle parent id, parent "
            "line item id, parent item, parent sales line id"
        ),
    ),
    Role(
        "currency",
        "the currency of the prices",
        "text",
        names(
            "currency, currency code, wahrung, devise, moneda, valuta, divisa, waerk, waers, order currency, munt, "
            "monnaie, wkz, waluta, валюта, moeda, para birimi, mena, 通貨, 币种, waehrung"
        ),
    ),
    Role(
        "category",
        "the product's group",
        "text",
        names(
            "category, product category, product type, department, product group, item category, kategorie, "
            "warengruppe, produktgruppe, artikelgruppe, hauptwarengruppe, categorie, famille, categoria, familia, "
            "famiglia, reparto, rubriek, groupe, sous famille, matkl, matl group, material group, item group, grupa, "
            "grupa towarowa, grupa asortymentowa, kategoria produktu, dzial, groep, artikelgroep, varugrupp, "
            "varegruppe, grupo, skupina zbozi, kategorie zbozi, category path, category name, productgroep, categorie "
            "produit, rayon, artikelkategorie, kategoria, категория, группа, группа товаров, вид номенклатуры, "
            "departamento, dept, kategori, gruppo"
        ),
        names("type, group, gruppe, collection, class, sub category, subcategory, line of business"),
    ),
    Role(
        "description",
        "longer words on the product",
        "text",
        names(
            "description, long description, body html, body, beschreibung, langtext, artikelbeschreibung, description "
            "longue, descripcion larga, descrizione lunga, lange omschrijving, produktbeschreibung, product "
            "description, full description"
        ),
    ),
    Role(
        "list_price",
        "price of one unit before any promotion",
        "money",
        names(
            "list price, listprice, lineitem compare at price, compare at price, rrp, msrp, uvp, listenpreis, prix "
            "catalogue, prix public, precio de lista, prezzo di listino, adviesprijs, regular price, original price, "
            "variant compare at price, variant price, prix catalogue ht, katalogpreis, prezzo listino, precio tarifa"
        ),
    ),
    Role(
        "unit_cost",
        "what one unit costs the shop",
        "money",
        names(
            "unit cost, cost price, cost, purchase price, cost per item, cost of goods, einkaufspreis, ek, ek preis, "
            "ekpreis, prix d achat, prix achat, pa ht, precio de coste, coste, precio compra, costo, prezzo di "
            "acquisto, inkoopprijs, kostprijs, precio de compra, prezzo acquisto, wareneinsatz, supply price, cogs, "
            "einstandspreis, wavwr"
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
