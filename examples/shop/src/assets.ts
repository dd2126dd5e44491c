/** The stylesheet. */
export const style = `
:root {
  --paper: #fbf8f1; --card: #fff; --ink: #23313d; --soft: #6a7681; --line: #e3dccb; --sea: #1d6a83; --stamp: #b4472f;
  --hit: #1f7a4d; --hit-bg: #e0f3e8; --miss: #8a5a00; --miss-bg: #fdefcf; --down: #a32020; --down-bg: #fbe1de;
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
a { color: var(--sea); text-underline-offset: 2px }
h1 { font: 600 2rem/1.2 Georgia, "DejaVu Serif", serif; margin: 0 0 .5rem; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 0 0 .75rem; display: flex; flex-wrap: wrap; gap: .25rem .6rem; align-items: center }
p { margin: 0 0 .75rem }
header { display: flex; flex-wrap: wrap; gap: 1rem; justify-content: space-between; align-items: center;
  padding: .9rem clamp(1rem, 4vw, 2.5rem); background: var(--card); border-bottom: 1px solid var(--line) }
.brand { font: 600 1.25rem Georgia, "DejaVu Serif", serif; color: var(--ink); text-decoration: none }
.brand em { color: var(--stamp) }
form { margin: 0 }
input, button { font: inherit; padding: .4rem .7rem; border-radius: 6px; border: 1px solid #b9b2a1; background: #fff; color: inherit }
input[type=search] { width: min(18rem, 55vw) }
button { background: var(--sea); border-color: var(--sea); color: #fff; cursor: pointer }
button:hover { filter: brightness(1.1) }
button.quiet { background: none; color: var(--sea); width: 100% }
.moods { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin-bottom: .5rem }
.moods p { margin: 0; flex-basis: 100% }
.moods button.quiet { flex: 1; width: auto }
.columns { display: grid; grid-template-columns: minmax(0, 1fr) 19rem; gap: 2rem; align-items: start;
  max-width: 82rem; margin: 0 auto; padding: 1.75rem clamp(1rem, 4vw, 2.5rem) }
@media (max-width: 62rem) { .columns { grid-template-columns: minmax(0, 1fr) } }
section { margin: 1.75rem 0 }
.lead { color: var(--soft) }
.source { color: var(--soft); font-size: .85rem }
.notice { background: var(--hit-bg); color: var(--hit); border-radius: 6px; padding: .5rem .9rem }
.problem { background: var(--down-bg); color: var(--down); border-radius: 6px; padding: .4rem .7rem; font-size: .9rem; overflow-wrap: anywhere }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0 2rem }
.badge { display: inline-flex; gap: .4em; align-items: baseline; padding: .05rem .55rem; border-radius: 1rem; white-space: nowrap;
  font: 500 .8rem/1.6 system-ui, "DejaVu Sans", sans-serif; background: var(--miss-bg); color: var(--miss) }
.badge b { font-weight: 600; font-variant-numeric: tabular-nums }
.badge.hit { background: var(--hit-bg); color: var(--hit) }
.badge.stale { background: var(--line); color: var(--ink) }
.badge.down { background: var(--down-bg); color: var(--down) }
table { width: 100%; border-collapse: collapse; font-size: .92rem }
th { text-align: left; font-weight: 500; color: var(--soft) }
th, td { padding: .35rem .5rem .35rem 0; border-bottom: 1px solid var(--line) }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 0 }
th.number, td.number { padding-left: .5rem }
.cards { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)) }
.card { display: flex; flex-direction: column; position: relative; height: 100%; padding: .6rem; background: var(--card); color: inherit;
  text-decoration: none; border: 1px solid var(--line); border-radius: 4px; box-shadow: 0 1px 2px rgb(60 50 20 / .08) }
.card:hover { border-color: var(--sea) }
.card strong { margin-top: .5rem; overflow-wrap: anywhere }
.card small { color: var(--soft) }
.card .price { position: absolute; top: .4rem; right: .4rem; background: #fff; border: 2px dotted var(--stamp); padding: 0 .35rem; font-size: .85rem }
.price { color: var(--stamp); font-weight: 600; font-variant-numeric: tabular-nums }
.picture { width: 100%; border-radius: 2px; display: block }
.picture .grid path { stroke: #fff; stroke-opacity: .3; fill: none }
.picture .cross { stroke: #fff; stroke-width: 1.5; stroke-dasharray: 5 5; fill: none; stroke-opacity: .8 }
.picture circle { fill: var(--stamp); stroke: #fff; stroke-width: 3 }
.tropics { background: linear-gradient(#f4a259, #3aa6a0) }
.subtropics { background: linear-gradient(#f6c667, #4a9fb8) }
.temperate { background: linear-gradient(#a9d0e6, #5c9a72) }
.north { background: linear-gradient(#c5d3e8, #53718f) }
.product { display: grid; grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr); gap: 2rem; align-items: center }
@media (max-width: 45rem) { .product { grid-template-columns: minmax(0, 1fr) } }
.product .picture { border: .6rem solid #fff; box-shadow: 0 2px 8px rgb(60 50 20 / .2) }
.offer { display: flex; gap: .8rem; align-items: center }
.offer .price { font-size: 1.6rem }
.edit { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center }
.edit input { width: 6rem }
.edit .problem { flex-basis: 100% }
.facts + form { margin-top: 1rem }
.facts { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 0 }
.facts dt { color: var(--soft); font-size: .85rem }
.facts dd { margin: 0; font-weight: 600 }
aside { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.1rem; font-size: .92rem }
aside h2 { margin: 1rem 0 .4rem }
aside p { margin-bottom: .4rem }
.page-time { display: flex; justify-content: space-between; font-size: 1.05rem; border-bottom: 1px solid var(--line); padding-bottom: .6rem }
.backend { display: flex; justify-content: space-between; align-items: center; font-size: 1.05rem }
.servers { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .82rem; overflow-wrap: anywhere }
.ratio { font-weight: 600 }
#panel { margin-bottom: 1rem }
.events { list-style: none; margin: 0; padding: 0; font-size: .82rem }
.events li { padding: .25rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
.events time { color: var(--soft); font-variant-numeric: tabular-nums }
footer { padding: 1rem clamp(1rem, 4vw, 2.5rem) 2rem; color: var(--soft); font-size: .85rem; text-align: center }
`

/** Keeps the panel up to date while the page is open. */
export const script = `
const panel = document.getElementById('panel')
const refresh = async () => {
  if (document.hidden) return
  try {
    const response = await fetch('/panel')
    if (response.ok) panel.innerHTML = await response.text()
  } catch {
    panel.textContent = 'The shop is closed.'
  }
}
setInterval(refresh, 2000)
`

/** A stamp. */
export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#b4472f" d="M1 3h14v10H1z"/><path fill="#fff" d="M3 5h10v6H3z"/></svg>'
