import type { PayloadName } from '../payloads.js'

/** How an application over a raw client turns its values into text and back. */
export type Codec = { stringify: (value: unknown) => string; parse: (text: string) => unknown }

const bare: Codec = { stringify: value => value as string, parse: text => text }
const json: Codec = { stringify: value => JSON.stringify(value), parse: text => JSON.parse(text) }

/** Text as it is, objects as JSON. */
export function codecOf(payload: PayloadName): Codec {
  return payload === 'text' ? bare : json
}
