import { type RedisServer, startRedis } from '@anycache/testing/redis'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anySpace, read, store, text, within } from './opened.js'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const key = fc.constantFrom('a', 'b', 'c')
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('get' as const), key }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('getMany' as const), key }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('set' as const), key, size: fc.constantFrom(1, 20_000) }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constantFrom('add' as const, 'replace' as const), key }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constantFrom('remove' as const, 'take' as const), key }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('tick' as const) }) },
)

test('whatever is called in whatever ticks, each key answers as if every call had been waited for', async () => {
  const opened = store({ port: redis.port })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const space = anySpace(opened)
      const model = new Map<string, string>()
      const answers: unknown[] = []
      const expected: unknown[] = []
      for (const [i, each] of steps.entries()) {
        if (each.verb === 'tick') {
          await new Promise(setImmediate)
          continue
        }
        const old = model.get(each.key)
        const value = `${i}:`.padEnd('size' in each ? each.size : 1, 'x')
        if (each.verb === 'get') {
          answers.push(read(space, each.key))
          expected.push(old)
        } else if (each.verb === 'getMany') {
          const many = Promise.resolve(space.getMany([each.key, 'none'], within()))
          answers.push(many.then(([item]) => (typeof item === 'object' && 'data' in item ? String(item.data) : item)))
          expected.push(old)
        } else if (each.verb === 'take') {
          const taken = Promise.resolve(space.take(each.key, within()))
          answers.push(taken.then(item => (item === undefined ? undefined : String(item.data))))
          expected.push(old)
          model.delete(each.key)
        } else if (each.verb === 'remove') {
          answers.push(space.remove(each.key, undefined, within()))
          expected.push(model.delete(each.key))
        } else {
          const when = ({ set: 'always', add: 'absent', replace: 'present' } as const)[each.verb]
          const stored = when === 'always' || (when === 'absent') === (old === undefined)
          answers.push(space.write({ ...text(each.key, value), when }, within()))
          expected.push({ outcome: stored ? 'stored' : when === 'absent' ? 'exists' : 'missing' })
          if (stored) model.set(each.key, value)
        }
      }
      expect(await Promise.all(answers)).toEqual(expected)
    }),
    { numRuns: 150 },
  )
})
