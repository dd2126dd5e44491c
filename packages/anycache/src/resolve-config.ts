import { check } from './check.js'
import { contradictions } from './contradictions.js'
import { hint, type Problem, received } from './problems.js'
import { anyDriverSchema, type CheckedConfig, driverSchemas } from './schema.js'
import { isGivenTwice, parseUrl } from './url.js'

/** The checked copy of a config, or all that is wrong with it. */
export type Resolved = { readonly config: CheckedConfig } | { readonly problems: readonly Problem[] }

type Driver = keyof typeof driverSchemas
const drivers = Object.keys(driverSchemas) as Driver[]

/** Parses URLs and checks everything, without connecting. `where` is the path of the config: `''`, or ending in a dot. */
export function resolveConfig(input: unknown, where = ''): Resolved {
  const { options, problems } = expand(input, where)
  const driver = driverOf(options, where, problems)
  if (driver !== undefined) options.driver = driver
  const checked = check(driver === undefined ? anyDriverSchema : driverSchemas[driver], options, where)
  if ('problems' in checked) problems.push(...checked.problems)
  // Options with a problem of their own are listed already; check the others against each other.
  const unsound = new Set(problems.map(({ path }) => path.slice(where.length).split('.', 1)[0]))
  const sound = Object.fromEntries(Object.entries(options).filter(([name]) => !unsound.has(name)))
  for (const { path, message } of contradictions(sound as Partial<CheckedConfig>, options)) {
    problems.push({ path: where + path, message })
  }
  if (problems.length > 0 || 'problems' in checked) return { problems }
  return { config: checked.data as CheckedConfig }
}

/** Options by name, and their problems so far. The caller may change both. */
type Given = { options: Record<string, unknown>; problems: Problem[] }

function expand(input: unknown, where: string): Given {
  if (typeof input === 'string') return fromUrl(input, where)
  const options: Record<string, unknown> = Object.create(null)
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const message = `must be a URL or an object with a driver, got ${received(input, where)}`
    return { options, problems: [{ path: where.slice(0, -1), message }] }
  }
  const { url, ...others } = input as Record<string, unknown>
  if (typeof url !== 'string') return { options: Object.assign(options, input), problems: [] }
  const given = fromUrl(url, `${where}url.`)
  const { driver } = others
  if (drivers.some(one => one === driver) && given.options.driver !== undefined && driver !== given.options.driver) {
    const message = `is a URL for ${given.options.driver}, but driver is ${driver}`
    return { options: Object.assign(options, others), problems: [...given.problems, { path: `${where}url`, message }] }
  }
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined) continue
    const before = given.options[name]
    if (name !== 'driver' && isGivenTwice(given.options, name, value)) {
      const path = where + name
      const message = `is ${received(before, path)} in the URL and ${received(value, path)} in the options; keep one`
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
  // A config or URL that could not be read has its problem already.
  if (driver === undefined && problems.length > 0) return undefined
  const [misspelt] = driver === undefined ? Object.keys(options).filter(isNearlyDriver) : []
  if (misspelt !== undefined) return drivers.find(one => one === options[misspelt])
  problems.push({ path: `${where}driver`, message: driverProblem(options, where) })
  if (driver === undefined) {
    // These belong to createCaches, as the message says.
    delete options.stores
    delete options.default
  }
  return undefined
}

/** Whether an unknown option is probably a misspelt `driver` or `url`. */
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
