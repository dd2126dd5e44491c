import { randomUUID } from 'node:crypto'
import type { CacheError, StoreEvent } from '@anycache/core'
import {
  type MemcachedServer,
  type MemcachedOptions as ServerOptions,
  startMemcached,
} from '@anycache/testing/memcached'
import { closing, proxy, text, within } from '@anycache/testing/opened'
import type { FaultProxy } from '@anycache/testing/proxy'
import { onTestFinished } from 'vitest'
import { type MemcachedOptions, MemcachedStore } from '../src/index.js'
import type { MemcachedSpace } from '../src/space.js'

export { proxy, read, text, within } from '@anycache/testing/opened'

/** A memcached that ends with the test. */
export async function server(options?: ServerOptions): Promise<MemcachedServer> {
  const started = await startMemcached(options)
  onTestFinished(() => started.stop())
  return started
}

/** A store that closes with the test. */
export function store(options: MemcachedOptions): MemcachedStore {
  return closing(new MemcachedStore(options))
}

export function storeOf(...servers: readonly { port: number }[]): MemcachedStore {
  return store({ servers: servers.map(({ port }) => `127.0.0.1:${port}`) })
}

/** A namespace that nobody else uses. */
export function anySpace(of: MemcachedStore): MemcachedSpace {
  return of.space([randomUUID()])
}

/** What becomes of the call: `answered`, or the code of its error. */
export function code(promise: unknown): Promise<string> {
  return Promise.resolve(promise).then(
    () => 'answered',
    (error: CacheError) => error.code,
  )
}

export interface Wired {
  readonly one: MemcachedServer
  readonly wire: FaultProxy
  readonly opened: MemcachedStore
  readonly space: MemcachedSpace
  /** The types of the store's events so far. */
  readonly events: StoreEvent['type'][]
}

/** A store behind a proxy, connected, with one entry `k`. */
export async function behindProxy(
  options: Partial<MemcachedOptions> = {},
  serverOptions?: ServerOptions,
): Promise<Wired> {
  const one = await server(serverOptions)
  const wire = await proxy(one)
  const opened = store({ servers: [`127.0.0.1:${wire.port}`], ...options })
  const events: StoreEvent['type'][] = []
  opened.listen(({ type }) => events.push(type))
  const space = opened.space([])
  await space.write(text('k', 'v'), within())
  return { one, wire, opened, space, events }
}
