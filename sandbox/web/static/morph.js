// Makes one element look like another without replacing what is the same: focus, typed text, scroll position
// and open details survive an update.

export function morph(element, html) {
  const wanted = document.createElement("template");
  wanted.innerHTML = html;
  children(element, wanted.content);
}

function children(present, wanted) {
  const byKey = new Map();
  for (const child of present.childNodes) if (keyOf(child)) byKey.set(keyOf(child), child);

  let next = present.firstChild;
  for (const want of [...wanted.childNodes]) {
    const key = keyOf(want);
    const match = key ? byKey.get(key) : next && !keyOf(next) && alike(next, want) ? next : null;
    if (match && alike(match, want)) {
      if (match === next) next = next.nextSibling;
      else present.insertBefore(match, next);
      sync(match, want);
    } else {
      present.insertBefore(want, next);
    }
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

function sync(present, want) {
  if (present.nodeType !== Node.ELEMENT_NODE) {
    if (present.nodeValue !== want.nodeValue) present.nodeValue = want.nodeValue;
    return;
  }
  // What the page itself put there, or opened, is not the server's to take away.
  if ("keep" in present.dataset) return;
  for (const { name } of [...present.attributes]) {
    if (!want.hasAttribute(name) && !(name === "open" && present.tagName === "DETAILS") && name !== "aria-busy") {
      present.removeAttribute(name);
    }
  }
  for (const { name, value } of want.attributes) {
    if (present.getAttribute(name) !== value) present.setAttribute(name, value);
  }
  if (present.tagName === "TEMPLATE") present.innerHTML = want.innerHTML;
  else children(present, want);
}

function alike(one, other) {
  return one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
}

function keyOf(node) {
  return node.dataset?.key;
}
