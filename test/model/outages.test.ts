import { type ChaosStore, chaosStore } from '@anycache/conformance/testing'
import { type Cache, cacheOver } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { budget } from './budget.js'
import { keys, tagNames } from './model.js'
import { shown } from './values.js'

/** A value that was given to a write or by a loader, and who may still read it. */
interface Known {
  readonly key: string
  readonly tags: readonly string[]
  /** The processes that changed its key, or tried to, since: it is never their answer again. */
  readonly goneFor: Set<number>
}

/**
 * What may be read while servers fail: an outage may look like a miss, and never like an answer. So all that is known is which values
 * no process may read, or no process that tried to be rid of them.
 */
class Knowledge {
  readonly #known = new Map<string, Known>()
  #written = 0

  /** A value that is about to be written. */
  value(key: string, tags: readonly string[]): string {
    const value = `${key} ${++this.#written}`
    this.#known.set(value, { key, tags, goneFor: new Set() })
    return value
  }

  /** A process had the values changed or deleted; `done`: it was told that it is done. */
  gone(of: (known: Known) => boolean, process: number, done: boolean, except?: string): void {
    for (const [value, known] of this.#known) {
      if (value === except || !of(known)) continue
      for (const each of done ? [0, 1] : [process]) known.goneFor.add(each)
    }
  }

  /** Checks the answer to a read. */
  read(process: number, key: string, value: unknown): void {
    if (value === undefined) return
    const known = this.#known.get(value as string)
    expect(known, `${process} read ${shown(value)}, which was never written`).toBeDefined()
    expect(known?.key, `${process} read ${shown(value)}, which is another key's`).toBe(key)
    expect(known?.goneFor.has(process), `${process} read ${shown(value)}, which it had replaced`).toBe(false)
  }

  /** What an outage left undone was made good: what is gone for one is gone for all. */
  settled(): void {
    for (const { goneFor } of this.#known.values()) {
      if (goneFor.size === 0) continue
      for (const each of [0, 1]) goneFor.add(each)
    }
  }
}

class World {
  readonly stores: readonly [ChaosStore, ChaosStore]
  readonly caches: readonly Cache[]

  constructor() {
    const memory = new MemoryStore()
    this.stores = [chaosStore(memory), chaosStore(memory)]
    this.caches = this.stores.map(store => cacheOver(store, { namespace: 'outages', timeout: '5s' }))
  }

  cache(process: number): Cache {
    return this.caches[process] as Cache
  }

  store(process: number): ChaosStore {
    return this.stores[process] as ChaosStore
  }
}

type Take = (known: Knowledge, world: World) => Promise<unknown>

class Step implements fc.AsyncCommand<Knowledge, World> {
  readonly #name: string
  readonly #take: Take
  #report = ''

  constructor(name: string, take: Take) {
    this.#name = name
    this.#take = take
  }

  check(): boolean {
    return true
  }

  /** Each run has steps of its own, which tell what came of them. */
  [fc.cloneMethod](): Step {
    return new Step(this.#name, this.#take)
  }

  async run(known: Knowledge, world: World): Promise<void> {
    this.#report = ''
    this.#report = ` → ${shown(await this.#take(known, world))}`
    await readsRight(known, world)
  }

  toString(): string {
    return this.#name + this.#report
  }
}

async function readsRight(known: Knowledge, { caches }: World): Promise<void> {
  for (const [process, cache] of caches.entries()) {
    for (const [key, value] of await cache.getMany(keys)) known.read(process, key, value)
  }
}

/** `undefined` where it rejects, as verbs do whose answer a program acts on. */
async function unlessRejected<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    expect((error as { code?: string }).code).toMatch(/^ERR_CACHE_(CONNECTION|TIMEOUT)$/)
    return undefined
  }
}

const process = fc.constantFrom(0, 1)
const key = fc.constantFrom(...keys)
const tags = fc.subarray([...tagNames], { maxLength: 1 })
const at = fc.record({ process, key, tags })

const fault = fc.record({ process, kind: fc.constantFrom('down', 'up', 'up', 'fail 1', 'fail 2', 'fail 4') }).map(
  ({ process, kind }) =>
    new Step(`${process} ${kind}`, async (_, world) => {
      const store = world.store(process)
      if (kind === 'down') store.down()
      else if (kind === 'up') store.up()
      else store.failNext(Number(kind.slice(5)))
    }),
)

const set = at.map(
  ({ process, key, tags }) =>
    new Step(`${process} set(${key}, ${shown(tags)})`, async (known, { caches }) => {
      const value = known.value(key, tags)
      const done = await (caches[process] as Cache).set(key, value, { tags })
      // One that was not done may be done later, or never.
      known.gone(other => other.key === key, process, done, done ? value : undefined)
      return done
    }),
)

