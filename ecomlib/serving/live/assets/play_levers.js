// The four levers: what may be chosen for each, which are open, and what the choice comes to.
import { $, add, counted, whole } from "./words.js";
import { edits } from "./play_shelf.js";

const LEVERS = {
  order: { name: "Orders", words: { rule: "the rule’s: smoothed sales, margin and cost of holding", mean: "the mean of eight weeks", shop: "the shop’s own", number: "up to so many weeks of sales" }, number: { value: 2.5, step: 0.1, label: "Weeks of sales to order up to" } },
  price: { name: "Prices", words: { rule: "the rule’s: the cost and as much again", list: "the list price", shop: "the shop’s own", number: "a mark-up on the cost" }, number: { value: 0.9, step: 0.05, label: "Mark-up on the cost" } },
  promote: { name: "Offers", words: { rule: "best sellers", nothing: "no offers", shop: "the shop’s own" } },
  mail: { name: "Letters", words: { rule: "to whoever bought within 60 days", nobody: "to nobody", everybody: "to everybody", shop: "the shop’s own" } },
};

export const plural = (lever) => LEVERS[lever].name.toLowerCase();

export function drawLevers(state, changed) {
  const list = document.createElement("div");
  for (const [lever, { name, words, number }] of Object.entries(LEVERS)) {
    const open = state.levers.includes(lever), field = add(list, "fieldset", { "data-lever": lever });
    add(field, "legend", {}, name);
    if (!open) {
      const first = state.rounds.find((round) => round.levers.includes(lever))?.first;
      field.disabled = true;
      add(field, "p", { class: "note" }, `○ Yours from week ${first} on. Until then the shop decides.`);
      continue;
    }
    const holder = add(field, "div", { class: number ? "of" : "" });
    const select = add(holder, "select", { id: `choice-${lever}`, "aria-label": `${name}: how`, "aria-describedby": `note-${lever}` });
    for (const [word, said] of Object.entries(words)) select.append(new Option(said, word));
    if (number) {
      const input = add(holder, "input", { id: `number-${lever}`, type: "number", min: 0, max: 100, step: number.step, value: number.value, inputmode: "decimal", "aria-label": number.label });
      const toggle = () => { input.hidden = select.value !== "number"; };
      toggle();
      select.addEventListener("change", toggle);
      input.addEventListener("input", changed);
    }
    select.addEventListener("change", changed);
    add(field, "p", { class: "note", id: `note-${lever}` });
  }
  $("lever-list").replaceChildren(...list.children);
}

export function choiceOf(open = Object.keys(LEVERS)) { // a word or a number for each open lever, as the terminal takes it
  const found = {};
  for (const lever of open) {
    const select = $(`choice-${lever}`);
    if (select) found[lever] = select.value === "number" ? $(`number-${lever}`).value.trim() || "nothing" : select.value;
  }
  return found;
}

export function restoreChoice(choice) {
  for (const [lever, word] of Object.entries(choice)) {
    const select = $(`choice-${lever}`), input = $(`number-${lever}`);
    if (!select) continue;
    if (word in LEVERS[lever].words && word !== "number") select.value = word;
    else if (input && word !== "" && Number.isFinite(Number(word))) {
      select.value = "number";
      input.value = word;
    }
    if (input) input.hidden = select.value !== "number";
  }
}

export function leversNote(found, state) {
  const own = edits(), of = (lever, values) => values.map((value, k) => own[lever]?.[state.products[k].product_id] ?? value);
  const hand = (lever) => { const count = Object.keys(own[lever] ?? {}).length; return count ? ` ✎ ${counted(count, "number")} by hand.` : ""; };
  const tell = (lever, words) => { const note = $(`note-${lever}`); if (note) note.textContent = words + hand(lever); };
  if (found.order) {
    const units = of("order", found.order), cost = units.reduce((sum, n, k) => sum + n * state.products[k].unit_cost, 0);
    tell("order", `${whole.format(units.reduce((a, b) => a + b, 0))} units of ${counted(units.filter((n) => n > 0).length, "product")}, bought for ${whole.format(cost)}. They arrive next Monday.`);
  }
  if (found.price) {
    const prices = of("price", found.price);
    const [up, down] = [1, -1].map((sign) => prices.filter((price, k) => state.products[k].plan_price > 0 && sign * (price - state.products[k].plan_price) > 0.005).length);
    tell("price", `${whole.format(up)} dearer and ${whole.format(down)} cheaper than the shop’s own.`);
  }
  if (found.promote) tell("promote", `${of("promote", found.promote).reduce((a, b) => a + b, 0)} of ${state.places} places are taken.`);
  if (found.mail != null) tell("mail", `${counted(found.mail, "letter")}; ${whole.format(state.listed)} customers are on the list.`);
}
