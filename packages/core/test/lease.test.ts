import { type Call, type CasToken, type Space, TimeoutError, type Written } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { FLAG_LEASE, nativeFormat } from '@anycache/serializer'
import { expect, test, vi } from 'vitest'
import { Lease, leaseMark } from '../src/lease/lease.js'
import { IllStore } from './ill-store.js'

const call = (): Call => ({ deadline: performance.now() + 2000 })
const value = { flags: 0, data: 'loaded' }

function spaceOf(store: MemoryStore | IllStore = new MemoryStore()): Space {
  return store.space(['shop'], nativeFormat)
}

async function held(space: Space, ms = 60_000, key = 'k'): Promise<Lease> {
  const claimed = await Lease.claim(space, key, ms, call())
  if (!(claimed instanceof Lease)) throw new Error('something lay there')
  return claimed
}

/** Puts the value in the place of the lease. */
async function stored(space: Space, lease: Lease): Promise<Written['outcome']> {
  const write = (casToken: CasToken): ReturnType<Space['write']> =>
    space.write({ key: 'k', item: value, ttl: 60_000, when: { casToken } }, call())
  return (await lease.replace(write, call())).outcome
}

/** The version of what lies there. */
async function tokenIn(space: Space): Promise<CasToken> {
  return ((await space.get('k', call())) as { casToken: CasToken }).casToken
}

async function textOf(space: Space): Promise<string | undefined> {
  const item = await space.get('k', call())
  if (typeof item !== 'object') return undefined
  return item.flags === FLAG_LEASE ? 'a lease' : Buffer.from(item.data as Uint8Array).toString()
}

test('is won where nothing lies, and finds what lies there otherwise', async () => {
  const space = spaceOf()
  const lease = await held(space)
  const claimed = await Lease.claim(space, 'k', 60_000, call())
  expect(claimed).toHaveProperty('found.casToken', await tokenIn(space))
  expect(await stored(space, lease)).toBe('stored')
  expect(await Lease.claim(space, 'k', 60_000, call())).toMatchObject({ found: { flags: 0 } })
})

test('takes the place of the item that was read, and of no other', async () => {
  const space = spaceOf()
  await space.write({ key: 'k', item: { flags: 0, data: 'old' }, ttl: 60_000, when: 'always' }, call())
  const casToken = await tokenIn(space)
  const lease = await Lease.over(space, 'k', casToken, 60_000, call())
  expect(await Lease.over(space, 'k', casToken, 60_000, call())).toBeUndefined()
  expect(await stored(space, lease as Lease)).toBe('stored')
})

test('has a mark that changes with each holder and each renewal', async () => {
  const space = spaceOf()
  const marks = new Set<string | undefined>()
  for (let i = 0; i < 3; i++) {
    const lease = await held(space)
    for (let n = 0; n < 3; n++) {
      marks.add(leaseMark((await space.get('k', call())) as { flags: number; data: Uint8Array }))
      expect(await lease.renew(call())).toBe(true)
    }
    expect(await lease.release(call())).toBe(true)
  }
  expect(marks.size).toBe(9)
  expect(leaseMark(value)).toBeUndefined()
})

test.each<[string, (space: Space) => unknown]>([
  [
    'a write',
    space => space.write({ key: 'k', item: { flags: 0, data: 'theirs' }, ttl: 60_000, when: 'always' }, call()),
  ],
  ['a delete', space => space.remove('k', undefined, call())],
  ['a clear', space => space.clear(call)],
  ['a takeover', async space => Lease.over(space, 'k', await tokenIn(space), 60_000, call())],
])('is lost by %s: then nothing of it is stored, renewed or removed', async (_, disturb) => {
  for (const step of ['renew', 'release', 'replace'] as const) {
    const space = spaceOf()
    const lease = await held(space)
    await disturb(space)
    const there = await space.get('k', call())
    if (step === 'replace') expect(['missing', 'conflict']).toContain(await stored(space, lease))
    else expect(await lease[step](call())).toBe(false)
    expect(lease.isLost || step === 'release').toBe(true)
    expect(await lease.renew(call())).toBe(false)
    expect(await lease.release(call())).toBe(false)
    expect(await stored(space, lease)).toBe('missing')
    expect(await space.get('k', call())).toEqual(there)
  }
})

test('ends by itself unless it is renewed, and is then taken by another', async () => {
  let time = 1000
  const space = spaceOf(new MemoryStore({ clock: { now: () => time } }))
  const first = await held(space, 3000)
  time += 2000
  expect(await first.renew(call())).toBe(true)
  time += 2000
  expect(await Lease.claim(space, 'k', 3000, call())).toHaveProperty('found')
  expect(await first.renew(call(), 10_000)).toBe(true)
  time += 9000
  expect(await Lease.claim(space, 'k', 3000, call())).toHaveProperty('found')
  time += 2000
  const second = await held(space, 3000)
  expect(await first.renew(call())).toBe(false)
  expect(await first.release(call())).toBe(false)
  expect(await second.renew(call())).toBe(true)
})

