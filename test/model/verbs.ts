import type { Cache, CacheError, CasToken } from '@anycache/core'
import fc from 'fast-check'
import { expect } from 'vitest'
import { type Depth, type Entry, keys, type Model, tagNames, type Value } from './model.js'
import { isCounter, type Kind, kind, valueLike } from './values.js'

/** Where a verb is called. */
export interface Place {
  readonly process: number
  readonly depth: Depth
}

/** What came of a call. */
export type Outcome = { readonly value: unknown } | { readonly code: string }

export async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await call }
  } catch (error) {
    if ((error as CacheError).code === undefined) throw error
    return { code: (error as CacheError).code }
  }
}

/** One verb with its arguments, before it is called: `values` are the ones that it writes. */
export interface Verb {
  readonly name: string
  readonly args: readonly unknown[]
  /** The keys that it may change; all of the namespace without. */
  readonly changes: readonly string[] | 'all' | 'tags'
  /** May be called before the calls in front of it have settled, and yet acts after them. */
  readonly keepsOrder: boolean
  call(cache: Cache, model: Model, place: Place, values: readonly Value[]): Promise<unknown>
  /** Checks what came of it, and does the same to the model. */
  settle(model: Model, place: Place, values: readonly Value[], outcome: Outcome): void
  /** The kinds of the values that it writes. */
  readonly kinds: readonly Kind[]
}

export const hour = 3_600_000
export const short = 10_000
export const ttl = fc.constantFrom(Number.POSITIVE_INFINITY, hour, short)
/** Few places, and some of them often: verbs that never meet find nothing out. */
export const key = fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c')
const someKeys = fc.uniqueArray(fc.constantFrom(...keys), { minLength: 1, maxLength: keys.length })
export const tags = fc.oneof(
  { weight: 1, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.uniqueArray(fc.constantFrom(...tagNames), { minLength: 1 }) },
)
const depth = fc.constantFrom<Depth[]>(0, 0, 0, 1, 1, 2)
export const place: fc.Arbitrary<Place> = fc.record({ process: fc.constantFrom(0, 1), depth })

interface Written {
  readonly ttl: number
  readonly tags: readonly string[]
}
const written: fc.Arbitrary<Written> = fc.record({ ttl, tags })

function optionsOf({ ttl, tags }: Written): { ttl?: number; tags?: readonly string[] } {
  return { ...(ttl !== Number.POSITIVE_INFINITY && { ttl }), ...(tags.length > 0 && { tags }) }
}

function gives(outcome: Outcome, value: unknown): void {
  expect(outcome).toEqual({ value })
}

function rejects(outcome: Outcome, code: string): void {
  expect(outcome).toEqual({ code })
}

type Rest = Omit<Verb, 'name' | 'args' | 'keepsOrder' | 'kinds'> & { keepsOrder?: boolean; kinds?: readonly Kind[] }

function verb(name: string, args: readonly unknown[], rest: Rest): Verb {
  return { name, args, keepsOrder: true, kinds: [], ...rest }
}

const get = key.map(key =>
  verb('get', [key], {
    changes: [],
    call: cache => cache.get(key),
    settle: (model, { depth }, _, outcome) => gives(outcome, model.readable(depth, key)?.value),
  }),
)

const has = key.map(key =>
  verb('has', [key], {
    changes: [],
    call: cache => cache.has(key),
    settle: (model, { depth }, _, outcome) => gives(outcome, model.readable(depth, key) !== undefined),
  }),
)

const getMany = someKeys.map(some =>
  verb('getMany', [some], {
    changes: [],
    call: cache => cache.getMany(some),
    settle: (model, { depth }, _, outcome) => gives(outcome, readableOf(model, depth, some)),
  }),
)

/** The hits among the keys, as `getMany` gives them. */
export function readableOf(model: Model, depth: Depth, some: readonly string[]): Map<string, Value> {
  const found = new Map<string, Value>()
  for (const each of some) {
    const entry = model.readable(depth, each)
    if (entry !== undefined) found.set(each, entry.value)
  }
  return found
}

const getEntry = key.map(key =>
  verb('getEntry', [key], {
    changes: [],
    call: cache => cache.getEntry(key),
    settle(model, { process, depth }, _, outcome) {
      const entry = model.readable(depth, key)
      const found = (outcome as { value: { value: Value; casToken: string } | undefined }).value
      expect(found?.value).toEqual(entry?.value)
      if (entry === undefined || found === undefined) return
      model.tokens.set(`${process} ${depth} ${key}`, { token: found.casToken, entry })
      delete entry.touched
    },
  }),
)

