import { SerializationError } from '../errors.js'
import type { Signals } from '../events/signals.js'
import type { Unfit } from './shape.js'
import { Miss } from './verdict.js'

/** Reports an entry whose bytes cannot be read. `server` says which one holds it. */
export function undecodable(
  signals: Signals,
  op: string,
  key: string,
  server: (key: string) => string,
  error: unknown,
): Miss {
  const message = `the entry cannot be read and counts as a miss: ${error instanceof Error ? error.message : String(error)}`
  signals.failed(new SerializationError(message, { op, key, server: server(key), cause: error }))
  return Miss.undecodable
}

/** Reports an entry that does not fit the schema. */
export function unfit(
  signals: Signals,
  op: string,
  key: string,
  server: (key: string) => string,
  { places, cause }: Unfit,
): Miss {
  const message = `the entry does not fit the schema and counts as a miss: ${places}`
  signals.failed(new SerializationError(message, { op, key, server: server(key), cause }))
  return Miss.unfit
}
