// Puts the page together: the stream, and what is done outside of messages.

import { listenToBlocks } from "./blocks.js";
import { listenToComposer, fill } from "./composer.js";
import { listenToModal, showModal } from "./modal.js";
import { act, here, look } from "./server.js";

const log = document.getElementById("log");

function shown(news) {
  if ("conversation" in news && (atEnd || here.place !== lastPlace)) log.scrollTop = log.scrollHeight;
  if ("state" in news) document.getElementById("message").setAttribute("aria-label", `Message ${placeName()}`);
  lastPlace = here.place;
  if ("modal" in news) showModal();
}

let atEnd = true;
let lastPlace = "";
log.addEventListener("scroll", () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
});

function placeName() {
  return document.querySelector("[data-region=title]").textContent;
}

function openMenu(open) {
  document.body.classList.toggle("menu-open", open);
  document.getElementById("menu").setAttribute("aria-expanded", String(open));
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("button");
  if (target?.id === "menu") openMenu(!document.body.classList.contains("menu-open"));
  else if (target?.dataset.place) go(here.person, target.dataset.place);
  else if (target?.dataset.person) go(target.dataset.person, here.place);
  else if (target?.dataset.show) show(target.dataset.show);
  else if (target?.dataset.fill) {
    show("chat");
    fill(`/terminate-workflow ${target.dataset.fill}`);
  } else if (target?.dataset.do) act(target.dataset.do, { ...target.dataset });
});

async function go(person, place) {
  openMenu(false);
  show("chat");
  look(person, place, shown);
  if (place === "home") await act("home", { person, place });
}

function show(part) {
  document.body.dataset.shown = part;
  for (const tab of document.querySelectorAll("[data-show]")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.show === part));
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") openMenu(false);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-do]");
  if (!form) return;
  event.preventDefault();
  await act(form.dataset.do, Object.fromEntries(new FormData(form)));
});

document.addEventListener("change", (event) => {
  const json = event.target.selectedOptions?.[0]?.dataset.json;
  if (json) event.target.form.elements.json.value = json;
});

// An exchange is fetched when somebody wants to read it; the answer may have come since the last time.
document.addEventListener(
  "toggle",
  async (event) => {
    const entry = event.target;
    if (entry.dataset.entry && entry.open) {
      const response = await fetch(`/traffic/${entry.dataset.entry}`);
      entry.querySelector(".exchange").innerHTML = response.ok ? await response.text() : "No longer kept.";
    } else if (entry.open && entry.querySelector("[name=example]")) {
      entry.querySelector("[name=example]").dispatchEvent(new Event("change", { bubbles: true }));
    }
  },
  true,
);

listenToBlocks(document.getElementById("log"));
listenToComposer();
listenToModal();
const asked = new URLSearchParams(location.search);
look(asked.get("as") ?? "", asked.get("in") ?? "", shown);
