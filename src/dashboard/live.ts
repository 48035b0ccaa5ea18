/**
 * The script that refreshes pages. Without it pages are complete, and as old as their load.
 *
 * @module
 */

/**
 * Replaces the page's content every five seconds, while the page is visible and the user is not busy with it:
 * a replacement would lose focus, an open table, a scroll position or selected text.
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
