// Buttons and menus of messages, modals and the Home tab: the question first where there is one, then the click.

import { listenToCombobox } from "./combobox.js";
import { act } from "./server.js";

export function listenToBlocks(root) {
  root.addEventListener("click", (event) => {
    const pressed = event.target.closest("button[data-act=click], button[data-act=choose]");
    if (pressed) press(pressed, pressed.dataset.act === "choose" ? pressed.value : undefined);
  });
  root.addEventListener("change", (event) => {
    const chosen = event.target.closest("select[data-act=choose], input[data-act=choose]");
    if (chosen) press(chosen, choiceOf(chosen));
  });
  listenToCombobox(root, press);
}

export function sourceOf(element) {
  const view = element.closest("[data-view]");
  if (view) return { view: view.dataset.view };
  const { channel, ts } = element.closest("[data-ts]").dataset;
  return { channel, ts };
}

// What a control holds, in the words that the server wants.
export function choiceOf(control) {
  if (control.type !== "checkbox") return control.value || null;
  const boxes = document.getElementsByName(control.name);
  return [...boxes].filter((box) => box.checked).map((box) => box.value);
}

async function press(control, choice) {
  const question = control.nextElementSibling;
  if (question?.matches("template.confirm-template") && !(await confirmed(question))) return;
  control.closest("details.overflow")?.removeAttribute("open");
  if (control.dataset.url) window.open(control.dataset.url, "_blank", "noopener");
  control.setAttribute("aria-busy", "true");
  await act("click", { ...sourceOf(control), action: control.dataset.action, choice });
  control.removeAttribute("aria-busy");
}

function confirmed(template) {
  const dialog = template.content.firstElementChild.cloneNode(true);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("click", ({ target }) => {
      if (target.value) dialog.close(target.value);
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "confirm");
    });
  });
}
