import type { CallOptions } from '../cache.js'
import type { Namespace } from './namespace.js'

/** `invalidateTags` after its arguments were checked. */
export async function invalidateTags(
  namespace: Namespace,
  tags: readonly string[],
  options: CallOptions | undefined,
): Promise<void> {
  try {
    await namespace.changingTags(tags).invalidate(tags, () => namespace.call(options))
  } catch (error) {
    throw namespace.outage(error, 'invalidateTags', undefined)
  }
}
