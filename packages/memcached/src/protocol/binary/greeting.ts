import { ServerError } from '@anycache/core'
import type { Endpoint } from '../../endpoint.js'
import { replyError } from '../../reply-error.js'
import { type Reply, Request } from '../../request.js'
import { statsRequest } from '../../stats-request.js'
import type { ServerSettings } from '../protocol.js'

export function greet(endpoint: Endpoint, write: (requests: Request[]) => void): Promise<ServerSettings> {
  return new Promise((resolve, reject) => {
    const { username, password } = endpoint
    const found = new Map<string, string>()
    const asked = statsRequest('settings', Number.POSITIVE_INFINITY, found, readSettings)
    asked.server = endpoint.name
    asked.resolve = () => resolve(settingsOf(found))
    asked.reject = reject
    if (username === undefined) return write([asked])
    const login = new Request('authenticate', 'PLAIN', Number.POSITIVE_INFINITY, readLogin)
    login.server = endpoint.name
    const data = plainCredentials(username, password ?? '')
    login.item = { flags: 0, data }
    login.bytes = Buffer.byteLength(data)
    login.reject = reject
    write([login, asked])
  })
}

/** A server that has no such section is taken as it is. */
function readSettings(request: Request, reply: Reply): void {
  if (reply.status === 'unauthorized') throw unauthorized(request, 'wants a username and a password')
}

function readLogin(request: Request, reply: Reply): void {
  if (reply.status === 'ok') return
  if (reply.status === 'unauthorized') throw unauthorized(request, 'refuses this username or password')
  // The answer of a memcached that runs without -S.
  if (reply.status !== 'unknown-command') throw replyError(request, reply)
  const fact = `${request.server} takes no login; leave out username and password, or start memcached with -S`
  throw new ServerError(fact, { server: request.server, outcome: 'refused' })
}

function unauthorized({ server }: Request, complaint: string): ServerError {
  return new ServerError(`${server} ${complaint} (SASL PLAIN)`, { server, outcome: 'refused' })
}

/** The SASL PLAIN message of RFC 4616. */
function plainCredentials(username: string, password: string): string {
  return `\0${username}\0${password}`
}

function settingsOf(found: ReadonlyMap<string, string>): ServerSettings {
  const size = Number(found.get('item_size_max'))
  const cas = found.get('cas_enabled')
  return {
    maxItemBytes: Number.isSafeInteger(size) && size > 0 ? size : undefined,
    cas: cas === undefined ? undefined : cas === 'yes',
  }
}
