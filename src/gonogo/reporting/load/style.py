"""What the page of a load run adds to the look of the HTML report: colours of outcomes, and room for charts."""

# Outcomes differ in lightness as well as in hue, so that they can be told apart without colour vision.
LOAD_STYLE = """
:root{--accepted:#0969da;--limited:#c77700;--error:#a40e26;--p50:#1b1f24;--p95:#8250df;--p99:#bf3989;--max:#8c959f;
--requested:#57606a;--sent:#1b1f24;--banda:#eaf3ff;--bandb:#f3eefc;--edge:#a8c7ef;--mark:#7d4e00;
--kept:#116329;--broken:#a40e26;--unsure:#8c959f}
@media(prefers-color-scheme:dark){:root{--accepted:#58a6ff;--limited:#e3a008;--error:#ff7b7b;--p50:#e6edf3;--p95:#c297ff;
--p99:#ff7eb6;--max:#8b949e;--requested:#9da7b3;--sent:#e6edf3;--banda:#12233a;--bandb:#1d1a33;--edge:#2f4d75;
--mark:#e3b341;--kept:#57d364;--broken:#ff8182;--unsure:#8b949e}}
body{max-width:76rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr));gap:1rem}
.charts.one{grid-template-columns:1fr}
figure{margin:.5rem 0 0;min-width:0}figure h3{font-size:1rem;margin:0}
figcaption{color:var(--soft);font-size:.875rem;margin-top:.25rem}
.drawn .plot{min-height:16rem}
.uplot,.u-legend{color:var(--ink);font-family:inherit}.u-legend{font-size:.8125rem;text-align:left;margin:0}
.u-legend th,.u-legend td{border:0;padding:.125rem .25rem;color:var(--ink)}.u-legend td{min-width:3.5rem}
.u-legend tr,.u-legend tbody{background:none}.u-select{background:var(--edge);opacity:.35}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.number:last-child,th.number:last-child{padding-right:0}
.not_visible{color:var(--hold)}.scroll{overflow-x:auto}
dl.facts{grid-template-columns:8rem 1fr}td.id{min-width:12rem}td.id,td.word{vertical-align:top}
.noscript{border-left:.25rem solid var(--hold);padding:.5rem .75rem;background:var(--card)}
@media(max-width:40rem){dl.facts{grid-template-columns:1fr}
.properties thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}
.properties tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
.properties td{display:inline;border:0;padding:0 .5rem 0 0}.properties td.why{display:block}}
@media print{.charts{grid-template-columns:1fr 1fr}figure{break-inside:avoid}}
"""
