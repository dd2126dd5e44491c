import { CacheError, ClosedError, type Outcome } from '../errors.js'

/**
 * Does something on every server at once. Once all have settled, rejects with one error that names the servers it failed on; `what` begins
 * its message, as in `flush missed 1 of 3 servers (a:1): …`.
 */
export async function everyServer<S extends { readonly server: string }>(
  what: string,
  servers: readonly S[],
  act: (server: S) => unknown,
): Promise<void> {
  const results = await Promise.allSettled(servers.map(async server => act(server)))
  const missed: string[] = []
  const errors: CacheError[] = []
  for (const [i, result] of results.entries()) {
    if (result.status === 'fulfilled') continue
    missed.push((servers[i] as S).server)
    errors.push(result.reason)
  }
  const [first] = errors
  if (first === undefined) return
  const isOfAll = servers.length === 1 || first instanceof ClosedError
  if (isOfAll || !(first instanceof CacheError)) throw first
  const message = `${what} missed ${missed.length} of ${servers.length} servers (${missed.join(', ')}): ${first.message}`
  const outcome = outcomeOf(first.outcome, errors, missed.length === servers.length)
  throw first.at({ server: missed[0], outcome, cause: first }, message)
}

/** What became of the whole: done on some servers counts as perhaps done. */
function outcomeOf(first: Outcome | undefined, errors: readonly CacheError[], isEveryServer: boolean): Outcome {
  const isOne = isEveryServer && first !== undefined && errors.every(({ outcome }) => outcome === first)
  return isOne ? first : 'unknown'
}
