import type { CallOptions } from '../options.js'
import type { Namespace } from './namespace.js'
import { requireTags } from './tagging.js'

/** `invalidateTags` of distinct tags. */
export async function invalidateTags(
  namespace: Namespace,
  tags: readonly string[],
  options: CallOptions | undefined,
): Promise<void> {
  requireTags(namespace, 'invalidateTags')
  const { signals, settings, clearings } = namespace.root
  // A verb of several steps: the store is not closed before it has settled.
  const invalidating = namespace.changingTags(tags).invalidate(tags, () => namespace.call(options))
  clearings.add(invalidating)
  try {
    await invalidating
  } catch (error) {
    throw namespace.outage(error, 'invalidateTags', undefined)
  } finally {
    clearings.delete(invalidating)
  }
  signals.counts.invalidations += tags.length
  if (!signals.hasListeners) return
  const { path } = settings
  signals.emit('invalidate', { tags, namespace: path.length === 0 ? undefined : path.join('/') })
}
