import { randomUUID } from 'node:crypto'
import type { Call, Space, Store, Write } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { onTestFinished } from 'vitest'
import { type FaultProxy, startProxy } from './proxy.js'

/** A proxy that ends with the test. */
export async function proxy(target: { port: number }): Promise<FaultProxy> {
  const started = await startProxy(target)
  onTestFinished(() => started.close())
  return started
}

/** The store, which closes with the test. */
export function closing<S extends Store>(store: S): S {
  onTestFinished(async () => store.close(within(200)))
  return store
}

/** A namespace that nobody else uses. */
export function anySpace(of: Store): Space {
  return of.space([randomUUID()], nativeFormat)
}

/** A call with a deadline so many ms from now. */
export function within(ms = 2000): Call {
  return { deadline: performance.now() + ms }
}

/** A `set` of text, without expiry unless a ttl is given. */
export function text(key: string, data: string, ttl: number = Number.POSITIVE_INFINITY): Write {
  return { key, item: { flags: 0, data }, ttl, when: 'always' }
}

/** What lies under the key, as text. */
export async function read(space: Space, key: string): Promise<string | undefined> {
  const item = await space.get(key, within())
  return typeof item === 'object' ? Buffer.from(item.data as Uint8Array).toString() : undefined
}
