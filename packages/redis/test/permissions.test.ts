import { readFile } from 'node:fs/promises'
import { type Cache, type CacheError, type CasToken, cacheOver } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure, itemAt, store, within } from './opened.js'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

let users = 0

/** A cache of a user who may run these commands, and no other, on the keys of the namespace. */
async function cacheOf(commands: readonly string[]): Promise<Cache> {
  const username = `user${++users}`
  const rules = ['~shop:*', '-@all', ...commands.map(command => `+${command}`)]
  await redis.command('ACL', 'SETUSER', username, 'on', '>pw', ...rules)
  return cacheOver(store({ port: redis.port, username, password: 'pw' }), {
    namespace: 'shop',
    onError: 'throw',
    allowFlush: true,
  })
}

/** What a verb takes on each of its ways, as docs/adapters/redis.md lists it. */
const needs: Record<string, readonly string[]> = {
  get: ['get'],
  'get of several in a tick': ['mget'],
  has: ['get'],
  getMany: ['mget'],
  getEntry: ['get'],
  set: ['set'],
  setMany: ['set'],
  add: ['eval', 'set'],
  'add over an entry': ['eval', 'getrange', 'set'],
  replace: ['eval', 'getrange', 'set'],
  compareAndSet: ['eval', 'get', 'set'],
  'update of an entry': ['eval', 'get', 'set'],
  'update of none': ['eval', 'get', 'set'],
  append: ['eval', 'get', 'set'],
  prepend: ['eval', 'get', 'set'],
  increment: ['eval', 'getrange', 'set'],
  'increment of none': ['eval', 'exists', 'getrange', 'set'],
  decrement: ['eval', 'getrange', 'set'],
  touch: ['eval', 'getrange', 'pexpire'],
  'touch without expiry': ['eval', 'exists', 'getrange', 'persist'],
  take: ['getdel'],
  delete: ['unlink'],
  deleteMany: ['unlink'],
  'getOrSet of an entry': ['get'],
  clear: ['scan', 'unlink'],
  keys: ['scan'],
  serverStats: ['info'],
  flush: ['flushdb'],
  ping: ['ping'],
}

/** Each verb on `text`, `number` or `none`, and what it answers. */
const calls: Record<string, [call: (cache: Cache, token: CasToken) => Promise<unknown>, answer: unknown]> = {
  get: [cache => cache.get('text'), 'old'],
  'get of several in a tick': [cache => Promise.all([cache.get('text'), cache.get('number')]), ['old', 5]],
  has: [cache => cache.has('text'), true],
  getMany: [async cache => [...(await cache.getMany(['text', 'number']))].length, 2],
  getEntry: [async cache => (await cache.getEntry('text'))?.value, 'old'],
  set: [cache => cache.set('text', 'new'), true],
  setMany: [cache => cache.setMany([['text', 'new']]), []],
  add: [cache => cache.add('none', 'new'), true],
  'add over an entry': [cache => cache.add('text', 'new'), false],
  replace: [cache => cache.replace('text', 'new'), true],
  compareAndSet: [(cache, token) => cache.compareAndSet('text', 'new', token), 'stored'],
  'update of an entry': [cache => cache.update('text', () => 'new'), 'new'],
  'update of none': [cache => cache.update('none', () => 'new'), 'new'],
  append: [cache => cache.append('text', 'er'), true],
  prepend: [cache => cache.prepend('text', 'c'), true],
  increment: [cache => cache.increment('number'), 6],
  'increment of none': [cache => cache.increment('none'), 1],
  decrement: [cache => cache.decrement('number'), 4],
  touch: [cache => cache.touch('text', '2m'), true],
  'touch without expiry': [cache => cache.touch('text', Number.POSITIVE_INFINITY), true],
  take: [cache => cache.take('text'), 'old'],
  delete: [cache => cache.delete('text'), true],
  deleteMany: [cache => cache.deleteMany(['text']), 1],
  'getOrSet of an entry': [cache => cache.getOrSet('text', () => 'new'), 'old'],
  clear: [cache => cache.clear(), undefined],
  keys: [async cache => (await listed(cache)).sort(), ['number', 'text']],
  serverStats: [async cache => (await cache.serverStats()).length, 1],
  flush: [cache => cache.flush(), undefined],
  ping: [cache => cache.ping(), undefined],
}

async function listed(cache: Cache): Promise<string[]> {
  const keys: string[] = []
  for await (const key of cache.keys()) keys.push(key)
  return keys
}

/** The entries as they lie on the server, and one of each kind before a call. */
async function entries(): Promise<unknown> {
  return redis.command('EVAL', "return redis.call('MGET', 'shop:text', 'shop:number', 'shop:none')", '0')
}
const untouched = ['old', '5', null]
async function arranged(): Promise<CasToken> {
  await redis.command('FLUSHDB')
  await redis.command('SET', 'shop:text', 'old', 'PX', '60000')
  await redis.command('SET', 'shop:number', '5', 'PX', '60000')
  const admin = store({ port: redis.port }).space(['shop'], nativeFormat)
  return (await itemAt(admin, 'text'))?.casToken as CasToken
}

describe.each(Object.keys(calls))('%s', verb => {
  const [call, answer] = calls[verb] as (typeof calls)[string]
  const commands = needs[verb] as readonly string[]

  test(`needs no more than ${commands.join(', ')}`, async () => {
    const token = await arranged()
    const cache = await cacheOf(commands)
    expect(await call(cache, token)).toEqual(answer)
  })

  test.each(commands)('without %s is refused and changes nothing', async missing => {
    const token = await arranged()
    const cache = await cacheOf(commands.filter(command => command !== missing))
    const error = (await failure(() => call(cache, token))) as unknown as CacheError
    expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
    expect(error.message).toMatch(/refused the command by its ACL/)
    expect(await entries()).toEqual(untouched)
    expect(Number(await redis.command('PTTL', 'shop:text'))).toBeGreaterThan(0)
    await cache.close()
  })
})

