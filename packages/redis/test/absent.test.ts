import { createHash } from 'node:crypto'
import type { CasToken, Space, VersionedItem } from '@anycache/core'
import {
  CODEC_JSON,
  countsAsAbsent,
  FLAG_LEASE,
  FLAG_METADATA,
  FLAGS_TORN,
  frame,
  nativeFormat,
  unframe,
  writeMetadata,
} from '@anycache/serializer'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandCounts, itemAt, read, store, text, within } from './opened.js'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const hour = 3_600_000
const past = Date.now() - hour
const future = Date.now() + hour

/** An entry with metadata, as it lies on the server. `flags`: those other than bit 12. */
function entry(flags: number, softDeadline: number | undefined): Buffer {
  const metadata = writeMetadata({ softDeadline, created: past, tags: new Map([['tag', Buffer.alloc(8, 7)]]) })
  return Buffer.from(frame({ flags: flags + FLAG_METADATA, metadata, data: Buffer.from('payload') }) as Uint8Array)
}

const lease = Buffer.from([0xc1, 0x01, 0x80, 0x40, 0x68, 0x6f, 0x6c, 0x64, 0x65, 0x72])

const absent: Record<string, Buffer> = {
  'a lease': lease,
  'a lease without a holder': lease.subarray(0, 4),
  'an entry past its soft deadline': entry(CODEC_JSON, past),
  'one whose flags take 3 bytes': entry(2 ** 15, past),
  'one whose flags take 4 bytes': entry(2 ** 22, past),
  'one whose flags take 5 bytes': entry(2 ** 30, past),
  'one with the lease bit': entry(FLAG_LEASE, past),
}

const there: Record<string, [stored: Buffer, touched: 'touched' | 'has-metadata']> = {
  'an entry before its soft deadline': [entry(CODEC_JSON, future), 'has-metadata'],
  'one without a soft deadline': [entry(0, undefined), 'has-metadata'],
  'one whose flags take 5 bytes': [entry(2 ** 30, future), 'has-metadata'],
  'flags of a lease and another bit': [Buffer.from([0xc1, 0x01, 0x81, 0x40, 0x68]), 'touched'],
  'a frame without metadata': [Buffer.from(frame({ flags: CODEC_JSON, data: '{}' }) as Uint8Array), 'touched'],
  text: [Buffer.from('hello'), 'touched'],
  'no bytes': [Buffer.alloc(0), 'touched'],
  'metadata of another mark': [Buffer.from(entry(0, past).with(4, 0xa2)), 'touched'],
}

/** The namespace, with these bytes under `k` for a minute. */
async function spaceWith(stored: Buffer): Promise<Space> {
  await redis.command('SET', 'shop:k', stored, 'PX', 60_000)
  return store({ port: redis.port }).space(['shop'], nativeFormat)
}

async function bytesAt(key: string): Promise<Buffer | null> {
  return (await redis.commandBytes('GET', `shop:${key}`)) as Buffer | null
}

async function listed(space: Space): Promise<string[]> {
  const keys: string[] = []
  for await (const key of space.keys('*', within)) keys.push(key)
  return keys
}

function tokenOf(stored: Buffer | string): CasToken {
  return createHash('sha1').update(stored).digest('hex') as CasToken
}

const create = { value: 5, ttl: 60_000 }

