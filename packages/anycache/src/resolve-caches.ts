import { check } from './check.js'
import type { CommonConfig } from './config.js'
import { breakerContradictions } from './contradictions.js'
import { hint, type Problem, received } from './problems.js'
import { resolveConfig } from './resolve-config.js'
import { type CheckedConfig, cachesSchema } from './schema.js'
import { withoutUndefined } from './without-undefined.js'

/** The checked copy of a config of several stores, or all its problems. */
export type ResolvedCaches =
  | { readonly default: string; readonly stores: ReadonlyMap<string, CheckedConfig> }
  | { readonly problems: readonly Problem[] }

/** Checks the shared options, then each store by itself, without connecting. */
export function resolveCaches(input: unknown): ResolvedCaches {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const message = `must be an object with default and stores, got ${received(input, '')}`
    return { problems: [{ path: '', message }] }
  }
  const checked = check(cachesSchema, input, '')
  const problems: Problem[] = 'problems' in checked ? checked.problems : []
  const { breaker } = input as CommonConfig
  if (!problems.some(({ path }) => path.startsWith('breaker'))) problems.push(...breakerContradictions(breaker))
  const stores = new Map<string, CheckedConfig>()
  const { default: defaultName, stores: given } = input as { default: unknown; stores: unknown }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return { problems }
  const names = Object.keys(given)
  if (names.length === 0) problems.push({ path: 'stores', message: 'must have at least one store, got {}' })
  else if (typeof defaultName === 'string' && !names.includes(defaultName)) {
    problems.push({
      path: 'default',
      message: `is not one of the stores, got ${received(defaultName, 'default')}${hint(defaultName, names)}`,
    })
  }
  for (const name of names) {
    const resolved = resolveConfig((given as Record<string, unknown>)[name], `stores.${name}.`)
    if ('problems' in resolved) problems.push(...resolved.problems)
    else stores.set(name, resolved.config)
  }
  if (problems.length > 0 || 'problems' in checked) return { problems }
  const { default: chosen, stores: _, $schema: __, ...common } = checked.data
  for (const [name, config] of stores) stores.set(name, merged(common, config))
  return { default: chosen, stores }
}

function merged(common: Omit<CommonConfig, 'name'>, config: CheckedConfig): CheckedConfig {
  // Values held by reference are not encoded, so the shared options for encoding do not apply.
  const byReference = config.driver === 'memory' && config.isolation === 'reference'
  const { serializer: _, maxValueBytes: __, ...uncoded } = common
  return { ...(byReference ? uncoded : common), ...(withoutUndefined(config) as CheckedConfig) }
}
