/** The floor, for handlers that answer at once. */
export { wrapNow as wrap } from "./floor.mjs";
