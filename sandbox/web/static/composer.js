// The field at the bottom: Enter sends, a slash shows the commands with their usage.

import { act } from "./server.js";

const field = document.getElementById("message");
const suggestions = document.getElementById("suggestions");

export function listenToComposer() {
  field.addEventListener("input", suggest);
  field.addEventListener("keydown", (event) => {
    const [first] = fitting();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      field.form.requestSubmit();
    } else if (event.key === "Tab" && !event.shiftKey && first && first.dataset.command !== field.value.trim()) {
      if (field.value.includes(" ")) return;
      event.preventDefault();
      fill(`${first.dataset.command} `);
    } else if (event.key === "Escape") {
      suggestions.hidden = true;
    }
  });
  suggestions.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-command]");
    if (chosen) fill(`${chosen.dataset.command} `);
  });
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value;
    if (!text.trim()) return;
    fill("");
    act("say", { text });
  });
}

export function fill(text) {
  field.value = text;
  field.focus();
  suggest();
}

function suggest() {
  const fit = fitting();
  for (const row of suggestions.querySelectorAll("[data-command]")) row.hidden = !fit.includes(row);
  suggestions.hidden = fit.length === 0;
}

function fitting() {
  const typed = field.value.trimStart();
  if (!typed.startsWith("/")) return [];
  return [...suggestions.querySelectorAll("[data-command]")].filter(({ dataset }) => {
    return dataset.command.startsWith(typed) || `${typed} `.startsWith(`${dataset.command} `);
  });
}
