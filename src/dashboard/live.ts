/**
 * The script of pages that refresh themselves. Without it they are as complete, and as old as when they were loaded.
 *
 * @module
 */

/**
 * Puts a fresh copy of the page's content in place every five seconds, while the page can be seen and nobody is in the middle of
 * its content: focus, an open table, one scrolled sideways or selected text would be lost.
 */
export const live = `"use strict";
const content = document.getElementById("content");
const stale = document.getElementById("stale");
const isUsed = () =>
  content.contains(document.activeElement) || !getSelection().isCollapsed ||
  content.querySelector("details[open]") !== null ||
  [...content.querySelectorAll(".scroll")].some(({ scrollLeft }) => scrollLeft > 0);
async function refresh() {
  if (document.hidden || isUsed()) return;
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("content");
  if (!response.ok || fresh === null) throw new Error("This is not the page");
  if (!isUsed()) content.replaceChildren(...fresh.childNodes);
}
setInterval(() => refresh().then(() => { stale.hidden = true; }, () => { stale.hidden = false; }), 5000);
`;
