// What is out, what is low, and what to order: one row a product, its regions folded.
import { $, add, counted, day, dayAndYear, say, units, whole } from "./words.js";

export const FEW = 10; // products shown until somebody wants all
const PAGE = 5000; // rows that the service sends at once
const open = new Set(); // products whose regions are unfolded
let drawn = "";

const SIGNS = { out: "■ out", low: "▲ low" };
const number = (x) => (x == null ? "–" : whole.format(x));

export function query(chosen, more) {
  return `replenish?${new URLSearchParams({ ratio: $("ratio").value, ...(chosen.region === "all" ? {} : { region_id: chosen.region }), ...more })}`;
}

export const everything = (chosen) => query(chosen, { by: "product", limit: PAGE });

function headline({ totals }, stock) {
  const line = document.createDocumentFragment();
  const number = (value) => add(line, "b", {}, whole.format(value));
  line.append("Today: ");
  if (stock && totals.out + totals.low) {
    number(totals.out), line.append(" out, "), number(totals.low), line.append(" low, order ");
  } else line.append(stock ? "nothing is out or low; order " : "order ");
  number(totals.order_units), line.append(totals.order_units === 1 ? " unit" : " units");
  if ($("today").textContent !== line.textContent) $("today").replaceChildren(line);
}

function alertWords(row, of) { // how bad it is, and in how many regions
  return ["out", "low"].filter((kind) => (of > 1 ? row[kind] : row.alert === kind))
    .map((kind) => [kind, of > 1 ? `${SIGNS[kind]} in ${whole.format(row[kind])}` : SIGNS[kind]]);
}

function line(parent, row, of) { // the one line of a product
  add(parent, "span", { class: "title", title: row.title }, row.title);
  const order = add(parent, "span", { class: "order", ...(row.reason ? { title: row.reason } : {}) }, "order ");
  add(order, "b", {}, number(row.order));
  const under = add(parent, "span", { class: "under" });
  const words = alertWords(row, of);
  for (const [kind, text] of words) add(under, "b", { class: kind }, text), under.append(" ");
  under.append([words.length && of > 1 && `of ${whole.format(of)} regions`, row.on_hand != null && `${whole.format(row.on_hand)} in stock`, row.arriving && `${whole.format(row.arriving)} on the way`, `${units(row.expected)} expected`].filter(Boolean).join(" · "));
}

export function drawOrders(answer, { stock, regions, nameOf, choose }) {
  const of = regions; // regions that a row may spread over; 1 where one is chosen
  headline(answer, stock);
  const { rows, totals, expected } = answer, reason = rows.find((row) => row.reason)?.reason;
  const cut = totals.of > rows.length;
  say("alerts-count", rows.length > FEW || cut ? `${whole.format(rows.length)} of ${counted(totals.of, "product")}${cut && rows.length >= PAGE ? "; the order list has all" : ""}` : "");
  $("alerts-more").hidden = !(cut || rows.length > FEW);
  say("alerts-more", rows.length > FEW ? `Show ${FEW}` : "Show all");
  say("alerts-note", [
    !rows.length && (stock ? "Nothing is out of stock, and nothing will be before an order can arrive." : "Nothing needs to be ordered."),
    !stock && "This shop’s tables do not say what is in stock: what to order is the whole need until the next delivery.",
    stock && of > 1 && totals.out + totals.low > 0 && "Out and low are counted by product and region.",
    expected && `Expected: units of ${counted(expected.weeks, "week")}, ${day(expected.from)} to ${dayAndYear(expected.until)}.`,
    answer.taken_off,
    reason && `How much to order is ${reason}.`,
  ].filter(Boolean).join(" "));
  const now = JSON.stringify([rows, of]);
  if (now === drawn) return;
  drawn = now;
  const held = document.activeElement?.closest("#alert-rows [data-key]")?.dataset.key; // a redrawn list keeps the focus where it was
  const body = document.createDocumentFragment();
  for (const row of rows) {
    const item = add(body, "li", { "data-product": row.product_id });
    if (of === 1) {
      const button = add(item, "button", { type: "button", class: "line", "data-key": row.product_id });
      line(button, row, 1);
      button.addEventListener("click", () => choose(row.product_id)); // in the region that is chosen
      continue;
    }
    const fold = add(item, "details");
    fold.open = open.has(row.product_id);
    line(add(fold, "summary", { class: "line", "data-key": row.product_id }), row, of);
    if (fold.open) unfold(fold, row, stock, nameOf, choose);
    fold.addEventListener("toggle", () => {
      open[fold.open ? "add" : "delete"](row.product_id);
      if (fold.open && !fold.querySelector("table")) unfold(fold, row, stock, nameOf, choose);
    });
  }
  $("alert-rows").replaceChildren(body);
  if (held) [...$("alert-rows").querySelectorAll("[data-key]")].find((one) => one.dataset.key === held)?.focus();
}

function unfold(fold, row, stock, nameOf, choose) {
  const table = add(fold, "table");
  const head = add(add(table, "thead"), "tr");
  for (const name of ["Region", ...(stock ? ["In stock"] : []), "Expected", "Order"]) add(head, "th", { scope: "col" }, name);
  const body = add(table, "tbody");
  for (const part of [{ ...row, region_id: "all", alert: null }, ...row.regions]) {
    const cells = add(body, "tr", { "data-region": part.region_id });
    const button = add(add(cells, "th", { scope: "row" }), "button", { type: "button", class: "link", "data-key": `${row.product_id}\n${part.region_id}` });
    if (part.alert) add(button, "b", { class: part.alert }, SIGNS[part.alert]), button.append(" ");
    add(button, "span", { class: "place" }, nameOf(part.region_id));
    button.addEventListener("click", () => choose(row.product_id, part.region_id));
    for (const cell of [...(stock ? [number(part.on_hand)] : []), units(part.expected)]) add(cells, "td", {}, cell);
    add(add(cells, "td"), "b", part.reason ? { title: part.reason } : {}, number(part.order));
  }
}

export async function downloadOrders(ask, chosen, name) {
  const rows = new Map();
  let answer = null;
  for (let offset = 0; !answer || offset < answer.totals.of; offset += PAGE) {
    answer = await ask(query(chosen, { limit: PAGE, offset }));
    for (const row of answer.rows) rows.set(`${row.product_id}\n${row.region_id}`, row); // an order between two pages may move a row
  }
  // A title that begins like a formula must not become one in somebody's spreadsheet.
  const cell = (value) => `"${String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const all = [...rows.values()].map((row) => ({ ...row, expected_from: answer.expected.from, expected_until: answer.expected.until }));
  const names = ["product_id", "title", "region_id", "on_hand", ...(all.some((row) => row.arriving) ? ["arriving"] : []), "expected", "expected_from", "expected_until", "order", "alert", ...(all.some((row) => row.reason) ? ["reason"] : [])];
  const lines = [names.join(","), ...all.filter((row) => row.order == null || row.order > 0).map((row) => names.map((name) => cell(row[name])).join(","))];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`\ufeff${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
