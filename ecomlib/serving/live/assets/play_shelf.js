// The table of products: what the shop sees of each, and this week's numbers, which may be changed one by one.
import { $, add, counted, money, tenth, whole } from "./words.js";

const FEW = 25;
const SEEN = [["on_hand", "On hand"], ["arriving", "Arriving"], ["sold_last_week", "Sold last week"], ["mean_of_8", "Mean of 8 weeks"], ["days_out", "Days out"], ["unit_cost", "Unit cost"], ["plan_price", "Shop’s price"]];
const OWN = { order: "Order", price: "Price", promote: "Offer" };
let own = {}, drawn = null, all = false;

export const edits = () => own;
export const forgetEdits = () => { own = {}; };

export function keepEdits(kept, same, state) { // orders are for one week; prices and offers stay until they are taken back
  const known = new Set(state.products.map((row) => row.product_id));
  own = {};
  for (const lever of Object.keys(OWN)) {
    if (!state.levers.includes(lever) || (lever === "order" && !same)) continue;
    const found = Object.entries(kept[lever] ?? {}).filter(([id]) => known.has(id));
    if (found.length) own[lever] = Object.fromEntries(found);
  }
}

export function drawShelf(state, suggested, changed) {
  drawn = { state, suggested, changed };
  shelfChanged();
}

const isEdited = (id) => Object.keys(OWN).some((lever) => own[lever] && id in own[lever]);

export function shelfChanged(whole_ = false) {
  if (!drawn) return;
  all = whole_ === true || (all && drawn.week === drawn.state.week);
  drawn.week = drawn.state.week;
  const { state, suggested } = drawn, levers = Object.keys(OWN).filter((lever) => suggested[lever]);
  const words = $("search").value.trim().toLowerCase(), sort = $("sort").value;
  let rows = state.products.map((row, at) => ({ row, at }));
  if (words) rows = rows.filter(({ row }) => `${row.title} ${row.product_id}`.toLowerCase().includes(words));
  const rank = ({ row }) => (sort === "edited" ? Number(isEdited(row.product_id)) : row[sort]);
  rows.sort((a, b) => rank(b) - rank(a) || b.row.sold_last_week - a.row.sold_last_week);
  const shown = all ? rows : rows.slice(0, FEW);

  const head = document.createElement("tr");
  for (const name of ["Product", ...levers.map((lever) => OWN[lever]), ...SEEN.map(([, said]) => said)]) add(head, "th", { scope: "col" }, name);
  $("shelf-head").replaceChildren(...head.children);
  const body = document.createElement("tbody");
  for (const { row, at } of shown) {
    const line = add(body, "tr", { "data-product": row.product_id });
    add(line, "th", { scope: "row", title: row.title }, `${row.product_id} ${row.title}`);
    for (const lever of levers) add(line, "td").append(cell(lever, row, suggested[lever][at]));
    for (const [name] of SEEN) add(line, "td", {}, name === "days_out" && row[name] > 0 ? `▼ ${tenth.format(row[name])}` : /price|cost/.test(name) ? money(row[name]) : name === "mean_of_8" ? tenth.format(row[name]) : whole.format(row[name]));
    mark(line, row);
  }
  $("shelf-rows").replaceChildren(...body.children);
  const total = state.products.length;
  $("shelf-note").textContent = !rows.length ? `No product has “${$("search").value.trim()}” in its name.` : `${whole.format(shown.length)} of ${words ? `${whole.format(rows.length)} found, ` : ""}${counted(total, "product")}. An order arrives next Monday. A price stays between the lowest and the highest that was ever paid.`;
  $("more").hidden = shown.length === rows.length;
  $("more").textContent = `Show all ${whole.format(rows.length)}`;
  $("undo").hidden = !Object.keys(own).length;
}

function mark(line, row) {
  for (const input of line.querySelectorAll("input")) input.closest("td").classList.toggle("own", Boolean(own[input.dataset.lever] && row.product_id in own[input.dataset.lever]));
}

function cell(lever, row, value) {
  const id = row.product_id, mine = own[lever]?.[id] ?? value, input = document.createElement("input");
  input.dataset.lever = lever;
  input.setAttribute("aria-label", `${OWN[lever]} of ${row.title || id}`);
  if (lever === "promote") Object.assign(input, { type: "checkbox", checked: mine === 1 });
  else {
    Object.assign(input, { type: "number", value: lever === "price" ? mine.toFixed(2) : mine, min: lever === "price" ? row.price_low : 0, step: lever === "price" ? 0.01 : 1, inputMode: lever === "price" ? "decimal" : "numeric" });
    if (lever === "price") Object.assign(input, { max: row.price_high, title: `between ${money(row.price_low)} and ${money(row.price_high)}` });
  }
  input.addEventListener("change", () => {
    const typed = lever === "promote" ? Number(input.checked) : input.value.trim() === "" ? null : Number(input.value);
    own[lever] ??= {};
    if (typed === null || Math.abs(typed - value) < 1e-9) { // what was suggested, or nothing: the choice above holds
      delete own[lever][id];
      if (lever !== "promote") input.value = lever === "price" ? value.toFixed(2) : value;
    } else own[lever][id] = typed;
    if (!Object.keys(own[lever]).length) delete own[lever];
    mark(input.closest("tr"), row);
    $("undo").hidden = !Object.keys(own).length;
    drawn.changed();
  });
  return input;
}
