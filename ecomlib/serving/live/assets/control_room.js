// The control room: asks the service once a second whether anything has changed, and draws what the shop's people need.
// It only reads: a what-if question changes nothing.
import { drawPlan, drawPrices } from "./advice.js";
import { showCustomers, showLists } from "./customers.js";
import { drawFigure, ends } from "./figure.js";
import { buildMap, drawMap } from "./map.js";
import { FEW, downloadOrders, drawOrders, everything, query } from "./orders.js";
import { $, add, clockTime, coin, counted, day, dayAndYear, fill, money, say, sentence, tenth, units, whole, written } from "./words.js";

const EVERY = 1000, SLOWEST = 5000, PATIENCE = 8000; // milliseconds: between questions, at most when away, for an answer
const HISTORY = 26; // weeks in the figure
const ADVICE = 60_000; // milliseconds after which plan and prices are asked for again while a week runs

const catalogue = { version: null, products: new Map(), regions: new Map() };
const chosen = { product: null, region: "all" };
let seen = null; // the newest overview
let can = { whatif: true, stock: true, regions: true, quarter: false, price: false }; // what this shop's tables allow
let all = false; // whether all products with an alert are listed

const regionName = (id) => (id === "all" ? "all regions" : catalogue.regions.get(id)?.name ?? id ?? "all regions");
const productName = (id) => catalogue.products.get(id)?.title ?? id;

// ------------------------------------------------------------------------------------------------------- the service

