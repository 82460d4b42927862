"""The look of the HTML report: light, dark, narrow and on paper, without a request for anything."""

# Colours: at least 4.5:1 on their ground, and never the only sign: the word stands beside them.
# Cells break between words, not within them: `anywhere` would let a column shrink to one letter.
STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--ground:#fff;--card:#f6f8fa;--link:#0550ae;
--go:#116329;--nogo:#a40e26;--hold:#7d4e00}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b3;--line:#30363d;--ground:#0d1117;--card:#161b22;
--link:#79c0ff;--go:#57d364;--nogo:#ff8182;--hold:#e3b341}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1.5rem;background:var(--ground);color:var(--ink);
font:1rem/1.5 system-ui,"Noto Sans KR","Noto Sans CJK KR","Malgun Gothic","Apple SD Gothic Neo",sans-serif;
overflow-wrap:anywhere}
a{color:var(--link)}
h1{font-size:2rem;line-height:1.2;margin:.25rem 0 .5rem}h2{margin:2rem 0 .5rem;font-size:1.25rem}
.pass,.GO{color:var(--go)}.fail,.NO-GO{color:var(--nogo)}.inconclusive,.HOLD{color:var(--hold)}
header{border-left:.5rem solid;padding:.75rem 1.25rem;background:var(--card);border-radius:.5rem}
header>*{color:var(--ink)}header>.soft{color:var(--soft)}
p{margin:.25rem 0}.soft,dt,summary{color:var(--soft)}.lead{font-size:1.125rem;font-weight:600}
table{border-collapse:collapse;width:100%;overflow-wrap:break-word}
th,td{text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-weight:600}th,td.word,td.figure{white-space:nowrap}
.items td:nth-child(2){width:34%}td.why.soft{font-size:.875rem}td.why,.looks td:first-child{overflow-wrap:anywhere}
td.figure{font-variant-numeric:tabular-nums}
meter{width:min(10rem,30vw);height:1rem;vertical-align:middle;margin-right:.5rem}
code{font-family:ui-monospace,"Cascadia Mono",Menlo,Consolas,monospace;font-size:.875em}
article{background:var(--card);border:1px solid var(--line);border-left:.25rem solid;border-radius:.5rem;
padding:.75rem 1rem;margin:.75rem 0}
article>*{color:var(--ink)}article h3{margin:0;font-size:1rem}article h3 code,.marks{font-weight:400}
dl{display:grid;grid-template-columns:6rem 1fr;gap:.25rem .75rem;margin:.5rem 0 0}
dd{margin:0}dd.next{font-weight:600}ul{margin:.25rem 0;padding-left:1.25rem}summary{cursor:pointer}
footer{margin-top:2rem;border-top:1px solid var(--line);padding-top:.75rem}
@media(max-width:40rem){body{padding:1rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.375rem}
.items thead,.looks thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}
.items tr,.looks tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
.items td,.looks td{display:block;width:auto!important;border:0;padding:0}
.looks td.figure{display:inline-block;margin-right:.75rem;color:var(--soft)}}
@media print{body{max-width:none;padding:0;font-size:.8125rem}article,tr{break-inside:avoid}h2{break-after:avoid}
details>*{display:block}}
"""