describe.each(Object.entries(absent))('%s', (_, stored) => {
  test('is stored over by add', async () => {
    const space = await spaceWith(stored)
    expect(await space.write({ ...text('k', 'new'), when: 'absent' }, within())).toEqual({ outcome: 'stored' })
    expect(await read(space, 'k')).toBe('new')
    expect(await redis.command('PTTL', 'shop:k')).toBe(-1)
  })

  test('is stored over by add with a ttl', async () => {
    const space = await spaceWith(stored)
    expect(await space.write({ ...text('k', 'new', hour), when: 'absent' }, within())).toEqual({ outcome: 'stored' })
    expect(Number(await redis.command('PTTL', 'shop:k'))).toBeGreaterThan(60_000)
  })

  test('is missing to replace, and stays', async () => {
    const space = await spaceWith(stored)
    expect(await space.write({ ...text('k', 'new'), when: 'present' }, within())).toEqual({ outcome: 'missing' })
    expect(await bytesAt('k')).toEqual(stored)
  })

  test('is missing to touch, which prolongs no life', async () => {
    const space = await spaceWith(stored)
    expect(await space.touch('k', hour, within())).toBe('missing')
    expect(await space.touch('k', Number.POSITIVE_INFINITY, within())).toBe('missing')
    const left = Number(await redis.command('PTTL', 'shop:k'))
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(60_000)
  })

  test('is deleted, and was not there', async () => {
    const space = await spaceWith(stored)
    expect(await space.remove('k', undefined, within())).toBe(false)
    expect(await bytesAt('k')).toBe(null)
    await redis.command('SET', 'shop:k', stored)
    await redis.command('SET', 'shop:other', 'v')
    expect(await space.removeMany(['k', 'other', 'none'], within())).toEqual([false, true, false])
    expect(await bytesAt('k')).toBe(null)
  })

  test('is counted over from the initial value', async () => {
    const space = await spaceWith(stored)
    expect(await space.count('k', 1, undefined, within())).toEqual({ refused: 'missing' })
    expect(await bytesAt('k')).toEqual(stored)
    expect(await space.count('k', 1, create, within())).toEqual({ value: 5 })
    expect(await space.count('k', 1, create, within())).toEqual({ value: 6 })
  })

  test('is taken away', async () => {
    const space = await spaceWith(stored)
    await space.take('k', within())
    expect(await bytesAt('k')).toBe(null)
  })

  test('is handed out by reads, whole', async () => {
    const space = await spaceWith(stored)
    const { flags, data, metadata } = unframe(stored)
    expect(await itemAt(space, 'k')).toMatchObject({ flags, data: Buffer.from(data) })
    expect((await itemAt(space, 'k'))?.metadata).toEqual(metadata)
    const [item] = (await space.getMany(['k', 'none'], within())) as [VersionedItem]
    expect([item.flags, item.casToken]).toEqual([flags, tokenOf(stored)])
  })

  test('stands in the way of a claim', async () => {
    const space = await spaceWith(stored)
    const claimed = await space.claim('k', { flags: FLAG_LEASE, data: 'mine' }, 1000, within())
    expect(claimed).toMatchObject({ found: { flags: unframe(stored).flags, casToken: tokenOf(stored) } })
    expect(await bytesAt('k')).toEqual(stored)
  })

  test('is compared with by its token', async () => {
    const space = await spaceWith(stored)
    const when = { casToken: tokenOf(stored) }
    expect(await space.write({ ...text('k', 'new'), when }, within())).toMatchObject({ outcome: 'stored' })
    await redis.command('SET', 'shop:k', stored)
    await space.remove('k', when.casToken, within())
    expect(await bytesAt('k')).toBe(null)
  })

  test('is not listed', async () => {
    const space = await spaceWith(stored)
    await redis.command('SET', 'shop:other', 'v')
    expect(await listed(space)).toEqual(['other'])
    await redis.command('DEL', 'shop:k', 'shop:other')
  })

  test('is an entry like others where the format has no metadata', async () => {
    await redis.command('SET', 'shop:k', stored, 'PX', 60_000)
    const space = store({ port: redis.port }).space(['shop'], { ...nativeFormat, metadata: false })
    const { flags, data } = unframe(stored, false)
    const item = await itemAt(space, 'k')
    expect([item?.flags, item?.data, item?.metadata]).toEqual([flags, Buffer.from(data), undefined])
    expect(await space.write({ ...text('k', 'new'), when: 'absent' }, within())).toEqual({ outcome: 'exists' })
    expect(await space.touch('k', hour, within())).toBe('touched')
    expect(await space.count('k', 1, create, within())).toEqual({ refused: 'not-a-counter' })
    expect(await listed(space)).toEqual(['k'])
    expect(await space.write({ ...text('k', 'new'), when: 'present' }, within())).toEqual({ outcome: 'stored' })
    await redis.command('SET', 'shop:k', stored)
    expect(await space.remove('k', undefined, within())).toBe(true)
  })
})

