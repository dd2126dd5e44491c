import { type CacheError, type Call, InvalidArgumentError, nextTurn, type ServerStats, shown } from '@anycache/core'
import type { Connection } from './connection.js'
import type { Request } from './request.js'
import { statsRequest } from './stats-request.js'

/** Sections that every memcached reports over the binary protocol in well-formed replies, without changing anything. */
const documented = ['settings', 'items', 'slabs', 'sizes']
const longestName = 250

/** Throws `InvalidArgumentError` for what memcached takes for an order to change something, and for what cannot be a section's name. */
export function checkSection(section: string): void {
  // memcached looks at how a name begins, not at the whole: `resets` resets as well.
  const changes = /^(?:reset|sizes_|detail(?! dump$))/.test(section)
  if (!changes && section.length <= longestName) return
  const fact = changes
    ? `the section ${shown(section)} changes the server`
    : `the section ${shown(section)} is longer than the ${longestName} characters that memcached takes`
  throw new InvalidArgumentError(
    `${fact}; sections to read are ${documented.join(', ')} and others of the server's own`,
    { op: 'serverStats' },
  )
}

/** A section of one server's statistics, the general one for `''`; or why they could not be read. */
export async function statsOf(connection: Connection, section: string, call: Call): Promise<ServerStats> {
  const server = connection.endpoint.name
  const found = new Map<string, string>()
  const request = statsRequest(section, call.deadline, found)
  try {
    if (section === '' || documented.includes(section)) await connection.asked(request)
    else await connection.during(() => askApart(connection, request))
  } catch (error) {
    return { server, stats: {}, error: error as CacheError }
  }
  return { server, stats: Object.fromEntries([...found].map(([name, value]) => [name, numeric(value)])) }
}

/** On a connection for this request alone: what a server answers to an unusual one may not parse, and costs no other request then. */
async function askApart(connection: Connection, request: Request): Promise<void> {
  const refusal = connection.breaker.refusal()
  if (refusal !== undefined) {
    await nextTurn()
    throw refusal
  }
  const sibling = connection.sibling()
  try {
    await sibling.asked(request)
  } finally {
    await sibling.shut(0)
  }
}

function numeric(value: string): string | number {
  const number = Number(value)
  return String(number) === value && Number.isFinite(number) ? number : value
}
