import { countsAsAbsent, FLAGS_TORN, renewed } from '@anycache/serializer'
import { isOutage } from '../errors.js'
import { maxTtl } from '../input/ttl.js'
import type { CallOptions } from '../options.js'
import { type Call, owed, type Space } from '../store.js'
import type { Namespace } from './namespace.js'
import { inTurn } from './turn.js'

/** `touch` after its arguments were checked. */
export async function touchEntry(
  namespace: Namespace,
  key: string,
  ttl: number,
  options: CallOptions | undefined,
): Promise<boolean> {
  // A touch changes no value, so a load of the key goes on.
  const space = namespace.keepingLoads()
  const { order, prefix } = namespace
  const touch = async (call: Call): Promise<boolean> => {
    const touched = await space.touch(key, ttl, call)
    return touched === 'has-metadata' ? rewrite(namespace, space, key, ttl, options) : touched === 'touched'
  }
  try {
    return await inTurn({
      call: namespace.call(options),
      // Its place, until it is done: what is called later must not get the time of this touch.
      queue: run => order.exclusive(prefix + key, async () => run()),
      send: touch,
      forgo: () => space.owe?.(key),
      tooLate: () => namespace.tooLate(key),
    })
  } catch (error) {
    namespace.endure(error, 'touch', key, options)
    return false
  }
}

/** What ends with the life of an entry may lie within it, so that another life is another write, over the very version that was read. */
async function rewrite(
  namespace: Namespace,
  space: Space,
  key: string,
  ttl: number,
  options: CallOptions | undefined,
): Promise<boolean> {
  try {
    const item = await namespace.reads.get(key, namespace.versionedCall(options))
    // Deleted since it was touched, or touched for one who may not see it.
    if (item === undefined || item === owed) return true
    const now = namespace.entries.epochNow()
    if (countsAsAbsent(item, now)) return false
    const { flags, data, metadata, casToken } = item
    // Bytes that nobody can read are there all the same.
    if (flags === FLAGS_TORN || metadata === undefined) return true
    const life = renewed(metadata, now, ttl)
    const keptFor = life.keptFor === Number.POSITIVE_INFINITY ? life.keptFor : Math.min(life.keptFor, maxTtl)
    const when = casToken === undefined || !namespace.root.store.limits.cas ? 'present' : { casToken }
    const moved = { flags, data, metadata: life.metadata }
    const { outcome } = await space.write({ key, item: moved, ttl: keptFor, when }, namespace.call(options))
    // A conflict: it was written since, and the touch came before.
    return outcome === 'stored' || outcome === 'conflict'
  } catch (error) {
    if (isOutage(error)) space.owe?.(key)
    throw error
  }
}
