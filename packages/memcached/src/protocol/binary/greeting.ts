import { type CacheError, ServerError, shown } from '@anycache/core'
import { plainCredentials } from './requests.js'
import { type Reader, type Reply, Request } from '../../request.js'
import type { Endpoint } from '../../endpoint.js'

/** What a server tells of itself. `undefined`: it did not. */
export interface ServerSettings {
  /** `-I`, header included. */
  readonly maxItemBytes: number | undefined
  /** False with `-C`: items have no versions. */
  readonly cas: boolean | undefined
}

const unknownCommand = 0x81
/** The binary protocol's codes, in memcached's words. */
const reasons = new Map<number, string>([
  [0x01, 'not found'],
  [0x02, 'data exists for the key'],
  [0x03, 'too large'],
  [0x04, 'invalid arguments'],
  [0x05, 'not stored'],
  [0x06, 'not a number'],
  [0x20, 'it wants a login'],
  [unknownCommand, 'unknown command'],
  [0x82, 'out of memory; raise memcached’s -m, or start it without -M'],
  [0x83, 'not supported'],
  [0x84, 'internal error'],
  [0x85, 'busy'],
  [0x86, 'temporary failure'],
])

/** Logs in where there are credentials, and asks for the settings, in one write. Rejects when the server wants other credentials. */
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
    login.data = plainCredentials(username, password ?? '')
    login.bytes = Buffer.byteLength(login.data)
    login.reject = reject
    write([login, asked])
  })
}

/** Asks for a section of the statistics and puts them into `found`. */
export function statsRequest(
  section: string,
  deadline: number,
  found: Map<string, string>,
  read: Reader = readStats,
): Request {
  const request = new Request('stats', section, deadline, read)
  request.partial = reply => {
    found.set(reply.name, reply.data.toString())
  }
  return request
}

function readStats(request: Request, reply: Reply): void {
  if (reply.status === 'missing') {
    const { server, wireKey } = request
    throw new ServerError(`${server} has no statistics ${shown(wireKey)}`, { server, outcome: 'refused' })
  }
  if (reply.status !== 'ok') throw refusal(request, reply)
}

/** A server that has no such section is taken as it is. */
function readSettings(request: Request, reply: Reply): void {
  if (reply.status === 'unauthorized') throw unauthorized(request, 'wants a username and a password')
}

function readLogin(request: Request, reply: Reply): void {
  if (reply.status === 'ok') return
  if (reply.status === 'unauthorized') throw unauthorized(request, 'refuses this username or password')
  // The answer of a memcached that runs without -S.
  if (reply.code !== unknownCommand) throw refusal(request, reply)
  const fact = `${request.server} takes no login; leave out username and password, or start memcached with -S`
  throw new ServerError(fact, { server: request.server, outcome: 'refused' })
}

function unauthorized(request: Request, complaint: string): CacheError {
  return new ServerError(`${request.server} ${complaint} (SASL PLAIN)`, { server: request.server, outcome: 'refused' })
}

/** The server said no, for a reason of its own. Its text is not passed on: a proxy may quote keys and values in it. */
export function refusal(request: Request, reply: Reply): CacheError {
  const { server, verb } = request
  const reason = reasons.get(reply.code) ?? `status 0x${reply.code.toString(16)}`
  return new ServerError(`${server} refused ${verb}: ${reason}`, { server, outcome: 'refused' })
}

function settingsOf(found: ReadonlyMap<string, string>): ServerSettings {
  const size = Number(found.get('item_size_max'))
  const cas = found.get('cas_enabled')
  return {
    maxItemBytes: Number.isSafeInteger(size) && size > 0 ? size : undefined,
    cas: cas === undefined ? undefined : cas === 'yes',
  }
}
