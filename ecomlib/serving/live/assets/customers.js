// What a version knows of customers: when help in a visit pays, who is leaving, and what to show whom. Made when it was
// trained, so it is asked for once a version; where the shop lacks a table the service's own sentence stands instead.
import { $, add, counted, fill, money, say, whole } from "./words.js";

const SHOWN = 10; // customers of the board, rows of a page of products
let drawn = null; // what the cards show: a version, or the reasons why they are empty
const percent = (share) => `${whole.format(100 * share)} %`;
const likely = (p) => (p > 0.99 ? "> 99 %" : p < 0.01 ? "< 1 %" : percent(p)); // nothing here is certain
const signed = (x) => `${x < 0 ? "−" : "+"}${money(Math.abs(x))}`;
const chance = (x) => x.toFixed(2);

export async function showCustomers(ask) {
  const { version, why } = await ask("customers");
  const now = JSON.stringify([version, why]);
  if (now === drawn) return;
  const cards = { offers: showOffers, retain: showBoard, recommend: showLists };
  await Promise.all(Object.entries(cards).map(async ([name, show]) => {
    const none = why[name];
    $(name).classList.toggle("none", Boolean(none));
    for (const part of $(name).querySelectorAll(".known")) part.hidden = Boolean(none);
    if (none) return say(`${name}-says`, none);
    try {
      await show(ask);
    } catch (error) {
      if (!error.status) throw error;
      say(`${name}-says`, error.message); // such as a margin that is not known
      for (const part of $(name).querySelectorAll(".known")) part.hidden = true;
    }
  }));
  drawn = now;
}

function lead(id, number, words) { // one message: its number first
  const line = document.createDocumentFragment();
  if (number) add(line, "b", {}, number);
  line.append(words);
  if ($(id).textContent !== line.textContent) $(id).replaceChildren(line);
}

// --------------------------------------------------------------------------------------------- whom to offer help

async function showOffers(ask) {
  const answer = await ask("offers?limit=1");
  const { band, totals, last_four_weeks: found } = answer;
  lead("offers-says", band && `${chance(band[0])} to ${chance(band[1])}`, band
    ? `: offer help where the chance of an order lies in between. Last week ${counted(totals.help, "visit")} of ${whole.format(totals.of)}, for ${money(totals.gain)} expected`
    : "Help costs more than it adds at every chance: offer none");
  drawChances(answer);
  const guess = answer.said.includes("lift") ? "" : ` What help adds (${answer.money.lift} in log-odds) is a guess until an experiment says it: the gain stands and falls with it.`;
  say("offers-note", `On the last four weeks the chances were off by ${percent(found.ece)} on average (AUC ${chance(found.auc)}).${guess} An order earns ${money(answer.money.margin)}, help costs ${money(answer.money.cost)}. A rule for a visit that still runs must be learnt from what is known at that moment.`);
}

function drawChances({ counts, helped, band, totals }) { // visits by chance; those in the band are filled, the others hollow
  const width = Math.max(260, $("offers-figure").clientWidth), height = 190, left = 10, right = 10, top = 40, bottom = 36;
  const last = Math.max(counts.findLastIndex((n) => n > 0) + 1, 2), most = Math.max(1, ...counts), size = 1 / counts.length;
  const far = Math.min(1, Math.max(last * size, (band?.[0] ?? 0) + size)); // the axis ends where the visits do
  const x = (p) => left + (p / far) * (width - left - right), y = (n) => height - bottom - (n / most) * (height - top - bottom);
  const holder = document.createElement("div");
  const svg = add(holder, "svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-labelledby": "offers-svg offers-text" });
  add(svg, "title", { id: "offers-svg" }, "Visits of the last full week by their chance of an order");
  add(svg, "desc", { id: "offers-text" }, `${whole.format(totals.of)} visits. ` + counts.map((n, k) => n && `${n} between ${chance(k * size)} and ${chance((k + 1) * size)}, help pays in ${helped[k]}`).filter(Boolean).join("; ")
    + (band ? `. Help pays between ${chance(band[0])} and ${chance(band[1])}.` : ". Help pays at no chance."));
  counts.forEach((n, k) => {
    if (!n) return;
    const box = { x: x(k * size) + 1.5, width: x((k + 1) * size) - x(k * size) - 3 };
    add(svg, "rect", { class: "visit", ...box, y: y(n), height: y(0) - y(n) });
    if (helped[k]) add(svg, "rect", { class: "visit help", ...box, y: y(helped[k]), height: y(0) - y(helped[k]) });
  });
  add(svg, "line", { class: "axis", x1: left, x2: width - right, y1: y(0), y2: y(0) });
  const step = [0.05, 0.1, 0.2].find((one) => far / one <= width / 50) ?? 0.25;
  for (let p = 0; p <= far + 1e-9; p += step) add(svg, "text", { x: x(p), y: height - 19, "text-anchor": !p ? "start" : p > far - step / 2 ? "end" : "middle" }, chance(p));
  add(svg, "text", { x: width - right, y: height - 3, "text-anchor": "end" }, "chance of an order");
  if (band) {
    const [low, high] = [x(band[0]), x(Math.min(band[1], far))];
    add(svg, "path", { class: "band-edge", d: `M${low} ${y(0)}V${top - 12}H${high}${band[1] <= far ? `V${y(0)}` : ""}` });
    const room = width - right - low > 150;
    add(svg, "text", { class: "help", x: room ? low + 5 : width - right, y: top - 18, "text-anchor": room ? "start" : "end" }, `■ help pays from ${chance(band[0])}`);
  }
  $("offers-figure").replaceChildren(svg);
}

