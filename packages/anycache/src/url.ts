import { ioredisParameters } from '@anycache/redis/ioredis-parameters'
import { hint, type Problem, received } from './problems.js'
import { foreignParameters, givenTwice, parametersOf } from './url-parameters.js'

/** A URL as the options of a config object, and its problems. */
export interface ParsedUrl {
  readonly config: Record<string, unknown>
  readonly problems: readonly Problem[]
}

const schemes = {
  redis: 'redis',
  rediss: 'redis',
  valkey: 'redis',
  valkeys: 'redis',
  unix: 'redis',
  memcached: 'memcached',
  memory: 'memory',
  null: 'null',
} as const

const forms = 'redis://host:6379/0, rediss://…, unix:///path, memcached://a:11211,b:11211, memory:// or null://'
const urlForm = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/is

/**
 * Reads a cache URL by hand: the platform's parser refuses several hosts, turns `valkey://h:1` into a path, and puts the whole
 * URL, password and all, into its errors. Percent-decodes user, password, path and parameters; reads the last `@` as the end of
 * the password, and the first `:` before it as its beginning.
 */
export function parseUrl(url: string): ParsedUrl {
  const parts = urlForm.exec(url.trim())
  if (parts === null) {
    const got = url.trim() === '' ? 'empty text' : received(url, '')
    return { config: {}, problems: [{ path: '', message: `must be a URL such as ${forms}, got ${got}` }] }
  }
  const [, schemeText = '', authority = '', path = '', query, fragment] = parts
  const scheme = schemeText.toLowerCase()
  const driver = Object.hasOwn(schemes, scheme) ? schemes[scheme as keyof typeof schemes] : undefined
  const reading = new UrlReading(driver)
  if (driver === undefined) {
    reading.refuse('', `unknown scheme "${scheme}://"${hint(scheme, Object.keys(schemes))}`)
  }
  // The text after the host may be the rest of a password: do not read options from it, and do not show it.
  if (fragment !== undefined || `${path}${query ?? ''}`.includes('@')) {
    const message =
      'must not contain "#", or "@" after the host; in a password write / as %2F, ? as %3F, # as %23, @ as %40'
    reading.refuse('', message)
    return reading
  }
  if (driver === 'redis') reading.redis(scheme, authority, path)
  else if (driver === 'memcached') reading.memcached(authority, path)
  else if (driver !== undefined) reading.inProcess(scheme, authority, path)
  reading.parameters(query)
  return reading
}

class UrlReading implements ParsedUrl {
  readonly config: Record<string, unknown> = Object.create(null)
  readonly problems: Problem[] = []

  constructor(driver: string | undefined) {
    if (driver !== undefined) this.config.driver = driver
  }

  redis(scheme: string, authority: string, path: string): void {
    const host = this.#logIn(authority)
    if (scheme === 'unix') {
      if (host !== '')
        this.refuse('', `a socket needs three slashes: unix:///run/redis.sock, got ${received(host, '')}`)
      else if (path === '' || path === '/') this.refuse('', 'has no socket path; write unix:///run/redis.sock')
      else this.#set('path', this.#decoded(path, 'path'))
      return
    }
    if (scheme === 'rediss' || scheme === 'valkeys') this.#set('tls', true)
    if (host.includes(',')) {
      this.refuse('host', `must be one server, since Redis takes no list of hosts, got ${host.split(',').length}`)
    } else
      this.#address(host, address => {
        if (address.host !== undefined) this.#set('host', address.host)
        if (address.port !== undefined) this.#set('port', address.port)
      })
    if (path === '' || path === '/') return
    if (/^\/\d+\/?$/.test(path)) this.#set('db', Number(path.replaceAll('/', '')))
    else {
      const message = 'must be the number of a database, as in redis://host:6379/2'
      // In redis://user:pass/word, which lacks "@host", this is the end of the password.
      this.refuse('db', this.problems.length > 0 ? message : `${message}, got ${received(path.slice(1), 'db')}`)
    }
  }

  memcached(authority: string, path: string): void {
    const hosts = this.#logIn(authority)
    if (path !== '' && path !== '/') {
      if (hosts === '') this.#set('servers', [`unix:${this.#decoded(path, 'servers.0')}`])
      else this.refuse('', 'must not have a path after its servers: memcached://a:11211,b:11211')
    }
    if (hosts === '') return
    const servers: unknown[] = []
    for (const [index, host] of hosts.split(',').entries()) {
      this.#address(host.trim(), address => servers.push(address), `servers.${index}.`)
    }
    if (servers.length > 0) this.#set('servers', servers)
  }

  inProcess(scheme: string, authority: string, path: string): void {
    if (authority === '' && (path === '' || path === '/')) return
    const form = `options are parameters: ${scheme}://?namespace=shop`
    this.refuse('', `${scheme}:// takes no host and no path; ${form}, got ${received(authority + path, '')}`)
  }

  parameters(query: string | undefined): void {
    const { values, problems } = parametersOf(query)
    this.problems.push(...problems)
    for (const [name, value] of Object.entries(values)) {
      if (this.config.driver === 'redis') {
        if (ioredisParameters.has(name)) continue
        const remedy = foreignParameters.get(name)
        if (remedy !== undefined) {
          this.refuse(name, remedy)
          continue
        }
      }
      if (isGivenTwice(this.config, name, value)) this.refuse(name, givenTwice(name, value))
      else this.#set(name, value)
    }
  }

  /** Reads user and password, and returns the rest of the authority. */
  #logIn(authority: string): string {
    const end = authority.lastIndexOf('@')
    if (end === -1) return authority
    const [, username = '', password = ''] = /^([^:]*):?(.*)$/s.exec(authority.slice(0, end)) ?? []
    if (username !== '') this.#set('username', this.#decoded(username, 'username'))
    if (password !== '') this.#set('password', this.#decoded(password, 'password'))
    return authority.slice(end + 1)
  }

  #address(text: string, take: (address: { host?: string; port?: number }) => void, where = ''): void {
    const parts = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(text)
    if (parts === null) {
      const form = 'must be host:port; write an IPv6 address in brackets, as in [::1]:6379'
      this.refuse(`${where}host`, `${form}, got ${received(text, '')}`)
      return
    }
    const [, bracketed, plain, port] = parts
    const host = bracketed ?? plain ?? ''
    if (port !== undefined && !isPort(port)) {
      // Not shown: in redis://user:password, which lacks "@host", this is the password.
      this.refuse(`${where}port`, 'must be a whole number from 1 to 65535; user:password@ goes before the host')
      return
    }
    take({
      ...(host === '' ? {} : { host: this.#decoded(host, `${where}host`) }),
      ...(port === undefined ? {} : { port: Number(port) }),
    })
  }

  #decoded(text: string, path: string): string {
    try {
      return decodeURIComponent(text)
    } catch {
      this.refuse(path, 'has a "%" that is not part of a percent-encoding; write it as %25')
      return text
    }
  }

  #set(name: string, value: unknown): void {
    this.config[name] = value
  }

  refuse(path: string, message: string): void {
    this.problems.push({ path, message })
  }
}

/** Whether an option already has a value. `rediss://` turns TLS on, and the option `tls` may add how. */
export function isGivenTwice(options: Readonly<Record<string, unknown>>, name: string, value: unknown): boolean {
  if (!(name in options)) return false
  return !(name === 'tls' && options.tls === true && typeof value === 'object' && value !== null)
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
}
