// Elements, numbers and dates: what every part of the control room writes with. Text from the shop's tables is always
// set as text, never as HTML.

export const $ = (id) => document.getElementById(id);

export function add(parent, tag, attributes = {}, text = null) {
  const made = parent instanceof SVGElement || tag === "svg" ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return parent.appendChild(made);
}

export function say(id, text) { // a live region speaks when its text changes: leave it alone otherwise
  if ($(id).textContent !== text) $(id).textContent = text;
}

export function fill(id, rows) { // a table's body; the first cell of each row is its heading
  const body = document.createDocumentFragment();
  for (const row of rows) {
    const line = body.appendChild(document.createElement("tr"));
    row.forEach((cell, k) => add(line, k ? "td" : "th", k ? {} : { scope: "row" }, cell));
  }
  $(id).replaceChildren(body);
}

export const sentence = (words) => words && `${words[0].toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;

const numbers = (options) => new Intl.NumberFormat("en", options);
export const whole = numbers({ maximumFractionDigits: 0 });
export const tenth = numbers({ maximumFractionDigits: 1 });
const cents = numbers({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
const short = numbers({ notation: "compact", maximumFractionDigits: 2 });
export const units = (x) => (x == null ? "–" : x < 10 ? tenth.format(x) : whole.format(x));
export const brief = (x) => (x < 100_000 ? whole.format(x) : short.format(x)); // for axes and tiles
export const counted = (n, one, many = `${one}s`) => `${whole.format(n)} ${n === 1 ? one : many}`;

export const coin = { name: null }; // the shop's currency
export const money = (x) => (x == null ? "–" : `${cents.format(x)}${coin.name ? `\u00a0${coin.name}` : ""}`);

// The shop's clock has no time zone, so dates are read and written as UTC.
export const moment = (iso) => new Date(iso.length === 10 ? `${iso}T00:00Z` : `${iso.slice(0, 19)}Z`);
export const written = (iso, options) => moment(iso).toLocaleString("en-GB", { timeZone: "UTC", ...options });
export const day = (iso) => written(iso, { day: "numeric", month: "short" });
export const dayAndYear = (iso) => written(iso, { day: "numeric", month: "short", year: "numeric" });
export const clockTime = (iso) => written(iso, { hour: "2-digit", minute: "2-digit" });

const pen = document.createElement("canvas").getContext("2d");
export function widthOf(text, size = 12.5) { // pixels that a text takes in the page's own letters
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}
