// The way to the server: who and where the page is, what it is sent, and what a person does.

import { morph } from "./morph.js";

export const here = { person: "", place: "" };
let stream = null;

// Shows another person or place from now on; the address keeps it, so that a reload stays there.
export function look(person, place, shown) {
  const query = new URLSearchParams({ as: person, in: place });
  history.replaceState(null, "", `?${query}`);
  stream?.close();
  stream = new EventSource(`/events?${query}`);
  stream.onopen = () => say("");
  stream.onerror = () => say("The sandbox does not answer. It may have been stopped.");
  stream.onmessage = ({ data }) => {
    const news = JSON.parse(data);
    if (news.state) Object.assign(here, JSON.parse(news.state));
    for (const region of document.querySelectorAll("[data-region]")) {
      if (region.dataset.region in news) morph(region, news[region.dataset.region]);
    }
    shown(news);
  };
}

// Asks the server to do something; returns its answer, or null when it could not be done.
export async function act(name, detail = {}) {
  try {
    const response = await fetch(`/do/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...here, ...detail }),
    });
    const answer = await response.json();
    say(answer.error ?? "");
    return response.ok ? answer : null;
  } catch {
    say("The sandbox does not answer. It may have been stopped.");
    return null;
  }
}

export function say(words) {
  const toast = document.getElementById("toast");
  toast.textContent = words;
  toast.hidden = !words;
}
