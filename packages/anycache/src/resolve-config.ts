import { milliseconds } from '@anycache/core'
import { check } from './check.js'
import { addressName, memcachedAddress } from './memcached-address.js'
import { hint, type Problem, received } from './problems.js'
import { type CheckedConfig, driverSchemas, urlSchema } from './schema.js'
import { isSaidTwice, parseUrl } from './url.js'

/** The checked copy of a config, or all that is wrong with it. */
export type Resolved = { readonly config: CheckedConfig } | { readonly problems: readonly Problem[] }

const drivers = Object.keys(driverSchemas) as (keyof typeof driverSchemas)[]

/** Takes URLs apart and checks everything, connecting to nothing. `where` is the config's own path: `''`, or ending in a dot. */
export function resolveConfig(input: unknown, where = ''): Resolved {
  const given = expand(input, where)
  const driver = given.options.driver
  const known = drivers.find(one => one === driver)
  if (known === undefined) {
    // A URL that cannot be read has told no driver, and says why.
    if (given.problems.length > 0) return { problems: given.problems }
    return { problems: [{ path: `${where}driver`, message: driverProblem(given.options, where) }] }
  }
  const checked = check<CheckedConfig>(driverSchemas[known], given.options, where)
  if ('problems' in checked) return { problems: [...given.problems, ...checked.problems] }
  const config = checked.data
  const problems = [
    ...given.problems,
    ...contradictions(config).map(({ path, message }) => ({ path: where + path, message })),
  ]
  return problems.length > 0 ? { problems } : { config }
}

type Given = { options: Record<string, unknown>; problems: readonly Problem[] }

function expand(input: unknown, where: string): Given {
  if (typeof input === 'string') return fromUrl(input, where)
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const message = `must be a URL or an object with a driver, got ${received(input, where)}`
    return { options: {}, problems: [{ path: where.slice(0, -1), message }] }
  }
  const { url, ...beside } = input as Record<string, unknown>
  if (typeof url !== 'string') return { options: input as Record<string, unknown>, problems: [] }
  const { options, problems } = fromUrl(url, `${where}url.`)
  const found: Problem[] = [...problems]
  const { driver } = beside
  if (driver === undefined) {
    delete beside.driver
    const unfit = check(urlSchema, input, where)
    // What only one driver knows goes into the URL, so that another URL needs no other config.
    if ('problems' in unfit) return { options, problems: [...found, ...unfit.problems] }
  } else if (options.driver !== undefined && driver !== options.driver && drivers.some(one => one === driver)) {
    const message = `is a URL for ${options.driver}, and driver says ${driver}`
    return { options: {}, problems: [...found, { path: `${where}url`, message }] }
  }
  for (const [name, value] of Object.entries(beside)) {
    if (value === undefined) continue
    if (name !== 'driver' && isSaidTwice(options, name, value)) {
      found.push({ path: where + name, message: 'is said in the URL and beside it; keep one' })
    } else options[name] = value
  }
  return { options, problems: found }
}

function fromUrl(url: string, where: string): Given {
  const { config, problems } = parseUrl(url)
  return {
    options: config,
    problems: problems.map(({ path, message }) => ({ path: (where + path).replace(/\.$/, ''), message })),
  }
}

function driverProblem({ driver, stores }: Readonly<Record<string, unknown>>, where: string): string {
  const known = drivers.map(one => JSON.stringify(one)).join(', ')
  if (driver === undefined && stores !== undefined) return 'is missing; several stores are opened by createCaches'
  if (driver === undefined) return `is missing; it is one of ${known} (or give a url)`
  const near = typeof driver === 'string' ? hint(driver, drivers) : ''
  return `must be one of ${known}, got ${received(driver, `${where}driver`)}${near.startsWith('; did') ? near : ''}`
}

/** What each option permits by itself and the whole does not. */
function contradictions(config: CheckedConfig): Problem[] {
  const problems: Problem[] = []
  const refuse = (path: string, message: string): void => {
    problems.push({ path, message })
  }
  if (typeof config.breaker === 'object') {
    const { minDelay = 100, maxDelay = Math.max(700, milliseconds(minDelay, 'minDelay')) } = config.breaker
    if (milliseconds(minDelay, 'minDelay') > milliseconds(maxDelay, 'maxDelay')) {
      refuse('breaker.minDelay', 'must not be longer than maxDelay')
    }
  }
  if (config.driver === 'memory' && config.isolation === 'reference') {
    const reason = 'has no meaning with isolation "reference", which encodes nothing'
    if (config.maxBytes !== undefined) refuse('maxBytes', `${reason}; bound the entries by maxEntries`)
    if (config.maxValueBytes !== undefined) refuse('maxValueBytes', reason)
    if (config.serializer !== undefined) refuse('serializer', reason)
  }
  if (config.driver === 'redis' && config.path !== undefined) {
    if (config.host !== undefined) refuse('host', 'a unix socket (path) has no host; keep one of them')
    if (config.port !== undefined) refuse('port', 'a unix socket (path) has no port; keep one of them')
    if (config.tls !== undefined && config.tls !== false) refuse('tls', 'is not spoken over a unix socket')
  }
  if (config.driver === 'memcached') {
    const named = new Set<string>()
    for (const [index, given] of (config.servers ?? []).entries()) {
      const server = memcachedAddress(given)
      const name = addressName(server)
      if (named.has(name)) refuse(`servers.${index}`, 'is listed twice; give the server a weight instead')
      named.add(name)
      if (server.path === undefined) continue
      if (server.host !== undefined)
        refuse(`servers.${index}.host`, 'a unix socket (path) has no host; keep one of them')
      if (server.port !== undefined)
        refuse(`servers.${index}.port`, 'a unix socket (path) has no port; keep one of them')
    }
    if (config.password && config.username === undefined) {
      refuse('username', 'is missing; memcached takes username and password together')
    }
  }
  if (config.driver === 'redis' || config.driver === 'memcached') {
    if (config.username !== undefined && !config.password) {
      refuse('password', 'is missing; a username takes a password beside it')
    }
  }
  return problems
}
