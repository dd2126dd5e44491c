import { type Cache, cacheOver } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { expect, test } from 'vitest'
import { IllStore } from './ill-store.js'
import { promisesOf } from './promises-of.js'

let keys = 0
const load = async (): Promise<string> => 'loaded'

const calls: [string, (cache: Cache) => Promise<unknown>, { memory: number; remote: number }][] = [
  ['get', cache => cache.get('k'), { memory: 1, remote: 2 }],
  ['set', cache => cache.set('k', 'v'), { memory: 1, remote: 3 }],
  ['increment', cache => cache.increment('n'), { memory: 1, remote: 2 }],
  ['getOrSet that hits', cache => cache.getOrSet('k', load), { memory: 1, remote: 2 }],
  // The loader's own is one of them.
  ['getOrSet that misses', cache => cache.getOrSet(`miss ${keys++}`, load), { memory: 3, remote: 45 }],
]

test.each(calls)('%s makes few promises', async (_, call, most) => {
  await using memory = cacheOver(new MemoryStore(), { namespace: 'shop' })
  await memory.set('k', 'v')
  expect(await promisesOf(() => call(memory))).toBeLessThanOrEqual(most.memory)
  // Answers as an adapter does, with one promise for each verb.
  await using remote = cacheOver(new IllStore(), { namespace: 'shop' })
  await remote.set('k', 'v')
  expect(await promisesOf(() => call(remote))).toBeLessThanOrEqual(most.remote)
})
