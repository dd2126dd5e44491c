import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultsOf } from '../src/check.js'
import type { Contender, Tagged } from '../src/contender.js'
import { backendNames, lineup } from '../src/contenders/lineup.js'
import { payload, payloadNames } from '../src/payloads.js'
import { callers } from '../src/questions/stampede.js'
import { Servers } from '../src/servers.js'

let servers: Servers

beforeAll(() => {
  servers = new Servers()
})

afterAll(() => servers[Symbol.asyncDispose]())

describe.each(backendNames)('on %s', backend => {
  const contenders = Object.entries(lineup[backend])

  describe.each(contenders)('%s', (name, open) => {
    test.each(payloadNames)('answers rightly before it is timed, with %s', async kind => {
      const contender = await open({ port: await servers.portOf(backend), payload: kind })
      try {
        expect(await faultsOf(contender, kind, `check:${name}:${kind}`)).toEqual([])
      } finally {
        await contender.close()
      }
    })
  })
})

describe.each(backendNames)('a stampede on %s', backend => {
  test.each(Object.entries(lineup[backend]))('%s loads once, or for each caller', async (name, open) => {
    const contender = await open({ port: await servers.portOf(backend), payload: 'text' })
    try {
      let loads = 0
      const load = async (): Promise<string> => {
        loads++
        await new Promise(resolve => setTimeout(resolve, 20))
        return 'loaded'
      }
      await Promise.all(Array.from({ length: callers }, () => contender.getOrSet(`stampede:${name}`, load)))
      expect(loads).toBe(['anycache', 'cache-manager', 'bentocache'].includes(name) ? 1 : callers)
    } finally {
      await contender.close()
    }
  })
})

test('the text is 100 bytes, the object 1 KB, and no two are alike', () => {
  expect(Buffer.byteLength(String(payload('text', 7)))).toBe(100)
  expect(Math.abs(Buffer.byteLength(JSON.stringify(payload('json', 7))) - 1024)).toBeLessThan(50)
  for (const kind of payloadNames) expect(payload(kind, 7)).not.toEqual(payload(kind, 8))
})

describe('a contender is not timed that', () => {
  const faulty: [string, (sound: Contender) => Partial<Contender>][] = [
    ['forgets what it was given', () => ({ set: () => true })],
    [
      'keeps the first value',
      sound => ({ set: async (key, value) => (await sound.get(key)) ?? sound.set(key, value) }),
    ],
    ['mixes up many', sound => ({ getMany: keys => sound.getMany(keys.toReversed()) })],
    ['does not store what it loaded', sound => ({ getOrSet: async (key, load) => (await sound.get(key)) ?? load() })],
    ['serves what was invalidated', sound => ({ tagged: { ...taggedOver(sound), invalidate: () => true } })],
    ['gives the same answer to all concurrent callers', sound => ({ get: oneForAll(sound) })],
  ]

  test.each(faulty)('%s', async (_, fault) => {
    const sound = soundContender()
    expect(await faultsOf(soundContender(), 'text', 'check')).toEqual([])
    expect(await faultsOf({ ...sound, ...fault(sound) }, 'text', 'check')).not.toEqual([])
  })
})

function soundContender(): Contender {
  const held = new Map<string, unknown>()
  const get = (key: string): unknown => held.get(key)
  return {
    get,
    set: (key, value) => held.set(key, value),
    getMany: keys => keys.map(get),
    async getOrSet(key, load) {
      if (!held.has(key)) held.set(key, await load())
      return held.get(key)
    },
    close() {},
  }
}

function taggedOver(sound: Contender): Tagged {
  return { set: (key, value) => sound.set(key, value), getOrSet: sound.getOrSet, invalidate: () => true }
}

function oneForAll(sound: Contender): (key: string) => Promise<unknown> {
  let shared: Promise<unknown> | undefined
  return key => {
    shared ??= new Promise(resolve => setImmediate(resolve)).then(() => {
      shared = undefined
      return sound.get(key)
    })
    return shared
  }
}
