import { ValueTooLargeError } from '../errors.js'
import type { Item } from '../store.js'
import type { Namespace } from './namespace.js'

/** Whether the item is larger than the cache's `maxValueBytes`. */
export function isOverLimit({ root }: Namespace, item: Item): boolean {
  const { maxValueBytes } = root.settings
  if (maxValueBytes === Number.POSITIVE_INFINITY) return false
  return item.data.length > maxValueBytes || byteLength(item) > maxValueBytes
}

/** Why the item was not stored: it is over that limit, or the server's own. */
export function overLimitError({ root, reads }: Namespace, op: string, key: string, item: Item): ValueTooLargeError {
  const limit = Math.min(root.settings.maxValueBytes, root.store.limits.maxItemBytes)
  const message = `the value of ${byteLength(item)} bytes is over the limit of ${limit} bytes and was not stored`
  return new ValueTooLargeError(message, { op, key, server: reads.serverOf(key) })
}

function byteLength(item: Item): number {
  return typeof item.data === 'string' ? Buffer.byteLength(item.data) : item.data.byteLength
}
