/**
 * The common and the combined log format: Apache and nginx (with a virtual host before it too), lighttpd, HAProxy's `clf`.
 *
 * @module
 */

import { commonTimeReader, startOf } from "./log_time.ts";
import { endOfQuoted, isQuoteAt, requestLineReader, unescaped, valueOrNull, wholeAt } from "./scan.ts";
import { isLoggedAddress } from "../addresses.ts";
import type { Targets } from "../texts.ts";
import type { Entry, LineReader, LogFormat } from "./format.ts";

/**
 * The index of the first " - " from `dash` on that follows an address, which stands for the identity; -1 where none does. Servers
 * write a user's name as the client sent it, so that more of them may follow, behind words that look like an address.
 */
function identityFrom(line: string, dash: number, end: number): number {
  for (let at = dash; at !== -1 && at < end - 2; at = line.indexOf(" - ", at + 1)) {
    if (isLoggedAddress(line.slice(line.lastIndexOf(" ", at - 1) + 1, at))) return at;
  }
  return -1;
}

/**
 * The words before the time: the client, an identity that nobody writes, and the user; a virtual host may stand before
 * or within.
 */
function readHead(line: string, end: number, entry: Entry): string | null {
  // Most lines are so.
  if (line.startsWith(" - -", end - 4) && line.indexOf(" ") === end - 4) {
    entry.address = line.slice(0, end - 4);
    entry.user = null;
    return "";
  }
  let user = line.lastIndexOf(" ", end - 1);
  let identity = line.lastIndexOf(" ", user - 1);
  const dash = line.indexOf(" - ");
  if (dash !== identity) {
    const first = identityFrom(line, dash, end);
    if (first !== -1) [identity, user] = [first, first + 2];
  }
  if (user <= 0 || identity <= 0) return null;
  const client = line.lastIndexOf(" ", identity - 1);
  entry.address = line.slice(client + 1, identity);
  entry.user = valueOrNull(line.slice(user + 1, end));
  if (entry.user === '""') entry.user = null;
  const second = line.slice(identity + 1, user);
  // lighttpd has the virtual host where others have "-".
  if (second !== "-") return /[.:]/.test(second) ? second : "";
  if (client <= 0) return "";
  const first = line.slice(line.lastIndexOf(" ", client - 1) + 1, client);
  // Before a line that came through syslog stands the name of a program, and before the last of several addresses the others.
  return /[:,]$/.test(first) || first === "-" ? "" : first;
}

/** Reads the fields after the size: referrer and user agent, then any that some servers add. */
function readTail(line: string, from: number, entry: Entry): void {
  entry.userAgent = null;
  entry.durationMs = -1;
  if (!isQuoteAt(line, from)) return;
  const referrerEnd = endOfQuoted(line, from + 1);
  if (referrerEnd === -1 || !isQuoteAt(line, referrerEnd + 2)) return;
  const agentEnd = endOfQuoted(line, referrerEnd + 3);
  if (agentEnd === -1) return;
  entry.userAgent = valueOrNull(unescaped(line.slice(referrerEnd + 3, agentEnd)));
  if (agentEnd + 2 < line.length) readExtras(line, agentEnd + 2, entry);
}

/**
 * The duration, for which servers have different forms: nginx with ingress ends requests at the time, HAProxy and
 * Traefik begin them.
 */
function readExtras(line: string, from: number, entry: Entry): void {
  const words = line.slice(from).trimEnd().split(" ");
  if (/^\d+$/.test(words[0]) && /^\d+\.\d{3}$/.test(words[1] ?? "")) {
    entry.durationMs = Number(words[1]) * 1000;
    entry.at = startOf(entry.at, entry.durationMs);
    return;
  }
  // HAProxy: port, ms, frontend, backend, server, five timers.
  const total = /^\d+ \d+ "[^"]*" "[^"]*" "[^"]*" (?:-?\d+ ){4}\+?(\d+) /.exec(`${line.slice(from)} `);
  if (total !== null) entry.durationMs = Number(total[1]);
}

/** Where the time begins: a bracket may stand in the name of a program that came through syslog. */
function findTime(line: string): number {
  for (let at = line.indexOf("["); at !== -1; at = line.indexOf("[", at + 1)) {
    const isTime = line.charCodeAt(at + 3) === 0x2f && line.charCodeAt(at + 7) === 0x2f;
    if (isTime && line.charCodeAt(at - 1) === 0x20) return at;
  }
  return -1;
}

function combinedReader(targets: Targets): LineReader {
  const readTime = commonTimeReader();
  const readTarget = requestLineReader(targets);
  return (line, entry) => {
    const open = findTime(line);
    if (open === -1) return "broken";
    entry.at = readTime(line, open + 1);
    if (Number.isNaN(entry.at)) return "broken";
    const close = line.indexOf("]", open);
    if (!line.startsWith('] "', close)) return "broken";
    const host = readHead(line, open - 1, entry);
    if (host === null) return "broken";
    const end = endOfQuoted(line, close + 3);
    if (end === -1 || !readTarget(line, close + 3, end, host, entry)) return "broken";
    const status = wholeAt(line, end + 2);
    // HAProxy writes -1 where a client left before there was a status.
    if (status === -1 && !line.startsWith("-", end + 2)) return "broken";
    entry.status = Math.max(0, status);
    const size = line.indexOf(" ", end + 2);
    if (size === -1) return "broken";
    entry.bytes = wholeAt(line, size + 1);
    const after = line.indexOf(" ", size + 1);
    readTail(line, after === -1 ? line.length : after + 1, entry);
    return "request";
  };
}

/** The common and the combined log format. */
export const combined: LogFormat = { name: "combined", open: combinedReader };
