import { readFileSync } from 'node:fs'
import { createSerializer } from '@anycache/serializer'
import { describe, expect, it } from 'vitest'
import { samples } from './samples.js'

/** What a client stored with its default options, and what is read of it. Recorded by running the clients (decision 0011). */
type Written = {
  client: string
  name: string
  flags: number
  wire: string
  reads: { string?: string; number?: number; bigint?: string; refused?: true }
}

/** What each client returned for a golden file's flags and payload. Recorded the same way; listed on the wire format's page. */
type Seen = { value: string; flags: number; seen: Record<string, string> }

function vectors<T>(name: string): T[] {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))
}

const { decode, encode } = createSerializer()

describe('what PHP, Ruby, Node and pymemcache clients write', () => {
  it.each(vectors<Written>('other-clients.vectors.json'))('reads $name of $client with flags $flags', one => {
    const data = Buffer.from(one.wire, 'base64')
    const { refused, string, number, bigint } = one.reads
    if (refused) {
      expect(() => decode(one.flags, data)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_SERIALIZATION' }))
    } else expect(decode(one.flags, data)).toBe(string ?? number ?? BigInt(bigint as string))
  })
})

describe('what those clients see', () => {
  const seen = vectors<Seen>('seen-by-clients.vectors.json')

  it.each(seen.filter(({ value }) => value !== 'counter'))(
    'was recorded of $value with the flags $flags, which it still has',
    async ({ value, flags }) => {
      expect((await encode(samples[value]?.())).flags).toBe(flags)
    },
  )

  it('is the payload itself for text, as text or as bytes', () => {
    const text = seen.find(({ value }) => value === 'text')
    for (const seen of Object.values(text?.seen ?? {}))
      expect(seen).toMatch(/^(string|String|bytes|Buffer): the payload$/)
  })
})
