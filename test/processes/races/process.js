// One of two processes that load and invalidate the same keys. What it checks needs no clock: the versions of the source, and how far they are
// invalidated, lie in memory that both see at once.

const SOURCE = 0
const BOUND = 1
const MOMENT = 2
/** Int32 of each lane: the version of the source, the version up to which everything older was invalidated, and a count of moments. */
export const laneSize = 3

/** A random number generator that gives the same numbers for the same seed (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const upTo = (random, most) => Math.floor(random() * (most + 1))
const oneOf = (random, list) => list[upTo(random, list.length - 1)]

/** Nothing, some turns of the event loop, or some milliseconds. */
async function delay(random, longest = 4) {
  const kind = random()
  if (kind < 0.3) return
  if (kind < 0.6) {
    for (let turns = upTo(random, 3); turns >= 0; turns--) await new Promise(resolve => setImmediate(resolve))
    return
  }
  await new Promise(resolve => setTimeout(resolve, random() * longest))
}

/** What both processes do in a round alike. */
export function planOf(seed, lane) {
  const random = randomOf(seed)
  const writer = upTo(random, 1)
  const isTagged = lane % 2 === 1
  const keys = lane % 4 < 2 ? ['k'] : ['k', 'j']
  const kind = oneOf(random, [
    'plain',
    'plain',
    'plain',
    'plain',
    'stale',
    'ahead',
    'early',
    'forced',
    'short',
    'tagging',
  ])
  const windows = {
    stale: { ttl: 1 + upTo(random, 8), staleWhileRevalidate: '1m' },
    ahead: { ttl: 20, refreshAhead: 0.01 },
    early: { ttl: 1000, earlyRefresh: 1000 },
    short: { lease: 20 },
  }
  const tags = isTagged ? [`lane ${lane}`] : undefined
  const isTagging = isTagged && kind === 'tagging'
  return {
    writer,
    keys,
    tags,
    kind,
    isTagging,
    options: { ...windows[kind], ...(tags && !isTagging ? { tags } : {}) },
    startsEmpty: random() < 0.6,
  }
}

export class RacingProcess {
  #index
  #caches
  #moments
  #lease
  /** By lane: how far this process has invalidated. */
  #ownBound = new Map()

  /** `caches`: one for each lane. `shared`: Int32Array. */
  constructor(index, caches, shared, lease) {
    this.#index = index
    this.#caches = caches
    this.#moments = shared
    this.#lease = lease
  }

