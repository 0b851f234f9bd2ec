"""The report's style sheet: system fonts, one column on a phone, dark text on white."""

__all__ = ["STYLE"]

STYLE = """
:root { --ink: #1d1f21; --faint: #5c6166; --rule: #d9dcdf; --sans: system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "Liberation Sans", Arial, sans-serif; --serif: "Iowan Old Style", Charter, "Bitstream Charter",
  "Palatino Linotype", Georgia, "Liberation Serif", serif; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.55 var(--sans); }
main, footer { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
header { padding: 56px 0 20px; border-bottom: 1px solid var(--ink); }
.kicker { margin: 0 0 6px; color: var(--faint); font-size: 13px; letter-spacing: .08em; }
h1 { margin: 0 0 14px; font: 600 clamp(26px, 4.2vw, 40px)/1.15 var(--serif); letter-spacing: -.01em; }
h2 { margin: 0 0 10px; font: 600 21px/1.3 var(--serif); }
h3 { margin: 22px 0 6px; font-size: 15px; font-weight: 600; }
section { padding: 34px 0 0; }
ul.facts, ul.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 0; padding: 0; list-style: none; }
ul.facts { color: var(--faint); font-size: 14px; }
ul.legend { margin: 0 0 18px; font-size: 14px; }
ul.legend li { display: flex; align-items: center; gap: 8px; }
svg.key { flex: none; vertical-align: -2px; margin-right: 8px; }
ul.legend svg.key { margin: 0; }
.words { display: grid; grid-template-columns: 1fr 1fr; gap: 40px; }
.words p, .method p { margin: 0; font: 17px/1.6 var(--serif); }
.method p { max-width: 46em; }
.plots { display: grid; grid-template-columns: 1fr 1fr; gap: 34px 40px; }
.costs { display: grid; grid-template-columns: repeat(3, 1fr); gap: 28px; }
figure { margin: 0; min-width: 0; }
figcaption { margin: 0 0 8px; color: var(--faint); font-size: 14px; line-height: 1.45; min-height: 4.5em; }
figcaption b { display: block; color: var(--ink); font-size: 15px; }
svg.plot { display: block; width: 100%; height: auto; overflow: visible; }
svg.plot text { font-family: var(--sans) !important; }
.note { margin: 0 0 14px; color: var(--faint); font-size: 14px; max-width: 60em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; line-height: 1.4; font-variant-numeric: tabular-nums;
  min-width: 560px; width: 100%; }
th, td { padding: 6px 12px 6px 0; text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child { text-align: left; font-weight: 400; }
thead th { border-bottom: 1px solid var(--ink); font-weight: 600; }
thead th:first-child { font-weight: 600; }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
td small { display: block; }
small { color: var(--faint); font-size: 12.5px; }
.ahead { color: #005a8d; font-weight: 600; }
.behind { color: #a84300; font-weight: 600; }
.undecided, .no-interval { color: var(--ink); }
footer { margin-top: 44px; padding-top: 14px; padding-bottom: 40px; color: var(--faint); font-size: 13px; }
@media (max-width: 760px) {
  main, footer { padding: 0 16px; }
  header { padding-top: 32px; }
  .words, .plots, .costs { grid-template-columns: 1fr; }
  figcaption { min-height: 0; }
}
@media print { section, figure { break-inside: avoid; } }
"""