test('is released once, by its holder', async () => {
  const space = spaceOf()
  const lease = await held(space)
  expect(await Promise.all([lease.release(call()), lease.release(call())])).toEqual([true, false])
  expect(await space.get('k', call())).toBeUndefined()
  expect(lease.isLost).toBe(false)
})

test('a result that comes while a renewal is under way is stored, and no renewal follows it', async () => {
  const store = new IllStore()
  const space = spaceOf(store)
  const lease = await held(space)
  let go = (): void => {}
  store.slowness = verb => (verb === 'write' ? new Promise<void>(resolve => (go = resolve)) : undefined)
  const renewal = lease.renew(call())
  store.slowness = () => undefined
  const result = stored(space, lease)
  const late = lease.renew(call())
  go()
  expect(await Promise.all([renewal, result, late])).toEqual([true, 'stored', false])
  expect(await textOf(space)).toBe('loaded')
  expect(lease.isLost).toBe(false)
})

test('many renewals at once and a result between them lose nothing', async () => {
  const store = new IllStore()
  store.slowness = () => new Promise(resolve => setImmediate(resolve))
  const space = spaceOf(store)
  const lease = await held(space)
  const before = Array.from({ length: 5 }, () => lease.renew(call()))
  const result = stored(space, lease)
  const after = Array.from({ length: 5 }, () => lease.renew(call()))
  expect(await Promise.all(before)).toEqual([true, true, true, true, true])
  expect(await result).toBe('stored')
  expect(await Promise.all(after)).toEqual([false, false, false, false, false])
  expect(await textOf(space)).toBe('loaded')
})

/** Tokens of this space are worth nothing once `lose` was called, as on a new connection to memcached. */
function losingTokens(space: Space): { space: Space; lose: () => void } {
  let connection = 0
  const outer = <T extends { readonly casToken?: CasToken | undefined }>(found: T): T =>
    found.casToken === undefined ? found : { ...found, casToken: `${connection} ${found.casToken}` as CasToken }
  const inner = (token: CasToken): CasToken =>
    (token.startsWith(`${connection} `) ? token.slice(token.indexOf(' ') + 1) : 'of another connection') as CasToken
  const losing: Pick<Space, 'clear' | 'claim' | 'get' | 'write' | 'remove'> = {
    clear: () => space.clear(call),
    async claim(key, lease, ttl, within) {
      const claimed = await space.claim(key, lease, ttl, within)
      return 'won' in claimed
        ? { won: outer({ casToken: claimed.won }).casToken }
        : { found: outer({ ...claimed.found, casToken: claimed.found.casToken }) }
    },
    async get(key, within) {
      const found = await space.get(key, within)
      return typeof found === 'object' ? outer({ ...found, casToken: found.casToken as CasToken }) : found
    },
    async write(write, within) {
      const { when } = write
      const sent = typeof when === 'object' ? { ...write, when: { casToken: inner(when.casToken) } } : write
      return outer((await space.write(sent, within)) as Extract<Written, { outcome: 'stored' }>)
    },
    async remove(key, only, within) {
      return space.remove(key, only === undefined ? undefined : inner(only), within)
    },
  }
  return { lose: () => connection++, space: losing as Space }
}

test('its token may be lost with its connection: what stands there is still its own', async () => {
  const beneath = spaceOf()
  const { space, lose } = losingTokens(beneath)
  const lease = await held(space)
  lose()
  expect(await lease.renew(call())).toBe(true)
  lose()
  expect(await stored(space, lease)).toBe('stored')
  expect(await textOf(beneath)).toBe('loaded')
  await beneath.remove('k', undefined, call())
  const next = await held(space)
  lose()
  expect(await next.release(call())).toBe(true)
  expect(await beneath.get('k', call())).toBeUndefined()
})

test('a token that was lost is not regained from the lease of another', async () => {
  const beneath = spaceOf()
  const { space, lose } = losingTokens(beneath)
  const lease = await held(space)
  await beneath.remove('k', undefined, call())
  const theirs = await held(beneath)
  lose()
  expect(await stored(space, lease)).toBe('conflict')
  expect(await lease.release(call())).toBe(false)
  expect(await theirs.renew(call())).toBe(true)
})

/** A store whose answers to a verb are lost once the request took effect. */
function losingAnswers(verb: string): { store: IllStore; heal: () => void } {
  const store = new IllStore()
  let isIll = true
  store.slowness = called => {
    if (called !== verb || !isIll) return undefined
    return Promise.reject(new TimeoutError('ill:1 did not answer in time', { server: 'ill:1', outcome: 'unknown' }))
  }
  return { store, heal: () => (isIll = false) }
}

