import { randomUUID } from 'node:crypto'
import type { Call, Space, Store } from '@anycache/core'
import { onTestFinished } from 'vitest'
import {
  type MemcachedServer,
  type MemcachedOptions as ServerOptions,
  startMemcached,
} from '../../../test/servers/memcached.js'
import { type FaultProxy, startProxy } from '../../../test/servers/proxy.js'
import { type MemcachedOptions, MemcachedStore } from '../src/index.js'

/** A memcached that ends with the test. */
export async function server(options?: ServerOptions): Promise<MemcachedServer> {
  const started = await startMemcached(options)
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
export function store(options: MemcachedOptions): MemcachedStore {
  const opened = new MemcachedStore(options)
  onTestFinished(() => opened.close(within(200)))
  return opened
}

export function storeOf(...servers: readonly { port: number }[]): MemcachedStore {
  return store({ servers: servers.map(({ port }) => `127.0.0.1:${port}`) })
}

/** A namespace that nobody else uses. */
export function anySpace(of: Store): Space {
  return of.space([randomUUID()])
}

/** A call with a deadline so many ms from now. */
export function within(ms = 2000): Call {
  return { deadline: performance.now() + ms }
}

/** A `set` of text without expiry. */
export function text(key: string, data: string, ttl: number = Number.POSITIVE_INFINITY) {
  return { key, item: { flags: 0, data }, ttl, when: 'always' } as const
}

/** What lies under the key, as text. */
export async function read(space: Space, key: string): Promise<string | undefined> {
  const item = await space.get(key, within())
  return item === undefined ? undefined : Buffer.from(item.data as Uint8Array).toString()
}
