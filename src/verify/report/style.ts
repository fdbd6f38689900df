/** Style of the HTML report: light and dark by the reader's setting, readable at 320 pixels. */
export const REPORT_STYLE = `
:root{--paper:#fff;--ink:#1c1e21;--soft:#5d646d;--line:#d9dde2;--pass:#1a7f37;--fail:#c62828;--ours:#0b63ce;--scale:#9aa3ad}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e8ea;--soft:#9aa3ad;--line:#343a40;--pass:#4fbf67;--fail:#ff6b62;--ours:#6cb0ff;--scale:#717a84}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem}
.path,code,li,p{overflow-wrap:anywhere}
code{font:.875em ui-monospace,monospace}
.verdict{display:inline-block;padding:0 .6em;border-radius:.3em;color:var(--paper);text-transform:uppercase;font-size:.8em}
.verdict.pass{background:var(--pass)}.verdict.fail,.verdict.error{background:var(--fail)}
.causes li{margin-bottom:.5em}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.3em .7em;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child{text-align:left}
dl{display:grid;gap:.25rem;color:var(--soft);font-size:.9rem}
dl div{display:flex;gap:.7em;flex-wrap:wrap}dt{min-width:7em}dd{margin:0;overflow-wrap:anywhere}
.notes,.legend{color:var(--soft);font-size:.9rem}
svg{width:100%;height:auto;min-width:30rem;max-width:44rem}
.wide:focus-visible{outline:2px solid var(--ours)}
td.name{text-align:left}
.grid{stroke:var(--line)}.tick{fill:var(--soft);font-size:11px}.tick.y{text-anchor:end;dominant-baseline:middle}
polyline{fill:none;stroke-width:2}polyline.ours{stroke:var(--ours)}polyline.scale{stroke:var(--scale);stroke-dasharray:4 4}
circle.ours,rect.ours{fill:var(--ours)}rect.beyond{fill:var(--fail)}
.key{display:inline-block;width:1.2em;height:3px;vertical-align:middle}.key.ours{background:var(--ours)}.key.scale{background:var(--scale)}
`;
