import type { TagVersions } from '../entries/tags.js'
import { tagsOf } from '../input/tags.js'
import type { ManyLoader } from '../loader.js'
import type { LoadOptions } from '../options.js'
import { type Answer, type Failed, isFailed, type Owed, type StoredItem } from '../store.js'
import { picked, sendMany } from '../verbs/many.js'
import type { Namespace } from '../verbs/namespace.js'
import { untilAborted } from '../verbs/until-aborted.js'
import { judge, unanswered } from './answering.js'
import { Batch } from './batch.js'
import type { Flights } from './flights.js'
import { type LoadCall, owned } from './load-call.js'
import { begin, joinRunning } from './starting.js'

/** One call of `getOrSetMany`. */
export interface ManyCall<T> {
  readonly namespace: Namespace
  readonly flights: Flights
  readonly keys: readonly string[]
  readonly loader: ManyLoader<T>
  readonly options: LoadOptions<T> | undefined
}

/** `getOrSetMany` after its arguments were checked. */
export function getOrSetMany<T>(call: ManyCall<T>): Promise<Map<string, T>> {
  const signal = call.options?.signal
  if (signal?.aborted) return Promise.reject(signal.reason)
  const values = valuesOf(call)
  return signal === undefined ? values : untilAborted(values, signal)
}

async function valuesOf<T>({ namespace, flights, keys, loader, options }: ManyCall<T>): Promise<Map<string, T>> {
  const batch = new Batch(keys, loader)
  const one = (key: string): LoadCall<T> =>
    owned({
      namespace,
      flights,
      op: 'getOrSetMany',
      key,
      loader: context => batch.load(context),
      options,
      repeat: again,
      onElsewhere: () => batch.decided(key),
      onRefresh: () => batch.refreshes(key),
    })
  const again = async ({ key }: LoadCall<T>): Promise<T> =>
    (await getOrSetMany({ namespace, flights, keys: [key], loader, options: calls.get(key)?.options })).get(key) as T
  const calls = new Map(keys.map(key => [key, one(key)]))
  const answers = new Map<string, T | Promise<T>>()
  for (const [key, call] of calls) {
    const answer = joinRunning(call, options?.force === true) ?? (options?.force ? begin(call, {}) : undefined)
    if (answer === undefined) continue
    // It may fail while the other keys are read, and is waited for only then.
    answer.catch(() => {})
    answers.set(key, answer)
  }
  const others = keys.filter(key => !answers.has(key))
  if (others.length > 0) await answerFromCache(namespace, others, calls, answers, batch)
  const values = new Map<string, T>()
  // All are waited for: one that fails must not leave another's rejection unhandled.
  const settled = await Promise.allSettled(keys.map(key => answers.get(key)))
  for (const [i, result] of settled.entries()) {
    if (result.status === 'rejected') throw result.reason
    if (result.value !== undefined) values.set(keys[i] as string, result.value as T)
  }
  return values
}

/** Reads the keys in one batch and begins what loads they need. */
async function answerFromCache<T>(
  namespace: Namespace,
  keys: readonly string[],
  calls: ReadonlyMap<string, LoadCall<T>>,
  answers: Map<string, T | Promise<T>>,
  batch: Batch<T>,
): Promise<void> {
  const options = calls.get(keys[0] as string)?.options
  const step = namespace.call(options)
  const named = options?.tags === undefined ? undefined : tagsOf(options.tags, 'getOrSetMany')
  const reading: Answer<TagVersions> | undefined = named && namespace.entries.tags.current(named, step)
  const found = sendMany<StoredItem | Owed | undefined>(namespace, {
    keys,
    options,
    send: (indices, call) => namespace.reads.getMany(picked(keys, indices), call),
  })
  const [items, versions] = await Promise.all([found, reading?.catch((failure): Failed => ({ failure }))])
  for (const [i, key] of keys.entries()) {
    const call = calls.get(key) as LoadCall<T>
    const item = items[i] as StoredItem | Owed | undefined | Failed
    const failed = isFailed(item) ? item : isFailed(versions) ? versions : undefined
    answers.set(key, answerOf(call, item, failed, step, versions as TagVersions | undefined))
  }
  for (const key of keys) {
    const answer = answers.get(key)
    const answered = (): void => batch.answered(key)
    // A load of this call decides for itself.
    if (answer instanceof Promise) answer.then(answered, answered)
    else answered()
  }
}

function answerOf<T>(
  call: LoadCall<T>,
  item: StoredItem | Owed | undefined | Failed,
  failed: Failed | undefined,
  step: Parameters<typeof judge>[2],
  versions: TagVersions | undefined,
): T | Promise<T> {
  try {
    if (failed !== undefined) return unanswered(call, failed.failure)
    return judge(call, item as StoredItem | Owed | undefined, step, versions)
  } catch (error) {
    return Promise.reject(error)
  }
}
