import { z } from 'zod'
import { cachesSchema, driverSchemas, urlSchema } from './schema.js'

type JsonSchema = { [name: string]: unknown; properties?: Record<string, JsonSchema>; anyOf?: JsonSchema[] }

/**
 * The config as a JSON Schema (draft 7, which editors know best), from the same definitions that check it.
 * `declarations` is the text of config.ts: an option's doc comment there is what an editor shows.
 */
export function jsonSchema(declarations: string): JsonSchema {
  const documented = interfacesOf(declarations)
  const define = (schema: z.ZodType, name: string): JsonSchema => {
    const { $schema: _, ...definition } = z.toJSONSchema(schema, {
      target: 'draft-7',
      io: 'input',
      unrepresentable: 'any',
    }) as JsonSchema
    describe(definition, name, documented)
    return definition
  }
  const caches = define(cachesSchema, 'CachesConfig')
  const configs = ['memory', 'redis', 'memcached', 'null', 'url'].map(name => ({ $ref: `#/definitions/${name}` }))
  Object.assign(caches.properties?.stores ?? {}, {
    minProperties: 1,
    additionalProperties: { anyOf: [{ type: 'string' }, ...configs] },
  })
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'anycache config',
    description: 'What createCache takes (a driver or a url), or what createCaches takes (default and stores).',
    anyOf: [...configs, { $ref: '#/definitions/caches' }],
    definitions: {
      memory: define(driverSchemas.memory, 'MemoryConfig'),
      redis: define(driverSchemas.redis, 'RedisConfig'),
      memcached: define(driverSchemas.memcached, 'MemcachedConfig'),
      null: define(driverSchemas.null, 'NullConfig'),
      url: define(urlSchema, 'UrlConfig'),
      caches,
    },
  }
}

type Option = { comment: string | undefined; type: string }
type Interface = { above: readonly string[]; options: Map<string, Option> }

/** The interfaces of a declaration file by name, with each option's comment and type. */
function interfacesOf(declarations: string): Map<string, Interface> {
  const interfaces = new Map<string, Interface>()
  const interfaceForm = /export interface (\w+)(?:\s+extends (.*?))? \{\n(.*?)\n\}/gs
  const optionForm = /(?:\/\*\* ((?:(?!\*\/).)*) \*\/\s+)?readonly (\w+|\$schema)\??: ([^\n]*)/gs
  for (const [, name = '', parents = '', body = ''] of declarations.matchAll(interfaceForm)) {
    const options = new Map<string, Option>()
    for (const [, comment, option = '', type = ''] of body.matchAll(optionForm)) {
      options.set(option, { comment: comment?.replace(/\s*\n\s*\* ?/g, ' '), type })
    }
    interfaces.set(name, { above: parents.match(/\w+Config\b/g) ?? [], options })
  }
  return interfaces
}

/** The option as the interface, or the first of those above it, has it. */
function optionOf(name: string, option: string, documented: ReadonlyMap<string, Interface>): Option | undefined {
  const owner = documented.get(name)
  const own = owner?.options.get(option)
  if (own !== undefined) return own
  for (const above of owner?.above ?? []) {
    const inherited = optionOf(above, option, documented)
    if (inherited !== undefined) return inherited
  }
  return undefined
}

function describe(schema: JsonSchema, name: string, documented: ReadonlyMap<string, Interface>): void {
  for (const [option, inner] of Object.entries(schema.properties ?? {})) {
    const { comment, type = '' } = optionOf(name, option, documented) ?? {}
    if (comment !== undefined) inner.description = comment
    const nested = /\w+Config\b/.exec(type)?.[0]
    if (nested === undefined) continue
    const items = inner.items as JsonSchema | undefined
    for (const one of [inner, ...(inner.anyOf ?? []), ...(items?.anyOf ?? [])]) describe(one, nested, documented)
  }
}
