/** The floor, with a look at the headers that a response has already. */
import { wrap as byHand } from "./floor.mjs";

export const wrap = (handler, options) => byHand(handler, { ...options, looks: true });
