// What must hold under every library's fake timers. Plain JavaScript on node:assert, since four test runners run it, some on the build.
import assert from 'node:assert/strict'
import { clearInterval, setInterval } from 'node:timers'
import { createCache } from 'anycache'

/** Large enough for zlib's thread pool. */
const text = 'abc'.repeat(50_000)

async function works(cache) {
  assert.equal(await cache.set('one', { name: 'first', at: new Date(5000) }), true)
  const { name, at } = await cache.get('one')
  assert.equal(name, 'first')
  assert.equal(at.getTime(), 5000)
  assert.equal(await cache.set('text', text), true)
  assert.equal(await cache.get('text'), text)
  const many = Array.from({ length: 500 }, (_, i) => [`many ${i}`, i])
  assert.deepEqual(await cache.setMany(many), [])
  assert.deepEqual([...(await cache.getMany(['many 3', 'absent', 'many 499']))].sort(), [many[3], many[499]])
  assert.equal(await cache.increment('count', 2), 2)
  assert.equal(await cache.getOrSet('loaded', async () => 'by the loader'), 'by the loader')
  assert.equal(await cache.update('one', () => 'updated'), 'updated')
  assert.equal(await cache.deleteMany(['one', 'text', 'count', 'loaded', 'absent']), 4)
  assert.equal(await cache.get('one'), undefined)
}

function open({ url }, options) {
  return createCache({ ...(url === '' ? { driver: 'memory' } : { url }), timeout: '10s', onError: 'throw', ...options })
}

/** Runs the function under fakes until its promise settles, including everything it awaits. */
async function faked({ install }, run) {
  const restore = install()
  try {
    return await run()
  } finally {
    restore()
  }
}

const late = { code: 'ERR_CACHE_TIMEOUT' }

/** For every backend. */
export const everywhere = {
  async 'works and closes under fakes that were installed before its first call'(bench) {
    const cache = await open(bench)
    await faked(bench, async () => {
      await works(cache)
      await cache.close()
    })
  },

  async 'works under fakes that are installed between two calls, and after their removal'(bench) {
    const cache = await open(bench)
    await works(cache)
    await faked(bench, () => works(cache))
    await works(cache)
    await cache.close()
  },

  async 'works after the removal of fakes that were installed at its first calls'(bench) {
    const cache = await open(bench)
    await faked(bench, () => works(cache))
    await works(cache)
    await cache.close()
  },

  async 'settles calls during which fakes are installed or removed'(bench) {
    const cache = await open(bench)
    const beforeFakes = cache.set('early', 'bird')
    await faked(bench, async () => assert.equal(await beforeFakes, true))
    let duringFakes
    await faked(bench, async () => {
      duringFakes = cache.get('early')
    })
    assert.equal(await duringFakes, 'bird')
    await faked(bench, () => works(cache))
    await cache.close()
  },
}

/** For a server, which the bench can freeze. */
export const withServer = {
  async 'ends calls at their deadline when the server is frozen'(bench) {
    const cache = await open(bench, { timeout: '300ms', breaker: false })
    await cache.set('key', 1, { timeout: '10s' })
    await bench.freeze()
    await faked(bench, async () => {
      await assert.rejects(cache.get('key'), late)
      await assert.rejects(cache.set('key', 2), late)
      await assert.rejects(cache.getMany(['key', 'other']), late)
      await assert.rejects(cache.increment('count'), late)
      await cache.close()
    })
    bench.thaw()
  },

  async 'ends calls at their deadline when a frozen server answers no new connection'(bench) {
    const cache = await open(bench, { timeout: '300ms', breaker: false })
    await bench.freeze()
    await faked(bench, async () => {
      await assert.rejects(cache.get('key'), late)
      await cache.close()
    })
    bench.thaw()
  },

  async 'recovers with its server: the breaker opens, probes and closes'(bench) {
    const cache = await open(bench, { timeout: '300ms' })
    const states = []
    const closed = new Promise(resolve => {
      cache.on('breaker', ({ state }) => {
        states.push(state)
        if (state === 'closed') resolve()
      })
    })
    await cache.set('key', 1, { timeout: '10s' })
    await bench.freeze()
    // A scheduled probe does not keep the process alive.
    const alive = setInterval(() => {}, 1000)
    await faked(bench, async () => {
      while (!states.includes('open')) await cache.get('key').catch(() => {})
      bench.thaw()
      await closed
      assert.equal(await cache.set('key', 3, { timeout: '10s' }), true)
      assert.equal(await cache.get('key', { timeout: '10s' }), 3)
      await cache.close()
    })
    clearInterval(alive)
  },
}
