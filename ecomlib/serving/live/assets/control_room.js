// The control room: asks the service once a second whether anything has changed, and draws what the shop's people need.
// It only reads: a what-if question changes nothing. Text from the shop's tables is always set as text, never as HTML.

const $ = (id) => document.getElementById(id);
const EVERY = 1000, SLOWEST = 5000, PATIENCE = 8000; // milliseconds: between questions, at most when away, for an answer
const HISTORY = 26, ALERTS = 10; // weeks in the figure, rows in the table
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const units = (x) => (x == null ? "–" : x < 10 ? tenth.format(x) : whole.format(x));
const money = (x) => (x == null ? "–" : cents.format(x));

const catalogue = { version: null, products: new Map(), regions: new Map() };
const chosen = { product: null, region: "all" };
let seen = null; // the newest overview

// ---------------------------------------------------------------------------------------------------------- elements

function add(parent, tag, attributes = {}, text = null) {
  const made = parent instanceof SVGElement || tag === "svg" ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return parent.appendChild(made);
}

const sentence = (words) => words && `${words[0].toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;

function say(id, text) { // a live region speaks when its text changes: leave it alone otherwise
  if ($(id).textContent !== text) $(id).textContent = text;
}

// The shop's clock has no time zone, so dates are read and written as UTC.
const moment = (iso) => new Date(iso.length === 10 ? `${iso}T00:00Z` : `${iso.slice(0, 19)}Z`);
const written = (iso, options) => moment(iso).toLocaleString("en-GB", { timeZone: "UTC", ...options });
const day = (iso) => written(iso, { day: "numeric", month: "short" });
const dayAndYear = (iso) => written(iso, { day: "numeric", month: "short", year: "numeric" });
const clockTime = (iso) => written(iso, { hour: "2-digit", minute: "2-digit" });
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
    heard = new Date();
    wait = EVERY;
    connection("live", "Live");
  } catch (error) {
    wait = Math.min(2 * wait, SLOWEST);
    const last = heard ? `; last heard at ${heard.toLocaleTimeString("en-GB")}` : "";
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
  drawMap(overview);
  drawDrift(overview.drift);
  drawNewest(overview.newest ?? [], before);
  drawWaiting(overview.waiting);
  await Promise.all([showForecast(), showAlerts()]);
}

async function loadCatalogue(overview) {
  const { products, regions } = await ask("catalogue");
  catalogue.version = overview.version;
  catalogue.products = new Map(products.map((product) => [product.product_id, product]));
  catalogue.regions = new Map(parts(regions).map((region) => [region.region_id, region]));
  const options = document.createDocumentFragment();
  for (const product of products) options.appendChild(new Option("", inList(product)));
  $("products").replaceChildren(options);
  $("region").replaceChildren(new Option("All regions", "all"), ...parts(regions).map((r) => new Option(r.name ?? r.region_id, r.region_id)));
  buildMap(parts(overview.regions));
  const wanted = new URLSearchParams(location.hash.slice(1));
  const first = [chosen.product, wanted.get("product"), overview.alerts?.[0]?.product_id].find((id) => catalogue.products.has(id));
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
  const { category, price } = catalogue.products.get(product) ?? {};
  say("product-note", [category && category !== "none" && `Category: ${category}.`, price != null && `Price now: ${money(price)}.`].filter(Boolean).join(" "));
  say("whatif-says", "");
  $("whatif-table").hidden = true;
  history.replaceState(null, "", `#${new URLSearchParams({ product, region })}`);
  if (load) Promise.all([showForecast(), showAlerts()]).catch(silence);
}

function findProduct(text) { // the list's own line, an identifier, or letters that fit one product alone
  const words = text.trim().toLowerCase();
  const all = [...catalogue.products.values()];
  const exact = all.find((p) => inList(p).toLowerCase() === words || p.product_id.toLowerCase() === words);
  const like = exact ? [exact] : all.filter((p) => words && inList(p).toLowerCase().includes(words));
  if (like.length === 1) choose({ product: like[0].product_id });
  else say("product-note", like.length ? `${like.length} products have “${text}” in their name: type more letters or take one from the list.` : `No product has “${text}” in its name.`);
}

// ----------------------------------------------------------------------------------------------------------- the map

