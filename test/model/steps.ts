import fc from 'fast-check'
import { expect } from 'vitest'
import {
  findsHit,
  givenBy,
  isStored,
  type Loaded,
  type LoadPlan,
  load,
  loadPlan,
  optionsOf,
  settle,
  staleEntry,
  store,
} from './loads.js'
import type { Model } from './model.js'
import { shown, valueLike } from './values.js'
import { type Outcome, orderedVerbs, outcomeOf, type Place, place, type Verb, valuesFor, verbs } from './verbs.js'
import type { World } from './world.js'

/** One step of a run: done to the caches and to the model, which then agree. */
export abstract class Step implements fc.AsyncCommand<Model, World> {
  report = ''

  check(_model: Readonly<Model>): boolean {
    return true
  }

  async run(model: Model, world: World): Promise<void> {
    this.report = ''
    await this.take(model, world)
    await world.agrees(model)
  }

  toString(): string {
    return `${this.name()}${this.report}`
  }

  /** Each run has steps of its own: what came of a step in the run that failed must not be overwritten by the runs that try to shrink it. */
  [fc.cloneMethod](): this {
    return Object.assign(Object.create(Object.getPrototypeOf(this)), this, { report: '' })
  }

  abstract name(): string
  protected abstract take(model: Model, world: World): Promise<void>

  /** What came of it, for the report of a run that failed. */
  protected note(...what: readonly unknown[]): void {
    this.report += ` → ${what.map(shown).join(', ')}`
  }
}

function called({ process, depth }: Place, verb: Verb): string {
  return `${process}/${depth} ${verb.name}(${verb.args.map(shown).join(', ')})`
}

/** One verb, and then nothing until it has settled. */
class Single extends Step {
  readonly place: Place
  readonly verb: Verb

  constructor(place: Place, verb: Verb) {
    super()
    this.place = place
    this.verb = verb
  }

  name(): string {
    return called(this.place, this.verb)
  }

  async take(model: Model, world: World): Promise<void> {
    const { place, verb } = this
    const values = valuesFor(verb, model)
    const outcome = await outcomeOf(verb.call(world.cache(place), model, place, values))
    this.note(outcome)
    verb.settle(model, place, values, outcome)
  }
}

/** Many verbs of one process in one tick: each acts after those before it. */
class Burst extends Step {
  readonly process: number
  readonly verbs: readonly { readonly place: Place; readonly verb: Verb }[]

  constructor(process: number, verbs: readonly { readonly place: Place; readonly verb: Verb }[]) {
    super()
    this.process = process
    this.verbs = verbs
  }

  name(): string {
    return `at once: ${this.verbs.map(({ place, verb }) => called({ ...place, process: this.process }, verb)).join('; ')}`
  }

  async take(model: Model, world: World): Promise<void> {
    const calls = this.verbs.map(({ place: { depth }, verb }) => {
      const place = { process: this.process, depth }
      const values = valuesFor(verb, model)
      return { place, verb, values, outcome: outcomeOf(verb.call(world.cache(place), model, place, values)) }
    })
    const outcomes: Outcome[] = await Promise.all(calls.map(({ outcome }) => outcome))
    this.note(...outcomes)
    for (const [i, { place, verb, values }] of calls.entries()) {
      verb.settle(model, place, values, outcomes[i] as Outcome)
    }
  }
}

/** Time passes. */
class Pass extends Step {
  readonly ms: number

  constructor(ms: number) {
    super()
    this.ms = ms
  }

  name(): string {
    return `${this.ms} ms pass`
  }

  async take(model: Model, world: World): Promise<void> {
    if (!world.hasClock) return
    world.advance(this.ms)
    model.now += this.ms
  }
}

function planned({ process, depth }: Place, plan: LoadPlan): string {
  const { key, kind, gives } = plan
  const late = plan.late && plan.tags.length > 0 ? `, setTags(${plan.tags})` : ''
  return `${process}/${depth} getOrSet(${key}, ${shown(optionsOf(plan))}): ${kind}, ${gives}${late}`
}

class LoadAlone extends Step {
  readonly place: Place
  readonly plan: LoadPlan

  constructor(place: Place, plan: LoadPlan) {
    super()
    this.place = place
    this.plan = plan
  }

  name(): string {
    return planned(this.place, this.plan)
  }

  async take(model: Model, world: World): Promise<void> {
    const { place, plan } = this
    const value = valueLike(plan.kind, model.next())
    const loaded = await load(world.cache(place), plan, value)
    this.note(loaded)
    if (settle(model, place.depth, plan, value, loaded)) await forget(model, place, plan.key, world)
  }
}

/** Where the contract leaves open what lies under the key, it is deleted. */
async function forget(model: Model, place: Place, key: string, world: World): Promise<void> {
  await world.cache(place).delete(key)
  model.remove(place.depth, key)
}

/** A load, and while its loader runs another verb, of the same process or the other one. */
class LoadDuring extends Step {
  readonly place: Place
  readonly plan: LoadPlan
  readonly at: Place
  readonly verb: Verb