test('a claim whose answer was lost is withdrawn, so that nobody waits for it', async () => {
  const { store, heal } = losingAnswers('claim')
  const space = spaceOf(store)
  await expect(Lease.claim(space, 'k', 600_000, call())).rejects.toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
  expect(await textOf(space)).toBe('a lease')
  heal()
  await vi.waitFor(async () => expect(await textOf(space)).toBeUndefined(), 5000)
})

test('a takeover whose answer was lost is withdrawn too', async () => {
  const { store, heal } = losingAnswers('write')
  const space = spaceOf(store)
  const { won } = (await space.claim('k', { flags: 0, data: 'old' }, 600_000, call())) as { won: CasToken }
  await expect(Lease.over(space, 'k', won, 600_000, call())).rejects.toMatchObject({ outcome: 'unknown' })
  expect(await textOf(space)).toBe('a lease')
  heal()
  await vi.waitFor(async () => expect(await textOf(space)).toBeUndefined(), 5000)
})

test('the withdrawal of a lost claim leaves alone what others put there', async () => {
  const { store, heal } = losingAnswers('claim')
  const space = spaceOf(store)
  await expect(Lease.claim(space, 'k', 600_000, call())).rejects.toThrow()
  heal()
  await space.remove('k', undefined, call())
  const theirs = await held(space, 600_000)
  store.calls.length = 0
  await vi.waitFor(() => expect(store.calls.filter(verb => verb === 'get').length).toBeGreaterThanOrEqual(2), 5000)
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(store.calls).not.toContain('remove')
  expect(await theirs.renew(call())).toBe(true)
})

test('a claim that never left is not looked for', async () => {
  const store = new IllStore()
  store.illness = 'down'
  const space = spaceOf(store)
  await expect(Lease.claim(space, 'k', 600_000, call())).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
  await new Promise(resolve => setTimeout(resolve, 200))
  expect(store.calls).toEqual(['claim'])
})

test('a renewal whose answer was lost costs nothing: the next step finds its own lease', async () => {
  const { store, heal } = losingAnswers('write')
  const space = spaceOf(store)
  const lease = await held(space)
  await expect(lease.renew(call())).rejects.toThrow('did not answer')
  heal()
  expect(await stored(space, lease)).toBe('stored')
})

test('a release that failed can be tried again', async () => {
  const store = new IllStore()
  const space = spaceOf(store)
  const lease = await held(space)
  store.illness = 'down'
  await expect(lease.release(call())).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
  store.illness = 'well'
  expect(await lease.release(call())).toBe(true)
})

test('renews itself until it is released', async () => {
  const store = new IllStore()
  const space = spaceOf(store)
  const lease = await held(space, 60)
  const lost = vi.fn()
  lease.startRenewing(call, lost)
  await vi.waitFor(() => expect(store.calls.filter(verb => verb === 'write').length).toBeGreaterThan(6), 5000)
  expect(await lease.release(call())).toBe(true)
  const { length } = store.calls
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(store.calls).toHaveLength(length)
  expect(lost).not.toHaveBeenCalled()
})

test('tells once that it was lost', async () => {
  const space = spaceOf()
  const lease = await held(space, 30)
  const lost = vi.fn()
  lease.startRenewing(call, lost)
  space.write({ key: 'k', item: value, ttl: 60_000, when: 'always' }, call())
  await vi.waitFor(() => expect(lost).toHaveBeenCalled(), 5000)
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(lost).toHaveBeenCalledTimes(1)
  expect(lease.isLost).toBe(true)
  expect(await textOf(space)).toBe('loaded')
})

test('goes on renewing after a renewal failed, as long as its time lasts', async () => {
  const store = new IllStore()
  const space = spaceOf(store)
  const lease = await held(space, 3000)
  const lost = vi.fn()
  store.illness = 'down'
  lease.startRenewing(call, lost)
  const written = (): number => store.calls.filter(verb => verb === 'write').length
  await vi.waitFor(() => expect(written()).toBeGreaterThan(1), 5000)
  store.illness = 'well'
  const failed = written()
  await vi.waitFor(() => expect(written()).toBeGreaterThan(failed + 1), 5000)
  expect(lost).not.toHaveBeenCalled()
  expect(await lease.release(call())).toBe(true)
})

test('is lost when its time ran out while no renewal got through', async () => {
  const store = new IllStore()
  const space = spaceOf(store)
  const lease = await held(space, 90)
  const lost = vi.fn()
  store.illness = 'down'
  lease.startRenewing(call, lost)
  await vi.waitFor(() => expect(lost).toHaveBeenCalledTimes(1), 5000)
  expect(lease.isLost).toBe(true)
  store.illness = 'well'
  expect(await stored(space, lease)).toBe('missing')
})
