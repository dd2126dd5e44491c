import { writeMetadata } from '@anycache/serializer'
import { shown } from '../input/shown.js'
import type { SchemaIssue, SchemaResult, StandardSchema } from '../schema.js'

/** How many issues an error names. */
const mostNamed = 10

/** What a cache asks of its values: that they fit a schema, and where it has a version, that they were written under it. */
export class Shape {
  readonly version: string | undefined
  /** Of entries of which nothing but the version is noted. */
  readonly metadata: Uint8Array | undefined
  readonly #standard: StandardSchema['~standard']

  constructor(schema: StandardSchema, version: string | undefined) {
    this.version = version
    this.metadata = version === undefined ? undefined : writeMetadata({ shape: version })
    this.#standard = schema['~standard']
  }

  /** Whether an entry is of this version, and nothing else is noted of it: most of them, so that their metadata need not be read. */
  isAllOf(metadata: Uint8Array): boolean {
    return this.metadata !== undefined && Buffer.compare(this.metadata, metadata) === 0
  }

  /** What the schema makes of the value, or an {@link Unfit}. Neither throws nor rejects; a promise where the schema answers by one. */
  check(value: unknown): unknown {
    try {
      const result = this.#standard.validate(value)
      return isThenable(result) ? Promise.resolve(result).then(outputOf).catch(Unfit.thrown) : outputOf(result)
    } catch (error) {
      return Unfit.thrown(error)
    }
  }
}

/** Why a value does not fit. */
export class Unfit {
  static readonly noValue: Unfit = new Unfit('the schema makes undefined of it, which is no value')

  /** The issues with their messages, for the caller, who has the value. */
  readonly reason: string
  /** For an event, which never holds a value, as the messages of many schemas do: where the issues are, and not what they are. */
  readonly places: string
  readonly cause: unknown

  private constructor(reason: string, places: string = reason, cause?: unknown) {
    this.reason = reason
    this.places = places
    this.cause = cause
  }

  static of(issues: readonly SchemaIssue[]): Unfit {
    const places = issues.map(({ path }) => placeOf(path))
    const reasons = issues.map(({ message }, i) => (places[i] === '' ? message : `${places[i]}: ${message}`))
    const named = new Set(places.map(place => (place === '' ? 'the value itself' : place)))
    return new Unfit(listed(reasons, '; '), `at ${listed([...named], ', ')}`)
  }

  static thrown(this: void, error: unknown): Unfit {
    const reason = `the check itself failed: ${error instanceof Error ? error.message : shown(error)}`
    return new Unfit(reason, reason, error)
  }
}

function outputOf(result: SchemaResult<unknown>): unknown {
  if (result.issues) return Unfit.of(result.issues)
  return result.value === undefined ? Unfit.noValue : result.value
}

/** As one writes it in a program: `cart.lines[2].price`. Empty for the value itself. */
function placeOf(path: SchemaIssue['path']): string {
  let place = ''
  for (const step of path ?? []) {
    const key: unknown = typeof step === 'object' ? step.key : step
    if (typeof key === 'string' && /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key)) place += place === '' ? key : `.${key}`
    else place += `[${shown(key)}]`
  }
  return place
}

function listed(parts: readonly string[], separator: string): string {
  if (parts.length <= mostNamed) return parts.join(separator)
  return `${parts.slice(0, mostNamed).join(separator)}${separator}and ${parts.length - mostNamed} more`
}

function isThenable(result: unknown): result is PromiseLike<SchemaResult<unknown>> {
  return typeof (result as { then?: unknown } | undefined)?.then === 'function'
}
