import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { createSerializer } from '@anycache/serializer'
import { describe, expect, it } from 'vitest'

/** What python-memcached 1.59 and pylibmc 1.6.3 stored, and what is read of it. */
type Vector = {
  client: string
  name: string
  flags: number
  wire: string
  reads: { text?: string; textSha256?: string; integer?: string; long?: string; refused?: string }
}

const vectors: Vector[] = JSON.parse(readFileSync(new URL('./python-clients.vectors.json', import.meta.url), 'utf8'))
const { decode } = createSerializer()

describe('what the Python clients write', () => {
  it.each(vectors)('reads $name of $client with flags $flags', ({ flags, wire, reads }) => {
    const data = Buffer.from(wire, 'base64')
    if (reads.refused !== undefined) {
      expect(() => decode(flags, data)).toThrow(reads.refused)
      expect(() => decode(flags, data)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_SERIALIZATION' }))
      return
    }
    const value = decode(flags, data)
    if (reads.text !== undefined) expect(value).toBe(reads.text)
    else if (reads.textSha256 !== undefined) {
      expect(
        createHash('sha256')
          .update(value as string)
          .digest('hex'),
      ).toBe(reads.textSha256)
    } else if (reads.long !== undefined) expect(value).toBe(BigInt(reads.long))
    else {
      const exact = BigInt(reads.integer!)
      expect(value).toBe(Number.isSafeInteger(Number(exact)) ? Number(exact) : exact)
    }
  })

  it('reads compressed text of python-memcached ≤ 1.58, which has no flag but zlib', () => {
    expect(decode(8, deflateSync('tea '.repeat(100)))).toBe('tea '.repeat(100))
    expect(decode(8, deflateSync('41'))).toBe('41')
  })

  it('reads digits without flags as a number, and with the text flag as text', () => {
    expect(decode(0, Buffer.from('41'))).toBe(41)
    expect(decode(16, Buffer.from('41'))).toBe('41')
  })
})
