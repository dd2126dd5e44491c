import { type Cache, type CacheError, defaultTimeout, milliseconds, now, ttlMs } from '@anycache/core'
import { configDangers, memcachedDangers, redisDangers, type ServerFacts } from './dangers.js'
import type { Diagnosis, Finding, ServerState } from './diagnosis.js'
import { configFromEnvironment, type Found } from './environment.js'
import { openCaches } from './open-cache.js'
import { configError } from './problems.js'
import { resolveConfig } from './resolve-config.js'
import type { CheckedConfig } from './schema.js'

const pings = 5

/**
 * Opens the cache that `createCache(url)` would open, and examines it. Each server is asked separately, with the timeout of the config:
 * a server too slow for the application counts as unreachable here too. Rejects with `ConfigError`.
 */
export async function examine(url: string | undefined, env: NodeJS.ProcessEnv): Promise<Diagnosis> {
  const found: Found = url === undefined ? configFromEnvironment(env) : { source: 'argument', config: url }
  const resolved = resolveConfig(found.config)
  if ('problems' in resolved) throw configError(found.source, resolved.problems)
  const { config } = resolved
  const findings = configDangers(config, env.NODE_ENV === 'production')
  const servers: ServerState[] = []
  for (const one of serverByServer(config)) {
    const { state, found: dangers } = await examineServer(one)
    if (state !== undefined) servers.push(state)
    findings.push(...dangers)
  }
  findings.sort((a, b) => Number(a.level === 'warning') - Number(b.level === 'warning'))
  const { namespace, timeout = defaultTimeout, onError = 'open', ttl } = config
  return {
    ok: findings.every(finding => finding.level === 'warning'),
    source: found.source,
    driver: config.driver,
    namespace,
    ttl: ttl === undefined ? Number.POSITIVE_INFINITY : ttlMs(ttl),
    timeout: milliseconds(timeout, 'timeout'),
    onError,
    servers,
    findings,
  }
}

function serverByServer(config: CheckedConfig): CheckedConfig[] {
  if (config.driver !== 'memcached' || config.servers === undefined) return [config]
  return config.servers.map(server => ({ ...config, servers: [server] }))
}

async function examineServer(config: CheckedConfig): Promise<{ state: ServerState | undefined; found: Finding[] }> {
  const [cache] = (await openCaches([config], 'argument')) as [Cache]
  try {
    const [server] = cache.info().servers
    if (server === undefined) return { state: undefined, found: [] }
    return await ask(cache, server, config)
  } finally {
    await cache.close()
  }
}

async function ask(
  cache: Cache,
  server: string,
  config: CheckedConfig,
): Promise<{ state: ServerState; found: Finding[] }> {
  const found: Finding[] = []
  const timeout = cache.info().timeout
  let latency: number
  try {
    await cache.ping()
    latency = await medianPing(cache)
  } catch (error) {
    const { code, message } = error as CacheError
    const reachable = code === 'ERR_CACHE_SERVER'
    found.push(reachable ? refused(server, message) : unreachable(server, message, timeout, config))
    return { state: { server, reachable, error: { code, message } }, found }
  }
  if (latency > timeout / 2) {
    const message = `a ping takes ${latency} ms, more than half the timeout of ${timeout} ms: calls will time out.`
    found.push({ level: 'warning', code: 'slow', server, message, remedy: 'Move the server closer, or raise timeout.' })
  }
  try {
    const facts = await factsOf(cache)
    if (config.driver === 'redis') {
      found.push(...redisDangers(server, facts, Number.isFinite(cache.info().ttl)))
    } else {
      found.push(...memcachedDangers(server, facts, await factsOf(cache, 'settings')))
    }
    return { state: { server, reachable: true, latency, version: versionOf(config.driver, facts) }, found }
  } catch (error) {
    const { code, message } = error as CacheError
    const remedy = 'Allow this user INFO (Redis: ACL SETUSER <name> +info), or examine the server as another user.'
    found.push({
      level: 'warning',
      code: 'no-statistics',
      server,
      message: 'its statistics could not be read.',
      remedy,
    })
    return { state: { server, reachable: true, latency, error: { code, message } }, found }
  }
}

function refused(server: string, reason: string): Finding {
  const remedy = 'Check the user, the password and the database, and whether the server is busy.'
  return { level: 'problem', code: 'refused', server, message: reason, remedy }
}

function unreachable(server: string, reason: string, timeout: number, config: CheckedConfig): Finding {
  // A server of another kind, or one that waits for TLS, may stay silent: say what was expected.
  const kind = `${config.driver === 'redis' ? 'Redis' : 'memcached'} ${asksForTls(config) ? 'with' : 'without'} TLS`
  const remedy = `Check that ${kind} runs there and that this machine can reach it, or raise timeout above ${timeout} ms.`
  return { level: 'problem', code: 'unreachable', server, message: reason, remedy }
}

function asksForTls(config: CheckedConfig): boolean {
  if (config.driver === 'redis') return Boolean(config.tls)
  if (config.driver !== 'memcached') return false
  const [server] = config.servers ?? []
  return Boolean((typeof server === 'object' ? server.tls : undefined) ?? config.tls)
}

async function medianPing(cache: Cache): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < pings; i++) {
    const start = now()
    await cache.ping()
    times.push(now() - start)
  }
  times.sort((a, b) => a - b)
  return Number((times[(pings - 1) / 2] as number).toFixed(2))
}

async function factsOf(cache: Cache, section?: string): Promise<ServerFacts> {
  const [first] = await cache.serverStats(section)
  if (first === undefined) return {}
  if (first.error !== undefined) throw first.error
  return first.stats
}

function versionOf(driver: string, facts: ServerFacts): string {
  if (driver === 'memcached') return `memcached ${facts.version}`
  return facts.valkey_version === undefined ? `Redis ${facts.redis_version}` : `Valkey ${facts.valkey_version}`
}
