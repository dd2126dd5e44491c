import { cards, picture } from './cards.js'
import type { CountryTotals, Neighbour, Postcard, Share, Standing } from './catalogue.js'
import { count, countryName, milliseconds, money, share } from './formats.js'
import { type Html, html } from './html.js'
import { badge, block } from './layout.js'
import type { Visit } from './visit.js'

export function homePage(
  visit: Visit,
  data: { countries: CountryTotals[]; shares: Share[]; postcards: Postcard[] },
): Html {
  return html`<h1>A postcard of every town on Earth</h1>
<p class="lead">Every block below is a query against a Postgres with 135,233 towns. Load the page twice.</p>
${block(visit, 'postcards', 'The largest towns', html`<p class="source">Which they are: ${badge(visit, 'largest')}</p>${cards(data.postcards)}`)}
<div class="pair">
${block(
  visit,
  'countries',
  'Countries by people in towns',
  html`<table>
<thead><tr><th>Country<th class="number">Towns<th class="number">People<th class="number">Prices</tr></thead>
<tbody>${data.countries.map(
    totals =>
      html`<tr><td>${countryLink(totals.country)}<td class="number">${count(totals.towns)}<td class="number">${count(totals.people)}<td class="number">${prices(totals)}</tr>`,
  )}</tbody>
</table>`,
)}
${block(
  visit,
  'shares',
  'Towns that hold their country',
  html`<table>
<thead><tr><th>Town<th>Country<th class="number">Share</tr></thead>
<tbody>${data.shares.map(
    town =>
      html`<tr><td><a href="/postcard/${town.id}">${town.town}</a><td>${countryLink(town.country)}<td class="number">${share(town.share)}</tr>`,
  )}</tbody>
</table>`,
)}
</div>`
}

export function countryPage(visit: Visit, data: { totals: CountryTotals; postcards: Postcard[] }): Html {
  const { totals } = data
  return html`<h1>${countryName(totals.country)}</h1>
${block(
  visit,
  'country',
  'In all',
  html`<dl class="facts">
<div><dt>Towns<dd>${count(totals.towns)}</div>
<div><dt>People in towns<dd>${count(totals.people)}</div>
<div><dt>Postcards<dd id="prices">${prices(totals)}</div>
</dl>
<form method="post" action="/country/${totals.country}/sale"><button>Cut all prices by a tenth</button></form>`,
)}
${block(visit, 'postcards', 'The largest towns', html`<p class="source">Which they are: ${badge(visit, 'largest')}</p>${cards(data.postcards)}`)}`
}

export function postcardPage(
  visit: Visit,
  data: {
    postcard: Postcard
    standing: Standing
    nearest: Neighbour[]
    postcards: Postcard[]
    viewed: number | undefined
    problem?: string | undefined
  },
): Html {
  const { postcard, standing, viewed } = data
  const distances = new Map(data.nearest.map(({ id, km }) => [id, km]))
  return html`<article class="product">
${picture(postcard)}
<div>
<h1>${postcard.town}</h1>
<p>${countryLink(postcard.country)}, ${count(postcard.population)} people</p>
<p class="offer"><span class="price" id="price">${money(postcard.price)}</span> ${badge(visit, 'postcard')}</p>
<p id="views">${viewed === undefined ? 'Views are not counted while the cache is away.' : `Viewed ${viewed === 1 ? 'once' : `${count(viewed)} times`}`}</p>
<form class="edit" method="post" action="/postcard/${postcard.id}/price">
<label for="new-price">New price, €</label>
<input id="new-price" name="price" inputmode="decimal" value="${(postcard.price / 100).toFixed(2)}" required>
<button>Change it</button>
${data.problem !== undefined && html`<p class="problem" role="alert">${data.problem}</p>`}
</form>
</div>
</article>
${block(
  visit,
  'standing',
  'By population',
  html`<dl class="facts">
<div><dt>In the world<dd>#${count(standing.inWorld)}</div>
<div><dt>In ${countryName(postcard.country)}<dd>#${count(standing.inCountry)} of ${count(standing.countryTowns)}</div>
</dl>`,
)}
${block(
  visit,
  'nearest',
  'Nearest towns',
  html`<p class="source">Their postcards: ${badge(visit, 'postcards')}</p>${cards(data.postcards, ({ id }) => `${(distances.get(id) ?? 0).toFixed(1)} km away`)}`,
)}`
}

export function searchPage(visit: Visit, data: { text: string; total: number; postcards: Postcard[] }): Html {
  const found = data.total === 1 ? '1 town' : `${count(data.total)} towns`
  return html`<h1>“${data.text}”</h1>
${block(
  visit,
  'search',
  found,
  data.total === 0
    ? html`<p>No town's name holds that.</p>`
    : html`<p class="source">The largest of them, as postcards: ${badge(visit, 'postcards')}</p>${cards(data.postcards)}`,
)}`
}

/** A page for an error. */
export function sorryPage(visit: Visit, heading: string, text: string): Html {
  return html`<h1>${heading}</h1>
<p>${text} <a href="/">To the shop</a></p>
<p class="source">After ${milliseconds(visit.ms)}</p>`
}

function countryLink(code: string): Html {
  return html`<a href="/country/${code}">${countryName(code)}</a>`
}

function prices({ lowest, highest }: CountryTotals): string {
  return lowest === highest ? money(lowest) : `${money(lowest)} – ${money(highest)}`
}
