import type { Space } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { fresh, marked } from '../sample-items.js'
import { lease, type StoreTrial } from '../store-trial.js'

const listable = (limits: StoreTrial['limits']): boolean => limits.keys
const forever = Number.POSITIVE_INFINITY

function put(trial: StoreTrial, space: Space, key: string, data = 'v', ttl = forever): unknown {
  return space.write({ key, item: { flags: 0, data }, ttl, when: 'always' }, trial.call())
}

async function has(trial: StoreTrial, space: Space, key: string): Promise<boolean> {
  return (await trial.get(key, space)) !== undefined
}

export const namespaces: StoreCapability = {
  name: 'namespaces',
  cases: [
    {
      title: 'each has its own keys, nested, alike or neighbouring',
      async run(trial) {
        const paths = [[], ['a'], ['a', 'b'], ['b'], ['a.b'], ['ab'], ['A']]
        const spaces = paths.map(path => trial.nested(...path))
        for (const [i, space] of spaces.entries()) await put(trial, space, 'k', `${i}`)
        for (const [i, space] of spaces.entries()) {
          expect(Buffer.from((await trial.get('k', space))?.data as string).toString()).toBe(`${i}`)
        }
      },
    },
    {
      title: 'the empty path is the whole keyspace, where keys travel bare and verbs answer alike',
      async run(trial) {
        const whole = trial.store.space([], nativeFormat)
        const [key, other] = [`${trial.namespace} k`, `${trial.namespace} l`]
        const write = { key, item: lease(), ttl: 60_000 }
        expect((await whole.wireKey(trial.namespace, trial.call())).endsWith(trial.namespace)).toBe(true)
        expect(await whole.write({ ...write, when: 'always' }, trial.call())).toMatchObject({ outcome: 'stored' })
        expect(await whole.touch(key, 60_000, trial.call())).toBe('missing')
        expect(await whole.write({ ...write, when: 'present' }, trial.call())).toEqual({ outcome: 'missing' })
        expect(await whole.count(key, 1, { value: 7, ttl: 60_000 }, trial.call())).toEqual({ value: 7 })
        if (trial.limits.cas) expect(await whole.claim(other, lease(), 60_000, trial.call())).toHaveProperty('won')
        expect(await whole.removeMany([key, other], trial.call())).toEqual([true, false])
        expect(await has(trial, trial.space, key)).toBe(false)
      },
    },
    {
      title: 'two spaces of one path are one namespace',
      async run(trial) {
        const [one, other] = [trial.nested('a'), trial.nested('a')]
        await put(trial, one, 'k')
        expect(await has(trial, other, 'k')).toBe(true)
        expect(await other.remove('k', undefined, trial.call())).toBe(true)
        expect(await has(trial, one, 'k')).toBe(false)
        expect(await one.wireKey('k', trial.call())).toBe(await other.wireKey('k', trial.call()))
      },
    },
    {
      title: "names that hold ~ are core's own, and are namespaces like others",
      async run(trial) {
        const own = trial.nested('~tags')
        await put(trial, own, 'k')
        expect(await has(trial, own, 'k')).toBe(true)
        expect(await has(trial, trial.space, 'k')).toBe(false)
        expect(await own.remove('k', undefined, trial.call())).toBe(true)
      },
    },
    {
      title: 'clear takes a namespace and those nested in it, leases and stale entries too, and no other',
      async run(trial) {
        const inner = ['a', 'b'].map(name => trial.nested('cleared', name))
        const outer = [
          trial.space,
          ...['cleare', 'clearedly', 'cleared.not', 'Cleared'].map(name => trial.nested(name)),
        ]
        const cleared = trial.nested('cleared')
        for (const space of [cleared, ...inner, ...outer]) await put(trial, space, 'k')
        const items = { lease: lease(), stale: marked('v', { softDeadline: 1 }), fresh: fresh('v') }
        for (const [key, item] of Object.entries(items)) {
          await cleared.write({ key, item, ttl: forever, when: 'always' }, trial.call())
        }
        await cleared.clear(() => trial.call())
        for (const key of ['k', 'lease', 'stale', 'fresh']) expect(await has(trial, cleared, key)).toBe(false)
        for (const space of inner) expect(await has(trial, space, 'k')).toBe(false)
        for (const space of outer) expect(await has(trial, space, 'k')).toBe(true)
        expect(await cleared.remove('k', undefined, trial.call())).toBe(false)
        await put(trial, cleared, 'k')
        expect(await has(trial, cleared, 'k')).toBe(true)
      },
    },
    {
      title: "clear of a namespace leaves core's own names in it, and one of those leaves all else",
      async run(trial) {
        const [cleared, inner] = [trial.nested('cleared'), trial.nested('cleared', 'inner')]
        const own = [trial.nested('cleared', '~own'), trial.nested('cleared', 'inner', '~own')]
        for (const space of [cleared, inner, ...own]) await put(trial, space, 'k')
        await cleared.clear(() => trial.call())
        for (const space of own) expect(await has(trial, space, 'k')).toBe(true)
        for (const space of [cleared, inner]) {
          expect(await has(trial, space, 'k')).toBe(false)
          await put(trial, space, 'k')
        }
        await own[0]?.clear(() => trial.call())
        expect(await Promise.all([cleared, inner, ...own].map(space => has(trial, space, 'k')))).toEqual([
          true,
          true,
          false,
          true,
        ])
      },
    },
    {
      title: 'clear of the whole keyspace takes everything, where that is the store’s alone',
      only: limits => limits.clear,
      async run(trial) {
        const store = await trial.another()
        const [whole, nested] = [store.space([], nativeFormat), store.space(['a'], nativeFormat)]
        for (const space of [whole, nested]) await put(trial, space, 'k')
        await whole.clear(() => trial.call())
        for (const space of [whole, nested]) expect(await has(trial, space, 'k')).toBe(false)
      },
    },
    {
      title: 'keys lists the namespace’s own, once each, and not those nested in it',
      only: listable,
      async run(trial) {
        expect(await trial.keys()).toEqual([])
        const names = ['a', 'ü', 'a:b', 'a/b', '*', '[a]', ' ', 'with\nnewline']
        for (const key of names) await trial.put(key, 'v')
        await put(trial, trial.nested('nested'), 'other')
        await put(trial, trial.nested('~own'), 'other')
        expect(await trial.keys()).toEqual([...names].sort())
        expect(await trial.keys('*', trial.nested('nested'))).toEqual(['other'])
        await trial.remove('a')
        expect(await trial.keys()).not.toContain('a')
      },
    },
    {
      title: 'keys lists what matches, where ? is one character, * any number, and all else itself',
      only: listable,
      async run(trial) {
        for (const key of ['a1', 'a22', 'b1', 'a*', 'a[1]', 'A1']) await trial.put(key, 'v')
        expect(await trial.keys('a?')).toEqual(['a*', 'a1'])
        expect(await trial.keys('a*')).toEqual(['a*', 'a1', 'a22', 'a[1]'])
        expect(await trial.keys('a[1]')).toEqual(['a[1]'])
        expect(await trial.keys('?1')).toEqual(['A1', 'a1', 'b1'])
        expect(await trial.keys('nothing')).toEqual([])
      },
    },
    {
      title: 'keys does not list what has expired',
      only: listable,
      waits: true,
      async run(trial) {
        await trial.put('short', 'v', 1000)
        await trial.put('long', 'v', 600_000)
        await trial.expire(1000)
        expect(await trial.keys()).toEqual(['long'])
      },
    },
  ],
}
