import type { Finding } from './diagnosis.js'
import type { CheckedConfig } from './schema.js'

/** A server's own statistics and settings. */
export type ServerFacts = Readonly<Record<string, string | number>>

/** What is dangerous in the config itself, whatever the server. */
export function configDangers(config: CheckedConfig, isProduction: boolean): Finding[] {
  const findings: Finding[] = []
  const warn = (code: string, message: string, remedy: string): void => {
    findings.push({ level: 'warning', code, message, remedy })
  }
  if (config.driver === 'memory') {
    if (isProduction) {
      const message =
        'memory in production: each process has its own cache, and a delete in one is not seen by the others.'
      warn(
        'memory-in-production',
        message,
        'Set CACHE_URL to redis:// or memcached://, unless there is only one process.',
      )
    }
    return findings
  }
  if (config.driver === 'null') {
    if (isProduction) warn('null-in-production', 'the null driver caches nothing.', 'Set CACHE_URL to a server.')
    return findings
  }
  if (config.namespace === undefined) {
    const message = 'no namespace: keys mix with those of other applications, and clear() is refused.'
    warn('no-namespace', message, 'Add ?namespace=<application> to the URL.')
  }
  if (config.ttl === undefined || config.ttl === Number.POSITIVE_INFINITY) {
    const message = 'no default ttl: an entry set without a ttl stays until it is evicted, however old.'
    warn('no-ttl', message, 'Add ?ttl=1h, or any age that is acceptable, to the URL.')
  }
  if (typeof config.tls === 'object' && config.tls.rejectUnauthorized === false) {
    const message = 'tls.rejectUnauthorized is false: anyone who intercepts the connection can read it and answer.'
    warn('tls-unverified', message, 'Pass the authority that signed the certificate as tls.ca instead.')
  }
  return findings
}

/** What is dangerous about a Redis, after its INFO. */
export function redisDangers(server: string, info: ServerFacts, hasTtl: boolean): Finding[] {
  const findings: Finding[] = []
  const find = (level: Finding['level'], code: string, message: string, remedy: string): void => {
    findings.push({ level, code, server, message, remedy })
  }
  const limit = Number(info.maxmemory ?? Number.NaN)
  const policy = String(info.maxmemory_policy ?? '')
  const policyRemedy = 'CONFIG SET maxmemory-policy allkeys-lru (and in redis.conf, to make it permanent).'
  if (limit === 0) {
    const message = 'maxmemory is 0: the cache grows until the system runs out of memory and kills the server.'
    find(
      'problem',
      'no-maxmemory',
      message,
      'CONFIG SET maxmemory 512mb, or what the machine can spare, and an allkeys policy.',
    )
  }
  if (policy === 'noeviction') {
    const message = 'maxmemory-policy is noeviction: once memory is full, every write fails.'
    find('problem', 'noeviction', message, policyRemedy)
  } else if (policy.startsWith('volatile-') && !hasTtl) {
    const message = `maxmemory-policy is ${policy}, which evicts only entries with a ttl, and the cache has no default ttl: memory fills up and stays full.`
    find('problem', 'volatile-without-ttl', message, `Set a default ttl, or ${policyRemedy}`)
  }
  const used = Number(info.used_memory ?? Number.NaN) / limit
  if (limit > 0 && used > 0.9 && !policy.startsWith('allkeys-')) {
    const message = `memory is ${Math.round(used * 100)} % full, and ${policy} may find nothing to evict.`
    find('problem', 'memory-nearly-full', message, `Raise maxmemory, or ${policyRemedy}`)
  }
  if (Number(info.evicted_keys) > 0) {
    const message = `${info.evicted_keys} entries were evicted for space since the server started.`
    find('warning', 'evictions', message, 'Raise maxmemory, or shorten ttls, if the hit rate suffers.')
  }
  if (Number(info.aof_enabled) === 1 || Number(info.rdb_saves) > 0) {
    const how = Number(info.aof_enabled) === 1 ? 'an append-only file' : 'snapshots'
    const message = `the server keeps ${how}: a restart from them can bring deleted entries back, and writing them costs latency.`
    find('warning', 'persistence', message, 'CONFIG SET save "" and CONFIG SET appendonly no, if it is only a cache.')
  }
  if (info.role === 'slave') {
    const message = 'the server is a replica: it refuses every write.'
    find('problem', 'replica', message, 'Use its primary instead.')
  }
  if (Number(info.cluster_enabled) === 1) {
    const message = 'the server is a node of a cluster: it holds some of the keys and refuses the others.'
    find('problem', 'cluster-node', message, 'Use a server that is not part of a cluster.')
  }
  return findings
}

/** What is dangerous about a memcached, after its `stats` and `stats settings`. */
export function memcachedDangers(server: string, stats: ServerFacts, settings: ServerFacts): Finding[] {
  const findings: Finding[] = []
  if (settings.cas_enabled === 'no') {
    findings.push({
      level: 'warning',
      code: 'cas-off',
      server,
      message: 'CAS is off (-C): getEntry, compareAndSet, update, append and prepend are refused.',
      remedy: 'Start memcached without -C, if the application calls them.',
    })
  }
  if (settings.evictions === 'off') {
    findings.push({
      level: 'problem',
      code: 'noeviction',
      server,
      message: 'evictions are off (-M): once memory is full, every write fails.',
      remedy: 'Start memcached without -M.',
    })
  }
  if (Number(stats.evictions) > 0) {
    findings.push({
      level: 'warning',
      code: 'evictions',
      server,
      message: `${stats.evictions} entries were evicted for space since the server started.`,
      remedy: 'Start memcached with a larger -m, or shorten ttls, if the hit rate suffers.',
    })
  }
  return findings
}
