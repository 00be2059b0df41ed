// What came of it: the one scale, the money above the rule by week, the board at the end, and the check of the sentence.
import { $, add, brief, whole, widthOf } from "./words.js";

export const score = (points) => (points == null ? "–" : String(Math.round(points)).replace("-", "−").replace(/^−0$/, "0"));
const signed = (x) => `${x < 0 ? "−" : "+"}${brief(Math.abs(Math.round(x)))}`;
const LOWEST = -60; // points: what is further down stands at the edge, with its number

export function drawStrip(state) {
  const found = Object.fromEntries(state.lines.map((line) => [line.player, line.score]));
  if (state.score == null) return $("strip").replaceChildren();
  const width = Math.max(260, $("strip").clientWidth), height = 98, pad = 14, middle = 48;
  const low = Math.max(LOWEST, Math.min(-10, found.you - 10, found["last week"] - 10)), high = Math.max(110, found.you + 10);
  const x = (points) => pad + ((Math.max(low, points) - low) / (high - low)) * (width - 2 * pad);
  const holder = document.createElement("div");
  const told = `You ${score(found.you)}; the rule 0; attainable 100; last week’s orders ${score(found["last week"])}.`;
  const svg = add(holder, "svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `The scale. ${told}` });
  add(svg, "line", { class: "axis", x1: pad, x2: width - pad, y1: middle, y2: middle });
  const put = (at, y, text) => {
    const half = widthOf(text) / 2;
    add(svg, "text", { x: Math.min(Math.max(at, half + 2), width - half - 2), y, "text-anchor": "middle" }, text);
  };
  for (const [points, name] of [[0, "0 the rule"], [100, "100 attainable"]]) {
    add(svg, "line", { class: "axis", x1: x(points), x2: x(points), y1: middle - 9, y2: middle + 9 });
    put(x(points), middle + 26, name);
  }
  const last = found["last week"], off = last < low;
  add(svg, "circle", { class: "ring", cx: x(last), cy: middle, r: 5 });
  put(x(last), middle + 42, `${off ? "◀ " : ""}${score(last)} last week`);
  const mine = x(found.you);
  add(svg, "path", { class: "dot", d: `M${mine} ${middle - 3}l-8 -13h16z` });
  put(mine, middle - 22, `${found.you < low ? "◀ " : ""}${score(found.you)} you`);
  $("strip").replaceChildren(svg);
}

const ROUNDS = { order: "orders", price: "+ prices", promote: "+ offers", mail: "+ letters" };

export function drawMoney(state) {
  const rows = state.played;
  if (!rows.length) return $("money").replaceChildren();
  const width = Math.max(260, $("money").clientWidth), height = 250, left = 8, top = 26, bottom = 30;
  const sums = Object.fromEntries(["profit", "attainable", "last_week"].map((name) => {
    let sum = 0;
    return [name, [0, ...rows.map((row) => (sum += row[name] - row.rule))]];
  }));
  const near = [...sums.profit, ...sums.attainable], span = Math.max(1, Math.max(...near) - Math.min(...near));
  const low = Math.min(...near) - 0.15 * span, high = Math.max(...near) + 0.12 * span;
  const ends = { profit: "you", attainable: "attainable", last_week: "last week" };
  const tag = (name) => `${sums[name].at(-1) < low ? "▼ " : ""}${ends[name]} ${signed(sums[name].at(-1))}`;
  const right = 18 + Math.max(...Object.keys(ends).map((name) => widthOf(tag(name))));
  const x = (week) => left + (week / state.weeks) * (width - left - right);
  const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const told = Object.entries(ends).map(([name, said]) => `${said} ${signed(sums[name].at(-1))}`).join(", ");
  const holder = document.createElement("div");
  const svg = add(holder, "svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `Money above the rule after week ${rows.length}: ${told}. The same numbers stand in the table below.` });
  state.rounds.forEach((round, k) => {
    const begin = x(round.first - 1), end = x(round.last), name = ROUNDS[round.levers.at(-1)];
    if (k % 2) add(svg, "rect", { class: "shade", x: begin, y: top, width: end - begin, height: height - top - bottom });
    if (widthOf(name) < end - begin + 6) add(svg, "text", { class: "soft", x: (begin + end) / 2, y: top + 14, "text-anchor": "middle" }, name);
  });
  add(svg, "text", { x: left, y: 14 }, "money above the rule, added up");
  add(svg, "line", { class: "axis", x1: left, x2: x(state.weeks), y1: y(0), y2: y(0) });
  const step = state.weeks > 10 ? 2 : 1;
  for (let week = 1; week <= state.weeks; week += step) add(svg, "text", { class: "soft", x: x(week), y: height - 8, "text-anchor": "middle" }, week);
  const labels = [{ y: y(0), text: "0 the rule" }];
  for (const [name, look] of [["last_week", "last"], ["attainable", "attainable"], ["profit", "you"]]) {
    const inside = sums[name].findIndex((value) => value < low), cut = inside < 0 ? sums[name] : sums[name].slice(0, inside);
    if (inside > 0) { // the line leaves the figure: to its edge, and its number stands there
      const [from, to] = [sums[name][inside - 1], sums[name][inside]], part = (from - low) / (from - to);
      add(svg, "path", { class: look, d: `${line(cut, x, y)}L${x(inside - 1 + part).toFixed(1)} ${y(low).toFixed(1)}` });
    } else add(svg, "path", { class: look, d: line(cut, x, y) });
    labels.push({ y: y(Math.max(low, sums[name].at(-1))), text: tag(name) });
  }
  sums.profit.forEach((value, week) => week && add(svg, "circle", { class: "dot", cx: x(week), cy: y(value), r: 3.5 }));
  labels.sort((a, b) => b.y - a.y);
  labels.forEach((label, k) => { if (k) label.y = Math.min(label.y, labels[k - 1].y - 15); }); // none upon another
  for (const label of labels) add(svg, "text", { x: x(state.weeks) + 8, y: Math.max(12, label.y + 4) }, label.text);
  $("money").replaceChildren(svg);
}

const line = (values, x, y) => values.map((value, week) => `${week ? "L" : "M"}${x(week).toFixed(1)} ${y(value).toFixed(1)}`).join("");

export function drawBoard(state) {
  const board = state.board, mine = board.findIndex((row) => row.player === "you");
  const beaten = board.slice(mine + 1).map((row) => row.player);
  $("end-title").textContent = `It is over: you stand at ${score(state.score)}`;
  $("end-says").textContent = `You earned ${whole.format(state.profit)}. ${beaten.length ? `Behind you: ${beaten.join(", ")}.` : "Nobody is behind you."}`;
  $("scale").textContent = state.scale;
  const body = document.createElement("tbody"), points = board.map((row) => row.score ?? 0);
  const low = Math.max(-100, Math.min(0, ...points)), high = Math.max(100, ...points), width = 160;
  const x = (value) => ((Math.max(low, value) - low) / (high - low)) * width;
  for (const row of board) {
    const line = add(body, "tr", { class: row.player === "you" ? "you" : row.player === "the rule" || row.player === "attainable" ? "end" : "" });
    add(line, "th", { scope: "row" }, row.player);
    add(line, "td", {}, whole.format(row.profit));
    add(line, "td", {}, score(row.score));
    const svg = add(add(line, "td"), "svg", { viewBox: `0 0 ${width} 14`, width, height: 14, "aria-hidden": "true" });
    if (row.score == null) continue;
    const [from, to] = [x(0), x(row.score)].sort((a, b) => a - b);
    add(svg, "rect", { class: row.player === "you" ? "bar mine" : "bar", x: from, y: 2, width: Math.max(1, to - from), height: 10 });
    add(svg, "line", { class: "axis", x1: x(0), x2: x(0), y1: 0, y2: 14 });
    if (row.score < low) add(svg, "text", { x: 1, y: 11, class: "edge" }, "◀");
  }
  $("board").replaceChildren(...body.children);
  $("lost").textContent = state.lost ? `In your shop customers wanted ${whole.format(state.lost)} units that they could not have. Most were missed of:` : "Your customers got all that they wanted.";
  const list = document.createElement("ul");
  for (const row of state.missed) add(list, "li", {}, `${row.title || row.product_id} (${row.product_id}): ${whole.format(row.units)}`);
  $("missed").replaceChildren(...list.children);
  $("phrase-shown").textContent = state.phrase;
  $("check").textContent = state.check;
  $("verified").textContent = "";
}

export async function verify(state) { // the browser computes the hash itself: it need not believe the service
  if (!globalThis.crypto?.subtle) {
    $("verified").textContent = "This browser computes no hash on such an address: use the line for the terminal.";
    return;
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(state.phrase));
  const digits = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  $("verified").textContent = digits === state.hash ? "✓ Its SHA-256 is the hash that was shown before week 1." : "✗ Its SHA-256 is another one: this is not the sentence.";
}
