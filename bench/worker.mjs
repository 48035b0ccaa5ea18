/**
 * One contestant in one section, in its own process, on the current runtime:
 *
 *   node bench/worker.mjs pipeline "weir 3 headers, 1 rule" '{"quick":true}'
 *
 * Its last line is RESULT and the figures, as JSON.
 */
import process from "node:process";

const [section, contestant, options = "{}"] = process.argv.slice(2);
const { measure } = await import(`./sections/${section}.mjs`);
const measured = await measure(contestant, JSON.parse(options));
console.log(`RESULT ${JSON.stringify(measured)}`);
process.exit(0);
