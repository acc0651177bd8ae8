"""The style sheet of the HTML page, which carries it inside."""

# Light and dark follow the reader's system; the palette is GitHub's, so that contrast is known to be enough.
CSS = """
:root {
  --page: #ffffff; --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --panel: #f6f8fa;
  --good: #1a7f37; --wait: #9a6700; --bad: #cf222e; --none: #59636e; --note: #0969da;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --text: #f0f6fc; --quiet: #9198a1; --line: #3d444d; --panel: #151b23;
    --good: #3fb950; --wait: #d29922; --bad: #f85149; --none: #9198a1; --note: #4493f8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 0; border-top: 6px solid var(--none); }
main.good { border-top-color: var(--good); }
main.wait { border-top-color: var(--wait); }
main.bad { border-top-color: var(--bad); }
footer {
  max-width: 68rem; margin: 2rem auto 0; padding: 1rem;
  color: var(--quiet); font-size: .875rem; border-top: 1px solid var(--line);
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
p, ul, ol { margin: .75rem 0; }
li { margin: .3rem 0; }
p, li { max-width: 52rem; overflow-wrap: anywhere; }
code {
  font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: var(--panel); border-radius: 4px; padding: .1em .35em;
}
a { color: var(--note); }
.alert {
  margin: 1rem 0; padding: .25rem 1rem; border-left: 4px solid var(--note);
  background: var(--panel); border-radius: 0 6px 6px 0;
}
.alert.tip { border-left-color: var(--good); }
.alert.warning { border-left-color: var(--wait); }
.alert.caution { border-left-color: var(--bad); }
.wide { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .7rem; border: 1px solid var(--line); vertical-align: top; text-align: left; }
th { background: var(--panel); font-weight: 600; vertical-align: bottom; }
td.num, th.num { text-align: right; }
td.num, td code { white-space: nowrap; }
td.good, td.wait, td.bad, td.none { white-space: nowrap; font-weight: 600; }
td.good { color: var(--good); }
td.wait { color: var(--wait); }
td.bad { color: var(--bad); }
td.none { color: var(--none); }
.more { color: var(--quiet); font-size: .875rem; }
details { margin: 1rem 0; border: 1px solid var(--line); border-radius: 6px; padding: 0 1rem; }
summary { cursor: pointer; font-weight: 600; padding: .6rem 0; }
@media (max-width: 40rem) {
  body { font-size: 15px; }
  th, td { padding: .3rem .45rem; }
  details { padding: 0 .6rem; }
}
@media print {
  :root {
    --page: #fff; --text: #000; --quiet: #444; --line: #999; --panel: #f2f2f2;
    --good: #116329; --wait: #7d4e00; --bad: #a40e26; --none: #444; --note: #0550ae;
  }
  body { font-size: 10.5pt; }
  main { border-top-width: 3px; max-width: none; }
  table { font-size: 8.5pt; }
  th, td { padding: .2rem .4rem; }
  .wide { overflow: visible; }
  td.num, td code, td.good, td.wait, td.bad, td.none { white-space: normal; }
  tr, .alert, li { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
