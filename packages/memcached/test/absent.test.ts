import { randomUUID } from 'node:crypto'
import type { CasToken, VersionedItem, Write } from '@anycache/core'
import { FLAG_LEASE, FLAG_METADATA, FLAGS_TORN, writeMetadata } from '@anycache/serializer'
import { type MemcachedServer, startMemcached } from '@anycache/testing/memcached'
import { afterAll, describe, expect, test } from 'vitest'
import type { MemcachedSpace } from '../src/space.js'
import { proxy, read, server, storeOf, text, within } from './opened.js'

const hour = 3_600_000
const metadata = (softDeadline?: number) => writeMetadata({ softDeadline, created: Date.now() })
const stale = () => Buffer.concat([metadata(Date.now() - 1000), Buffer.from('41')])
const from5 = { value: 5, ttl: hour }
const counted = { flags: 2, data: '7' }

/** Items that another client has put there, for an hour. */
const absent: readonly [kind: string, flags: number, bytes: () => Buffer][] = [
  ['a lease', FLAG_LEASE, () => Buffer.from('holder')],
  ['a lease of digits', FLAG_LEASE, () => Buffer.from('1234567890')],
  ['a lease of nothing', FLAG_LEASE, () => Buffer.alloc(0)],
  ['a stale entry', FLAG_METADATA, stale],
  ['a stale number', FLAG_METADATA | 2, stale],
]
const present: readonly [kind: string, flags: number, bytes: () => Buffer][] = [
  ['a fresh entry', FLAG_METADATA, () => Buffer.concat([metadata(Date.now() + hour), Buffer.from('41')])],
  ['an entry that is never stale', FLAG_METADATA | 2, () => Buffer.concat([metadata(), Buffer.from('41')])],
  ['metadata that is cut', FLAG_METADATA, () => metadata(1).subarray(0, 20) as Buffer],
  ['flags that no version writes', FLAG_LEASE | FLAG_METADATA, () => Buffer.from('later')],
]

interface Put {
  readonly one: MemcachedServer
  readonly space: MemcachedSpace
  /** Puts the item under `k`, or another key. */
  put(key?: string): Promise<void>
  /** What the server has under `k`: flags, seconds left, payload. */
  lies(key?: string): Promise<{ flags: number; ttl: number; bytes: Buffer } | undefined>
}

const started = new Map<string, Promise<MemcachedServer>>()
afterAll(async () => {
  for (const one of started.values()) await (await one).stop()
})

/** One server for each list of arguments; a namespace of its own for each test. */
async function over(args: string[], flags: number, bytes: () => Buffer, named = true): Promise<Put> {
  const name = args.join()
  if (!started.has(name)) started.set(name, startMemcached({ args }))
  const one = (await started.get(name)) as MemcachedServer
  const space = storeOf(one).space(named ? [randomUUID()] : [])
  return {
    one,
    space,
    async put(key = 'k') {
      const data = bytes()
      const head = `set ${await space.wireKey(key, within())} ${flags} 3600 ${data.length}\r\n`
      expect(await one.command(Buffer.concat([Buffer.from(head), data]))).toBe('STORED')
    },
    async lies(key = 'k') {
      const answer = await one.commandBytes(`mg ${await space.wireKey(key, within())} f t v`)
      const [, found, ttl] = /^VA \d+ f(\d+) t(-?\d+)\r\n/.exec(answer.toString('latin1')) ?? []
      if (found === undefined) return undefined
      return { flags: Number(found), ttl: Number(ttl), bytes: answer.subarray(answer.indexOf('\n') + 1) }
    },
  }
}

const write = (data: string, when: Write['when'], key = 'k') => ({ ...text(key, data, hour), when })