const set = fc.record({ key, kind, written }).map(({ key, kind, written }) =>
  verb('set', [key, kind, optionsOf(written)], {
    changes: [key],
    kinds: [kind],
    call: (cache, _, __, [value]) => cache.set(key, value, optionsOf(written)),
    settle(model, { depth }, [value], outcome) {
      gives(outcome, true)
      model.write(depth, key, value as Value, written.ttl, model.versions(written.tags))
    },
  }),
)

const setMany = fc
  .record({ some: someKeys, of: fc.array(kind, { minLength: 3, maxLength: 3 }), written })
  .map(({ some, of, written }) =>
    verb('setMany', [some, of.slice(0, some.length), optionsOf(written)], {
      changes: some,
      kinds: of.slice(0, some.length),
      call: (cache, _, __, values) =>
        cache.setMany(
          some.map((key, i) => [key, values[i]]),
          optionsOf(written),
        ),
      settle(model, { depth }, values, outcome) {
        gives(outcome, [])
        const versions = model.versions(written.tags)
        for (const [i, key] of some.entries()) model.write(depth, key, values[i] as Value, written.ttl, versions)
      },
    }),
  )

const conditional = fc
  .record({ name: fc.constantFrom('add' as const, 'replace' as const), key, kind, written })
  .map(({ name, key, kind, written }) =>
    verb(name, [key, kind, optionsOf(written)], {
      changes: [key],
      kinds: [kind],
      call: (cache, _, __, [value]) => cache[name](key, value, optionsOf(written)),
      settle(model, { depth }, [value], outcome) {
        const isPresent = model.present(depth, key) !== undefined
        gives(outcome, isPresent === (name === 'replace'))
        const versions = model.versions(written.tags)
        if (isPresent === (name === 'replace')) model.write(depth, key, value as Value, written.ttl, versions)
      },
    }),
  )

const compareAndSet = fc.record({ key, kind, written }).map(({ key, kind, written }) =>
  verb('compareAndSet', [key, kind, optionsOf(written)], {
    changes: [key],
    kinds: [kind],
    // Its token is chosen when it is called.
    keepsOrder: false,
    async call(cache, model, { process, depth }, [value]) {
      const token = model.tokens.get(`${process} ${depth} ${key}`)?.token as CasToken | undefined
      return token === undefined ? 'no token' : cache.compareAndSet(key, value, token, optionsOf(written))
    },
    settle(model, { process, depth }, [value], outcome) {
      const known = model.tokens.get(`${process} ${depth} ${key}`)
      const there = model.kept(depth, key)
      const isOwn = known !== undefined && there === known.entry
      if (known === undefined) gives(outcome, 'no token')
      else if (there === undefined) gives(outcome, 'missing')
      else if (isOwn && !there.touched) gives(outcome, 'stored')
      else if (isOwn || isAlike(there, known.entry)) {
        expect(['stored', 'conflict']).toContain((outcome as { value: unknown }).value)
      } else gives(outcome, 'conflict')
      const versions = known === undefined ? new Map() : model.versions(written.tags)
      if ('value' in outcome && outcome.value === 'stored') {
        model.write(depth, key, value as Value, written.ttl, versions)
      }
    },
  }),
)

/** A rewrite with the very same bytes may pass unnoticed. */
export function isAlike(one: Entry, other: Entry): boolean {
  return one.value === other.value
}

const update = fc
  .record({ key, kind, written, leaves: fc.boolean(), names: fc.boolean() })
  .map(({ key, kind, written, leaves, names }) => {
    const { tags: _, ...untagged } = optionsOf(written)
    const options = names ? { ...untagged, tags: written.tags } : untagged
    return verb('update', [key, leaves ? 'leaves it' : kind, options], {
      changes: leaves ? [] : [key],
      kinds: [kind],
      keepsOrder: false,
      call: (cache, _, __, [value]) => cache.update<unknown>(key, () => (leaves ? undefined : value), options),
      settle(model, { depth }, [value], outcome) {
        const entry = model.readable(depth, key)
        gives(outcome, leaves ? entry?.value : value)
        if (names) model.versions(written.tags)
        if (leaves) return
        const kept = names ? model.versions(written.tags) : (entry?.tags ?? new Map())
        model.write(depth, key, value as Value, written.ttl, kept)
      },
    })
  })

const join = fc
  .record({ name: fc.constantFrom('append' as const, 'prepend' as const), key, text: fc.boolean(), ttl })
  .map(({ name, key, text, ttl }) =>
    verb(name, [key, text ? 'text' : 'bytes', optionsOf({ ttl, tags: [] })], {
      changes: [key],
      call: cache => cache[name](key, text ? '+' : Uint8Array.of(43), optionsOf({ ttl, tags: [] })),
      settle(model, { depth }, _, outcome) {
        const entry = model.readable(depth, key)
        if (entry === undefined) return gives(outcome, false)
        const joined = joinedTo(entry.value, text, name === 'append')
        if (joined === undefined) return rejects(outcome, 'ERR_CACHE_NOT_APPENDABLE')
        gives(outcome, true)
        model.write(depth, key, joined, ttl, entry.tags)
      },
    }),
  )