function buildMap(regions) { // a group of radio buttons: one stop for the Tab key, arrow keys inside
  const map = $("map");
  const span = (key) => { const values = regions.map((r) => r[key]); return [Math.min(...values), Math.max(...values)]; };
  const have = (...keys) => regions.length && regions.every((r) => keys.every((key) => r[key] != null));
  const far = (key) => span(key)[1] - span(key)[0] + 1;
  const alone = new Set(regions.map((r) => `${r.row} ${r.column}`)).size === regions.length;
  const kind = have("row", "column") && alone && far("row") * far("column") <= 400 ? "tiles"
    : have("latitude", "longitude") && regions.length <= 40 ? "places" : "bars";
  map.className = kind;
  map.replaceChildren(map.querySelector("legend"));
  const share = (value, [low, high]) => (high > low ? (value - low) / (high - low) : 0.5);
  const size = (r) => Math.sqrt(r.expected_week / Math.max(...regions.map((x) => x.expected_week), 1e-9));
  const order = kind === "tiles" ? regions : [...regions].sort((a, b) => b.expected_week - a.expected_week);
  for (const region of [{ region_id: "all", name: "All regions" }, ...order]) {
    const tile = add(map, "label", { class: "tile", "data-region": region.region_id });
    add(tile, "input", { type: "radio", name: "where", value: region.region_id });
    if (kind === "bars") add(tile, "i", { class: "bar", "aria-hidden": "true" });
    add(tile, "span", { class: "name" }, region.name ?? region.region_id);
    add(tile, "span", { class: "count" });
    if (region.region_id === "all") tile.style.gridColumn = kind === "tiles" ? `1 / ${1 + far("column")}` : "";
    else if (kind === "tiles") {
      tile.style.gridColumn = region.column - span("column")[0] + 1;
      tile.style.gridRow = region.row - span("row")[0] + 2; // the first line is for all regions
    } else if (kind === "places") {
      tile.style.left = `calc(46px + (100% - 92px) * ${share(region.longitude, span("longitude"))})`; // room for half a circle
      tile.style.top = `calc(100px + (100% - 146px) * ${1 - share(region.latitude, span("latitude"))})`;
      tile.style.setProperty("--size", `${44 + 44 * size(region)}px`);
    }
  }
}

function elapsedShare(overview) { // of the running week
  if (overview.elapsed != null) return overview.elapsed;
  const now = moment(overview.clock), sinceMonday = (now.getUTCDay() + 6) % 7;
  return (sinceMonday + (now.getTime() % 86_400_000) / 86_400_000) / 7;
}

function level(sold, expected) { // -2 … 2: fewer, as expected, more; small counts differ by chance
  const gap = sold - expected;
  if (Math.abs(gap) <= Math.max(0.15 * expected, 2 * Math.sqrt(expected + 0.5))) return 0;
  return Math.sign(gap) * (Math.abs(gap) > 0.4 * expected ? 2 : 1);
}

function drawMap(overview) {
  const share = elapsedShare(overview);
  const sum = (key) => overview.regions.reduce((total, region) => total + region[key], 0);
  const all = { region_id: "all", sold_week: sum("sold_week"), expected_week: sum("expected_week") };
  const most = Math.max(1, ...overview.regions.map((r) => Math.max(r.sold_week, share * r.expected_week)));
  $("map-share").textContent = `${whole.format(100 * share)} %`;
  const byId = new Map([all, ...overview.regions].map((region) => [region.region_id, region]));
  for (const tile of $("map").querySelectorAll(".tile")) {
    const region = byId.get(tile.dataset.region);
    if (!region) continue;
    const by = share * region.expected_week, mark = level(region.sold_week, by);
    tile.dataset.level = mark;
    const count = tile.querySelector(".count");
    const words = `${mark < 0 ? "▼" : mark > 0 ? "▲" : "●"} ${whole.format(region.sold_week)} / ${units(by)}`;
    if (count.textContent !== words) count.textContent = words;
    const spoken = `${tile.querySelector(".name").textContent}: ${whole.format(region.sold_week)} sold, ${units(by)} expected by now, ${mark < 0 ? "fewer than" : mark > 0 ? "more than" : "as"} expected`;
    tile.querySelector("input").setAttribute("aria-label", spoken);
    const bar = tile.querySelector(".bar");
    if (bar && region !== all) bar.style.width = `${(100 * region.sold_week) / most}%`;
  }
}

// ---------------------------------------------------------------------------------------------------------- forecast