async function ask(path, body = null) {
  const options = { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" };
  if (body) Object.assign(options, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const away = () => { throw Object.assign(new Error("The service does not answer"), { away: true }); };
  const answer = await fetch(path, options).catch(away);
  const content = await answer.text().catch(away);
  if (answer.ok || answer.status === 304) return content ? JSON.parse(content) : null; // nothing has changed: nothing is sent
  const detail = answer.headers.get("Content-Type")?.startsWith("application/json") ? JSON.parse(content).detail : null;
  const words = Array.isArray(detail) ? detail.map((fault) => fault.msg).join(" ") : detail;
  throw Object.assign(new Error(words || `The service answered with error ${answer.status}.`), { status: answer.status });
}

let timer = 0, wait = EVERY, heard = null, asking = false;

async function poll() {
  clearTimeout(timer);
  if (asking || document.hidden) return; // a hidden tab asks nothing; it wakes with visibilitychange
  asking = true;
  try {
    const overview = await ask(seen && wait === EVERY ? `overview?since=${seen.state}` : "overview"); // after silence, all
    if (overview) await show(overview);
    if (wait !== EVERY && seen) drawLight(seen.drift); // it answers again
    heard = new Date();
    wait = EVERY;
    connection("live", "Live");
  } catch (error) {
    wait = Math.min(2 * wait, SLOWEST);
    const last = heard ? `; last heard at ${heard.toLocaleTimeString("en-GB")}` : "";
    if (heard) drawLight({ light: "none", words: `○ No answer since ${heard.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}` });
    if (!error.status && !error.away) throw error; // a fault of this page belongs into the console
    connection("away", `${error.away ? error.message : `The service is not ready (${error.status})`}${last}`);
  } finally {
    asking = false;
    timer = setTimeout(poll, wait);
  }
}

function silence(error) { // in answer to somebody's choice: the next question of the clock will say so
  if (!error.away) throw error;
  poll();
}

function connection(state, words) {
  $("connection").dataset.state = document.body.dataset.state = state;
  say("connection", words);
}

// -------------------------------------------------------------------------------------------------------- what is new

async function show(overview) {
  if (overview.version !== catalogue.version) await loadCatalogue(overview);
  const before = seen;
  seen = overview;
  $("clock").textContent = written(overview.clock, { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  $("events").textContent = whole.format(overview.events);
  $("origin").textContent = `from ${dayAndYear(overview.origin)}${overview.stale ? "; the next forecasts are being made" : ""}`;
  $("version").textContent = `version ${overview.version}`;
  if (can.regions) drawMap(overview);
  drawDrift(overview.drift);
  drawRunning(overview);
  drawNewest(overview.newest ?? [], before);
  drawWaiting(overview.waiting);
  for (const name of ["play", "room"]) $(`to-${name}`).hidden = !overview.pages?.[name]; // where the game is offered
  await Promise.all([showForecast(), showOrders(), adviceIsOld(overview) && showAdvice()]);
}

async function loadCatalogue(overview) {
  const { products, regions } = await ask("catalogue");
  catalogue.version = overview.version;
  can = { ...can, ...overview.can };
  coin.name = overview.currency ?? null;
  for (const place of document.querySelectorAll(".currency")) place.textContent = coin.name ? `(${coin.name})` : "";
  document.body.classList.toggle("no-regions", !can.regions);
  document.body.classList.toggle("no-whatif", !can.whatif);
  document.body.classList.toggle("no-advice", !can.price);
  document.querySelector(".advice").hidden = !can.price;
  $("sales-form").hidden = !can.quarter;
  if (!can.quarter) $("span").value = "served";
  for (const part of document.querySelectorAll(".of-regions")) part.hidden = !can.regions;
  document.querySelector(".whatif").hidden = !can.whatif;
  $("alerts-title").textContent = can.stock ? "Stock alerts" : "What to order";
  catalogue.products = new Map(products.map((product) => [product.product_id, product]));
  catalogue.regions = new Map(parts(regions).map((region) => [region.region_id, region]));
  const options = document.createDocumentFragment();
  for (const product of products) options.appendChild(new Option("", inList(product)));
  $("products").replaceChildren(options);
  $("region").replaceChildren(new Option("All regions", "all"), ...parts(regions).map((r) => new Option(r.name ?? r.region_id, r.region_id)));
  if (can.regions) buildMap(parts(overview.regions));
  const wanted = new URLSearchParams(location.hash.slice(1));
  const first = [chosen.product, wanted.get("product"), overview.orders?.rows[0]?.product_id].find((id) => catalogue.products.has(id));
  chosen.region = [chosen.region, wanted.get("region")].find((id) => id !== "all" && catalogue.regions.has(id)) ?? "all";
  choose({ product: first ?? products[0]?.product_id, region: chosen.region }, false);
}

const parts = (regions) => regions.filter((region) => region.region_id !== "all"); // a shop without regions has that one
const inList = (product) => `${product.title} · ${product.product_id}`;

function choose({ product = chosen.product, region = chosen.region }, load = true) {
  if (product !== chosen.product) priceOf(product);
  Object.assign(chosen, { product, region });
  $("product").value = catalogue.products.has(product) ? inList(catalogue.products.get(product)) : "";
  $("region").value = region;
  for (const button of $("map").querySelectorAll("input")) button.checked = button.value === region;
  const { category, price, whatif } = catalogue.products.get(product) ?? {};
  say("product-note", [category && category !== "none" && `Category: ${category}.`, price != null && `Price now: ${money(price)}.`].filter(Boolean).join(" "));
  say("whatif-says", "");
  $("whatif-table").hidden = true;
  $("whatif").hidden = whatif === false;
  $("whatif-none").hidden = whatif !== false;
  history.replaceState(null, "", `#${new URLSearchParams({ product, region })}`);
  if (load) Promise.all([showForecast(), showOrders()]).catch(silence);
}

function findProduct(text) { // the list's own line, an identifier, or letters that fit one product alone
  const words = text.trim().toLowerCase();
  const products = [...catalogue.products.values()];
  const exact = products.find((p) => inList(p) === text || p.product_id === text)
    ?? products.find((p) => inList(p).toLowerCase() === words || p.product_id.toLowerCase() === words);
  const like = exact ? [exact] : products.filter((p) => words && inList(p).toLowerCase().includes(words));
  if (like.length === 1) choose({ product: like[0].product_id });
  else say("product-note", like.length ? `${like.length} products have “${text}” in their name: type more letters or take one from the list.` : `No product has “${text}” in its name.`);
}

// ---------------------------------------------------------------------------------------------------------- forecast

async function showForecast() {
  const { product, region } = chosen;
  if (!product) return;
  try {
    const forecast = await ask(`forecast?${new URLSearchParams({ product_id: product, region_id: region, history: HISTORY })}`);
    if (product === chosen.product && region === chosen.region) drawForecast(forecast); // else another one was chosen meanwhile
  } catch (error) {
    if (!error.status) throw error;
    say("forecast-says", error.message);
  }
}

let drawn = null;

function drawForecast(forecast) {
  drawn = forecast;
  const [now] = forecast.weeks, percent = whole.format(100 * forecast.coverage);
  $("forecast-title").textContent = $("forecast-title").title = can.regions ? `${forecast.title}, ${regionName(forecast.region_id)}` : forecast.title;
  const lead = $("forecast-says");
  lead.replaceChildren();
  add(lead, "b", {}, units(now.forecast));
  const sold = now.sold == null ? "" : `; sold so far: ${whole.format(now.sold)}`;
  lead.append(` units expected in the week from ${day(now.week)}${ends(now)}${sold}`);
  $("basis").textContent = (forecast.stale ? "A week has ended, and new forecasts are being made: these are the old ones. " : "")
    + (forecast.basis === "category" ? "This product has no history yet: these are the mean first weeks of its category’s launches. " : "")
    + (forecast.interval ? `How far off it may be is ${forecast.interval}.` : `The band is made to hold ${percent} % of the weeks; the lights say whether it does.`);
  const past = (forecast.history ?? []).filter((week) => week.week < now.week);
  const rows = [
    ...past.map((w) => [dayAndYear(w.week), whole.format(w.units), "", "", ""]),
    ...forecast.weeks.map((w) => [dayAndYear(w.week), w.sold == null ? "" : whole.format(w.sold), units(w.forecast), units(w.low), units(w.high)]),
  ].reverse();
  fill("figure-rows", rows);
  drawFigure(past, forecast.weeks);
}

// ------------------------------------------------------------------------------------------------------ what to order

async function showOrders() {
  const { region } = chosen, ratio = $("ratio").value, wanted = all;
  try {
    const ready = region === "all" && ratio === "3" && !all && seen.orders;
    const answer = ready || await ask(all ? everything(chosen) : query(chosen, { by: "product", limit: FEW }));
    if (region !== chosen.region || ratio !== $("ratio").value || wanted !== all) return; // another one was chosen meanwhile
    const regions = region === "all" && can.regions ? catalogue.regions.size : 1;
    drawOrders(answer, { stock: can.stock, regions, nameOf: regionName, choose: lookAt });
  } catch (error) {
    if (!error.status) throw error;
    say("alerts-note", error.message);
  }
}

// ---------------------------------------------------------------------------------------------------- plan and prices

let advised = { of: "", at: 0 };

function adviceIsOld({ version, origin, stale }) { // plan and prices rest on closed weeks: not every order moves them
  const of = JSON.stringify([version, origin, stale]);
  if (of === advised.of && Date.now() - advised.at < ADVICE) return false;
  advised = { of, at: Date.now() };
  return true;
}

async function showAdvice() {
  await Promise.all([showPlan(), can.price && showPrices(), showCustomers(ask)]);
}

async function showPlan() {
  const span = $("span").value;
  try {
    const answer = await ask(`plan?${new URLSearchParams({ span, limit: 5000 })}`);
    if (span === $("span").value) drawPlan(answer, { regions: can.regions, nameOf: regionName });
  } catch (error) {
    if (!error.status) throw error;
    say("sales-note", error.message);
  }
}

async function showPrices() {
  try {
    drawPrices(await ask("price?limit=10"), (product) => lookAt(product));
  } catch (error) {
    if (!error.status) throw error;
    say("advice-note", error.message);
  }
}

function lookAt(product, region) {
  choose({ product, region });
  $("forecast").focus(); // on a phone the figure is far down
}

// ----------------------------------------------------------------------------------------------------------- what if

function priceOf(product) { // the form begins at today's price
  const price = catalogue.products.get(product)?.price;
  $("price").value = price == null ? "" : price.toFixed(2);
  $("change").disabled = price == null;
  $("change").value = 0;
  $("change-says").textContent = "0 %";
}

function priceChanged(from) {
  const usual = catalogue.products.get(chosen.product)?.price;
  if (!usual) return;
  if (from === "change") $("price").value = (usual * (1 + $("change").value / 100)).toFixed(2);
  const percent = 100 * ($("price").value / usual - 1);
  if (from === "price") $("change").value = percent;
  $("change-says").textContent = `${percent > 0 ? "+" : percent < 0 ? "−" : ""}${tenth.format(Math.abs(percent))} %`;
}

async function askWhatIf() {
  const usual = catalogue.products.get(chosen.product)?.price;
  const question = { product_id: chosen.product, region_id: chosen.region };
  const price = $("price").value === "" ? null : Number($("price").value);
  if (price !== null && (usual == null || Math.abs(price - usual) > 0.004)) question.price = price;
  if ($("promoted").checked) Object.assign(question, { promoted: true, depth: Number($("depth").value) / 100 });
  $("whatif-table").hidden = true;
  if (!("price" in question) && !question.promoted) return say("whatif-says", "Change the price or tick the promotion first.");
  const answer = await ask("whatif", question);
  if (question.product_id !== chosen.product || question.region_id !== chosen.region) return;
  const [first, ...others] = answer.says.split(/(?<=\.) (?=[A-Z])/);
  $("whatif-says").replaceChildren();
  add($("whatif-says"), "strong", {}, first);
  $("whatif-says").append(others.map((words) => ` ${words}`).join(""));
  const { now, then } = answer;
  const between = then.units_low == null ? "" : ` (${units(then.units_low)} to ${units(then.units_high)})`;
  $("whatif-weeks").textContent = answer.weeks;
  fill("whatif-rows", [
    ["Price this week", money(now.price_first_week), money(then.price_first_week)],
    ["Units", units(now.units), units(then.units) + between],
    ["Revenue", money(now.revenue), money(then.revenue)],
    ["Profit", money(now.profit), money(then.profit)],
  ]);
  $("whatif-table").hidden = false;
}

// ------------------------------------------------------------------------------------------------- drift, newest orders

const LIGHTS = { green: "● Green: as learnt", amber: "▲ Amber: look closer", red: "■ Red: train again" };
const SIGNS = {
  psi: "Inputs, by groups (PSI)", ks: "Inputs, at their widest gap (KS)", coverage: "Intervals (coverage)",
  level: "Level of sales", silence: "Silence", clock: "Shop’s clock", waiting: "Waiting events",
};
const signName = (name) => SIGNS[name] ?? sentence(name.replaceAll("_", " ")).slice(0, -1);

function drawLight(drift) {
  $("light").dataset.light = drift?.light ?? "none";
  $("light").textContent = drift?.words ?? LIGHTS[drift?.light] ?? "○ Not known yet";
}

function drawDrift(drift) {
  drawLight(drift);
  $("light-word").textContent = $("light").textContent;
  $("light-word").dataset.light = $("light").dataset.light;
  $("drift-says").textContent = sentence(drift?.says ?? "");
  const ringing = (drift?.lights ?? []).filter((sign) => sign.alarm);
  $("drift-alarms").replaceChildren();
  if (ringing.length > 1) for (const sign of ringing) add($("drift-alarms"), "li", {}, `▲ ${signName(sign.name)}`);
  if ($("drift-details").open) showSigns().catch(silence);
}

function drawRunning({ regions, elapsed, stale }) { // the lights look at weeks that are over; this is the one that runs
  const sum = (name) => regions.reduce((total, region) => total + region[name], 0);
  const sold = sum("sold_week"), expected = elapsed * sum("expected_week");
  const off = Math.round(100 * (sold / expected - 1));
  say("running", stale || !(expected >= 1) ? "" : `The running week so far: ${counted(sold, "unit")} sold, ${whole.format(expected)} expected by now `
    + `(${off < 0 ? "−" : "+"}${Math.abs(off)} %). A part of a week is noisy, so no light follows from it: the level is looked at when weeks are over.`);
}

async function showSigns() {
  const drift = await ask("drift");
  $("drift-signs").replaceChildren();
  for (const sign of drift.lights) add($("drift-signs"), "li", {}, `${sign.alarm ? "▲ " : ""}${signName(sign.name)}: ${sign.says}`);
}

let announced = 0, announcedAt = Date.now();

function drawNewest(orders, before) {
  const known = new Set((before?.newest ?? orders).map((order) => order.event_key));
  $("newest").replaceChildren();
  for (const order of orders) {
    const line = add($("newest"), "li", known.has(order.event_key) ? {} : { class: "new" });
    add(line, "time", { datetime: order.ordered_at }, clockTime(order.ordered_at));
    add(line, "span", { class: "what", title: order.title ?? "" }, `${whole.format(order.quantity)} × ${order.title ?? productName(order.product_id)}`);
    add(line, "span", { class: "soft" }, [can.regions && regionName(order.region_id), order.unit_price != null && `at ${money(order.unit_price)}`].filter(Boolean).join(", "));
  }
  if (!orders.length) add($("newest"), "li", {}, "None yet: orders appear here as they come in.");
  if (before && Date.now() - announcedAt > 30_000 && seen.events > announced) { // spoken, so not more often than this
    say("announcement", `${whole.format(seen.events - announced)} new orders, ${whole.format(seen.events)} in all.`);
    announcedAt = Date.now();
    announced = seen.events;
  }
  if (!before) announced = seen.events;
}

const WHY = { date: "dated too far ahead of the shop’s clock", quantity: "more than this product usually sells" };

function drawWaiting(waiting) { // kept, not counted, until somebody says what they are
  const count = waiting?.count ?? 0;
  const lines = (waiting?.events ?? []).map((e) => `${sentence(e.kind).slice(0, -1)} ${e.event_key} of ${dayAndYear(e.ordered_at)}: ${whole.format(e.quantity)} × ${e.title || e.product_id}${can.regions ? `, ${regionName(e.region_id)}` : ""} – ${WHY[e.why] ?? "kept for somebody to look at"}`);
  if (count > lines.length) lines.push(`and ${whole.format(count - lines.length)} more: ecomlib waiting`);
  const before = [...$("waiting-events").children].map((line) => line.textContent);
  say("waiting-title", count ? `${counted(count, "event")} ${count === 1 ? "waits and is" : "wait and are"} not counted` : "");
  if (before.join("\n") !== lines.join("\n")) {
    $("waiting-events").replaceChildren();
    for (const words of lines) add($("waiting-events"), "li", {}, words);
  }
  $("waiting").hidden = !count;
}

// ------------------------------------------------------------------------------------------------------------- listen

const onSubmit = (form, act, note) => $(form).addEventListener("submit", (event) => {
  event.preventDefault();
  act().catch((error) => say(note, error.status ? error.message : "The service does not answer: try again in a moment."));
});
onSubmit("whatif", askWhatIf, "whatif-says");
onSubmit("lists-form", () => showLists(ask), "recommend-note");
onSubmit("orders", () => downloadOrders(ask, chosen, `orders-${seen.clock.slice(0, 10)}.csv`), "alerts-note");
$("alerts-more").addEventListener("click", () => { all = !all; showOrders().catch(silence); });
$("light").addEventListener("click", (event) => { event.preventDefault(); $("drift").focus(); }); // the address keeps what is chosen
$("chooser").addEventListener("submit", (event) => event.preventDefault());
$("product").addEventListener("focus", () => $("product").select());
$("product").addEventListener("change", () => findProduct($("product").value));
$("region").addEventListener("change", () => choose({ region: $("region").value }));
$("map").addEventListener("change", (event) => choose({ region: event.target.value }));
$("sales-form").addEventListener("submit", (event) => event.preventDefault());
$("span").addEventListener("change", () => showPlan().catch(silence));
$("ratio").addEventListener("change", () => showOrders().catch(silence));
$("change").addEventListener("input", () => priceChanged("change"));
$("price").addEventListener("input", () => priceChanged("price"));
$("promoted").addEventListener("change", () => { $("depth").disabled = !$("promoted").checked; });
$("drift-details").addEventListener("toggle", () => $("drift-details").open && showSigns().catch(silence));
document.addEventListener("visibilitychange", poll);
window.addEventListener("online", poll);
new ResizeObserver(() => drawn && drawForecast(drawn)).observe($("figure"));
new ResizeObserver(() => { // another width may need another kind of map
  if (!seen || !can.regions) return;
  buildMap(parts(seen.regions));
  drawMap(seen);
}).observe(document.querySelector(".regions"));
poll();
