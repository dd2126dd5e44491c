import type { Space, Store, StoredItem, StoreEvent } from '@anycache/core'
import { closing, within } from '@anycache/testing/opened'
import { type RedisServer, type RedisOptions as ServerOptions, startRedis } from '@anycache/testing/redis'
import type { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { type RedisClient, RedisStore, type RedisStoreOptions } from '../src/index.js'

export { anySpace, proxy, read, text, within } from '@anycache/testing/opened'

/** A Redis that ends with the test. */
export async function server(options?: ServerOptions): Promise<RedisServer> {
  const started = await startRedis(options)
  onTestFinished(() => started.stop())
  return started
}

/** A store that closes with the test. */
export function store<C extends RedisClient = Redis>(options: RedisStoreOptions<C>): RedisStore<C> {
  return closing(new RedisStore(options))
}

/** How often the server ran each command since the count was reset, by name. */
export async function commandCounts(of: RedisServer): Promise<Record<string, number>> {
  const info = String(await of.command('INFO', 'commandstats'))
  return Object.fromEntries(
    [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name as string, Number(calls)]),
  )
}

/** What lies under the key. */
export async function itemAt(space: Space, key: string): Promise<StoredItem | undefined> {
  return (await space.get(key, within(10_000))) as StoredItem | undefined
}

/** The events of a store, as they come. */
export function eventsOf(of: Store): StoreEvent[] {
  const events: StoreEvent[] = []
  of.listen(event => events.push(event))
  return events
}

/** What a call rejects with, whether it throws or rejects; fails when it does neither. */
export async function failure(call: () => unknown): Promise<Error & Record<string, unknown>> {
  try {
    await call()
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('the call succeeded')
}

/** Waits until `check` no longer throws, 5 s at most. */
export async function until<T>(check: () => T | Promise<T>): Promise<T> {
  for (const end = performance.now() + 5000; ; await new Promise(resolve => setTimeout(resolve, 5))) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}
