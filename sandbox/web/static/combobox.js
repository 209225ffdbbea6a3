// A field whose options the bot loads while somebody types; arrows choose, Enter takes, Escape closes.

import { sourceOf } from "./blocks.js";
import { act } from "./server.js";

// What was taken from the list; the server's updates know nothing of it.
const taken = new WeakMap();

export function listenToCombobox(root, chosen) {
  root.addEventListener("input", ({ target }) => {
    if (target.role !== "combobox") return;
    taken.set(target, null);
    load(target);
  });
  root.addEventListener("keydown", (event) => {
    if (event.target.role === "combobox") key(event, event.target, chosen);
  });
  root.addEventListener("mousedown", (event) => {
    const option = event.target.closest(".combobox [role=option]");
    if (!option) return;
    event.preventDefault();
    take(option.closest(".combobox").querySelector("input"), option, chosen);
  });
  root.addEventListener("focusout", ({ target }) => {
    if (target.role === "combobox") close(target);
  });
}

export function optionOf(field) {
  const value = taken.has(field) ? taken.get(field) : field.dataset.value;
  return value ? { text: { type: "plain_text", text: field.value }, value } : null;
}

async function load(field) {
  const typed = field.value;
  if (typed.length < Number(field.dataset.shortest)) return close(field);
  const answer = await act("suggest", { ...sourceOf(field), action: field.dataset.action, typed });
  if (field.value !== typed) return;
  const list = listOf(field);
  list.replaceChildren(...(answer?.options ?? []).map(row));
  if (!list.children.length) list.append(Object.assign(document.createElement("li"), { textContent: "No matches" }));
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
}

function row(option, index) {
  const item = document.createElement("li");
  item.id = `option-${crypto.randomUUID()}`;
  item.role = "option";
  item.ariaSelected = String(index === 0);
  item.dataset.value = option.value;
  item.textContent = option.text.text;
  return item;
}

function key(event, field, chosen) {
  const list = listOf(field);
  const options = [...list.querySelectorAll("[role=option]")];
  const at = options.findIndex((option) => option.ariaSelected === "true");
  if (list.hidden || !options.length) return;
  if (event.key === "Escape") {
    event.stopPropagation();
    close(field);
  } else if (event.key === "Enter") {
    take(field, options[at], chosen);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const next = options[(at + (event.key === "ArrowDown" ? 1 : options.length - 1)) % options.length];
    options[at].ariaSelected = "false";
    next.ariaSelected = "true";
    field.setAttribute("aria-activedescendant", next.id);
  } else return;
  event.preventDefault();
}

function take(field, option, chosen) {
  field.value = option.textContent;
  taken.set(field, option.dataset.value);
  close(field);
  if (field.dataset.acts) chosen(field, optionOf(field));
}

function close(field) {
  listOf(field).hidden = true;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

function listOf(field) {
  return document.getElementById(field.getAttribute("aria-controls"));
}
