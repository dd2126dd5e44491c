import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import {
  countsAsAbsent,
  FLAG_LEASE,
  FLAG_METADATA,
  FLAGS_TORN,
  frame,
  type Metadata,
  readMetadata,
  renewed,
  SerializationError,
  softDeadlineOf,
  splitMetadata,
  unframe,
  writeMetadata,
} from '@anycache/serializer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const moment = fc.integer({ min: 1, max: 2 ** 48 - 1 })
const bytes8 = fc.uint8Array({ minLength: 8, maxLength: 8 })
const someNonce = bytes8.filter(bytes => bytes.some(byte => byte !== 0))
const tagMap = fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 20 }), bytes8), {
  minLength: 1,
  maxLength: 5,
})
const anyMetadata: fc.Arbitrary<Metadata> = fc.record(
  {
    softDeadline: moment,
    created: moment,
    nonce: someNonce,
    loadTime: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    tags: tagMap.map(tags => new Map(tags)),
  },
  { requiredKeys: [] },
)

/** Without the prototypes of the bytes, which may be Buffers. */
function plain({ nonce, tags, ...numbers }: Metadata): unknown {
  return {
    ...numbers,
    nonce: nonce && [...nonce],
    tags: tags && [...tags].map(([tag, version]) => [tag, [...version]]),
  }
}

function refused(run: () => unknown): boolean {
  try {
    run()
    return false
  } catch (error) {
    if (error instanceof SerializationError && error.code === 'ERR_CACHE_SERIALIZATION') return true
    throw error
  }
}

/** Appends a section, as a later version may write one. */
function withSection(metadata: Uint8Array, type: number, content: string): Buffer {
  const head = Buffer.from([type, 0, content.length])
  const bytes = Buffer.concat([metadata, head, Buffer.from(content)])
  bytes.writeUInt16BE(bytes.length, 1)
  return bytes
}

const full: Metadata = {
  softDeadline: 1_790_000_000_000,
  created: 1_789_999_700_000,
  nonce: Buffer.from('8 random'),
  loadTime: 1234,
  tags: new Map([
    ['user:7', Buffer.from('0123456789abcdef', 'hex')],
    ['тег', Buffer.from('fedcba9876543210', 'hex')],
  ]),
}

/** Written once and never changed, as golden.test.ts says. */
const golden: Record<string, { bytes: () => Uint8Array; reads: Metadata | 'refused' }> = {
  full: { bytes: () => writeMetadata(full), reads: full },
  empty: { bytes: () => writeMetadata({}), reads: {} },
  'with a section to skip': { bytes: () => withSection(writeMetadata(full), 127, 'of a later version'), reads: full },
  'with a section to understand': {
    bytes: () => withSection(writeMetadata(full), 128, 'of a later version'),
    reads: 'refused',
  },
}

describe('golden files of metadata', () => {
  for (const [name, { bytes, reads }] of Object.entries(golden)) {
    const file = new URL(`./golden/metadata-${name.replaceAll(' ', '-')}.json`, import.meta.url)
    if (process.env.WRITE_GOLDEN && !existsSync(file)) {
      it(`writes the first ${name}`, () => {
        writeFileSync(file, `${JSON.stringify({ base64: Buffer.from(bytes()).toString('base64') })}\n`, { flag: 'wx' })
      })
      continue
    }

    it(`${reads === 'refused' ? 'refuses' : 'reads'} what was stored ${name}, and still writes it so`, () => {
      const stored = Buffer.from(JSON.parse(readFileSync(file, 'utf8')).base64, 'base64')
      if (reads === 'refused') expect(() => readMetadata(stored)).toThrow(/type 128, which only a later version reads/)
      else expect(plain(readMetadata(stored))).toEqual(plain({ ...readMetadata(writeMetadata({})), ...reads }))
      expect(Buffer.from(bytes())).toEqual(stored)
    })
  }
})

describe('golden frames', () => {
  const items = {
    'text with metadata': { flags: FLAG_METADATA, data: 'tea', metadata: writeMetadata(full) },
    'JSON with metadata': { flags: FLAG_METADATA | 192, data: '{"a":[1]}', metadata: writeMetadata({ created: 1 }) },
    'a lease': { flags: FLAG_LEASE, data: Buffer.from('a holder of 16 b') },
  }
  for (const [name, item] of Object.entries(items)) {
    const file = new URL(`./golden/frame-of-${name.replaceAll(' ', '-')}.json`, import.meta.url)
    if (process.env.WRITE_GOLDEN && !existsSync(file)) {
      it(`writes the first ${name}`, () => {
        const base64 = Buffer.from(frame(item)).toString('base64')
        writeFileSync(file, `${JSON.stringify({ base64 })}\n`, { flag: 'wx' })
      })
      continue
    }

    it(`reads and still writes the frame of ${name}`, () => {
      const stored = Buffer.from(JSON.parse(readFileSync(file, 'utf8')).base64, 'base64')
      const { flags, data, metadata } = unframe(stored)
      expect(flags).toBe(item.flags)
      expect(Buffer.from(data)).toEqual(Buffer.from(item.data))
      if ('metadata' in item) expect(Buffer.from(metadata as Uint8Array)).toEqual(item.metadata)
      else expect(metadata).toBeUndefined()
      expect(Buffer.from(frame(item))).toEqual(stored)
    })
  }

  it('begin as scripts on a server expect it', () => {
    const hex = (item: { flags: number; data: string; metadata?: Uint8Array }) =>
      Buffer.from(frame(item)).toString('hex')
    expect(hex({ flags: FLAG_LEASE, data: 'x' })).toBe('c101804078')
    expect(
      hex({ flags: FLAG_METADATA, data: 'x', metadata: writeMetadata({ softDeadline: 0x0123_4567_89ab }) }),
    ).toMatch(/^c1018020a1001b0123456789ab(?:00){18}78$/)
  })
})