describe.each(Object.entries(there))('%s', (_, [stored, touched]) => {
  test('is there to every verb', async () => {
    const space = await spaceWith(stored)
    expect(await space.write({ ...text('k', 'new'), when: 'absent' }, within())).toEqual({ outcome: 'exists' })
    expect(await space.count('k', 1, create, within())).toEqual({ refused: 'not-a-counter' })
    expect(await listed(space)).toEqual(['k'])
    expect(await space.claim('k', { flags: FLAG_LEASE, data: 'mine' }, 1000, within())).toHaveProperty('found')
    expect(await bytesAt('k')).toEqual(stored)
    expect(await space.touch('k', hour, within())).toBe(touched)
    if (touched === 'touched') expect(Number(await redis.command('PTTL', 'shop:k'))).toBeGreaterThan(60_000)
    else expect(Number(await redis.command('PTTL', 'shop:k'))).toBeLessThanOrEqual(60_000)
    expect(await space.touch('k', Number.POSITIVE_INFINITY, within())).toBe(touched)
    expect(Number(await redis.command('PTTL', 'shop:k')) === -1).toBe(touched === 'touched')
    expect(await space.write({ ...text('k', 'new'), when: 'present' }, within())).toEqual({ outcome: 'stored' })
    await redis.command('SET', 'shop:k', stored)
    expect(await space.remove('k', undefined, within())).toBe(true)
  })
})

/** Frames of any flags, some with metadata, whole or cut anywhere, and with a byte changed now and then. */
const bytes = fc
  .record({
    flags: fc.oneof(fc.constantFrom(FLAG_LEASE, FLAG_LEASE + 1, FLAG_METADATA), fc.nat({ max: 2 ** 32 - 2 })),
    softDeadline: fc.constantFrom(undefined, past, future),
    data: fc.uint8Array({ maxLength: 40 }),
    cut: fc.nat({ max: 120 }),
    changed: fc.option(fc.record({ at: fc.nat({ max: 20 }), byte: fc.nat({ max: 255 }) })),
  })
  .map(({ flags, softDeadline, data, cut, changed }) => {
    const metadata = (flags & FLAG_METADATA) === 0 ? undefined : writeMetadata({ softDeadline })
    const framed = Buffer.from(frame({ flags, data, metadata }) as Uint8Array).subarray(0, cut)
    if (changed && changed.at < framed.length) framed[changed.at] = changed.byte
    return framed
  })

/** As the serializer sees it. */
function stateOf(stored: Buffer): 'missing' | 'has-metadata' | 'touched' {
  try {
    const item = unframe(stored)
    if (countsAsAbsent(item, Date.now())) return 'missing'
    return item.metadata === undefined || item.flags === FLAGS_TORN ? 'touched' : 'has-metadata'
  } catch {
    return 'touched'
  }
}

test('scripts judge any bytes as the serializer does', async () => {
  const space = store({ port: redis.port }).space(['shop'], nativeFormat)
  await fc.assert(
    fc.asyncProperty(bytes, async stored => {
      await redis.command('SET', 'shop:k', stored)
      expect(await space.touch('k', hour, within())).toBe(stateOf(stored))
    }),
    { numRuns: 300 },
  )
})

test('stale metadata that is cut is there to scripts, and absent to the two verbs that see no more than its head', async () => {
  const cut = entry(CODEC_JSON, past).subarray(0, 30)
  const space = await spaceWith(cut)
  expect(await space.write({ ...text('k', 'new'), when: 'absent' }, within())).toEqual({ outcome: 'exists' })
  expect(await space.touch('k', hour, within())).toBe('touched')
  expect(await listed(space)).toEqual([])
  expect(await space.remove('k', undefined, within())).toBe(false)
})

test('a claim takes a free key, for as long as its ttl, and no other caller gets it', async () => {
  const space = store({ port: redis.port }).space(['claim'], nativeFormat)
  const item = { flags: FLAG_LEASE, data: 'holder' }
  const claims = await Promise.all([1, 2, 3].map(() => space.claim('k', item, 5000, within())))
  const stored = (await redis.commandBytes('GET', 'claim:k')) as Buffer
  expect(stored).toEqual(lease)
  expect(claims[0]).toEqual({ won: tokenOf(lease) })
  for (const claim of claims.slice(1))
    expect(claim).toMatchObject({ found: { flags: FLAG_LEASE, casToken: tokenOf(lease) } })
  expect(Number(await redis.command('PTTL', 'claim:k'))).toBeGreaterThan(0)
  const won = (claims[0] as { won: CasToken }).won
  const written = await space.write({ ...text('k', 'loaded'), when: { casToken: won } }, within())
  expect(written).toMatchObject({ outcome: 'stored', casToken: tokenOf('loaded') })
  expect(await space.claim('forever', item, Number.POSITIVE_INFINITY, within())).toHaveProperty('won')
  expect(await redis.command('PTTL', 'claim:forever')).toBe(-1)
})

