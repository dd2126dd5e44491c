// One process with one task, named in TASK. Runs the built packages, as an application would.
import { setTimeout as sleep } from 'node:timers/promises'
import { createCache } from 'anycache'

const { CACHE_URL, TASK } = process.env
const cache = await createCache(CACHE_URL)
await cache.ping()
process.send('ready')
// All processes begin together.
await new Promise(resolve => process.once('message', resolve))

const tasks = {
  /** 50 callers on each of 20 keys. */
  async stampede() {
    const loaded = []
    const load = async ({ key }) => {
      loaded.push(key)
      await sleep(50)
      return `value of ${key}`
    }
    const keys = Array.from({ length: 20 }, (_, i) => `cold ${i}`)
    const values = await Promise.all(
      keys.flatMap(key => Array.from({ length: 50 }, () => cache.getOrSet(key, load, { lease: '1m' }))),
    )
    return { loaded, values: [...new Set(values)] }
  },
  /** A load that its process does not live to see the end of. */
  async die() {
    await cache.getOrSet('k', () => new Promise(() => process.send('loading')), { lease: '1s' })
  },
  async survive() {
    const loaded = []
    const load = ({ key }) => {
      loaded.push(key)
      return 'loaded'
    }
    return { loaded, value: await cache.getOrSet('k', load, { lease: '1s' }) }
  },
  /** A load that takes several leases. */
  async slow() {
    const load = async () => {
      process.send('loading')
      await sleep(5000)
      return 'the slow value'
    }
    let outcome
    const value = await cache.getOrSet('k', load, { lease: '1s', onOutcome: given => (outcome = given) })
    return { value, stored: outcome.stored }
  },
  async patient() {
    let loads = 0
    const value = await cache.getOrSet('k', () => `load ${++loads}`, { lease: '1m' })
    return { value, loads }
  },
  async hold() {
    const lock = await cache.lock('k', { ttl: '1s' })
    process.send({ fence: lock.fence })
    await new Promise(() => {})
  },
  /** Counts without atomic verbs, under a lock. */
  async contend() {
    for (let i = 0; i < 25; i++) {
      const lock = await cache.lock('count', { ttl: '1m', wait: '1m' })
      const count = (await cache.get('count')) ?? 0
      await sleep(Math.random() * 2)
      await cache.set('count', count + 1)
      await cache.set('fences', [...((await cache.get('fences')) ?? []), lock.fence])
      await lock.release()
    }
    return {}
  },
}

process.send(await tasks[TASK]())
await cache.close()
process.disconnect()
