import type { Lock, LockOptions } from '../cache.js'
import { NotSupportedError } from '../errors.js'
import type { Namespace } from './namespace.js'

/** `lock` after its arguments were checked. */
export async function acquireLock(
  _namespace: Namespace,
  key: string,
  _options: LockOptions | undefined,
): Promise<Lock | undefined> {
  throw new NotSupportedError('not yet', { op: 'lock', key })
}
