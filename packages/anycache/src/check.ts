import type { z } from 'zod'
import { misplacedOption, type Problem, received, unknownOption } from './problems.js'

/** The checked copy of `input`, or what is wrong with it. `where` is its path in the whole config, `''` or ending in a dot. */
export function check<T>(schema: z.ZodType<T>, input: unknown, where: string): { data: T } | { problems: Problem[] } {
  const result = schema.safeParse(input)
  if (result.success) return { data: result.data }
  const problems = result.error.issues.flatMap(issue => problemsOf(issue, schema, input, [], where))
  return { problems }
}

function problemsOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  input: unknown,
  above: readonly PropertyKey[],
  where: string,
): Problem[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    const known = optionsAt(schema, path)
    return issue.keys.map(name => {
      const within = known.find(option => optionsAt(schema, [...path, option]).includes(name))
      const message = within === undefined ? unknownOption(name, known) : misplacedOption(`${within}.${name}`)
      return { path: where + [...path, name].join('.'), message }
    })
  }
  if (issue.code === 'invalid_union') {
    // An alternative that accepted the type and found problems inside is more helpful than "must be this or that".
    const inside = issue.errors.find(issues =>
      issues.every(one => one.path.length > 0 || one.code === 'unrecognized_keys'),
    )
    if (inside !== undefined && inside.length > 0) {
      return inside.flatMap(one => problemsOf(one, schema, input, path, where))
    }
  }
  const at = where + path.join('.')
  return [{ path: at.replace(/\.$/, ''), message: `${issue.message}, got ${received(valueAt(input, path), at)}` }]
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<PropertyKey, unknown>)[name]
  }
  return value
}

/** The option names of the object that the schema has at a path. */
function optionsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let def = objectDef(schema)
  for (const name of path) {
    const inner = def.type === 'array' ? def.element : def.shape?.[name as string]
    if (inner === undefined) return []
    def = objectDef(inner)
  }
  return Object.keys(def.shape ?? {}).filter(name => name !== '$schema')
}

type Def = {
  type: string
  shape?: Record<string, z.ZodType>
  element?: z.ZodType
  innerType?: z.ZodType
  options?: z.ZodType[]
}

/** The object or array within optionals and unions. */
function objectDef(schema: z.ZodType): Def {
  const def = schema.def as unknown as Def
  if (def.innerType !== undefined) return objectDef(def.innerType)
  if (def.options !== undefined) {
    const inner = def.options.map(objectDef)
    return inner.find(one => one.shape !== undefined || one.element !== undefined) ?? def
  }
  return def
}