async function showForecast() {
  const { product, region } = chosen;
  if (!product) return;
  try {
    const forecast = await ask(`forecast/${encodeURIComponent(product)}/${encodeURIComponent(region)}?history=${HISTORY}`);
    if (product === chosen.product && region === chosen.region) drawForecast(forecast); // else another one was chosen meanwhile
  } catch (error) {
    if (!error.status) throw error;
    say("forecast-says", error.message);
  }
}

let drawn = null;
const ends = (week) => (week.high == null ? "" : ` (${units(week.low)} to ${units(week.high)})`); // ends that are not known are null

function drawForecast(forecast) {
  drawn = forecast;
  const [now] = forecast.weeks, percent = whole.format(100 * forecast.coverage);
  $("forecast-title").textContent = `${forecast.title}, ${regionName(forecast.region_id)}`;
  const lead = $("forecast-says");
  lead.replaceChildren();
  add(lead, "b", {}, units(now.forecast));
  const sold = now.sold == null ? "" : `; sold so far: ${whole.format(now.sold)}`;
  lead.append(` units expected in the week from ${day(now.week)}${ends(now)}${sold}`);
  $("basis").textContent = (forecast.stale ? "A week has ended, and new forecasts are being made: these are the old ones. " : "")
    + (forecast.basis === "category" ? "This product has no history yet: these are the mean first weeks of its category’s launches. " : "")
    + (forecast.interval ? `How far off it may be is ${forecast.interval}.` : `The band is made to hold ${percent} % of all weeks.`);
  const past = (forecast.history ?? []).filter((week) => week.week < now.week);
  const rows = [
    ...past.map((w) => [dayAndYear(w.week), whole.format(w.units), "", "", ""]),
    ...forecast.weeks.map((w) => [dayAndYear(w.week), w.sold == null ? "" : whole.format(w.sold), units(w.forecast), units(w.low), units(w.high)]),
  ].reverse();
  fill("figure-rows", rows);
  drawFigure(past, forecast.weeks);
}

function fill(id, rows) { // a table's body; the first cell of each row is its heading
  const body = document.createDocumentFragment();
  for (const row of rows) {
    const line = body.appendChild(document.createElement("tr"));
    row.forEach((cell, k) => add(line, k ? "td" : "th", k ? {} : { scope: "row" }, cell));
  }
  $(id).replaceChildren(body);
}

