import { milliseconds } from '@anycache/core'
import type { BreakerConfig } from './config.js'
import { addressName, memcachedAddress } from './memcached-address.js'
import { type Problem, received } from './problems.js'
import type { CheckedConfig } from './schema.js'

/**
 * What each option permits by itself and the whole does not. `config` holds the options that are right by themselves; `given` all of
 * them, so that a wrong one is not called missing.
 */
export function contradictions(config: Partial<CheckedConfig>, given: Readonly<Record<string, unknown>>): Problem[] {
  const problems = breakerContradictions(config.breaker)
  const refuse = (path: string, message: string, value: unknown): void => {
    problems.push({ path, message: `${message}, got ${received(value, path)}` })
  }
  if (config.driver === 'memory' && config.isolation === 'reference') {
    const reason = 'has no meaning with isolation "reference", which encodes nothing'
    if (config.maxBytes !== undefined) refuse('maxBytes', `${reason}; bound the entries by maxEntries`, config.maxBytes)
    if (config.maxValueBytes !== undefined) refuse('maxValueBytes', reason, config.maxValueBytes)
    if (config.serializer !== undefined) refuse('serializer', reason, config.serializer)
  }
  if (config.driver === 'redis' && config.path !== undefined) {
    const { host, port, tls } = config
    if (host !== undefined) refuse('host', 'a unix socket (path) has no host; keep one of them', host)
    if (port !== undefined) refuse('port', 'a unix socket (path) has no port; keep one of them', port)
    if (tls !== undefined && tls !== false) refuse('tls', 'is not spoken over a unix socket', tls)
  }
  if (config.driver === 'memcached') {
    const named = new Set<string>()
    for (const [index, server] of (config.servers ?? []).entries()) {
      const address = memcachedAddress(server)
      const { host, port, path } = address
      const at = `servers.${index}`
      const name = addressName(address)
      if (named.has(name)) refuse(at, 'is listed twice; give the server a weight instead', name)
      named.add(name)
      if (path === undefined) continue
      if (host !== undefined) refuse(`${at}.host`, 'a unix socket (path) has no host; keep one of them', host)
      if (port !== undefined) refuse(`${at}.port`, 'a unix socket (path) has no port; keep one of them', port)
    }
    if (config.password && !given.username) {
      problems.push({ path: 'username', message: 'is missing; memcached takes username and password together' })
    }
  }
  if ((config.driver === 'redis' || config.driver === 'memcached') && config.username !== undefined) {
    if (given.password === undefined || given.password === '') {
      problems.push({ path: 'password', message: 'is missing; a username takes a password beside it' })
    }
  }
  return problems
}

/** The bounds of a breaker against each other and against their defaults. */
export function breakerContradictions(breaker: false | BreakerConfig | undefined): Problem[] {
  if (typeof breaker !== 'object') return []
  const { minDelay = 100, maxDelay = Math.max(700, milliseconds(minDelay, 'minDelay')) } = breaker
  if (milliseconds(minDelay, 'minDelay') <= milliseconds(maxDelay, 'maxDelay')) return []
  const path = 'breaker.minDelay'
  const message = `must not be longer than maxDelay, got ${received(minDelay, path)} and ${received(maxDelay, path)}`
  return [{ path, message }]
}
