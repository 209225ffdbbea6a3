// A modal: opened and closed as the server has it, sent with what was filled in.

import { choiceOf, listenToBlocks } from "./blocks.js";
import { optionOf } from "./combobox.js";
import { act } from "./server.js";

const dialog = document.getElementById("modal");

export function showModal() {
  const form = dialog.querySelector("form");
  if (form && !dialog.open) dialog.showModal();
  if (!form && dialog.open) dialog.close();
  dialog.querySelector("[aria-invalid=true]")?.focus();
}

export function listenToModal() {
  listenToBlocks(dialog);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  dialog.addEventListener("click", ({ target }) => {
    if (target.closest("[data-act=close]")) close();
  });
  dialog.addEventListener("submit", async (event) => {
    event.preventDefault();
    const submit = event.target.querySelector("[type=submit]");
    submit.setAttribute("aria-busy", "true");
    await act("submit", { view: event.target.dataset.view, values: valuesOf(event.target) });
    submit.removeAttribute("aria-busy");
  });
}

function close() {
  act("close", { view: dialog.querySelector("form").dataset.view });
}

// By block, as the server has named them.
function valuesOf(form) {
  const values = {};
  for (const control of form.querySelectorAll(".input [data-block]")) {
    const { block } = control.dataset;
    if (control.role === "combobox") values[block] = optionOf(control);
    else if (control.type !== "radio") values[block] = choiceOf(control);
    else if (control.checked) values[block] = control.value;
  }
  return values;
}
