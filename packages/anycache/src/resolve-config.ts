import { check } from './check.js'
import { contradictions } from './contradictions.js'
import { hint, type Problem, received } from './problems.js'
import { anyDriverSchema, type CheckedConfig, driverSchemas } from './schema.js'
import { isSaidTwice, parseUrl } from './url.js'

/** The checked copy of a config, or all that is wrong with it. */
export type Resolved = { readonly config: CheckedConfig } | { readonly problems: readonly Problem[] }

type Driver = keyof typeof driverSchemas
const drivers = Object.keys(driverSchemas) as Driver[]

/** Takes URLs apart and checks everything, connecting to nothing. `where` is the config's own path: `''`, or ending in a dot. */
export function resolveConfig(input: unknown, where = ''): Resolved {
  const { options, problems } = expand(input, where)
  const driver = driverOf(options, where, problems)
  if (driver !== undefined) options.driver = driver
  const checked = check(driver === undefined ? anyDriverSchema : driverSchemas[driver], options, where)
  if ('problems' in checked) problems.push(...checked.problems)
  // What is wrong with an option by itself is listed already; the others are still held against each other.
  const unsound = new Set(problems.map(({ path }) => path.slice(where.length).split('.', 1)[0]))
  const sound = Object.fromEntries(Object.entries(options).filter(([name]) => !unsound.has(name)))
  for (const { path, message } of contradictions(sound as Partial<CheckedConfig>, options)) {
    problems.push({ path: where + path, message })
  }
  if (problems.length > 0 || 'problems' in checked) return { problems }
  return { config: checked.data as CheckedConfig }
}

/** Options by name, and what is wrong with them so far. Both are the caller's to change. */
type Given = { options: Record<string, unknown>; problems: Problem[] }

function expand(input: unknown, where: string): Given {
  if (typeof input === 'string') return fromUrl(input, where)
  const options: Record<string, unknown> = Object.create(null)
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const message = `must be a URL or an object with a driver, got ${received(input, where)}`
    return { options, problems: [{ path: where.slice(0, -1), message }] }
  }
  const { url, ...beside } = input as Record<string, unknown>
  if (typeof url !== 'string') return { options: Object.assign(options, input), problems: [] }
  const given = fromUrl(url, `${where}url.`)
  const { driver } = beside
  if (drivers.some(one => one === driver) && given.options.driver !== undefined && driver !== given.options.driver) {
    const message = `is a URL for ${given.options.driver}, and driver says ${driver}`
    return { options: Object.assign(options, beside), problems: [...given.problems, { path: `${where}url`, message }] }
  }
  for (const [name, value] of Object.entries(beside)) {
    if (value === undefined) continue
    const before = given.options[name]
    if (name !== 'driver' && isSaidTwice(given.options, name, value)) {
      const path = where + name
      const message = `is said in the URL as ${received(before, path)}, and beside it as ${received(value, path)}; keep one`
      given.problems.push({ path, message })
    } else given.options[name] = value
  }
  return given
}

function fromUrl(url: string, where: string): Given {
  const { config, problems } = parseUrl(url)
  return {
    options: Object.assign(Object.create(null), config),
    problems: problems.map(({ path, message }) => ({ path: (where + path).replace(/\.$/, ''), message })),
  }
}

/** The driver to check against, or `undefined` and the reason among the problems. */
function driverOf(options: Record<string, unknown>, where: string, problems: Problem[]): Driver | undefined {
  const { driver } = options
  const known = drivers.find(one => one === driver)
  if (known !== undefined) return known
  // What has no driver because its URL, or all of it, cannot be read says so already.
  if (driver === undefined && problems.length > 0) return undefined
  const [misspelt] = driver === undefined ? Object.keys(options).filter(isNearlyDriver) : []
  if (misspelt !== undefined) return drivers.find(one => one === options[misspelt])
  problems.push({ path: `${where}driver`, message: driverProblem(options, where) })
  if (driver === undefined) {
    // They are those of createCaches, as the message says.
    delete options.stores
    delete options.default
  }
  return undefined
}

/** A name that the check calls unknown, and takes for `driver` or `url`. */
function isNearlyDriver(name: string): boolean {
  return ['driver', 'url'].some(option => name !== option && hint(name, [option]).startsWith('; did'))
}

function driverProblem({ driver, stores }: Readonly<Record<string, unknown>>, where: string): string {
  const known = drivers.map(one => JSON.stringify(one)).join(', ')
  if (driver === undefined && stores !== undefined) return 'is missing; several stores are opened by createCaches'
  if (driver === undefined) return `is missing; it is one of ${known} (or give a url)`
  const near = typeof driver === 'string' ? hint(driver, drivers) : ''
  return `must be one of ${known}, got ${received(driver, `${where}driver`)}${near.startsWith('; did') ? near : ''}`
}
