// A quarter in the browser: shows a shop's Monday, takes what is decided, plays the week, and says what came of it.
// The game is kept by the service; this page keeps what has been typed, so that a reload or a wrong number loses nothing.
import { choiceOf, drawLevers, leversNote, plural, restoreChoice } from "./play_levers.js";
import { drawBoard, drawMoney, drawStrip, score, verify } from "./play_figures.js";
import { drawShelf, edits, forgetEdits, keepEdits, shelfChanged } from "./play_shelf.js";
import { $, fill, say, whole } from "./words.js";

const POLL = 700, PATIENCE = 60_000, PAUSE = 250; // milliseconds: while a shop is drawn, for an answer, after a change
let here = { play: true, single: false, only: null }, game = null, state = null, busy = false;

// ------------------------------------------------------------------------------------------------------- the service

async function ask(path, body = null) {
  const options = { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" };
  if (body) Object.assign(options, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const answer = await fetch(path, options).catch(() => { throw new Error("The service does not answer. Nothing is lost: try again in a moment."); });
  if (answer.ok) return answer.json();
  const detail = await answer.json().then((content) => content.detail, () => null);
  const words = Array.isArray(detail) ? detail.map((fault) => fault.msg).join(" ") : detail;
  throw Object.assign(new Error(words || `The service answered with error ${answer.status}.`), { status: answer.status });
}

const kept = {
  get: (name) => { try { return JSON.parse(localStorage.getItem(`ecomlib-play-${name}`)); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(`ecomlib-play-${name}`, JSON.stringify(value)); } catch { /* full or forbidden: then a reload forgets */ } },
};

// -------------------------------------------------------------------------------------------------------- which game

const SECTIONS = ["start", "drawing", "gone", "end", "desk", "standing", "shelf"];
function show(...names) {
  for (const name of SECTIONS) $(name).hidden = !names.includes(name);
  $("facts").hidden = $("commitment").hidden = !names.includes("standing");
}

async function open() {
  here = await ask("play/what").catch((error) => { gone(error); return null; });
  if (!here) return;
  $("to-room").hidden = !here.room;
  $("another").hidden = here.single;
  const wanted = new URLSearchParams(location.hash.slice(1)).get("game");
  if (here.only || wanted) await follow(here.only ?? wanted);
  else start();
}

function start() {
  const last = kept.get("last");
  $("resume").hidden = !last || here.single;
  show("start");
}

async function follow(name) {
  game = name;
  if (!here.single) {
    history.replaceState(null, "", `#game=${name}`);
    kept.set("last", name);
  }
  try {
    for (;;) {
      const found = await ask(`play/game?${new URLSearchParams({ game })}`);
      if (found.stage === "failed") throw new Error(found.why);
      if (found.stage !== "drawing") return await arrive(found);
      show("drawing");
      $("progress").max = found.of;
      $("progress").value = found.done;
      say("drawing-says", `${found.doing} (${Math.min(found.done + 1, found.of)} of ${found.of})`);
      await new Promise((done) => setTimeout(done, POLL));
    }
  } catch (error) { gone(error); }
}

function gone(error) {
  say("gone-says", error.message);
  $("fresh").hidden = here?.single ?? false;
  show("gone");
  $("gone").focus();
}

// ------------------------------------------------------------------------------------------------------ where it stands

async function arrive(found, after = false) {
  state = found;
  const over = state.stage === "over";
  const memory = kept.get(game) ?? {};
  show(...(over ? ["end", "standing"] : ["desk", "standing", "shelf"]));
  $("fact-week").textContent = over ? `${state.weeks} of ${state.weeks}` : `${state.week} of ${state.weeks}`;
  $("fact-round").textContent = state.round;
  $("fact-profit").textContent = whole.format(state.profit);
  $("fact-score").textContent = score(state.score);
  $("hash").textContent = state.hash;
  drawStanding();
  if (over) {
    drawBoard(state);
    if (after) $("end").focus();
    return;
  }
  $("desk-title").textContent = `Week ${state.week} of ${state.weeks}, round ${state.round} of ${state.rounds.length}`;
  const { sums } = state;
  say("monday", `It is Monday. On hand are ${whole.format(sums.on_hand)} units, ${whole.format(sums.arriving)} arrive; last week `
    + `${whole.format(sums.sold_last_week)} were sold, and ${whole.format(sums.ran_out)} of ${whole.format(sums.products)} products ran out.`);
  $("play").textContent = `Play week ${state.week}`;
  drawLevers(state, () => { say("fault", ""); suggest(); });
  restoreChoice(memory.choice ?? {});
  keepEdits(memory.edits ?? {}, memory.week === state.week, state);
  $("rest").hidden = state.week === state.weeks;
  suggest(0);
}

function drawStanding() {
  const rows = state.played, last = rows.at(-1);
  say("score-says", !last ? "Nothing is played yet."
    : state.score === null ? "So far the reference is hardly ahead of the rule, so there is no score yet: the money below says it all."
    : `You stand at ${score(state.score)}, where 0 is the rule and 100 is attainable.`);
  drawStrip(state);
  drawMoney(state);
  fill("weeks", rows.map((row) => [row.week, ...["profit", "rule", "attainable", "last_week", "sold", "holding", "letters"].map((name) => whole.format(row[name]))]));
}

// ------------------------------------------------------------------------------------------------------------ decide

function remember() {
  kept.set(game, { week: state.week, choice: choiceOf(), edits: edits() });
}

let asked = 0, timer = 0;
function suggest(pause = PAUSE) { // what the choices would do, in the table; the newest question alone is answered
  remember();
  clearTimeout(timer);
  const mine = ++asked;
  timer = setTimeout(async () => {
    if (busy || state.stage !== "play") return; // a week is being played: the next Monday asks
    try {
      const found = await ask("play/suggest", { game, choice: choiceOf(state.levers) });
      if (mine !== asked || found.week !== state.week || state.stage !== "play") return;
      leversNote(found, state);
      drawShelf(state, found, () => { say("fault", ""); remember(); leversNote(found, state); });
    } catch (error) { if (mine === asked) await refused(error); }
  }, pause);
}

async function refused(error) {
  if (error.status === 404) return gone(error);
  if (error.status === 409) { // another window has played on
    const found = await ask(`play/game?${new URLSearchParams({ game })}`).catch(() => null);
    if (found && found.stage !== "drawing") await arrive(found);
  }
  say("fault", error.message);
}

async function playWeek() {
  const week = state.week, choice = choiceOf(state.levers);
  const found = await ask("play/week", { game, week, choice, edits: edits() });
  const row = found.played.at(-1);
  say("fault", "");
  say("told", `Week ${row.week}: ${whole.format(row.sold)} sold, ${whole.format(row.profit)} earned after ${whole.format(row.holding)} for holding. `
    + `The rule earned ${whole.format(row.rule)}, attainable were ${whole.format(row.attainable)}, last week’s orders would have earned ${whole.format(row.last_week)}.`
    + (found.levers.length > state.levers.length ? ` From now on ${found.levers.slice(state.levers.length).map(plural).join(" and ")} are yours too.` : ""));
  await arrive(found, true);
}

async function work(act) {
  if (busy) return;
  busy = true;
  for (const name of ["play", "rest"]) $(name).setAttribute("aria-disabled", "true");
  $("play").textContent = "Playing …";
  try { await act(); } catch (error) {
    await refused(error);
    $("fault").focus();
  } finally {
    busy = false;
    for (const name of ["play", "rest"]) $(name).removeAttribute("aria-disabled");
    if (state?.stage === "play") {
      $("play").textContent = `Play week ${state.week}`;
      suggest(0);
    }
  }
}

// ------------------------------------------------------------------------------------------------------------- listen

$("begin").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const begun = await ask("play/begin", { phrase: $("phrase").value, size: $("size").value });
    say("begin-fault", "");
    $("phrase").value = "";
    show("drawing");
    $("drawing").focus();
    await follow(begun.game);
  } catch (error) { say("begin-fault", error.message); }
});
$("resume").addEventListener("submit", (event) => { event.preventDefault(); follow(kept.get("last")); });
$("again").addEventListener("click", () => (game ? follow(game) : open()));
for (const name of ["fresh", "once-more"]) $(name).addEventListener("click", () => { game = null; history.replaceState(null, "", " "); start(); });
$("levers").addEventListener("submit", (event) => { event.preventDefault(); work(playWeek); });
$("rest").addEventListener("click", () => work(async () => { while (state.stage === "play") await playWeek(); }));
$("find").addEventListener("submit", (event) => event.preventDefault());
for (const [name, what] of [["search", "input"], ["sort", "change"]]) $(name).addEventListener(what, () => shelfChanged());
$("more").addEventListener("click", () => shelfChanged(true));
$("undo").addEventListener("click", () => { forgetEdits(); suggest(); });
$("verify").addEventListener("click", () => verify(state));
new ResizeObserver(() => state && !$("standing").hidden && drawStanding()).observe($("standing"));
open();
