import type { Postcard } from './catalogue.js'
import { count, countryName, money } from './formats.js'
import { type Html, html } from './html.js'

/** Postcards side by side, each with its own note; by default the number of people. */
export function cards(postcards: readonly Postcard[], note: (postcard: Postcard) => string = people): Html {
  return html`<ul class="cards">${postcards.map(postcard => card(postcard, note(postcard)))}</ul>`
}

function people({ population }: Postcard): string {
  return `${count(population)} people`
}

function card(postcard: Postcard, note: string): Html {
  const { id, town, country, price } = postcard
  return html`<li><a class="card" href="/postcard/${id}">
${picture(postcard)}
<strong>${town}</strong>
<span>${countryName(country)}</span>
<small>${note}</small>
<span class="price">${money(price)}</span>
</a></li>`
}

/** The front: the town's place on a map of the world, with a sky coloured by its latitude. */
export function picture({ longitude, latitude, town }: Postcard): Html {
  const x = (180 + longitude).toFixed(1)
  const y = (90 - latitude).toFixed(1)
  const lines = [30, 60, 90, 120, 150].map(line => html`<path d="M0 ${line}H360"/>`)
  const arcs = [60, 120, 180, 240, 300].map(line => html`<path d="M${line} 0V180"/>`)
  return html`<svg class="picture ${climate(latitude)}" viewBox="0 0 360 180" role="img" aria-label="${town} on the globe">
<g class="grid">${lines}${arcs}</g>
<path class="cross" d="M${x} 0V180M0 ${y}H360"/>
<circle cx="${x}" cy="${y}" r="9"/>
</svg>`
}

function climate(latitude: number): string {
  const distance = Math.abs(latitude)
  if (distance < 23.5) return 'tropics'
  if (distance < 40) return 'subtropics'
  return distance < 55 ? 'temperate' : 'north'
}
