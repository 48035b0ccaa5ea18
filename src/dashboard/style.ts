/**
 * The dashboard's style sheet.
 *
 * @module
 */

/** Light and dark, phone and desktop. Text has a contrast of at least 4.5 to 1, graphics 3 to 1. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --panel: #ffffff; --edge: #d5dae0; --track: #e3e8ed; --text: #16202b; --quiet: #4c5966;
  --accent: #0b5cad; --total: #2f7dc9; --near: #b26a00; --refused: #c0281f; --shadow: #7a3fb5; --clients: #1b7a45;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f141a; --panel: #1a212a; --edge: #35404c; --track: #2c3641; --text: #e8edf2; --quiet: #a9b5c1;
    --accent: #86bdf8; --total: #5ea5ec; --near: #f0b04f; --refused: #ff857a; --shadow: #c49bf2; --clients: #6fcf97;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
a { color: var(--accent); }
code { font: .9em ui-monospace, monospace; }
p, code, dd, h2, h3, h4, pre, tbody th { overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[hidden] { display: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem; background: var(--panel); }
header { background: var(--panel); border-bottom: 1px solid var(--edge); display: flex; flex-wrap: wrap; align-items: center; gap: 0 2rem; padding: .5rem max(1rem, 50% - 35rem); }
.brand { margin: 0; font-weight: 700; letter-spacing: .02em; }
nav ul { display: flex; flex-wrap: wrap; gap: 0 clamp(.75rem, 3.5vw, 1.25rem); margin: 0; padding: 0; list-style: none; }
nav a { display: block; padding: .5rem 0 .25rem; text-decoration: none; border-bottom: 3px solid transparent; }
nav a:hover { border-color: var(--edge); }
nav a[aria-current] { color: var(--text); font-weight: 600; border-color: var(--accent); }
main, noscript > p, #stale { display: block; max-width: 72rem; margin: 0 auto; padding: 1rem; }
#stale[hidden] { display: none; }
h1 { margin: .25rem 0 0; font-size: 1.6rem; line-height: 1.3; }
h1 + .note { margin: 0 0 1rem; }
h2 { margin: 0; font-size: 1.1rem; line-height: 1.4; }
h3 { margin: 0 0 .5rem; font-size: 1.05rem; line-height: 1.4; }
section > .note { margin: 0 0 .75rem; }
.note { color: var(--quiet); font-size: .9rem; }
.panel, .figure, .chart, .scroll, .empty { background: var(--panel); border: 1px solid var(--edge); border-radius: .6rem; padding: 1rem; min-width: 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; margin: 0 0 1rem; }
.figure { padding: .75rem 1rem; }
dt { color: var(--quiet); font-size: .875rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
.figure dd { font-size: 1.6rem; line-height: 1.35; font-weight: 600; }
.figure small { display: block; color: var(--quiet); font-size: .875rem; font-weight: 400; }
.figure .words { display: block; font-size: 1rem; line-height: 1.5; font-weight: 400; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; align-items: start; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; margin-bottom: 1.5rem; }
.chart { margin: 0; }
.chart svg { display: block; width: 100%; height: auto; margin-top: .5rem; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 1rem; }
.legend { display: flex; gap: 1rem; margin: 0; padding: 0; list-style: none; font-size: .875rem; color: var(--quiet); }
.legend li::before, .parts dt::before { content: ""; display: inline-block; width: .7em; height: .7em; margin-right: .4em; border-radius: 2px; background: var(--look); }
.total { --look: var(--total); } .near { --look: var(--near); } .refused { --look: var(--refused); }
.shadow { --look: var(--shadow); } .clients { --look: var(--clients); }
.stroke { fill: none; stroke: var(--look); stroke-width: 1.75; }
.fill { fill: var(--look); opacity: .2; }
.refused .fill { opacity: .45; }
.tick line { stroke: var(--edge); }
.tick text { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
@media (max-width: 32rem) { .tick text { font-size: 15px; } }
.bar { display: block; width: 100%; height: .5rem; margin: .35rem 0; border-radius: .25rem; }
.bar rect { fill: var(--look); } .bar .track { fill: var(--track); }
.facts { display: grid; gap: .25rem; margin: 0 0 .75rem; }
.facts > div { display: grid; grid-template-columns: 5.5rem 1fr; gap: .5rem; align-items: baseline; }
.sum { margin: 0; }
.parts { display: grid; grid-template-columns: repeat(3, auto); justify-content: space-between; gap: 0 1rem; margin: .25rem 0 .75rem; }
.parts.two { grid-template-columns: repeat(2, auto); }
.trial { border-top: 1px dashed var(--edge); padding-top: .5rem; }
h4 { margin: 0; font-size: 1rem; line-height: 1.4; }
.trial .note { margin: 0; }
.parts dt { line-height: 1.3; }
.parts small, td small { display: block; color: var(--quiet); font-size: .875rem; }
.rule { display: flex; flex-direction: column; }
.rule > p:last-child { margin: auto 0 0; }
.badge { display: inline-block; padding: 0 .5em; border: 1px solid currentColor; border-radius: 1em; font-size: .8rem; font-weight: 600; color: var(--clients); vertical-align: middle; }
.badge.shadow { color: var(--shadow); border-style: dashed; }
.badge.refusing { color: var(--refused); } .badge.quiet { color: var(--quiet); }
.panel .sum + .facts { margin: .75rem 0 0; }
pre.panel { white-space: pre-line; font: inherit; }
.apart { margin-top: 2rem; } .ask + .note { margin-top: .75rem; }
.state { margin: .25rem 0 .75rem; font-weight: 600; }
.working .state { color: var(--clients); } .failing .state { color: var(--refused); }
.panel > .note:last-child { margin: 0; }
summary { margin-top: .25rem; padding: .25rem 0; color: var(--accent); font-size: .9rem; cursor: pointer; }
.scroll, .empty { margin-bottom: 1.25rem; padding: .5rem 1rem 1rem; }
.scroll { overflow-x: auto; }
.chart .scroll { max-height: 20rem; margin: 0; padding: 0; border: 0; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding: .5rem 0; text-align: left; font-size: 1.1rem; font-weight: 600; }
th, td { padding: .45rem 0 .45rem 1.25rem; text-align: left; border-bottom: 1px solid var(--edge); vertical-align: top; }
th:first-child { padding-left: 0; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--quiet); font-size: .875rem; font-weight: 600; vertical-align: bottom; }
tbody th { width: 60%; min-width: 9rem; font-weight: 400; }
.number { text-align: right; }
td.number { white-space: nowrap; }
@media (max-width: 32rem) { th, td { padding-left: .75rem; } thead th { font-size: .8rem; } tbody th { min-width: 7rem; } }
.empty h2 { margin: .5rem 0 0; } .empty p { margin: .25rem 0 0; color: var(--quiet); }
.alarm, .passes { margin: .75rem 0; padding: .75rem 1rem; background: var(--panel); border: 1px solid var(--look); border-left-width: 6px; border-radius: .4rem; }
.alarm { --look: var(--refused); } .passes { --look: var(--clients); }
#stale { margin: 1rem auto -1rem; }
.ask { display: flex; flex-wrap: wrap; align-items: end; gap: .75rem; margin-top: .75rem; }
.ask div { flex: 1 1 14rem; min-width: 0; }
label { display: block; font-size: .875rem; color: var(--quiet); }
input, select, button { font: inherit; padding: .5rem .75rem; color: var(--text); background: var(--panel); border: 1px solid var(--quiet); border-radius: .4rem; min-height: 2.75rem; max-width: 100%; }
.ask input, .ask select { width: 100%; }
button { background: var(--accent); color: var(--panel); border-color: var(--accent); font-weight: 600; cursor: pointer; }
button.grave { background: var(--refused); border-color: var(--refused); }
`;
