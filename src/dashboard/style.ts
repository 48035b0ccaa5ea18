/**
 * The dashboard's style sheet.
 *
 * @module
 */

/** Light and dark, phone and desktop. Text has a contrast of at least 4.5 to 1 on its ground. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f4f6f8; --edge: #d5dae0; --text: #16202b; --quiet: #4c5966;
  --accent: #0b5cad; --total: #0b5cad; --refused: #b3261e; --clients: #176b3a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11161c; --panel: #1b222b; --edge: #35404c; --text: #e8edf2; --quiet: #a9b5c1;
    --accent: #7db7f5; --total: #7db7f5; --refused: #ff8a80; --clients: #7fd6a2;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--ground); padding: .5rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: center; padding: .75rem 1rem; background: var(--panel); border-bottom: 1px solid var(--edge); }
.brand { margin: 0; font-weight: 700; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0; padding: 0; list-style: none; }
nav a { display: inline-block; padding: .25rem 0; }
nav a[aria-current] { color: var(--text); font-weight: 700; text-decoration: none; border-bottom: 3px solid var(--accent); }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: .5rem 0 1rem; }
h2 { font-size: 1.2rem; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; margin: 0 0 1rem; }
.figure { padding: .75rem; background: var(--panel); border: 1px solid var(--edge); border-radius: .5rem; }
dt { color: var(--quiet); font-size: .875rem; }
dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
dd small { display: block; color: var(--quiet); font-size: .875rem; }
.chart { margin: 0 0 1.5rem; padding: .75rem; background: var(--panel); border: 1px solid var(--edge); border-radius: .5rem; }
.chart svg { display: block; width: 100%; height: auto; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1rem; font-weight: 600; }
.legend { display: flex; gap: 1rem; margin: 0; padding: 0; list-style: none; font-weight: 400; }
.legend li::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .4em; background: currentColor; border-radius: 2px; }
.total { color: var(--total); } .refused { color: var(--refused); } .clients { color: var(--clients); }
.stroke { fill: none; stroke: currentColor; stroke-width: 2; }
.fill { fill: currentColor; opacity: .15; }
.tick line { stroke: var(--edge); }
.tick text, text.tick { fill: var(--quiet); font-size: 12px; }
summary { padding: .25rem 0; color: var(--accent); cursor: pointer; }
.scroll { overflow-x: auto; margin-bottom: 1.5rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding: .5rem 0; text-align: left; font-weight: 600; }
th, td { padding: .4rem .75rem; text-align: left; border-bottom: 1px solid var(--edge); vertical-align: top; }
thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 400; overflow-wrap: anywhere; min-width: 8rem; }
.number { text-align: right; }
.note, .empty { color: var(--quiet); }
.alarm { padding: .75rem; border: 1px solid var(--refused); border-left-width: 6px; border-radius: .25rem; overflow-wrap: anywhere; }
.passes { padding: .75rem; border: 1px solid var(--clients); border-left-width: 6px; border-radius: .25rem; }
.ask { display: grid; gap: .5rem; max-width: 30rem; margin-bottom: 1rem; }
input, select, button { font: inherit; padding: .5rem .75rem; color: var(--text); background: var(--ground); border: 1px solid var(--quiet); border-radius: .25rem; max-width: 100%; }
button { background: var(--accent); color: var(--ground); border-color: var(--accent); cursor: pointer; justify-self: start; }
`;