describe.each([[[]], [['-C']]])('with %j', args => {
  test.each(absent)('reads hand out %s as it is', async (_kind, flags, bytes) => {
    const { space, put } = await over(args, flags, bytes)
    await put()
    const item = await space.get('k', within())
    expect(item?.flags).toBe(flags)
    expect(Buffer.concat([item?.metadata ?? Buffer.alloc(0), item?.data as Buffer])).toHaveLength(bytes().length)
    expect(await space.getMany(['k', 'none'], within())).toMatchObject([{ flags }, undefined])
  })

  test.each(absent)('an add stores over %s', async (_kind, flags, bytes) => {
    const { space, put, lies } = await over(args, flags, bytes)
    await put()
    expect(await space.write(write('new', 'absent'), within())).toMatchObject({ outcome: 'stored' })
    expect(await lies()).toMatchObject({ flags: 0, bytes: Buffer.from('new') })
    expect(await space.write(write('newer', 'absent'), within())).toEqual({ outcome: 'exists' })
  })

  test.each(absent)('a replace leaves %s alone', async (_kind, flags, bytes) => {
    const { space, put, lies } = await over(args, flags, bytes)
    await put()
    const before = await lies()
    expect(await space.write(write('new', 'present'), within())).toEqual({ outcome: 'missing' })
    expect((await lies())?.bytes).toEqual(before?.bytes)
  })

  test.each(absent)('a touch misses %s, and leaves it as it is', async (_kind, flags, bytes) => {
    const { space, put, lies } = await over(args, flags, bytes)
    await put()
    const before = await lies()
    await space.get('k', within())
    for (const ttl of [5 * hour, 1000, Number.POSITIVE_INFINITY])
      expect(await space.touch('k', ttl, within())).toBe('missing')
    expect((await lies())?.bytes).toEqual(before?.bytes)
    expect((await lies())?.ttl).toBeGreaterThan(3000)
    expect((await lies())?.ttl).toBeLessThanOrEqual(3600)
  })

  test.each(absent)(
    'a touch by a store that has met no such item misses %s, and lengthens its life no more',
    async (...kind) => {
      const [, flags, bytes] = kind
      const { space, put, lies } = await over(args, flags, bytes)
      await put()
      expect(await space.touch('k', 5 * hour, within())).toBe('missing')
      expect((await lies())?.ttl ?? 0).toBeLessThanOrEqual(3600)
    },
  )

  test.each(absent)('a count over %s begins at the beginning', async (_kind, flags, bytes) => {
    const { space, put, lies } = await over(args, flags, bytes)
    await put()
    expect(await space.count('k', 5, undefined, within())).toEqual({ refused: 'missing' })
    expect(await space.count('k', 5, { value: 2 ** 53, ttl: hour }, within())).toEqual({ refused: 'out-of-range' })
    expect(await space.count('k', 5, from5, within())).toEqual({ value: 5 })
    expect(await lies()).toMatchObject({ flags: 0, bytes: Buffer.from('5') })
    expect(await space.count('k', 5, from5, within())).toEqual({ value: 10 })
  })

  test.each(absent)(
    'a count over %s in place of a counter begins at the beginning, alone and at once',
    async (...kind) => {
      const [, flags, bytes] = kind
      const { space, put, lies } = await over(args, flags, bytes)
      for (const counts of [1, 8]) {
        await space.write({ ...text('k', ''), item: counted }, within())
        for (let i = 0; i < 2; i++) await space.count('k', 1, from5, within())
        await put()
        const answers = await Promise.all(Array.from({ length: counts }, () => space.count('k', 1, from5, within())))
        expect(answers).toEqual(Array.from({ length: counts }, (_, i) => ({ value: 5 + i })))
        expect((await lies())?.flags).toBe(0)
      }
    },
  )

  test.each(absent)('a take leaves nothing of %s', async (_kind, flags, bytes) => {
    const { space, put, lies } = await over(args, flags, bytes)
    await put()
    await space.take('k', within())
    expect(await lies()).toBeUndefined()
  })

  test.each(absent)('a delete of %s answers false and deletes it, among many too', async (_kind, flags, bytes) => {
    const { space, put, lies } = await over(args, flags, bytes)
    await put()
    // What this store has seen tells it to look before it deletes.
    await space.get('k', within())
    expect(await space.remove('k', undefined, within())).toBe(false)
    expect(await lies()).toBeUndefined()
    await Promise.all([put('k1'), put('k2'), space.write(text('k3', 'live'), within())])
    expect(await space.removeMany(['k1', 'none', 'k2', 'k3'], within())).toEqual([false, false, false, true])
    expect(await Promise.all(['k1', 'k2', 'k3'].map(lies))).toEqual([undefined, undefined, undefined])
  })

  test.each(absent)('a claim finds %s', async (_kind, flags, bytes) => {
    const { space, put } = await over(args, flags, bytes)
    await put()
    const claimed = await space.claim('k', { flags: FLAG_LEASE, data: 'mine' }, hour, within())
    expect(claimed).toMatchObject({ found: { flags } })
  })

  test.each(present)('%s is there for every verb', async (_kind, flags, bytes) => {
    const { space, put, lies } = await over(args, flags, bytes)
    await put()
    expect(await space.write(write('new', 'absent'), within())).toEqual({ outcome: 'exists' })
    expect(await space.count('k', 1, from5, within())).toEqual({ refused: 'not-a-counter' })
    expect((await lies())?.bytes).toHaveLength(bytes().length)
    expect(await space.touch('k', 2 * hour, within())).toBe('has-metadata')
    expect(await space.claim('k', { flags: FLAG_LEASE, data: 'mine' }, hour, within())).toHaveProperty('found')
    expect(await space.write(write('new', 'present'), within())).toMatchObject({ outcome: 'stored' })
    expect(await read(space, 'k')).toBe('new')
    await put()
    expect(await space.take('k', within())).toBeDefined()
    await put()
    expect(await space.remove('k', undefined, within())).toBe(true)
    expect(await lies()).toBeUndefined()
  })
})

