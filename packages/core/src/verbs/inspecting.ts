import type { CacheInfo } from '../cache.js'
import { NotSupportedError } from '../errors.js'
import type { CallOptions } from '../options.js'
import type { ServerStats } from '../store.js'
import type { Namespace } from './namespace.js'

/** The namespace's own keys that match. */
export async function* listKeys(
  namespace: Namespace,
  pattern: string,
  options: CallOptions | undefined,
): AsyncGenerator<string, void, undefined> {
  const { store, order } = namespace.root
  if (!store.limits.keys) {
    throw new NotSupportedError(`${store.driver} cannot list keys; keep a list of your own under a key you know`, {
      op: 'keys',
    })
  }
  if (!order.idle) await order.settled()
  try {
    yield* namespace.reads.keys(pattern, () => namespace.call(options))
  } catch (error) {
    throw namespace.outage(error, 'keys', undefined)
  }
}

/** What the cache was opened with. */
export function infoOf({ root, name }: Namespace): CacheInfo {
  const { store, settings } = root
  return {
    name: settings.name,
    driver: store.driver,
    servers: [...store.servers],
    namespace: name,
    ttl: settings.ttl,
    timeout: settings.timeout,
    onError: settings.onError,
    limits: { ...store.limits },
    source: settings.source,
  }
}

/** `keyFor` after its arguments were checked. */
export async function wireKeyOf(namespace: Namespace, key: string, options: CallOptions | undefined): Promise<string> {
  try {
    return await namespace.reads.wireKey(key, namespace.call(options))
  } catch (error) {
    throw namespace.outage(error, 'keyFor', key)
  }
}

/** `serverStats` after its arguments were checked. Rejects where no server answered. */
export async function statsOfServers(
  namespace: Namespace,
  section: string | undefined,
  options: CallOptions | undefined,
): Promise<ServerStats[]> {
  const outage = (error: unknown): ReturnType<Namespace['outage']> => namespace.outage(error, 'serverStats', undefined)
  let answers: readonly ServerStats[]
  try {
    answers = await namespace.root.store.serverStats(section, namespace.call(options))
  } catch (error) {
    throw outage(error)
  }
  const entries = answers.map(entry => (entry.error === undefined ? entry : { ...entry, error: outage(entry.error) }))
  const [first] = entries
  if (first?.error !== undefined && entries.every(({ error }) => error !== undefined)) throw first.error
  return entries
}

/** `ping` after its arguments were checked. */
export async function pingServers(namespace: Namespace, options: CallOptions | undefined): Promise<void> {
  try {
    await namespace.root.store.ping(namespace.call(options))
  } catch (error) {
    throw namespace.outage(error, 'ping', undefined)
  }
}
