/** The results as Markdown. */
import { median } from "./timing.mjs";

const NAMES = { node: "Node", bun: "Bun", deno: "Deno" };

const number = (value) =>
  Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en")
    : value.toLocaleString("en", { maximumSignificantDigits: 3 });

/** The median of the rounds, with minimum and maximum. */
function spread(values) {
  const found = values.filter((value) => value !== null && Number.isFinite(value));
  if (found.length === 0) return "failed";
  return `${number(median(found))} (${number(Math.min(...found))}–${number(Math.max(...found))})`;
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    line(heads),
    line(heads.map((_, i) => i === 0 ? "---" : "---:")),
    ...rows.map(line),
  ].join("\n");
}

/** The conditions of a section: sections may come from different runs. */
function howText(results, quick) {
  const rounds = Math.max(
    ...Object.values(results).flatMap((of) => Object.values(of)).flatMap((of) => Object.values(of)).map((
      values,
    ) => values.length),
  );
  return `Median of ${rounds} ${rounds === 1 ? "round" : "rounds (least–greatest)"}${
    quick ? ", quick and rough" : ""
  }.`;
}

function sectionText(section, results, quick) {
  const runtimes = section.runtimes.filter((runtime) => results[runtime] !== undefined);
  const base = (id) =>
    typeof section.share === "function" ? section.share(id) : section.share ?? section.over;
  const ids = section.contestants.map(({ id }) => id).filter((id) => runtimes.some((r) => results[r][id]));
  const parts = Object.entries(section.metrics).map(([metric, text]) => {
    const cell = (id, runtime) => {
      const values = results[runtime][id]?.[metric];
      if (values === undefined) return "";
      const zero = results[runtime][base(id)]?.[metric];
      const isBase = id === base(id);
      if (section.over && !isBase) {
        return spread(
          values.map((value, i) => value === null ? null : value - zero[i]),
        );
      }
      if (!section.share || isBase || metric === "trips" || !zero) {
        return spread(values);
      }
      const share = median(
        values.map((value, i) => value / zero[i]).filter(Number.isFinite),
      );
      return Number.isFinite(share) ? `${spread(values)}, ${share.toFixed(2)}` : spread(values);
    };
    const rows = ids.map((
      id,
    ) => [id, ...runtimes.map((runtime) => cell(id, runtime))]);
    return `${text}:\n\n${table(["", ...runtimes.map((runtime) => NAMES[runtime])], rows)}`;
  });
  return [`## ${section.title}`, howText(results, quick), ...parts].join("\n\n");
}

function goalsText(compared) {
  const limit = ({ most, least }) =>
    Number.isFinite(most) ? `at most ${number(most)}` : `at least ${number(least)}`;
  const rows = compared.map((goal) => [
    goal.text,
    NAMES[goal.runtime],
    limit(goal),
    number(goal.number),
    goal.met ? "yes" : "**no**",
  ]);
  return `## The goals\n\n${table(["", "on", "goal", "is", "met"], rows)}`;
}

/** The whole report. */
export async function report(
  { machine, quick, skipped, sections },
  compared,
) {
  const { cpu, memory, system, node, bun, deno, date } = machine;
  const parts = [
    "# Results",
    `Measured ${date} UTC on ${cpu}, ${memory}, ${system}, with Node ${node}, Bun ${bun} and Deno ${deno}. ` +
    "The meaning of each row: [README](../README.md).",
    ...skipped.map((line) => `Skipped: ${line}.`),
    goalsText(compared),
  ];
  for (const [name, results] of Object.entries(sections)) {
    parts.push(sectionText(await import(`./sections/${name}.mjs`), results, quick[name]));
  }
  return `${parts.join("\n\n")}\n`;
}