  /** Resolves what happened: counts, and the moments between which loads ran and invalidations took effect. */
  async round({ lane, seed, forces = false }) {
    const plan = planOf(seed, lane)
    const random = randomOf((seed ^ Math.imul(0x9e3779b9, this.#index + 1)) >>> 0)
    const log = { loads: [], invalidations: [], found: [], sources: {} }
    const cache = this.#caches[lane]
    const tasks = []
    const loads = 1 + upTo(random, 2)
    for (let i = 0; i < loads; i++) {
      const own = randomOf(upTo(random, 2 ** 31))
      const force = plan.kind === 'forced' && own() < 0.5
      tasks.push(this.#load(cache, lane, plan, own, log, force || forces))
    }
    for (let i = upTo(random, 3); i > 0; i--)
      tasks.push(this.#read(cache, lane, plan, randomOf(upTo(random, 2 ** 31)), log))
    if (plan.writer === this.#index) tasks.push(this.#invalidate(cache, lane, plan, random, log))
    await Promise.all(tasks)
    return log
  }

  async empty(lane, keys) {
    await this.#caches[lane].deleteMany(keys)
  }

  /** Loads what is absent while nothing else happens; resolves the versions that it got, and where from. */
  async settle(lane, keys, tags) {
    const cache = this.#caches[lane]
    await cache.deleteMany(keys)
    const load = () => ({ v: this.#at(lane, SOURCE) })
    const sources = {}
    const onOutcome = ({ key, source }) => {
      sources[key] = source
    }
    const values = await Promise.all(keys.map(key => cache.getOrSet(key, load, { tags, onOutcome })))
    return { found: keys.map((key, i) => ({ v: values[i].v, source: sources[key] })), source: this.#at(lane, SOURCE) }
  }

  async versions(lane, keys) {
    const values = await this.#caches[lane].getMany(keys)
    return keys.map(key => values.get(key)?.v)
  }

  #at(lane, field) {
    return Atomics.load(this.#moments, lane * laneSize + field)
  }

  #moment(lane) {
    return Atomics.add(this.#moments, lane * laneSize + MOMENT, 1)
  }

  async #load(cache, lane, plan, random, log, force) {
    await delay(random, 6)
    const from = this.#moment(lane)
    const bound = this.#at(lane, BOUND)
    const ownBound = this.#ownBound.get(lane) ?? 0
    const outcomes = new Map()
    const options = { ...plan.options, onOutcome: outcome => outcomes.set(outcome.key, outcome) }
    if (this.#lease === false) options.lease = false
    if (force) options.force = true
    const slow = plan.kind === 'short' ? 60 : 6
    const fetch = async context => {
      await delay(random, slow)
      const v = this.#at(lane, SOURCE)
      if (plan.isTagging) context.setTags(plan.tags)
      await delay(random, slow)
      return { v }
    }
    let values
    try {
      if (plan.keys.length === 1) values = new Map([['k', await cache.getOrSet('k', fetch, options)]])
      else {
        const fetchMany = async (missing, context) => {
          const value = await fetch(context)
          return new Map(missing.map(key => [key, value]))
        }
        values = await cache.getOrSetMany(plan.keys, fetchMany, options)
      }
    } catch (error) {
      log.found.push({ what: 'lost', why: `a load rejected: ${error}`, lane })
      return
    }
    const to = this.#moment(lane)
    for (const key of plan.keys) {
      const v = values.get(key)?.v
      const outcome = outcomes.get(key)
      log.sources[outcome?.source] = (log.sources[outcome?.source] ?? 0) + 1
      if (v === undefined || outcome === undefined) {
        log.found.push({ what: 'lost', why: `a load gave no value or no outcome`, lane, plan: plan.kind })
        continue
      }
      // A load or a wait of this process that was joined began before the call, perhaps before what another process invalidated.
      const isJoined = outcome.source === 'joined' || outcome.loadedBy === 'another-process'
      const least = isJoined ? ownBound : bound
      if (v < least)
        log.found.push({ what: 'stale', why: `${outcome.source} gave ${v}, not ${least}`, lane, plan: plan.kind })
      if (outcome.source === 'load') log.loads.push({ from, to, stored: outcome.stored, key })
    }
  }

  async #read(cache, lane, plan, random, log) {
    await delay(random, 12)
    const bound = this.#at(lane, BOUND)
    for (const [key, { v }] of await cache.getMany(plan.keys)) {
      if (v < bound) log.found.push({ what: 'stale', why: `${key} held ${v}, not ${bound}`, lane, plan: plan.kind })
    }
  }

  async #invalidate(cache, lane, plan, random, log) {
    const { keys, tags } = plan
    const operations = {
      delete: () => Promise.all(keys.map(key => cache.delete(key))),
      deleteMany: () => cache.deleteMany(keys),
      take: () => Promise.all(keys.map(key => cache.take(key))),
      set: v => Promise.all(keys.map(key => cache.set(key, { v }, { tags }))),
      setMany: v =>
        cache.setMany(
          keys.map(key => [key, { v }]),
          { tags },
        ),
      update: v => Promise.all(keys.map(key => cache.update(key, () => ({ v }), { tags }))),
      clear: () => cache.clear(),
      ...(tags ? { invalidateTags: () => cache.invalidateTags(tags) } : {}),
    }
    for (let i = upTo(random, 2); i >= 0; i--) {
      await delay(random, 8)
      const v = Atomics.add(this.#moments, lane * laneSize + SOURCE, 1) + 1
      if (random() < 0.3) await delay(random)
      const name = oneOf(random, Object.keys(operations))
      const from = this.#moment(lane)
      await operations[name](v)
      Atomics.store(this.#moments, lane * laneSize + BOUND, v)
      this.#ownBound.set(lane, v)
      log.invalidations.push({ from, to: this.#moment(lane), name })
    }
  }
}
