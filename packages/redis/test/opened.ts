import { randomUUID } from 'node:crypto'
import type { Call, Space, Store, StoreEvent, Write } from '@anycache/core'
import type { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { type FaultProxy, startProxy } from '../../../test/servers/proxy.js'
import { type RedisServer, type RedisOptions as ServerOptions, startRedis } from '../../../test/servers/redis.js'
import { type RedisClient, RedisStore, type RedisStoreOptions } from '../src/index.js'

/** A Redis that ends with the test. */
export async function server(options?: ServerOptions): Promise<RedisServer> {
  const started = await startRedis(options)
  onTestFinished(() => started.stop())
  return started
}

/** A proxy that ends with the test. */
export async function proxy(target: { port: number }): Promise<FaultProxy> {
  const started = await startProxy(target)
  onTestFinished(() => started.close())
  return started
}

/** A store that closes with the test. */
export function store<C extends RedisClient = Redis>(options: RedisStoreOptions<C>): RedisStore<C> {
  const opened = new RedisStore(options)
  onTestFinished(() => opened.close(within(200)))
  return opened
}

/** A namespace that nobody else uses. */
export function anySpace(of: Store): Space {
  return of.space([randomUUID()])
}

/** A call with a deadline so many ms from now. */
export function within(ms = 2000): Call {
  return { deadline: performance.now() + ms }
}

/** A `set` of text. */
export function text(key: string, data: string, ttl: number = Number.POSITIVE_INFINITY): Write {
  return { key, item: { flags: 0, data }, ttl, when: 'always' }
}

/** What lies under the key, as text. */
export async function read(space: Space, key: string): Promise<string | undefined> {
  const item = await space.get(key, within())
  return item === undefined ? undefined : Buffer.from(item.data as Uint8Array).toString()
}

/** How often the server ran each command since the count was reset, by name. */
export async function commandCounts(of: RedisServer): Promise<Record<string, number>> {
  const info = String(await of.command('INFO', 'commandstats'))
  return Object.fromEntries(
    [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name as string, Number(calls)]),
  )
}

/** The events of a store, as they come. */
export function heard(of: Store): StoreEvent[] {
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
