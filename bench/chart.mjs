/** The cost of a request in process, as bars: one group per runtime. */
import { scaleLinear } from "d3-scale";
import { median } from "./timing.mjs";

const NAMES = { node: "Node", bun: "Bun", deno: "Deno" };
const SCENE = "1 rule: ";
const [WIDTH, LEFT, BAR, GAP] = [760, 190, 18, 30];

function bars(results) {
  const bare = results.bare?.ns ?? [];
  const over = ({ ns }) => median(ns.map((value, i) => value - bare[i]).filter(Number.isFinite));
  return Object.entries(results)
    .filter(([id]) => id.startsWith(SCENE) && !/, [02] headers$|nothing awaited|looking first/.test(id))
    .map(([id, metrics]) => ({
      name: id.slice(SCENE.length).replace(/, \d headers$/, ""),
      ns: over(metrics),
    }))
    .sort((a, b) => a.ns - b.ns);
}

/** The chart as SVG. */
export function chart({ machine, sections }) {
  const groups = Object.entries(sections.pipeline ?? {}).map((
    [runtime, results],
  ) => [runtime, bars(results)]);
  const most = Math.max(
    1,
    ...groups.flatMap(([, group]) => group.map(({ ns }) => ns)),
  );
  const x = scaleLinear([0, most], [0, WIDTH - LEFT - 70]).nice();
  let y = 44;
  const drawn = groups.map(([runtime, group]) => {
    const head = `<text x="8" y="${y + 4}" class="head">${NAMES[runtime]}</text>`;
    const rows = group.map(({ name, ns }, i) => {
      const top = y + 14 + i * (BAR + 4);
      return `<text x="${LEFT - 8}" y="${top + 13}" class="name">${name}</text>` +
        `<rect x="${LEFT}" y="${top}" width="${x(ns).toFixed(1)}" height="${BAR}" class="${
          name === "Weir" ? "ours" : name === "by hand" ? "floor" : "peer"
        }"/>` +
        `<text x="${(LEFT + x(ns) + 6).toFixed(1)}" y="${top + 13}">${
          Math.round(ns).toLocaleString("en")
        }</text>`;
    });
    y += 14 + group.length * (BAR + 4) + GAP;
    return [head, ...rows].join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" role="img">
<title>What one rate-limited request costs over the bare handler, in ns</title>
<style>
  svg { background: #fff; font: 12px system-ui, sans-serif; }
  .head { font-weight: 600; font-size: 14px; }
  .name { text-anchor: end; }
  .ours { fill: #0a7f6f; } .floor { fill: #9aa5ad; } .peer { fill: #d8a24a; }
</style>
<text x="8" y="20" class="head">One rule, in process: ns over the bare handler (${machine.cpu}, ${machine.date})</text>
${drawn.join("\n")}
</svg>
`;
}