function joinedTo(value: Value, text: boolean, atEnd: boolean): Value | undefined {
  if (text && typeof value === 'string') return atEnd ? `${value}+` : `+${value}`
  if (!text && value instanceof Uint8Array) return atEnd ? Uint8Array.of(...value, 43) : Uint8Array.of(43, ...value)
  return undefined
}

const touch = fc.record({ key, ttl }).map(({ key, ttl }) =>
  verb('touch', [key, ttl], {
    changes: [],
    call: cache => cache.touch(key, ttl),
    settle(model, { depth }, _, outcome) {
      const entry = model.present(depth, key)
      gives(outcome, entry !== undefined)
      if (entry === undefined) return
      const window = entry.freshUntil === Number.POSITIVE_INFINITY ? 0 : entry.keptUntil - entry.freshUntil
      entry.freshUntil = model.now + ttl
      entry.keptUntil = entry.freshUntil + window
      entry.touched = true
    },
  }),
)

const count = fc
  .record({
    name: fc.constantFrom('increment' as const, 'decrement' as const),
    key,
    by: fc.nat(5),
    creates: fc.boolean(),
    ttl,
  })
  .map(({ name, key, by, creates, ttl }) => {
    const options = { ...optionsOf({ ttl, tags: [] }), ...(!creates && { create: false }) }
    return verb(name, [key, by, options], {
      changes: [key],
      call: cache => cache[name](key, by, options),
      settle(model, { depth }, _, outcome) {
        const step = name === 'increment' ? by : -by
        const entry = model.present(depth, key)
        if (entry === undefined) {
          gives(outcome, creates ? Math.max(0, step) : undefined)
          if (creates) model.write(depth, key, Math.max(0, step), ttl, new Map())
          return
        }
        if (entry.tags.size > 0 || entry.hasWindow || !isCounter(entry.value)) {
          return rejects(outcome, 'ERR_CACHE_NOT_A_COUNTER')
        }
        const value = Math.max(0, entry.value + step)
        gives(outcome, value)
        model.write(depth, key, value, entry.freshUntil - model.now, entry.tags)
      },
    })
  })

const take = key.map(key =>
  verb('take', [key], {
    changes: [key],
    call: cache => cache.take(key),
    settle(model, { depth }, _, outcome) {
      gives(outcome, model.readable(depth, key)?.value)
      model.remove(depth, key)
    },
  }),
)

const remove = key.map(key =>
  verb('delete', [key], {
    changes: [key],
    call: cache => cache.delete(key),
    settle(model, { depth }, _, outcome) {
      gives(outcome, model.present(depth, key) !== undefined)
      model.remove(depth, key)
    },
  }),
)

const removeMany = someKeys.map(some =>
  verb('deleteMany', [some], {
    changes: some,
    call: cache => cache.deleteMany(some),
    settle(model, { depth }, _, outcome) {
      gives(outcome, some.filter(each => model.present(depth, each) !== undefined).length)
      for (const each of some) model.remove(depth, each)
    },
  }),
)

const clear = fc.constant(
  verb('clear', [], {
    changes: 'all',
    call: cache => cache.clear(),
    settle(model, { depth }, _, outcome) {
      gives(outcome, undefined)
      model.clear(depth)
    },
  }),
)

const invalidateTags = fc.uniqueArray(fc.constantFrom(...tagNames), { minLength: 1 }).map(some =>
  verb('invalidateTags', [some], {
    changes: 'tags',
    keepsOrder: false,
    call: cache => cache.invalidateTags(some),
    settle(model, _, __, outcome) {
      gives(outcome, undefined)
      model.invalidate(some)
    },
  }),
)

export const verbs: fc.Arbitrary<Verb> = fc.oneof(
  ...[get, has, getMany, getEntry, getEntry, set, set, setMany, conditional, compareAndSet, update, join, touch],
  ...[update, join, count, take, remove, removeMany, clear, invalidateTags, invalidateTags],
)

/** Verbs whose order on a key is the order of their calls. */
export const orderedVerbs: fc.Arbitrary<Verb> = verbs.filter(({ keepsOrder }) => keepsOrder)

export function valuesFor({ kinds }: Verb, model: Model): readonly Value[] {
  return kinds.map(each => valueLike(each, model.next()))
}
