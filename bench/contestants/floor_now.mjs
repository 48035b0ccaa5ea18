/** The floor for synchronous handlers. */
export { wrapNow as wrap } from "./floor.mjs";