test('the verbs of one tick over a lease take effect in call order', async () => {
  const { space, put } = await over([], FLAG_LEASE, () => Buffer.from('holder'))
  await put()
  const add = () => space.write(write('added', 'absent'), within())
  expect(
    await Promise.all([
      space.write(write('replaced', 'present'), within()),
      add(),
      add(),
      space.get('k', within()),
      space.remove('k', undefined, within()),
      space.claim('k', { flags: FLAG_LEASE, data: 'mine' }, hour, within()),
      space.touch('k', hour, within()),
      add(),
      space.touch('k', hour, within()),
      space.write(write('last', 'present'), within()),
      space.get('k', within()),
    ]),
  ).toMatchObject([
    { outcome: 'missing' },
    { outcome: 'stored' },
    { outcome: 'exists' },
    { data: Buffer.from('added') },
    true,
    { won: expect.any(String) },
    'missing',
    { outcome: 'stored' },
    'touched',
    { outcome: 'stored' },
    { data: Buffer.from('last') },
  ])
})

test('metadata that is cut makes a torn item, and costs no other one', async () => {
  const { space, put } = await over([], FLAG_METADATA, () => Buffer.from('no metadata'))
  await put()
  await space.write(text('other', 'v'), within())
  expect(await space.getMany(['k', 'other'], within())).toMatchObject([
    { flags: FLAGS_TORN },
    { data: Buffer.from('v') },
  ])
  expect(await space.claim('k', { flags: FLAG_LEASE, data: 'mine' }, hour, within())).toMatchObject({
    found: { flags: FLAGS_TORN },
  })
})

test('metadata lies in front of the payload, and comes back with payloads of every size', async () => {
  const { one, space } = await over([], 0, () => Buffer.alloc(0), false)
  const note = Buffer.from(writeMetadata({ created: 1, tags: new Map([['tag', Buffer.alloc(8, 7)]]) }))
  const payloads = ['', 'text', 'ä'.repeat(20_000), Buffer.alloc(0), Buffer.from('bytes'), Buffer.alloc(500_000, 'x')]
  const writes = payloads.map((data, i) => ({
    ...text(`k${i}`, ''),
    item: { flags: FLAG_METADATA | 16, data, metadata: note },
  }))
  expect(await space.writeMany(writes, within())).toEqual(payloads.map(() => ({ outcome: 'stored' })))
  for (const [i, data] of payloads.entries()) {
    const item = await space.get(`k${i}`, within())
    expect(Buffer.compare(item?.metadata as Buffer, note)).toBe(0)
    expect(Buffer.compare(item?.data as Buffer, Buffer.from(data as string))).toBe(0)
    const raw = await one.commandBytes(`get k${i}`)
    const whole = Buffer.concat([note, Buffer.from(data as string)])
    expect(
      raw
        .subarray(raw.indexOf('\n') + 1)
        .subarray(0, whole.length)
        .equals(whole),
    ).toBe(true)
  }
})