test('without getrange a delete still deletes, and keys are listed, as if nothing counted as absent', async () => {
  await arranged()
  await redis.command('SET', 'shop:none', Buffer.from([0xc1, 0x01, 0x80, 0x40]))
  const cache = await cacheOf(['scan', 'unlink'])
  expect((await listed(cache)).sort()).toEqual(['none', 'number', 'text'])
  expect([await cache.delete('none'), await cache.deleteMany(['text', 'nothing'])]).toEqual([true, 1])
  const looking = await cacheOf(['getrange', 'scan', 'unlink'])
  await redis.command('SET', 'shop:none', Buffer.from([0xc1, 0x01, 0x80, 0x40]))
  expect(await listed(looking)).toEqual(['number'])
  expect([await looking.delete('none'), await looking.deleteMany(['number', 'nothing'])]).toEqual([false, 1])
})

test('the user that docs/adapters/redis.md makes may call every verb but flush', async () => {
  const page = await readFile(new URL('../../../docs/adapters/redis.md', import.meta.url), 'utf8')
  const [, username, password, rules] = /^ACL SETUSER (\S+) on >(\S+) (.*)$/m.exec(page) as string[]
  await redis.command('ACL', 'SETUSER', username as string, 'on', `>${password}`, ...(rules as string).split(' '))
  const opened = store({ port: redis.port, username: username as string, password: password as string })
  const cache = cacheOver(opened, { namespace: 'shop', onError: 'throw' })
  for (const [verb, [call, answer]] of Object.entries(calls)) {
    const token = await arranged()
    if (verb !== 'flush') expect([verb, await call(cache, token)]).toEqual([verb, answer])
  }
  await cache.namespace('carts').set('k', 'v')
  expect(await redis.command('GET', 'shop/carts:k')).toBe('v')
})

test('getOrSet of none needs eval for its lease, get, set and unlink', async () => {
  await arranged()
  const cache = await cacheOf(['eval', 'get', 'set', 'unlink'])
  expect(await cache.getOrSet('none', () => 'new')).toBe('new')
  expect(await entries()).toEqual(['old', '5', 'new'])
  await arranged()
  const failing = cache.getOrSet('none', () => Promise.reject(new Error('no row')))
  await expect(failing).rejects.toThrow('no row')
  await expect.poll(entries).toEqual(untouched)
  await cache.close()
})

test('getOrSet of none without a lease needs get and set; where set is refused it returns what it loaded, with an event', async () => {
  await arranged()
  expect(await (await cacheOf(['get', 'set'])).getOrSet('none', () => 'new', { lease: false })).toBe('new')
  expect(await entries()).toEqual(['old', '5', 'new'])
  await arranged()
  const cache = await cacheOf(['get'])
  const errors: CacheError[] = []
  cache.on('error', ({ error }) => errors.push(error))
  expect(await cache.getOrSet('none', () => 'new', { lease: false })).toBe('new')
  expect(errors).toMatchObject([{ code: 'ERR_CACHE_SERVER', key: 'none' }])
  expect(await entries()).toEqual(untouched)
})

test('a database other than 0 needs select, and without it says so', async () => {
  const rules = ['~shop:*', '-@all', '+get', '+set']
  await redis.command('ACL', 'SETUSER', 'second', 'on', '>pw', ...rules)
  const url = `redis://second:pw@127.0.0.1:${redis.port}/2`
  const refused = await failure(() => store({ url }).space(['shop'], nativeFormat).get('k', within()))
  expect(refused).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect(refused.message).toMatch(/refused the command by its ACL.*'select'/)
  await redis.command('ACL', 'SETUSER', 'second', '+select')
  const cache = cacheOver(store({ url }), { namespace: 'shop' })
  expect([await cache.set('k', 'v'), await cache.get('k')]).toEqual([true, 'v'])
})

test('a user who may read and not write the keys loses nothing by a script', async () => {
  await arranged()
  await redis.command('ACL', 'SETUSER', 'reader', 'on', '>pw', '%R~shop:*', '+@all')
  const space = store({ port: redis.port, username: 'reader', password: 'pw' }).space(['shop'], nativeFormat)
  const token = (await itemAt(space, 'text'))?.casToken as CasToken
  const write = { key: 'text', item: { flags: 0, data: 'new' }, ttl: 1000, when: { casToken: token } }
  for (const call of [
    () => space.count('number', 1, undefined, within()),
    () => space.write(write, within()),
    () => space.remove('text', token, within()),
    () => space.touch('text', Number.POSITIVE_INFINITY, within()),
  ]) {
    expect(await failure(call)).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  }
  expect(await entries()).toEqual(untouched)
})

test('a version is deleted with eval, get and unlink alone, and without one of them is not', async () => {
  for (const missing of ['eval', 'get', 'unlink', 'none']) {
    const token = await arranged()
    const rules = ['eval', 'get', 'unlink'].filter(command => command !== missing).map(command => `+${command}`)
    await redis.command('ACL', 'SETUSER', `remover-${missing}`, 'on', '>pw', '~shop:*', '-@all', ...rules)
    const space = store({ port: redis.port, username: `remover-${missing}`, password: 'pw' }).space(
      ['shop'],
      nativeFormat,
    )
    if (missing === 'none') {
      expect(await space.remove('text', token, within())).toBe(true)
      continue
    }
    expect(await failure(() => space.remove('text', token, within()))).toMatchObject({ code: 'ERR_CACHE_SERVER' })
    expect(await entries()).toEqual(untouched)
  }
})
