// What the whole shop will sell, and which prices to change: each number with its doubt, as a bar and in words.
import { $, add, counted, day, dayAndYear, money, say, units, whole } from "./words.js";

const FEW = 10; // price changes shown
const WIDTH = 120, HEIGHT = 16; // of a bar, pixels
const LEVELS = { total: "The whole shop", category: "By category", region: "By region" };

export const between = (row, write = units) => (row.low == null ? "not known" : `${write(row.low)} to ${write(row.high)}`);

function bar(cell, { low, mean, high }, least, most) { // numbers beside it say the same, so it is hidden from those who listen
  const svg = add(cell, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true", class: "doubt" });
  const x = (value) => 4 + ((value - least) / (most - least || 1)) * (WIDTH - 8), middle = HEIGHT / 2;
  if (least < 0) add(svg, "line", { class: "zero", x1: x(0), x2: x(0), y1: 0, y2: HEIGHT });
  if (low != null) {
    add(svg, "line", { class: "reach", x1: x(low), x2: x(high), y1: middle, y2: middle });
    for (const end of [low, high]) add(svg, "line", { class: "reach", x1: x(end), x2: x(end), y1: middle - 4, y2: middle + 4 });
  }
  add(svg, "circle", { class: "guess", cx: x(mean), cy: middle, r: 3.5 });
}

export function drawPlan(answer, { regions, nameOf }) {
  const rows = answer.rows.filter((row) => row.level in LEVELS && (regions || row.level !== "region"));
  const parts = rows.filter((row) => row.span === "whole"), [total] = parts, quarter = answer.span === "quarter";
  const lead = document.createDocumentFragment();
  add(lead, "b", {}, units(total.mean));
  const sold = total.sold ? `; sold so far: ${whole.format(total.sold)}` : "";
  lead.append(` units ${quarter ? "planned" : "expected"} in ${counted(total.weeks, "week")} from ${dayAndYear(total.from)} (${between(total)})${sold}`);
  if ($("sales-says").textContent !== lead.textContent) $("sales-says").replaceChildren(lead);
  const body = document.createDocumentFragment();
  for (const level of ["category", "region"]) {
    const mine = parts.filter((row) => row.level === level);
    if (!mine.length) continue;
    add(add(body, "tr"), "th", { scope: "colgroup", colspan: 4, class: "group" }, LEVELS[level]);
    const most = Math.max(...mine.map((row) => row.high ?? row.mean));
    for (const row of mine) {
      const line = add(body, "tr", { "data-node": row.node });
      add(line, "th", { scope: "row" }, level === "region" ? nameOf(row.node) : row.node);
      add(line, "td", {}, units(row.mean));
      bar(add(line, "td"), row, 0, most);
      add(line, "td", {}, between(row));
    }
  }
  $("sales-rows").replaceChildren(body);
  $("sales-table").hidden = !$("sales-rows").children.length;
  const steps = document.createDocumentFragment(), of = rows.filter((row) => row.level === "total");
  const highest = Math.max(...of.filter((row) => row.span === "week").map((row) => row.high ?? row.mean));
  for (const row of of) {
    if (row.span === "whole" && row.weeks > 1) continue;
    const line = add(steps, "tr");
    add(line, "th", { scope: "row" }, row.span === "month" ? `${counted(row.weeks, "week")} from ${day(row.from)}` : `week from ${day(row.from)}`);
    add(line, "td", {}, units(row.mean));
    const cell = add(line, "td");
    if (row.span !== "month") bar(cell, row, 0, highest);
    add(line, "td", {}, between(row));
    add(line, "td", {}, row.sold == null ? "" : whole.format(row.sold));
  }
  $("sales-steps").replaceChildren(steps);
  const often = `The ends are made to hold in ${whole.format(100 * answer.coverage)} of 100 such sums; those of parts do not add up, because errors cancel in part.`;
  say("sales-note", `${answer.interval ? `How far off it may be is ${answer.interval}.` : often} ${answer.how}`);
}

export function drawPrices(answer, choose) {
  const { totals, objective, warnings } = answer, rows = answer.rows.filter((row) => row.price !== row.price_now).slice(0, FEW);
  const lead = document.createDocumentFragment();
  if (totals.changes) {
    add(lead, "b", {}, whole.format(totals.changes));
    lead.append(` ${totals.changes === 1 ? "price" : "prices"} to change, for ${money(totals.gain)} more ${objective} a week (${money(totals.gain_low)} to ${money(totals.gain_high)})`);
  } else lead.append("No price is worth a change: no gain is certain.");
  if ($("advice-says").textContent !== lead.textContent) $("advice-says").replaceChildren(lead);
  const body = document.createDocumentFragment();
  const least = Math.min(0, ...rows.map((row) => row.gain_low)), most = Math.max(...rows.map((row) => row.gain_high));
  const held = document.activeElement?.closest("#advice-rows [data-key]")?.dataset.key;
  for (const row of rows) {
    const line = add(body, "tr", { "data-product": row.product_id });
    const button = add(add(line, "th", { scope: "row" }), "button", { type: "button", class: "link", "data-key": row.product_id, title: row.title ?? "" });
    add(button, "span", { class: "place" }, row.title ?? row.product_id);
    button.addEventListener("click", () => choose(row.product_id));
    add(line, "td", {}, `${money(row.price_now)} → ${money(row.price)}`);
    add(line, "td", {}, money(row.gain));
    bar(add(line, "td"), { low: row.gain_low, mean: row.gain, high: row.gain_high }, least, most);
    add(line, "td", {}, `${money(row.gain_low)} to ${money(row.gain_high)}`);
    add(line, "td", { class: "why" }, row.reason);
  }
  $("advice-rows").replaceChildren(body);
  if (held) [...$("advice-rows").querySelectorAll("[data-key]")].find((one) => one.dataset.key === held)?.focus();
  $("advice-table").hidden = !rows.length;
  say("advice-note", [
    rows.length < totals.changes && `The ${rows.length} surest are shown.`,
    "Prices move only inside what each product has cost before. The ends are 95 % of what the effect leaves open, not of what may happen.",
    ...(warnings ?? []),
  ].filter(Boolean).join(" "));
}
