import { milliseconds } from '@anycache/core'
import type { BreakerConfig } from './config.js'
import { addressName, memcachedAddress } from './memcached-address.js'
import { type Problem, received } from './problems.js'
import type { CheckedConfig } from './schema.js'

/**
 * The problems of options that are valid alone and not together. `config` has the options that are valid alone; `given` has all of
 * them, so that an invalid one is not reported as missing.
 */
export function contradictions(config: Partial<CheckedConfig>, given: Readonly<Record<string, unknown>>): Problem[] {
  const problems = breakerContradictions(config.breaker)
  const refuse = (path: string, message: string, value: unknown): void => {
    problems.push({ path, message: `${message}, got ${received(value, path)}` })
  }
  if (config.driver === 'memory' && config.isolation === 'reference') {
    const reason = 'has no effect with isolation "reference", which does not encode values'
    if (config.maxBytes !== undefined) refuse('maxBytes', `${reason}; use maxEntries`, config.maxBytes)
    if (config.maxValueBytes !== undefined) refuse('maxValueBytes', reason, config.maxValueBytes)
    if (config.serializer !== undefined) refuse('serializer', reason, config.serializer)
  }
  if (config.driver === 'redis' && config.path !== undefined) {
    const { host, port, tls } = config
    if (host !== undefined) refuse('host', 'a unix socket (path) has no host; keep one of them', host)
    if (port !== undefined) refuse('port', 'a unix socket (path) has no port; keep one of them', port)
    if (tls !== undefined && tls !== false) refuse('tls', 'cannot be used with a unix socket', tls)
  }
  if (config.driver === 'memcached') {
    const named = new Set<string>()
    for (const [index, server] of (config.servers ?? []).entries()) {
      const address = memcachedAddress(server)
      const { host, port, path } = address
      const at = `servers.${index}`
      const name = addressName(address)
      if (named.has(name)) refuse(at, 'is listed twice; use weight to give a server more keys', name)
      named.add(name)
      if (path === undefined) continue
      if (host !== undefined) refuse(`${at}.host`, 'a unix socket (path) has no host; keep one of them', host)
      if (port !== undefined) refuse(`${at}.port`, 'a unix socket (path) has no port; keep one of them', port)
    }
    if (config.password && !given.username) {
      problems.push({ path: 'username', message: 'is missing; memcached needs both username and password' })
    }
  }
  if ((config.driver === 'redis' || config.driver === 'memcached') && config.username !== undefined) {
    if (given.password === undefined || given.password === '') {
      problems.push({ path: 'password', message: 'is missing; username needs a password' })
    }
  }
  return problems
}

/** Checks the delays of a breaker against each other and their defaults. */
export function breakerContradictions(breaker: false | BreakerConfig | undefined): Problem[] {
  if (typeof breaker !== 'object') return []
  const { minDelay = 100, maxDelay = Math.max(700, milliseconds(minDelay, 'minDelay')) } = breaker
  if (milliseconds(minDelay, 'minDelay') <= milliseconds(maxDelay, 'maxDelay')) return []
  const path = 'breaker.minDelay'
  const message = `must not be longer than maxDelay, got ${received(minDelay, path)} and ${received(maxDelay, path)}`
  return [{ path, message }]
}
