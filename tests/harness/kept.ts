/**
 * How long servers of tests keep an idle connection, in ms. It is longer than any test: a client may use a connection just as
 * its server ends it, and on Bun that waits by one of the timers that tests replace.
 */
export const KEPT_MS = 600_000;