describe('metadata', () => {
  it('reads as it was written', () => {
    fc.assert(
      fc.property(anyMetadata, metadata => {
        const written = writeMetadata(metadata)
        const absent = { softDeadline: undefined, created: undefined, loadTime: undefined }
        expect(plain(readMetadata(written))).toEqual(plain({ ...absent, ...metadata }))
        expect(softDeadlineOf(written)).toBe(metadata.softDeadline ?? 0)
      }),
    )
  })

  it('is split from the payload behind it exactly, wherever the bytes lie', () => {
    fc.assert(
      fc.property(anyMetadata, fc.uint8Array(), fc.nat(20), (metadata, payload, offset) => {
        const written = writeMetadata(metadata)
        const memory = new Uint8Array(offset + written.length + payload.length)
        memory.set(written, offset)
        memory.set(payload, offset + written.length)
        const split = splitMetadata(memory.subarray(offset))
        expect(Buffer.from(split.metadata)).toEqual(Buffer.from(written))
        expect(Buffer.from(split.data)).toEqual(Buffer.from(payload))
        expect(plain(readMetadata(split.metadata))).toEqual(plain(readMetadata(written)))
        expect(softDeadlineOf(split.metadata)).toBe(softDeadlineOf(written))
      }),
    )
  })

  it('is refused wherever it is cut, and with bytes behind it', () => {
    const written = writeMetadata(full)
    for (let length = 0; length < written.length; length++) {
      expect(
        refused(() => readMetadata(written.subarray(0, length))),
        `${length} bytes`,
      ).toBe(true)
      expect(
        refused(() => splitMetadata(written.subarray(0, length))),
        `${length} bytes`,
      ).toBe(true)
    }
    expect(refused(() => readMetadata(Buffer.concat([written, Buffer.from('x')])))).toBe(true)
  })

  it('reads or is refused whatever bytes have flipped, were cut out or put in', () => {
    const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    const damage = fc.tuple(position, fc.nat(3), fc.uint8Array({ maxLength: 4 }))
    fc.assert(
      fc.property(anyMetadata, fc.array(damage, { minLength: 1, maxLength: 4 }), (metadata, damages) => {
        const bytes = [...writeMetadata(metadata)]
        for (const [at, cut, put] of damages) bytes.splice(Math.floor(at * bytes.length), cut, ...put)
        const damaged = Uint8Array.from(bytes)
        refused(() => readMetadata(damaged))
        refused(() => readMetadata(splitMetadata(damaged).metadata))
        refused(() => unframe(Buffer.concat([Buffer.from([0xc1, 1, 0x80, 0x20]), damaged])))
      }),
      { numRuns: 2000 },
    )
  })

  it('is refused with any byte at the places of its mark and its length but the right one', () => {
    for (const [at, right] of [...writeMetadata(full).subarray(0, 3)].entries()) {
      for (let byte = 0; byte < 256; byte++) {
        const bytes = Buffer.from(writeMetadata(full))
        bytes[at] = byte
        expect(refused(() => readMetadata(bytes))).toBe(byte !== right)
      }
    }
  })

  it('takes the tags of two sections together', () => {
    const tags = withSection(writeMetadata(full), 1, '\0\u0001tversion1')
    expect([...(readMetadata(tags).tags?.keys() ?? [])]).toEqual(['user:7', 'тег', 't'])
  })

  it('rounds a soft deadline up, and has none for Infinity', () => {
    expect(readMetadata(writeMetadata({ softDeadline: 1.2, created: 1.2 }))).toMatchObject({
      softDeadline: 2,
      created: 2,
    })
    expect(readMetadata(writeMetadata({ softDeadline: Number.POSITIVE_INFINITY })).softDeadline).toBeUndefined()
  })

  const changed = (before: Uint8Array, after: Uint8Array): number[] =>
    [...before.keys()].filter(at => before[at] !== after[at])

  it('gets another life: a later soft deadline, and fresh until the end of it', () => {
    const before = writeMetadata({ ...full, lifetimes: { freshFor: 1000, staleFor: 500 } })
    const created = full.created as number
    const { metadata, keptFor } = renewed(before, created + 5000, 2000.5)
    expect(keptFor).toBe(2500.5)
    expect(readMetadata(metadata)).toEqual({
      ...readMetadata(before),
      softDeadline: created + 7001,
      lifetimes: { freshFor: 7001, staleFor: 500 },
    })
    expect(readMetadata(before).softDeadline).toBe(full.softDeadline)
  })

  it('keeps all else of it byte for byte, sections of a later version too', () => {
    const lifetimes = { freshFor: 1000, staleFor: 500 }
    const later = withSection(writeMetadata({ ...full, lifetimes }), 200, 'of a later version')
    const { metadata } = renewed(later, full.created as number, 3000)
    const section = Buffer.from(later).lastIndexOf(Buffer.from([2, 0, 12]))
    for (const at of changed(later, metadata)) {
      const inHead = at >= 3 && at < 9
      const inFreshFor = at >= section + 3 && at < section + 9
      expect(inHead || inFreshFor, `byte ${at}`).toBe(true)
    }
    expect(changed(later, metadata).length).toBeGreaterThan(0)
  })

  it('has no end in a life without one, and gets one back with the next', () => {
    const lifetimes = { freshFor: 1000, staleFor: 500 }
    const endless = renewed(writeMetadata({ ...full, lifetimes }), 1e12, Number.POSITIVE_INFINITY)
    expect(endless.keptFor).toBe(Number.POSITIVE_INFINITY)
    expect(readMetadata(endless.metadata)).toMatchObject({
      lifetimes: { ...lifetimes, freshFor: Number.POSITIVE_INFINITY },
    })
    expect(readMetadata(endless.metadata).softDeadline).toBeUndefined()
    expect(readMetadata(renewed(endless.metadata, 1e12, 10).metadata).softDeadline).toBe(1e12 + 10)
    const keptForGood = { freshFor: 1, staleFor: Number.POSITIVE_INFINITY }
    expect(renewed(writeMetadata({ lifetimes: keptForGood }), 1, 10).keptFor).toBe(Number.POSITIVE_INFINITY)
  })

  it('gets no soft deadline where it has nothing to be stale for', () => {
    for (const bare of [{ tags: full.tags }, { lifetimes: { freshFor: 5, staleFor: 0 }, created: 100 }]) {
      const { metadata, keptFor } = renewed(writeMetadata(bare), 200, 10)
      expect(keptFor).toBe(10)
      expect(readMetadata(metadata).softDeadline).toBeUndefined()
    }
    expect(readMetadata(renewed(writeMetadata({ softDeadline: 5 }), 200, 10).metadata).softDeadline).toBe(210)
  })

  it('stays as it is where its sections are cut', () => {
    const cut = Buffer.from(writeMetadata({ lifetimes: { freshFor: 5, staleFor: 7 } })).subarray(0, -1)
    expect(renewed(cut, 200, 10)).toEqual({ metadata: cut, keptFor: 10 })
    expect(renewed(Buffer.from([0xa1]), 200, 10)).toEqual({ metadata: Buffer.from([0xa1]), keptFor: 10 })
  })

  it('is not written where it does not fit', () => {
    const version = Buffer.alloc(8)
    const tags = new Map(Array.from({ length: 300 }, (_, i) => [`${i}`.padEnd(250, 't'), version]))
    expect(() => writeMetadata({ tags })).toThrow(/takes 78030 bytes, over 65535/)
    expect(() => writeMetadata({ tags: new Map([['t'.repeat(65_536), version]]) })).toThrow(/a tag is of 65536 bytes/)
    expect(() => writeMetadata({ tags: new Map([['t', Buffer.alloc(7)]]) })).toThrow(/is of 7 bytes, not 8/)
    expect(writeMetadata({ tags: new Map([['t'.repeat(65_000), version]]) }).length).toBe(65_040)
  })

  it('begins with no byte that a memcached server would read as a number', () => {
    expect(writeMetadata(full)[0]).toBe(0xa1)
  })
})

describe('what counts as absent', () => {
  const stale = writeMetadata({ softDeadline: 1000 })

  it('is a lease, and an entry from its soft deadline on', () => {
    expect(countsAsAbsent({ flags: FLAG_LEASE }, 0)).toBe(true)
    expect(countsAsAbsent({ flags: FLAG_METADATA, metadata: stale }, 1000)).toBe(true)
    expect(countsAsAbsent({ flags: FLAG_METADATA | 64, metadata: stale }, 2000)).toBe(true)
    expect(countsAsAbsent({ flags: FLAG_METADATA, metadata: new Uint8Array(stale) }, 1000)).toBe(true)
  })

  it('is nothing else', () => {
    expect(countsAsAbsent({ flags: FLAG_METADATA, metadata: stale }, 999)).toBe(false)
    expect(countsAsAbsent({ flags: FLAG_METADATA, metadata: writeMetadata({ tags: full.tags }) }, 1e12)).toBe(false)
    for (const flags of [0, 2, 64, 2 ** 14, 2 ** 31, FLAG_LEASE | 1, FLAG_LEASE | (2 ** 31), FLAGS_TORN]) {
      expect(countsAsAbsent({ flags }, 1e15), `flags ${flags}`).toBe(false)
    }
  })
})