const add = at.map(
  ({ process, key, tags }) =>
    new Step(`${process} add(${key}, ${shown(tags)})`, async (known, world) => {
      const value = known.value(key, tags)
      const added = await unlessRejected(world.cache(process).add(key, value, { tags }))
      if (added === true) known.gone(other => other.key === key, process, true, value)
      return added
    }),
)

const remove = at.map(
  ({ process, key }) =>
    new Step(`${process} delete(${key})`, async (known, world) => {
      const before = world.cache(process).stats().errors
      const there = await world.cache(process).delete(key)
      known.gone(other => other.key === key, process, world.cache(process).stats().errors === before)
      return there
    }),
)

const take = at.map(
  ({ process, key }) =>
    new Step(`${process} take(${key})`, async (known, world) => {
      let isDone = true
      const value = await world
        .cache(process)
        .take(key)
        .catch(() => {
          isDone = false
        })
      if (!isDone) return 'rejected'
      known.read(process, key, value)
      known.gone(other => other.key === key, process, true)
      return value
    }),
)

const clear = process.map(
  process =>
    new Step(`${process} clear()`, async (known, world) => {
      const isDone = await world
        .cache(process)
        .clear()
        .then(
          () => true,
          () => false,
        )
      if (isDone) known.gone(() => true, process, true)
      return isDone
    }),
)

const invalidate = fc.record({ process, tag: fc.constantFrom(...tagNames) }).map(
  ({ process, tag }) =>
    new Step(`${process} invalidateTags(${tag})`, async (known, world) => {
      const isDone = await world
        .cache(process)
        .invalidateTags(tag)
        .then(
          () => true,
          () => false,
        )
      if (isDone) known.gone(({ tags }) => tags.includes(tag), process, true)
      return isDone
    }),
)

const load = fc.record({ at, late: fc.boolean() }).map(
  ({ at: { process, key, tags }, late }) =>
    new Step(`${process} getOrSet(${key}, ${shown(tags)}${late ? ' set late' : ''})`, async (known, world) => {
      const value = known.value(key, tags)
      let loads = 0
      const given = await world.cache(process).getOrSet(
        key,
        ({ setTags }) => {
          loads++
          if (late) setTags(tags)
          return value
        },
        late ? {} : { tags },
      )
      if (given === value) expect(loads).toBe(1)
      else known.read(process, key, given)
      return given
    }),
)

const inner = fc.oneof(fault, set, remove, take, clear, invalidate)

/** A load, and while its loader runs faults and changes. */
const loadDuring = fc.record({ at, during: fc.array(inner, { minLength: 1, maxLength: 3 }) }).map(
  ({ at: { process, key, tags }, during }) =>
    new Step(
      `${process} getOrSet(${key}, ${shown(tags)}) while ${during.map(String).join(', ')}`,
      async (known, world) => {
        const value = known.value(key, tags)
        let open = (): void => {}
        const opened = new Promise<void>(resolve => {
          open = resolve
        })
        let loading: Promise<unknown> = Promise.resolve()
        let isCalled = false
        await new Promise<void>((resolve, reject) => {
          const loader = async (): Promise<string> => {
            isCalled = true
            resolve()
            await opened
            return value
          }
          loading = world.cache(process).getOrSet(key, loader, { tags })
          loading.then(() => resolve(), reject)
        })
        for (const step of during) await step.run(known, world)
        open()
        const given = await loading
        if (isCalled) expect(given).toBe(value)
        return [given, during.map(String)]
      },
    ),
)

const steps = [fault, fault, set, add, remove, take, clear, invalidate, load, load, loadDuring, loadDuring]

async function run(commands: Iterable<fc.AsyncCommand<Knowledge, World>>): Promise<void> {
  const world = new World()
  const known = new Knowledge()
  try {
    await fc.asyncModelRun(() => ({ model: known, real: world }), commands)
    for (const store of world.stores) store.up()
    // What was owed is sent in the background: then what one deleted is gone for the other, too.
    await expect.poll(() => agree(world), { timeout: 5000, interval: 5 }).toBe(true)
    known.settled()
    await readsRight(known, world)
  } finally {
    await Promise.all(world.caches.map(cache => cache.close()))
  }
}

/** Whether both processes read the same: one that still owes a delete does not read what the other does. */
async function agree({ caches }: World): Promise<boolean> {
  const [one, other] = await Promise.all(caches.map(cache => cache.getMany(keys)))
  return keys.every(key => one?.get(key) === other?.get(key))
}

test(
  'whatever fails, no process reads what was never written or what it tried to replace',
  async () => {
    let running: Promise<void> | undefined
    const property = fc.asyncProperty(fc.commands(steps, { maxCommands: budget.steps, size: 'max' }), commands => {
      running = run(commands as Iterable<fc.AsyncCommand<Knowledge, World>>)
      return running
    })
    await fc.assert(property, budget.parameters)
    await running?.catch(() => {})
  },
  budget.timeout,
)
