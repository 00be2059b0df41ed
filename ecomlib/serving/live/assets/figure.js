// The figure of one forecast: weeks sold, weeks ahead, and the band that is made to hold.
import { $, add, brief, day, units, widthOf } from "./words.js";

export const ends = (week) => (week.high == null ? "" : ` (${units(week.low)} to ${units(week.high)})`); // ends that are not known are null

export function drawFigure(past, weeks) {
  const width = Math.max(260, $("figure").clientWidth), height = width < 500 ? 230 : 330;
  past = past.slice(-Math.floor(width / 24)); // as many weeks as there is room for; the table has them all
  const highest = Math.max(1, ...past.map((w) => w.units), ...weeks.map((w) => w.high ?? w.forecast));
  const power = 10 ** Math.floor(Math.log10(highest / 5)), step = Math.max(1, [1, 2, 5, 10].map((m) => m * power).find((s) => highest / s <= 5));
  const marks = Array.from({ length: Math.floor((highest * 1.06) / step) + 1 }, (_, k) => k * step);
  const left = 14 + Math.max(...marks.map((value) => widthOf(brief(value)))), right = 12, top = 26, bottom = 30, count = past.length + weeks.length;
  const x = (k) => left + ((k + 0.5) / count) * (width - left - right);
  const y = (value) => height - bottom - (value / (highest * 1.06)) * (height - top - bottom);
  const path = (points) => points.map(([k, value], n) => `${n ? "L" : "M"}${x(k).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const n = past.length, ahead = weeks.map((w, k) => [n + k, w]);

  const holder = document.createElement("div");
  const svg = add(holder, "svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-labelledby": "svg-title svg-text" });
  add(svg, "title", { id: "svg-title" }, `Units a week: ${$("forecast-title").textContent}`);
  add(svg, "desc", { id: "svg-text" }, `${past.length} weeks of sales, then ${weeks.length} weeks of forecast: `
    + weeks.map((w) => `${units(w.forecast)}${ends(w)} from ${day(w.week)}`).join(", ") + ". The same numbers stand in the table below.");
  for (const value of marks) {
    add(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) });
    add(svg, "text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, brief(value));
  }
  add(svg, "text", { x: 4, y: 14 }, "units a week");
  const all = [...past, ...weeks], every = Math.ceil(count / Math.floor(width / 75));
  for (let k = count - weeks.length; k >= 0; k -= every) add(svg, "text", { x: x(k), y: height - 8, "text-anchor": "middle" }, day(all[k].week));

  const reach = 0.5 * (x(1) - x(0)), start = x(n) - reach;
  add(svg, "line", { class: "now", x1: start, x2: start, y1: top - 6, y2: height - bottom });
  if (start > left + widthOf("units a week")) add(svg, "text", { x: start - 6, y: top - 8, "text-anchor": "end" }, "sold");
  const room = start + 6 + widthOf("forecast") < width;
  add(svg, "text", { x: room ? start + 6 : width - 4, y: top - 8, class: "ahead", "text-anchor": room ? "start" : "end" }, "forecast");
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
