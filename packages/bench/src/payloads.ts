/** What is stored: `text`, 100 characters of ASCII; `json`, an object of 1 KB as JSON. */
export type PayloadName = 'text' | 'json'

export const payloadNames: readonly PayloadName[] = ['text', 'json']

/** A payload's name in a heading. */
export const payloadTitles: Readonly<Record<PayloadName, string>> = { text: '100 B of text', json: '1 KB of JSON' }

/** The value under the key of this number; no two numbers share one. */
export function payload(name: PayloadName, number: number): unknown {
  const id = String(number).padStart(6, '0')
  return name === 'text' ? `text ${id} `.repeat(9).slice(0, 100) : product(number, id)
}

/** A shop's product: text, numbers, flags, a list of objects; 1 KB as JSON. */
function product(number: number, id: string): object {
  return {
    id: number,
    sku: `SKU-${id}`,
    title: `Postcard of town ${id}`,
    description: 'Printed on 300 g card, both sides, with rounded corners. '.repeat(8),
    price: { amount: 1000 + (number % 900), currency: 'EUR', taxed: true },
    stock: number % 50,
    ratings: [4, 5, 5, 3, 4, 5],
    discontinued: false,
    replacement: null,
    tags: ['postcard', 'paper', 'town', 'gift', 'small'],
    variants: ['matte', 'glossy', 'linen', 'recycled'].map((finish, at) => ({
      sku: `SKU-${id}-${at}`,
      finish,
      grams: 6 + at,
      available: at !== 2,
    })),
    updated: '2026-11-22T10:00:00.000Z',
  }
}
