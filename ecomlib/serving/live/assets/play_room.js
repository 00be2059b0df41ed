// Who stands where in a room's quarter: asked again every few seconds, so that the page can stay on the projector.
import { score } from "./play_figures.js";
import { $, add, say } from "./words.js";

const EVERY = 3000, PATIENCE = 8000; // milliseconds
let drawn = "";

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
  if (answer.ok) return answer.json();
  const detail = await answer.json().then((content) => content.detail, () => null);
  throw new Error(Array.isArray(detail) ? detail.map((fault) => fault.msg).join(" ") : `The service answered with error ${answer.status}.`);
}

function draw(found) {
  $("room-title").textContent = found.closed ? `After round ${found.closed} of ${found.turns}` : "No round is closed yet";
  $("scale").textContent = found.scale;
  $("hash").textContent = found.hash;
  $("room-table").hidden = !found.rows.length;
  const head = document.createElement("tr"), body = document.createElement("tbody");
  const rounds = Array.from({ length: found.closed }, (_, k) => `Round ${k + 1}`);
  for (const name of ["Player", "Rank", "In all", ...rounds]) add(head, "th", { scope: "col" }, name);
  add(head, "th", { scope: "col", class: "said" }, "Which sheet counted");
  for (const row of found.rows) {
    const line = add(body, "tr", { class: row.kind === "team" ? "team" : "end" });
    add(line, "th", { scope: "row" }, row.name);
    const moved = row.change > 0 ? ` ▲${row.change}` : row.change < 0 ? ` ▼${-row.change}` : "";
    add(line, "td", {}, row.rank == null ? "" : `${row.rank}${moved}`);
    for (const points of [row.total, ...row.scores]) add(line, "td", {}, score(points));
    add(line, "td", { class: "said" }, row.said);
  }
  $("room-head").replaceChildren(...head.children);
  $("room-rows").replaceChildren(...body.children);
  $("room-phrase").hidden = !found.phrase;
  $("phrase-shown").textContent = found.phrase ?? "";
  $("check").textContent = found.check ?? "";
}

async function poll() {
  if (document.hidden) return;
  try {
    const found = await ask("scores"), text = JSON.stringify(found);
    if (text !== drawn) draw(found);
    drawn = text;
    say("room-says", found.open ? `Round ${found.open} is open: hand in a sheet.` : found.closed === found.turns ? "All rounds are played." : "The next round has not been handed out yet.");
  } catch (error) { say("room-says", drawn ? "The service does not answer; these are the scores as last heard." : error.message); }
}

ask("what").then((here) => { $("to-play").hidden = !here.play; }, () => {});
poll();
setInterval(poll, EVERY);
document.addEventListener("visibilitychange", poll);
