// Random interleavings of loads and invalidations by two processes: node races.js <memory|redis|memcached> [rounds] [seed] [lease: true|false]
// Prints what was found as JSON; ends with 1 where a stale value was stored or served as fresh, or a load was lost.
import { Worker } from 'node:worker_threads'
import { cacheOver } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { startMemcached } from '@anycache/testing/memcached'
import { startRedis } from '@anycache/testing/redis'
import { laneSize, planOf, RacingProcess, randomOf } from './process.js'

const [backend = 'memory', roundsGiven = '500', seedGiven = String(Date.now() % 2 ** 31), leaseGiven = 'true'] =
  process.argv.slice(2)
const rounds = Number(roundsGiven)
const seed = Number(seedGiven)
const lease = leaseGiven !== 'false'
const lanes = 32
const shared = new Int32Array(new SharedArrayBuffer(lanes * laneSize * 4))

/** Two caches over one store: what two processes are to a server. */
function inMemory() {
  const store = new MemoryStore()
  const processes = [0, 1].map(index => {
    const cache = cacheOver(store, { namespace: 'races' })
    const caches = Array.from({ length: lanes }, (_, lane) => cache.namespace(`lane${lane}`))
    return { racing: new RacingProcess(index, caches, shared, lease), cache }
  })
  return {
    ask: (index, call, ...args) => processes[index].racing[call](...args),
    close: () => Promise.all(processes.map(({ cache }) => cache.close())),
  }
}

async function onServer(start) {
  const server = await start()
  const url = `${server.url}?namespace=races&timeout=10s&onError=throw`
  const workers = await Promise.all([0, 1].map(index => threadOf({ index, url, lanes, shared, lease })))
  return {
    ask: (index, call, ...args) => workers[index].ask(call, args),
    async close() {
      await Promise.all(workers.map(worker => worker.close()))
      await server.stop()
    },
  }
}

async function threadOf(workerData) {
  const worker = new Worker(new URL('worker.js', import.meta.url), { workerData })
  const exit = new Promise((resolve, reject) => {
    worker.once('exit', resolve)
    worker.once('error', reject)
  })
  const waiting = new Map()
  let last = 0
  const answerTo = id => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
  worker.on('message', ({ id, answer, error }) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) resolve(answer)
    else reject(new Error(error))
  })
  await answerTo(0)
  return {
    ask(call, args) {
      const id = ++last
      worker.postMessage({ id, call, args })
      return answerTo(id)
    },
    async close() {
      worker.postMessage({ call: 'close' })
      await exit
    },
  }
}

const sum = { loads: 0, invalidations: 0, raced: 0, unstored: 0, stale: 0, lost: 0 }
const sources = {}
const samples = []

function note(found) {
  sum[found.what]++
  if (samples.length < 10) samples.push(found)
}

/** A load that nothing disturbed is stored. */
function judge(plan, loads, invalidations, round) {
  // Those of other kinds may lose to each other: a forced load takes the key over, a short lease may end, one that sets its tags late gives way to
  // any tag's invalidation, and a refresh may be first.
  for (const { from, to, stored, key } of loads) {
    const raced = invalidations.some(other => other.from < to && from < other.to)
    sum.loads++
    if (raced) sum.raced++
    if (stored) continue
    sum.unstored++
    if (!raced && plan.kind === 'plain')
      note({ what: 'lost', why: 'a load that nothing disturbed was not stored', key, ...round })
  }
  sum.invalidations += invalidations.length
}

async function run(ask, lane, roundSeed) {
  const plan = planOf(roundSeed, lane)
  const { keys, tags } = plan
  const round = { lane, seed: roundSeed, plan: plan.kind }
  if (plan.startsEmpty) await ask(plan.writer, 'empty', lane, keys)
  const logs = await Promise.all([0, 1].map(index => ask(index, 'round', { lane, seed: roundSeed })))
  judge(
    plan,
    logs.flatMap(({ loads }) => loads),
    logs.flatMap(({ invalidations }) => invalidations),
    round,
  )
  for (const { found } of logs) for (const each of found) note({ ...each, ...round })
  for (const log of logs)
    for (const [name, count] of Object.entries(log.sources)) sources[name] = (sources[name] ?? 0) + count

  // Now that nothing else happens: one process loads, and the other one finds that.
  const { found, source } = await ask(plan.writer, 'settle', lane, keys, tags)
  const seen = await ask(1 - plan.writer, 'versions', lane, keys)
  for (const [i, key] of keys.entries()) {
    const { v, source: from } = found[i]
    if (v !== source) note({ what: 'stale', why: `${key} was ${v} at rest, not ${source}`, ...round })
    if (seen[i] !== undefined && seen[i] < source) {
      note({ what: 'stale', why: `${key} holds ${seen[i]} at rest, not ${source}`, ...round })
    }
    // What a refresh of the other process stored last may have a short ttl.
    if (seen[i] === undefined && (from === 'load' || plan.kind === 'plain')) {
      note({ what: 'lost', why: `${key} was loaded at rest, and is not there`, ...round })
    }
  }
}

const random = randomOf(seed)
const began = performance.now()
const { ask, close } =
  backend === 'memory' ? inMemory() : await onServer(backend === 'redis' ? startRedis : startMemcached)
let left = rounds
await Promise.all(
  Array.from({ length: lanes }, async (_, lane) => {
    while (left-- > 0) await run(ask, lane, Math.floor(random() * 2 ** 31))
  }),
)
await close()
const seconds = Math.round((performance.now() - began) / 100) / 10
console.log(JSON.stringify({ backend, rounds, seed, seconds, ...sum, sources, samples }))
process.exitCode = sum.stale + sum.lost === 0 ? 0 : 1
