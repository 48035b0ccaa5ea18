/**
 * The script of pages that refresh themselves. Without it they are as complete, and as old as when they were loaded.
 *
 * @module
 */

/** Puts a fresh copy of the page's content in place every five seconds, while the page can be seen and nobody reads its tables. */
export const live = `"use strict";
const content = document.getElementById("content");
async function refresh() {
  if (document.hidden || content.contains(document.activeElement) || content.querySelector("details[open]")) return;
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  content.replaceChildren(...page.getElementById("content").childNodes);
}
setInterval(() => refresh().catch(() => {}), 5000);
`;
