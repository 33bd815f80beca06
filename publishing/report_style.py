"""The style sheet of the release report: system fonts, two colour schemes, phone and laptop."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f5; --card: #ffffff; --ink: #1c211e; --quiet: #626a65; --line: #dfe3df;
  --accent: #1f6f5c; --good: #1d6b46; --good-back: #dff1e6; --warn: #7a5200; --warn-back: #fbeecb;
  --bad: #a02622; --bad-back: #fbe1de;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121513; --card: #1b1f1d; --ink: #e7ebe8; --quiet: #98a39d; --line: #2d3430;
    --accent: #6fc7ae; --good: #8ad9ae; --good-back: #16372a; --warn: #f0c977;
    --warn-back: #3a2e10; --bad: #f5a49c; --bad-back: #42201d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
p { margin: 0.35rem 0; }
header { padding-bottom: 0.5rem; }
h1 { font-size: clamp(1.9rem, 5vw, 2.7rem); line-height: 1.1; margin: 0.1rem 0 0.5rem;
  letter-spacing: -0.02em; }
h2 { font-size: 1.2rem; margin: 0 0 0.6rem; letter-spacing: -0.01em; }
h3 { font-size: 0.85rem; font-weight: 600; margin: 0; color: var(--quiet); }
section { margin-top: 2.25rem; }
.brand { color: var(--accent); font-weight: 700; letter-spacing: 0.02em; margin: 0; }
.quiet { color: var(--quiet); font-size: 0.85rem; }
.mono, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.8rem; }
.mono { overflow-wrap: anywhere; }
.badges { display: flex; flex-wrap: wrap; gap: 0.4rem; margin-top: 0.8rem; }
.badge { display: inline-block; padding: 0.1rem 0.6rem; border-radius: 1rem; font-size: 0.85rem;
  font-weight: 600; background: var(--card); border: 1px solid var(--line); }
.good { color: var(--good); background: var(--good-back); border-color: transparent; }
.warn { color: var(--warn); background: var(--warn-back); border-color: transparent; }
.bad { color: var(--bad); background: var(--bad-back); border-color: transparent; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(12.5rem, 1fr));
  gap: 0.75rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem;
  padding: 0.8rem 0.9rem 0.7rem; display: flex; flex-direction: column; min-width: 0; }
.card p { margin: 0.1rem 0; }
.card .value { font-size: 1.6rem; font-weight: 650; letter-spacing: -0.02em; line-height: 1.2; }
.card .quiet { font-size: 0.78rem; overflow-wrap: anywhere; }
.card .quiet:last-child { margin-top: auto; padding-top: 0.3rem; }
.spark { width: 100%; height: 2rem; margin: 0.35rem 0 0.2rem; }
.spark polyline { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-linejoin: round;
  stroke-linecap: round; }
.spark circle { fill: var(--accent); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 0.6rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
figure { margin: 0.9rem 0 0; }
figcaption { color: var(--quiet); font-size: 0.85rem; margin-bottom: 0.35rem; }
th, td { text-align: left; padding: 0.4rem 0.9rem; white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); font-size: 0.78rem;
  border-bottom: 1px solid var(--line); }
tbody tr + tr td { border-top: 1px solid var(--line); }
.n { text-align: right; }
.notes { margin: 0.5rem 0; padding-left: 1.2rem; }
.gate { background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem;
  padding: 0.5rem 0.9rem; margin-top: 0.6rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 0.8rem; }
@media (max-width: 34rem) {
  main { padding: 1.25rem 0.9rem 2rem; }
  .cards { grid-template-columns: 1fr 1fr; gap: 0.55rem; }
  .card { padding: 0.6rem 0.65rem; }
  .card .value { font-size: 1.3rem; }
  th, td { padding: 0.35rem 0.6rem; }
}
@media print { body { background: #ffffff; } .scroll, .card, .gate { break-inside: avoid; } }
"""
