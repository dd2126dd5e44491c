import { chaosStore, fakeClock } from '@anycache/conformance/testing'
import { MemcachedStore } from '@anycache/memcached'
import { MemoryStore } from '@anycache/memory'
import { RedisStore } from '@anycache/redis'
import { startMemcached } from '@anycache/testing/memcached'
import { startRedis } from '@anycache/testing/redis'
import fc from 'fast-check'
import { afterAll, describe, test } from 'vitest'
import { budget } from './budget.js'
import { Model } from './model.js'
import { steps } from './steps.js'
import { type Backend, World } from './world.js'

let worlds = 0

const backends: readonly [name: string, start: () => Promise<Backend>][] = [
  [
    'memory',
    async () => {
      const clock = fakeClock()
      const store = new MemoryStore({ clock })
      return { stores: [store, store], advance: ms => clock.advance(ms) }
    },
  ],
  [
    'memory, as two processes share it',
    async () => {
      const clock = fakeClock()
      const memory = new MemoryStore({ clock })
      return { stores: [chaosStore(memory), chaosStore(memory)], advance: ms => clock.advance(ms) }
    },
  ],
  [
    'redis',
    async () => {
      const server = await startRedis()
      afterAll(() => server.stop())
      return { stores: [new RedisStore({ url: server.url }), new RedisStore({ url: server.url })] }
    },
  ],
  [
    'memcached',
    async () => {
      const server = await startMemcached()
      afterAll(() => server.stop())
      const servers = [`127.0.0.1:${server.port}`]
      return { stores: [new MemcachedStore({ servers }), new MemcachedStore({ servers })] }
    },
  ],
]

describe.each(backends)('%s', (_name, start) => {
  test('every answer of the cache is the model’s', { timeout: budget.timeout }, async () => {
    const backend = await start()
    // Keeps the stores open from one run to the next.
    const keeper = new World(backend, 'keeper')
    let running: Promise<void> | undefined
    const run = async (commands: Iterable<fc.AsyncCommand<Model, World>>): Promise<void> => {
      const world = new World(backend, `run${++worlds}`)
      try {
        await fc.asyncModelRun(() => ({ model: new Model(), real: world }), commands)
      } finally {
        await world.close()
      }
    }
    const property = fc.asyncProperty(fc.commands(steps, { maxCommands: budget.steps, size: 'max' }), commands => {
      running = run(commands)
      return running
    })
    await fc.assert(property, budget.parameters)
    // One that the time limit cut off.
    await running?.catch(() => {})
    await keeper.close()
  })
})