// -------------------------------------------------------------------------------------------------- who is leaving

function scale(cell, parts, { least = 0, most = 1, reach = null }) { // numbers beside it say the same
  const wide = 110, high = 16, x = (value) => 5 + ((value - least) / (most - least || 1)) * (wide - 10);
  const svg = add(cell, "svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, "aria-hidden": "true", class: "doubt" });
  if (least < 0) add(svg, "line", { class: "zero", x1: x(0), x2: x(0), y1: 0, y2: high });
  for (const [from, to] of reach ? [reach] : []) add(svg, "line", { class: "reach", x1: x(from), x2: x(to), y1: high / 2, y2: high / 2 });
  for (const value of parts) add(svg, "circle", { class: "guess", cx: x(value), cy: high / 2, r: 3.5 });
}

async function showBoard(ask) {
  const answer = await ask(`retain?by=stake&limit=${SHOWN}`);
  const { totals, letters, rows, days } = answer;
  lead("retain-says", money(totals.at_stake), ` of revenue is at stake in ${counted(days, "day")}: what customers used to buy, times the chance that they are gone. About ${percent(totals.silent)} of ${counted(totals.customers, "customer")} will order nothing`);
  const body = document.createDocumentFragment(), most = Math.max(...rows.map((row) => row.at_stake), 1e-9);
  for (const row of rows) {
    const line = add(body, "tr");
    add(line, "th", { scope: "row" }, row.customer_id);
    add(line, "td", {}, counted(row.idle_days, "day"));
    add(line, "td", {}, likely(1 - row.alive));
    add(line, "td", {}, money(row.at_stake));
    const cell = add(line, "td"), wide = 110; // a bar: its filled part is at stake
    const svg = add(cell, "svg", { viewBox: `0 0 ${wide} 16`, width: wide, height: 16, preserveAspectRatio: "none", "aria-hidden": "true", class: "doubt" });
    add(svg, "rect", { class: "stake", x: 0, y: 3, width: Math.max(1.5, (row.at_stake / most) * wide), height: 10 });
  }
  $("retain-rows").replaceChildren(body);
  drawLetters(letters);
  const list = letters.write ? await ask(`retain?letters=true&limit=${SHOWN}`) : { rows: [], totals: { of: 0 } };
  fill("write-rows", list.rows.map((row) => [row.customer_id, row.letter_orders.toFixed(2), money(row.letter_gain)]));
  say("write-note", `${whole.format(list.rows.length)} of ${whole.format(list.totals.of)}. The whole list: ecomlib decide retain, or /retain?letters=true. Single gains are rough; what the list earns is what the past letters tell.`);
  $("write").hidden = !letters.write;
  say("retain-note", [
    "Gone: the chance that the customer has left, from how often and how lately orders came (BG/NBD); of one customer it is no more than a chance.",
    ...answer.warnings.filter((words) => words !== letters.says),
  ].join(" "));
}

function drawLetters(letters) { // what a list would have earned in the past letters, against two rivals, with its doubt
  say("letters-says", letters.says);
  const found = Object.entries(letters.gain_a_customer ?? {}), ends = found.flatMap(([, v]) => v);
  $("letters-table").hidden = !found.length;
  const body = document.createDocumentFragment(), least = Math.min(0, ...ends), most = Math.max(0, ...ends);
  for (const [rival, [value, low, high]] of found) {
    const line = add(body, "tr");
    add(line, "th", { scope: "row" }, rival);
    add(line, "td", {}, signed(value));
    scale(add(line, "td"), [value], { least, most, reach: [low, high] });
    add(line, "td", {}, `${signed(low)} to ${signed(high)}`);
  }
  $("letters-rows").replaceChildren(body);
}

// ------------------------------------------------------------------------------------------------- what to show whom

const PAGES = { again: "To buy again", new: "New to the customer" };

export async function showLists(ask) {
  const customer = $("customer").value.trim();
  const answer = await ask(`recommend?${new URLSearchParams({ places: SHOWN, ...(customer ? { customer_id: customer } : {}) })}`);
  if (customer !== $("customer").value.trim()) return; // another one was typed meanwhile
  lead("recommend-says", "", answer.says);
  const body = document.createDocumentFragment();
  for (const [page, words] of Object.entries(PAGES)) {
    const mine = answer.rows.filter((row) => row.page === page);
    if (!mine.length) continue;
    add(add(body, "tr"), "th", { scope: "colgroup", colspan: 3, class: "group" }, answer.known ? words : "For somebody new");
    for (const row of mine) {
      const line = add(body, "tr");
      add(line, "td", {}, whole.format(row.place));
      add(line, "th", { scope: "row" }, row.title ?? row.product_id);
      add(line, "td", { class: "why" }, row.because);
    }
  }
  $("recommend-rows").replaceChildren(body);
  const tried = answer.tried.map(({ page, recall, cases }) => `${PAGES[page].toLowerCase()}: ${percent(recall)} (${counted(cases, "customer")})`);
  say("recommend-note", [
    tried.length ? `Tried on the last ${counted(answer.days_tried, "day")}, so much of what was bought next stood among the first 20 of a list – ${tried.join("; ")}.` : "Not tried on the past: too few customers came back.",
    "That is what people buy, not what a list adds: an experiment tells that.",
    ...answer.warnings,
  ].join(" "));
}