function drawFigure(past, weeks) {
  const width = Math.max(260, $("figure").clientWidth), height = width < 500 ? 230 : 270;
  past = past.slice(-Math.floor(width / 24)); // as many weeks as there is room for; the table has them all
  const left = 44, right = 12, top = 26, bottom = 30, count = past.length + weeks.length;
  const highest = Math.max(1, ...past.map((w) => w.units), ...weeks.map((w) => w.high ?? w.forecast));
  const step = [1, 2, 5].flatMap((m) => [0, 1, 2, 3, 4, 5].map((e) => m * 10 ** e)).sort((a, b) => a - b).find((s) => highest / s <= 5) ?? highest;
  const x = (k) => left + ((k + 0.5) / count) * (width - left - right);
  const y = (value) => height - bottom - (value / (highest * 1.06)) * (height - top - bottom);
  const path = (points) => points.map(([k, value], n) => `${n ? "L" : "M"}${x(k).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const n = past.length, ahead = weeks.map((w, k) => [n + k, w]);

  const holder = document.createElement("div");
  const svg = add(holder, "svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-labelledby": "svg-title svg-text" });
  add(svg, "title", { id: "svg-title" }, `Units a week: ${$("forecast-title").textContent}`);
  add(svg, "desc", { id: "svg-text" }, `${past.length} weeks of sales, then ${weeks.length} weeks of forecast: `
    + weeks.map((w) => `${units(w.forecast)}${ends(w)} from ${day(w.week)}`).join(", ") + ". The same numbers stand in the table below.");
  for (let value = 0; value <= highest * 1.06; value += step) {
    add(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) });
    add(svg, "text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, whole.format(value));
  }
  add(svg, "text", { x: 4, y: 14 }, "units a week");
  const all = [...past, ...weeks], every = Math.ceil(count / Math.floor(width / 75));
  for (let k = count - weeks.length; k >= 0; k -= every) add(svg, "text", { x: x(k), y: height - 8, "text-anchor": "middle" }, day(all[k].week));

  const reach = 0.5 * (x(1) - x(0)), start = x(n) - reach;
  add(svg, "line", { class: "now", x1: start, x2: start, y1: top - 6, y2: height - bottom });
  add(svg, "text", { x: start - 6, y: top - 8, "text-anchor": "end" }, "sold");
  add(svg, "text", { x: start + 6, y: top - 8, class: "ahead" }, "forecast");
  if (weeks.every((w) => w.high != null)) add(svg, "path", { class: "band", d: `${path(ahead.map(([k, w]) => [k, w.low]))}${path(ahead.map(([k, w]) => [k, w.high]).reverse()).replace("M", "L")}Z` });
  for (const [k, w] of ahead) {
    if (w.sold == null) continue;
    add(svg, "rect", { class: "sold", x: x(k) - 0.7 * reach, width: 1.4 * reach, y: y(w.sold), height: y(0) - y(w.sold) });
  }
  if (past.length) add(svg, "path", { class: "past", d: path(past.map((w, k) => [k, w.units])) });
  add(svg, "path", { class: "ahead", d: path(ahead.map(([k, w]) => [k, w.forecast])) });
  for (const [k, w] of ahead) add(svg, "circle", { class: "ahead", cx: x(k), cy: y(w.forecast), r: 4 });
  $("figure").replaceChildren(svg);
}

// ------------------------------------------------------------------------------------------------------ stock alerts

const orderQuery = (limit) => `replenish?${new URLSearchParams({ ratio: $("ratio").value, limit, ...(chosen.region === "all" ? {} : { region_id: chosen.region }) })}`;

async function showAlerts() {
  const { region } = chosen, ratio = $("ratio").value;
  try {
    const rows = region === "all" && ratio === "3" && seen.alerts ? seen.alerts : (await ask(orderQuery(ALERTS))).rows;
    if (region === chosen.region && ratio === $("ratio").value) drawAlerts(rows.filter((row) => row.alert || row.on_hand == null));
  } catch (error) {
    if (!error.status) throw error;
    say("alerts-note", error.message);
  }
}

function drawAlerts(rows) {
  const counted = rows.some((row) => row.on_hand != null);
  const note = !rows.length ? "Nothing is out of stock, and nothing will be before an order can arrive." : counted ? "" : "This shop’s tables do not say what is in stock: what to order is the whole need until the next delivery.";
  const reason = rows.find((row) => row.reason)?.reason;
  say("alerts-note", reason ? `${note} How much to order is ${reason}.`.trim() : note);
  const focused = document.activeElement?.closest("#alert-rows tr")?.dataset.key; // a redrawn table keeps the focus where it was
  const body = document.createDocumentFragment();
  for (const row of rows) {
    const line = add(body, "tr", { "data-key": `${row.product_id} ${row.region_id}` });
    const button = add(add(line, "th", { scope: "row" }), "button", { type: "button", class: "link" });
    add(button, "span", { class: "title" }, row.title ?? productName(row.product_id));
    add(button, "b", { class: row.alert ?? "" }, { out: "■ out", low: "▲ low" }[row.alert] ?? "");
    add(button, "span", { class: "soft" }, regionName(row.region_id));
    button.addEventListener("click", () => {
      choose({ product: row.product_id, region: row.region_id ?? "all" });
      $("forecast").focus(); // on a phone the figure is far up
    });
    for (const cell of [row.on_hand == null ? "–" : whole.format(row.on_hand), units(row.expected)]) add(line, "td", {}, cell);
    add(add(line, "td"), "b", row.reason ? { title: row.reason } : {}, row.order == null ? "–" : whole.format(row.order));
  }
  $("alert-rows").replaceChildren(body);
  if (focused) [...$("alert-rows").rows].find((line) => line.dataset.key === focused)?.querySelector("button").focus();
}

async function downloadOrders() {
  const { rows } = await ask(orderQuery(100_000));
  // A title that begins like a formula must not become one in somebody's spreadsheet.
  const cell = (value) => `"${String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const names = ["product_id", "title", "region_id", "on_hand", "expected", "order", "alert", ...(rows.some((row) => row.reason) ? ["reason"] : [])];
  const lines = [names.join(","), ...rows.filter((row) => row.order == null || row.order > 0).map((row) => names.map((name) => cell(row[name])).join(","))];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`\ufeff${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = `orders-${seen.clock.slice(0, 10)}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
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
  say("whatif-says", answer.says);
  const { now, then } = answer;
  const between = then.units_low == null ? "" : ` (${units(then.units_low)} to ${units(then.units_high)})`;
  $("whatif-weeks").textContent = answer.weeks;
  fill("whatif-rows", [
    ["Price", money(now.price), money(then.price)],
    ["Units", units(now.units), units(then.units) + between],
    ["Revenue", money(now.revenue), money(then.revenue)],
    ["Profit", money(now.profit), money(then.profit)],
  ]);
  $("whatif-table").hidden = false;
}

// ------------------------------------------------------------------------------------------------- drift, newest orders

const LIGHTS = { green: "● Green: as learnt", amber: "▲ Amber: look closer", red: "■ Red: train again" };
const SIGNS = { psi: "Inputs, by groups (PSI)", ks: "Inputs, at their widest gap (KS)", coverage: "Intervals (coverage)" };

function drawDrift(drift) {
  $("light").dataset.light = drift?.light ?? "none";
  $("light").textContent = LIGHTS[drift?.light] ?? "Not known yet";
  $("drift-says").textContent = sentence(drift?.says ?? "");
  if ($("drift-details").open) showSigns().catch(silence);
}

async function showSigns() {
  const drift = await ask("drift");
  $("drift-signs").replaceChildren();
  for (const sign of drift.lights) add($("drift-signs"), "li", {}, `${SIGNS[sign.name] ?? sign.name}: ${sign.says}`);
}

let announced = 0, announcedAt = Date.now();

function drawNewest(orders, before) {
  const known = new Set((before?.newest ?? orders).map((order) => order.event_key));
  $("newest").replaceChildren();
  for (const order of orders) {
    const line = add($("newest"), "li", known.has(order.event_key) ? {} : { class: "new" });
    add(line, "time", { datetime: order.ordered_at }, clockTime(order.ordered_at));
    add(line, "span", { class: "what" }, `${whole.format(order.quantity)} × ${order.title ?? productName(order.product_id)}`);
    add(line, "span", { class: "soft" }, `${regionName(order.region_id)}${order.unit_price == null ? "" : `, at ${money(order.unit_price)}`}`);
  }
  if (!orders.length) add($("newest"), "li", {}, "None yet: orders appear here as they come in.");
  if (before && Date.now() - announcedAt > 30_000 && seen.events > announced) { // spoken, so not more often than this
    say("announcement", `${whole.format(seen.events - announced)} new orders, ${whole.format(seen.events)} in all.`);
    announcedAt = Date.now();
    announced = seen.events;
  }
  if (!before) announced = seen.events;
}

function drawWaiting(waiting) { // dated too far ahead of the shop's clock: kept, not counted
  $("waiting").hidden = !waiting?.count;
  if (!waiting?.count) return say("waiting", "");
  const some = waiting.events.map((e) => `${e.kind} ${e.event_key} of ${dayAndYear(e.ordered_at)} (${whole.format(e.quantity)} × ${e.title || e.product_id})`);
  const rest = waiting.count - some.length;
  say("waiting", `Waiting, not counted yet, because dated too far ahead of the shop’s clock: ${whole.format(waiting.count)}. ${some.join("; ")}${rest ? `; and ${whole.format(rest)} more` : ""}.`);
}

// ------------------------------------------------------------------------------------------------------------- listen

const onSubmit = (form, act, note) => $(form).addEventListener("submit", (event) => {
  event.preventDefault();
  act().catch((error) => say(note, error.status ? error.message : "The service does not answer: try again in a moment."));
});
onSubmit("whatif", askWhatIf, "whatif-says");
onSubmit("orders", downloadOrders, "alerts-note");
$("chooser").addEventListener("submit", (event) => event.preventDefault());
$("product").addEventListener("focus", () => $("product").select());
$("product").addEventListener("change", () => findProduct($("product").value));
$("region").addEventListener("change", () => choose({ region: $("region").value }));
$("map").addEventListener("change", (event) => choose({ region: event.target.value }));
$("ratio").addEventListener("change", () => showAlerts().catch(silence));
$("change").addEventListener("input", () => priceChanged("change"));
$("price").addEventListener("input", () => priceChanged("price"));
$("promoted").addEventListener("change", () => { $("depth").disabled = !$("promoted").checked; });
$("drift-details").addEventListener("toggle", () => $("drift-details").open && showSigns().catch(silence));
document.addEventListener("visibilitychange", poll);
window.addEventListener("online", poll);
new ResizeObserver(() => drawn && drawForecast(drawn)).observe($("figure"));
poll();
