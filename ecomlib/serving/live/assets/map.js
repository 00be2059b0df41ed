// The running week by region: tiles or places where they can be read, else a list, those that sell most first.
import { $, add, brief, counted, moment, units, whole, widthOf } from "./words.js";

const TILE = 70, HEIGHT = 384, LONGEST = 100; // pixels: the least width of a tile, the map's height, the longest name on it
let built = ""; // what the map was built of

const wide = () => $("map").clientWidth || $("map").parentElement.clientWidth;
const nameOf = (region) => region.name ?? region.region_id;

export function buildMap(regions) { // a group of radio buttons: one stop for the Tab key, arrow keys inside
  const map = $("map");
  const span = (key) => { const values = regions.map((r) => r[key]); return [Math.min(...values), Math.max(...values)]; };
  const have = (...keys) => regions.length && regions.every((r) => keys.every((key) => r[key] != null));
  const far = (key) => span(key)[1] - span(key)[0] + 1;
  const share = (value, [low, high]) => (high > low ? (value - low) / (high - low) : 0.5);
  const size = (r) => 44 + 44 * Math.sqrt(r.expected_week / Math.max(...regions.map((x) => x.expected_week), 1e-9));
  const lies = (r) => [46 + (wide() - 92) * share(r.longitude, span("longitude")), 100 + (HEIGHT - 146) * (1 - share(r.latitude, span("latitude")))];
  const readable = regions.every((r) => widthOf(nameOf(r), 13) < LONGEST); // what is cut off reads alike

  function tiled() {
    const alone = new Set(regions.map((r) => `${r.row} ${r.column}`)).size === regions.length;
    return have("row", "column") && alone && far("column") * TILE <= wide() && far("row") <= 12;
  }
  function placed() { // no two circles with their names may touch
    if (!have("latitude", "longitude") || regions.length > 40) return false;
    const at = regions.map((r) => [...lies(r), size(r), Math.max(size(r), widthOf(nameOf(r), 11.5))]);
    return at.every(([x, y, high, broad], k) => at.slice(k + 1).every(([u, v, tall, long]) =>
      Math.abs(x - u) > (broad + long) / 2 || Math.abs(y - v) > (high + tall) / 2));
  }

  const kind = readable && tiled() ? "tiles" : readable && placed() ? "places" : "bars";
  const plan = JSON.stringify([kind, kind === "places" && wide(), regions.map((r) => [r.region_id, r.name])]);
  if (plan === built) return;
  built = plan;
  const chosen = map.querySelector("input:checked")?.value;
  map.className = kind;
  map.replaceChildren(map.querySelector("legend"));
  const order = kind === "tiles" ? regions : [...regions].sort((a, b) => b.expected_week - a.expected_week);
  for (const region of [{ region_id: "all", name: "All regions" }, ...order]) {
    const tile = add(map, "label", { class: "tile", "data-region": region.region_id, title: nameOf(region) });
    const input = add(tile, "input", { type: "radio", name: "where", value: region.region_id });
    input.checked = region.region_id === chosen;
    if (kind === "bars") add(tile, "i", { class: "bar", "aria-hidden": "true" });
    add(tile, "span", { class: "name" }, nameOf(region));
    add(tile, "span", { class: "count" });
    if (region.region_id === "all") tile.style.gridColumn = kind === "tiles" ? `1 / ${1 + far("column")}` : "";
    else if (kind === "tiles") {
      tile.style.gridColumn = region.column - span("column")[0] + 1;
      tile.style.gridRow = region.row - span("row")[0] + 2; // the first line is for all regions
    } else if (kind === "places") {
      [tile.style.left, tile.style.top] = lies(region).map((pixels) => `${pixels}px`);
      tile.style.setProperty("--size", `${size(region)}px`);
    }
  }
  $("map-count").textContent = kind === "bars" ? `${counted(regions.length, "region")}, those where most is expected first. ` : "";
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

export function drawMap(overview) {
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
    const words = `${mark < 0 ? "▼" : mark > 0 ? "▲" : "●"} ${brief(region.sold_week)} / ${by < 10 ? units(by) : brief(by)}`;
    if (count.textContent !== words) count.textContent = words;
    const spoken = `${tile.querySelector(".name").textContent}: ${whole.format(region.sold_week)} sold, ${units(by)} expected by now, ${mark < 0 ? "fewer than" : mark > 0 ? "more than" : "as"} expected`;
    tile.querySelector("input").setAttribute("aria-label", spoken);
    const bar = tile.querySelector(".bar");
    if (bar && region !== all) bar.style.width = `${(100 * region.sold_week) / most}%`;
  }
}
