import { chaosStore } from '@anycache/conformance/testing'
import type { Space, Store } from '@anycache/core'
import type { MemoryStore } from '@anycache/memory'
import type { Format, Serializer } from '@anycache/serializer'

/** Replaces some verbs of a space, given the sound ones and the store beneath. */
export type Alter = (sound: Space, path: readonly string[], store: MemoryStore, format: Format) => Partial<Space>

/** What is wrong with a store. */
export interface Defect {
  readonly space?: Alter
  /** The path a namespace is kept under. */
  readonly path?: (path: readonly string[]) => readonly string[]
  readonly serializer?: Serializer
  readonly store?: Partial<Store> | ((sound: Store) => Partial<Store>)
  /** What is asked to open a space in the place of its format. */
  readonly format?: (format: Format) => Format
  /** The store has a server, which can be late and closed. */
  readonly isRemote?: true
  /** Every store over the memory is another process' way to it. */
  readonly isShared?: true
}

/** A defect, and the capability whose cases must notice it. */
export type NoticedDefect = Defect & { readonly noticedBy: string }

/** A memory store with one defect, and all else sound. */
export function brokenStore(memory: MemoryStore, defect: Defect): Store {
  const sound: Store = defect.isRemote === true ? chaosStore(memory) : memory
  return {
    driver: 'broken',
    servers: sound.servers,
    client: undefined,
    get limits() {
      // Without that, each has a memory of its own, with a server before it or not.
      return { ...sound.limits, shared: defect.isShared === true }
    },
    ...(sound.epochNow === undefined ? {} : { epochNow: sound.epochNow }),
    ...(defect.serializer === undefined ? {} : { serializer: defect.serializer }),
    space(path, format) {
      const kept = defect.path?.(path) ?? path
      const whole = delegate(sound.space(kept, defect.format?.(format) ?? format))
      return { ...whole, ...defect.space?.(whole, kept, memory, format) }
    },
    listen: listener => sound.listen(listener),
    ping: call => sound.ping(call),
    flush: call => sound.flush(call),
    serverStats: (section, call) => sound.serverStats(section, call),
    close: call => (defect.isShared === true ? undefined : sound.close(call)),
    ...(typeof defect.store === 'function' ? defect.store(sound) : defect.store),
  }
}

/** Deletes what a wrong idea of "everything in this namespace" takes with it. */
export function clearWhere(store: MemoryStore, takes: (wireKey: string) => boolean): void {
  for (const wireKey of [...store.client.keys()]) if (takes(wireKey)) store.client.delete(wireKey)
}

/** The same space with other names for keys. */
export function renamed(rename: (key: string) => string): Alter {
  return sound => ({
    get: (key, call) => sound.get(rename(key), call),
    getMany: (keys, call) => sound.getMany(keys.map(rename), call),
    write: (write, call) => sound.write({ ...write, key: rename(write.key) }, call),
    writeMany: (writes, call) =>
      sound.writeMany(
        writes.map(write => ({ ...write, key: rename(write.key) })),
        call,
      ),
    claim: (key, lease, ttl, call) => sound.claim(rename(key), lease, ttl, call),
    remove: (key, only, call) => sound.remove(rename(key), only, call),
    removeMany: (keys, call) => sound.removeMany(keys.map(rename), call),
    take: (key, call) => sound.take(rename(key), call),
    touch: (key, ttl, call) => sound.touch(rename(key), ttl, call),
    count: (key, by, create, call) => sound.count(rename(key), by, create, call),
  })
}

/** The same space with other ttls. */
export function retimed(retime: (ttl: number) => number): Alter {
  return sound => ({
    write: (write, call) => sound.write({ ...write, ttl: retime(write.ttl) }, call),
    writeMany: (writes, call) =>
      sound.writeMany(
        writes.map(write => ({ ...write, ttl: retime(write.ttl) })),
        call,
      ),
    claim: (key, lease, ttl, call) => sound.claim(key, lease, retime(ttl), call),
    touch: (key, ttl, call) => sound.touch(key, retime(ttl), call),
    count: (key, by, create, call) => sound.count(key, by, create && { ...create, ttl: retime(create.ttl) }, call),
  })
}

function delegate(space: Space): Space {
  return {
    get: (key, call) => space.get(key, call),
    getMany: (keys, call) => space.getMany(keys, call),
    write: (write, call) => space.write(write, call),
    writeMany: (writes, call) => space.writeMany(writes, call),
    claim: (key, lease, ttl, call) => space.claim(key, lease, ttl, call),
    remove: (key, only, call) => space.remove(key, only, call),
    removeMany: (keys, call) => space.removeMany(keys, call),
    take: (key, call) => space.take(key, call),
    touch: (key, ttl, call) => space.touch(key, ttl, call),
    count: (key, by, create, call) => space.count(key, by, create, call),
    clear: nextCall => space.clear(nextCall),
    keys: (pattern, nextCall) => space.keys(pattern, nextCall),
    wireKey: (key, call) => space.wireKey(key, call),
    serverOf: (key, route) => space.serverOf(key, route),
  }
}