  constructor(place: Place, plan: LoadPlan, at: Place, verb: Verb) {
    super()
    this.place = place
    this.plan = plan
    this.at = at
    this.verb = verb
  }

  /** Where nobody can read what lies under the key, it may make room for a lease, and what the verb finds then is open. */
  override check(model: Readonly<Model>): boolean {
    const before = model.kept(this.place.depth, this.plan.key)
    return before === undefined || model.isValid(before)
  }

  name(): string {
    return `${planned(this.place, this.plan)}, while ${called(this.at, this.verb)}`
  }

  async take(model: Model, world: World): Promise<void> {
    const { place, plan, at, verb } = this
    const { depth } = place
    const value = valueLike(plan.kind, model.next())
    let open = (): void => {}
    const opened = new Promise<void>(resolve => {
      open = resolve
    })
    const stale = staleEntry(model, depth, plan)
    const wasHit = findsHit(model, depth, plan)
    const before = model.kept(depth, plan.key)
    let running: Promise<Loaded> | undefined
    await new Promise<void>((resolve, reject) => {
      running = load(world.cache(place), plan, value, opened, resolve)
      running.then(() => resolve(), reject)
    })
    const versions = model.versions(plan.tags)
    const values = valuesFor(verb, model)
    let outcome = await outcomeOf(verb.call(world.cache(at), model, at, values))
    this.note(outcome)
    // The token is compared with whatever lies there, be it a lease.
    const isOverLease = verb.name === 'compareAndSet' && model.kept(at.depth, String(verb.args[0])) === undefined
    if (isOverLease && 'value' in outcome && outcome.value === 'conflict') outcome = { value: 'missing' }
    const under = model.kept(depth, plan.key)
    verb.settle(model, at, values, outcome)
    open()
    const loaded = await (running as Promise<Loaded>)
    this.note(loaded)
    if (wasHit) {
      expect(loaded).toMatchObject({ value: before?.value, source: 'hit', calls: 0 })
      return
    }
    expect(loaded.calls).toBe(1)
    if (plan.gives === 'an error') expect(loaded.failed).toBe(true)
    else expect(loaded.value).toEqual(givenBy(plan, value, stale))
    if (verb.changes === 'tags' && isStored(plan)) {
      const isUndone = !model.isValid({ tags: versions })
      // Tags that the loader names are checked by the epoch of them all.
      const isDoubtful = plan.late && plan.tags.length > 0
      if (isUndone || isDoubtful || (before !== undefined && !model.isValid(before))) {
        // It may have been stored as invalid as it is, or not, or be lost with what it was to replace; read it must not be.
        if (isUndone) expect(await world.cache(place).get(plan.key)).not.toEqual(givenBy(plan, value, undefined))
        await forget(model, place, plan.key, world)
        return
      }
    }
    if (!isStored(plan) || undoes(this, under, model)) return
    if (mayBeLost(this, under)) {
      await forget(model, place, plan.key, world)
      return
    }
    store(model, depth, plan, value, stale)
  }
}

/** Whether the verb changed what the load is about, so that its value must not be stored. */
function undoes({ place, plan, at, verb }: LoadDuring, under: unknown, model: Model): boolean {
  if (verb.changes === 'tags') return false
  const isHere = at.depth === place.depth
  const covers = verb.changes === 'all' ? at.depth <= place.depth : isHere && verb.changes.includes(plan.key)
  if (!covers) return false
  const always = ['set', 'setMany', 'delete', 'deleteMany', 'take', 'clear']
  return always.includes(verb.name) || under !== model.kept(place.depth, plan.key)
}

/** Whether the verb tried to change the key, or touched it: the value may be stored or not. */
function mayBeLost({ place, plan, at, verb }: LoadDuring, under: unknown): boolean {
  if (at.depth !== place.depth) return false
  if (verb.name === 'touch' && verb.args[0] === plan.key) return under !== undefined
  return verb.changes !== 'all' && verb.changes !== 'tags' && verb.changes.includes(plan.key)
}

const aStep = fc.record({ place, verb: verbs })
const duringPlan = loadPlan.map(plan => ({ ...plan, stale: 'none' as const }))

/** Every kind of step. */
export const steps: fc.Arbitrary<Step>[] = [
  aStep.map(({ place, verb }) => new Single(place, verb)),
  fc
    .record({
      process: fc.constantFrom(0, 1),
      verbs: fc.array(fc.record({ place, verb: orderedVerbs }), { minLength: 2, maxLength: 6 }),
    })
    .map(({ process, verbs }) => new Burst(process, verbs)),
  fc.constantFrom(3_007, 9_001, 17_003, 40_009).map(ms => new Pass(ms)),
  fc.record({ place, plan: loadPlan }).map(({ place, plan }) => new LoadAlone(place, plan)),
  fc
    .record({ place, plan: duringPlan, at: place, verb: verbs })
    .map(({ place, plan, at, verb }) => new LoadDuring(place, plan, at, verb)),
]
