import { milliseconds } from './formats.js'
import { type Content, type Html, html } from './html.js'
import type { Source, Visit } from './visit.js'

export type Page = {
  readonly title: string
  readonly body: Html
  readonly visit: Visit
  readonly panel: Html
  /** A line about what the visitor just did. */
  readonly notice?: string | undefined
  /** The content of the search field. */
  readonly query?: string | undefined
}

/** A whole page around its body. */
export function layout({ title, body, visit, panel, notice, query }: Page): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Every Town Postcards</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<script src="/panel.js" defer></script>
</head>
<body>
<header>
  <a class="brand" href="/">Every Town <em>Postcards</em></a>
  <form action="/search" role="search">
    <input type="search" name="q" value="${query ?? ''}" placeholder="Any of 135,233 towns" aria-label="Town" minlength="2" maxlength="60" required>
    <button>Search</button>
  </form>
</header>
<div class="columns">
<main>
${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
${body}
</main>
<aside>
<p class="page-time"><span>This page</span> <strong>${milliseconds(visit.ms)}</strong></p>
<div id="panel">${panel}</div>
<form class="moods" method="post" action="/database">
<p class="source">Make the database</p>
<button class="quiet" name="mood" value="works">work</button>
<button class="quiet" name="mood" value="slow">slow</button>
<button class="quiet" name="mood" value="fails">fail</button>
</form>
<form method="post" action="/cache/clear"><button class="quiet">Empty the catalogue's cache</button></form>
</aside>
</div>
<footer>Towns: <a href="https://www.geonames.org/">GeoNames</a>, CC BY 4.0. Prices are invented, and edits are gone when the shop closes.</footer>
</body>
</html>`
}

/** A part of a page whose heading shows how it got its data. */
export function block(visit: Visit, name: string, heading: Content, content: Content): Html {
  return html`<section id="${name}">
<h2>${heading} ${badge(visit, name)}</h2>
${content}
</section>`
}

/** Hit, stale or miss, and the milliseconds. */
export function badge(visit: Visit, name: string): Html | undefined {
  const read = visit.read(name)
  if (read === undefined) return undefined
  const { sources } = read
  const count = (source: Source): number => sources.filter(one => one === source).length
  const [hits, stale] = [count('hit'), count('stale')]
  const outcome = outcomeOf(hits, stale, count('joined'), sources.length)
  const label = sources.length === 1 ? outcome : `${hits + stale} of ${sources.length} ${stale > 0 ? 'stale' : 'hits'}`
  return html`<span class="badge ${outcome}" data-block="${name}" data-outcome="${outcome}">${label} <b>${milliseconds(read.ms)}</b></span>`
}

function outcomeOf(hits: number, stale: number, joined: number, all: number): string {
  if (hits === all) return 'hit'
  if (hits + stale === all) return 'stale'
  if (joined > 0) return 'joined'
  return hits + stale === 0 ? 'miss' : 'partial'
}