test('a delete in a store that has met no metadata yet reads no value, and takes a stale entry for one', async () => {
  const big = () => Buffer.concat([stale(), Buffer.alloc(500_000)])
  const { one, space, put } = await over(['-v'], FLAG_METADATA, big, false)
  const stat = async (name: string) => Number(new RegExp(`STAT ${name} (\\d+)`).exec(await one.command('stats'))?.[1])
  await put()
  const written = await stat('bytes_written')
  expect(await space.removeMany(['k', 'none'], within())).toEqual([true, false])
  expect((await stat('bytes_written')) - written).toBeLessThan(100_000)
  // Its memory is free at once.
  expect(await stat('curr_items')).toBe(0)
  await put()
  expect(await space.remove('k', undefined, within())).toBe(false)
  expect(await stat('curr_items')).toBe(0)
})

describe('claim', () => {
  const lease = (data: string) => ({ flags: FLAG_LEASE, data })

  test('is won by one of many, and found by the others', async () => {
    const one = await server()
    const spaces = Array.from({ length: 5 }, () => storeOf(one).space(['n']))
    const claims = await Promise.all(
      spaces.flatMap((space, i) => [0, 1].map(j => space.claim('k', lease(`${i}${j}`), hour, within()))),
    )
    expect(claims.filter(claimed => 'won' in claimed)).toHaveLength(1)
    expect(claims.filter(claimed => 'found' in claimed && claimed.found.flags === FLAG_LEASE)).toHaveLength(9)
  })

  test('gives a token with which the lease is renewed, then replaced by the value', async () => {
    const space = storeOf(await server()).space(['n'])
    const claimed = (await space.claim('k', lease('mine'), 2000, within())) as { won: CasToken }
    const renew = { key: 'k', item: lease('mine'), ttl: hour, when: { casToken: claimed.won } }
    const renewed = (await space.write(renew, within())) as { casToken: CasToken }
    expect(await space.write(renew, within())).toEqual({ outcome: 'conflict' })
    const stored = await space.write({ ...text('k', 'v'), when: renewed }, within())
    const { found } = (await space.claim('k', lease('late'), hour, within())) as { found: VersionedItem }
    expect(`${found.data}`).toBe('v')
    expect(stored).toEqual({ outcome: 'stored', casToken: found.casToken })
  })

  test('whose lease is deleted frees the key, and its holder stores nothing', async () => {
    const one = await server()
    const [mine, theirs] = [storeOf(one).space(['n']), storeOf(one).space(['n'])]
    const { won } = (await mine.claim('k', lease('mine'), hour, within())) as { won: CasToken }
    expect(await theirs.remove('k', undefined, within())).toBe(false)
    expect(await mine.write({ ...text('k', 'old'), when: { casToken: won } }, within())).toEqual({ outcome: 'missing' })
    expect(await theirs.claim('k', lease('theirs'), hour, within())).toHaveProperty('won')
  })

  test('ends with its ttl', async () => {
    const space = storeOf(await server()).space(['n'])
    await space.claim('k', lease('mine'), 1, within())
    await expect
      .poll(() => space.claim('k', lease('next'), hour, within()), { timeout: 8000, interval: 200 })
      .toHaveProperty('won')
  })
})

test('an add whose connection is lost after its look stores nothing twice', async () => {
  const one = await server()
  const wire = await proxy(one)
  const [mine, raw] = [storeOf(wire).space([]), storeOf(one).space([])]
  await raw.write({ ...text('k', 'holder'), item: { flags: FLAG_LEASE, data: 'holder' } }, within())
  await mine.get('k', within())
  wire.delay(100, 'down')
  const adding = Promise.resolve(mine.write(write('new', 'absent'), within())).catch(error => error.outcome)
  await new Promise(resolve => setTimeout(resolve, 150))
  wire.cut()
  expect(await adding).toBe('unknown')
  expect(await read(raw, 'k')).toBe('holder')
})
