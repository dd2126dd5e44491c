import { type CacheError, ClosedError, type Outcome } from '@anycache/core'
import type { Server } from './server.js'

/** Does something on every server at once; rejects, once all have settled, with one error that names those it failed on. */
export async function everyServer(
  what: string,
  servers: readonly Server[],
  act: (server: Server) => Promise<unknown>,
): Promise<void> {
  const results = await Promise.allSettled(servers.map(act))
  const failures = results.flatMap((result, i) =>
    result.status === 'rejected' ? [{ name: (servers[i] as Server).name, error: result.reason as CacheError }] : [],
  )
  const [first] = failures
  if (first === undefined) return
  if (servers.length === 1 || first.error instanceof ClosedError) throw first.error
  const Class = first.error.constructor as new (message: string, context: object) => CacheError
  const names = failures.map(({ name }) => name).join(', ')
  throw new Class(`${what} missed ${failures.length} of ${servers.length} servers (${names}): ${first.error.message}`, {
    server: first.name,
    outcome: outcomeOf(
      failures.map(({ error }) => error),
      failures.length === servers.length,
    ),
    cause: first.error,
  })
}

/** What became of the whole: done on some servers counts as perhaps done. */
function outcomeOf(errors: readonly CacheError[], isEveryServer: boolean): Outcome {
  const [first] = errors
  if (isEveryServer && first?.outcome !== undefined && errors.every(error => error.outcome === first.outcome)) {
    return first.outcome
  }
  return 'unknown'
}