test('a claim finds a list as an item that no serializer reads, and whose token no write passes', async () => {
  const space = store({ port: redis.port }).space(['claim'], nativeFormat)
  await redis.command('RPUSH', 'claim:list', 'a')
  const claimed = await space.claim('list', { flags: FLAG_LEASE, data: '' }, 5000, within())
  const { found } = claimed as { found: VersionedItem }
  expect(found.flags).toBe(FLAGS_TORN)
  const when = { casToken: found.casToken }
  expect(await space.write({ ...text('list', 'v'), when }, within())).toEqual({ outcome: 'conflict' })
  expect(await redis.command('TYPE', 'claim:list')).toBe('list')
})

test('a frame that is torn reads as an item that no serializer reads', async () => {
  for (const stored of [lease.subarray(0, 3), entry(0, past).subarray(0, 20), Buffer.from([0xc1, 0x02])]) {
    const space = await spaceWith(stored)
    expect(await itemAt(space, 'k')).toMatchObject({ flags: FLAGS_TORN, casToken: tokenOf(stored) })
  }
})

test('the token of a compare-and-set names what it stored', async () => {
  const space = store({ port: redis.port }).space(['cas'], nativeFormat)
  await space.write(text('k', '0'), within())
  let casToken = (await itemAt(space, 'k'))?.casToken as CasToken
  for (const data of ['1', '2', '3']) {
    const item = { flags: CODEC_JSON, data }
    const written = await space.write({ key: 'k', item, ttl: hour, when: { casToken } }, within())
    casToken = (written as { casToken: CasToken }).casToken
    expect(casToken).toBe((await itemAt(space, 'k'))?.casToken)
  }
})

test('an entry with metadata goes to the server and comes back, byte for byte', async () => {
  const space = store({ port: redis.port }).space(['meta'], nativeFormat)
  const metadata = writeMetadata({ softDeadline: future, tags: new Map([['t', Buffer.alloc(8, 1)]]) })
  const item = { flags: FLAG_METADATA + CODEC_JSON, metadata, data: Buffer.from('{"a":1}') }
  await space.write({ key: 'k', item, ttl: hour, when: 'always' }, within())
  const found = await itemAt(space, 'k')
  expect([found?.flags, found?.data, found?.metadata]).toEqual([item.flags, item.data, Buffer.from(metadata)])
})

test('no verb but a read moves a large value that counts as absent or is refused', async () => {
  const large = Buffer.concat([entry(CODEC_JSON, past), Buffer.alloc(2 ** 20)])
  const space = await spaceWith(large)
  await redis.command('CONFIG', 'RESETSTAT')
  await space.touch('k', hour, within())
  await space.count('k', 1, undefined, within())
  await space.write({ ...text('k', 'new'), when: 'present' }, within())
  await listed(space)
  await space.remove('k', undefined, within())
  expect(Object.keys(await commandCounts(redis))).not.toContain('get')
})

test('a delete looks at the head and unlinks in one write, without a script', async () => {
  const space = await spaceWith(lease)
  await space.get('k', within())
  await redis.command('CONFIG', 'RESETSTAT')
  await space.remove('k', undefined, within())
  const { info, config, ...counts } = await commandCounts(redis)
  expect(counts).toEqual({ 'config|resetstat': 1, getrange: 1, unlink: 1 })
})

test('a format whose counters have other flags is refused', () => {
  const opened = store({ port: redis.port })
  expect(() => opened.space(['a'], { ...nativeFormat, counterFlags: [2] })).toThrow(/counters lie bare/)
  expect(() => opened.space(['a'], { ...nativeFormat, counterFlags: [4] })).toThrow(
    expect.objectContaining({ code: 'ERR_CACHE_NOT_SUPPORTED' }),
  )
  expect(opened.space(['a'], { ...nativeFormat, plainKeys: true }).serverOf('k')).toBe(`localhost:${redis.port}`)
})
