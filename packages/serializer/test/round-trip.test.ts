import { inspect, isDeepStrictEqual } from 'node:util'
import { createSerializer, frame, unframe } from '@anycache/serializer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { samples } from './samples.js'

const serializer = createSerializer()
const eager = createSerializer({ compression: { threshold: 1 } })

async function roundTrip(value: unknown, { encode, decode } = serializer): Promise<unknown> {
  const { flags, data } = await encode(value)
  return decode(flags, data)
}

/** As a store without flags, over a socket, would bring it back. */
async function framedRoundTrip(value: unknown): Promise<unknown> {
  const stored = Buffer.from(frame(await serializer.encode(value)) as string)
  const { flags, data } = unframe(stored)
  return serializer.decode(flags, data)
}

// To isDeepStrictEqual one invalid Date differs from another.
const isComparable = (value: unknown) => !inspect(value, { depth: 9 }).includes('Invalid Date')

const anyValue = fc
  .anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
    withObjectString: true,
    withUnicodeString: true,
    withBoxedValues: true,
    maxDepth: 4,
  })
  .filter(isComparable)

describe('round trips', () => {
  for (const [name, make] of Object.entries(samples)) {
    it(`brings back ${name}, bare and framed`, async () => {
      for (const back of [await roundTrip(make()), await framedRoundTrip(make()), await roundTrip(make(), eager)]) {
        expect(isDeepStrictEqual(back, make()), String(back)).toBe(true)
      }
    })
  }

  it('brings back any value deep-equal and of the same type, bare and framed', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyValue.filter(value => value !== undefined),
        async value => {
          expect(isDeepStrictEqual(await roundTrip(value), value)).toBe(true)
          expect(isDeepStrictEqual(await framedRoundTrip(value), value)).toBe(true)
          expect(isDeepStrictEqual(await roundTrip(value, eager), value)).toBe(true)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('brings back any string, also one that looks like a number or has lone surrogates', async () => {
    const unit = fc.integer({ min: 0, max: 0xffff }).map(code => String.fromCharCode(code))
    const numeric = fc.constantFrom(...' \t\n\v\f\r+-0123456789x\0'.split(''))
    const text = fc.oneof(fc.string({ unit }), fc.string({ unit: numeric }), fc.string({ unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(text, async value => {
        expect(await roundTrip(value)).toBe(value)
        expect(await framedRoundTrip(value)).toBe(value)
      }),
      { numRuns: 1000 },
    )
  })

  it('brings back an invalid Date', async () => {
    const { at } = (await roundTrip({ at: new Date(Number.NaN) })) as { at: Date }
    expect([at instanceof Date, at.getTime()]).toEqual([true, Number.NaN])
  })

  it('brings back any number', async () => {
    const number = fc.oneof(fc.double(), fc.maxSafeInteger(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }).map(Number))
    await fc.assert(
      fc.asyncProperty(number, async value => {
        expect(await roundTrip(value)).toBe(value)
      }),
    )
  })

  it('brings back whatever it has encoded under the same maxDecodedBytes', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '7'), minLength: 1, maxLength: 40 })
    const value = fc.oneof(
      text,
      text.map(letters => Buffer.from(letters)),
      text.map(letters => [letters]),
      text.map(letters => new Set([letters])),
    )
    await fc.assert(
      fc.asyncProperty(value, fc.integer({ min: 1, max: 200 }), async (sample, maxDecodedBytes) => {
        const small = createSerializer({ maxDecodedBytes, compression: { threshold: 1 } })
        expect(isDeepStrictEqual(await roundTrip(sample, small), sample)).toBe(true)
      }),
      { numRuns: 1000 },
    )
    const serializer = createSerializer({ maxDecodedBytes: '64kb' })
    for (const length of [64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 1_000_000]) {
      expect(await roundTrip('a'.repeat(length), serializer)).toBe('a'.repeat(length))
    }
  })

  it('brings back 10 MB of text, of bytes and of data', async () => {
    const text = 'aé漢🎉'.repeat(1_000_000)
    expect((await roundTrip(text)) === text).toBe(true)
    const bytes = Buffer.alloc(10_000_000, 'pattern')
    expect(bytes.equals((await roundTrip(bytes)) as Buffer)).toBe(true)
    const list = Array.from({ length: 100_000 }, (_, id) => ({ id, name: `Product number ${id}` }))
    expect(isDeepStrictEqual(await roundTrip(list), list)).toBe(true)
  })

  it('keeps an own __proto__ key as data and pollutes nothing', async () => {
    for (const value of [JSON.parse('{"__proto__":{"x":1}}'), JSON.parse('{"__proto__":{"x":1},"at":0}')]) {
      if ('at' in value) value.at = new Date(0)
      const back = (await roundTrip(value)) as Record<string, unknown>
      expect(Object.keys(back)).toEqual(Object.keys(value))
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
      expect(back.x).toBeUndefined()
    }
    class Row {
      ['__proto__'] = { x: 1 }
    }
    const row = Object.defineProperty(new Row(), '__proto__', { value: { x: 1 }, enumerable: true })
    expect(Object.getPrototypeOf(await roundTrip(row))).toBe(Object.prototype)
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  it('keeps cycles, also through errors, and an object referenced twice as one', async () => {
    const error: Error & { owner?: unknown } = new Error('around')
    error.cause = error
    error.owner = { error }
    const back = (await roundTrip(error)) as typeof error
    expect(back.cause).toBe(back)
    expect((back.owner as { error: unknown }).error).toBe(back)
  })

  it('terminates for a small value that references the same arrays astronomically often', async () => {
    let value: unknown[] = ['x']
    for (let level = 0; level < 300; level++) value = [value, value]
    const back = (await roundTrip(value)) as unknown[]
    expect(back[0]).toBe(back[1])
  })

  it('stores an array of four billion holes', async () => {
    const value: unknown[] = []
    value.length = 2 ** 32 - 1
    value[5] = 'x'
    const back = (await roundTrip({ value })) as { value: unknown[] }
    expect(back.value.length).toBe(value.length)
    expect(Object.keys(back.value)).toEqual(['5'])
  })

  it('refuses or brings back any depth, and never overflows the stack', async () => {
    for (const depth of [300, 1000, 10_000, 100_000]) {
      for (const nest of [
        (inner: unknown) => ({ inner }),
        (inner: unknown) => [inner],
        (inner: unknown) => new Map([[1, inner]]),
      ]) {
        let value: unknown = new Date(1)
        for (let level = 0; level < depth; level++) value = nest(value)
        const outcome = await Promise.resolve()
          .then(() => roundTrip(value))
          .then(
            () => 'stored',
            error => error.code,
          )
        expect(outcome).toBe(depth <= 1000 ? 'stored' : 'ERR_CACHE_SERIALIZATION')
      }
    }
  })
})

describe('memory', () => {
  it('copies bytes while encoding, so that the caller may change them at once', async () => {
    for (const size of [10, 100_000]) {
      const bytes = new Uint8Array(size).fill(1)
      const encoding = serializer.encode(bytes)
      bytes.fill(2)
      const { flags, data } = await encoding
      expect(await serializer.decode(flags, data)).toEqual(new Uint8Array(size).fill(1))
    }
  })

  it('gives bytes in memory of their own, alone and within data', async () => {
    for (const value of [
      new Uint8Array([1, 2]),
      Buffer.from('ab'),
      { u: new Uint8Array([1, 2]) },
      { b: Buffer.from('ab') },
    ]) {
      const { flags, data } = await serializer.encode(value)
      const chunk = Buffer.concat([Buffer.alloc(1000), Buffer.from(data as Uint8Array)])
      const back = serializer.decode(flags, chunk.subarray(1000)) as Uint8Array & { u?: Uint8Array; b?: Buffer }
      const bytes = back.u ?? back.b ?? back
      expect(bytes.buffer.byteLength).toBe(2)
      chunk.fill(0xee)
      expect(isDeepStrictEqual(back, value)).toBe(true)
    }
  })
})
