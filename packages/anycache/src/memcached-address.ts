import type { MemcachedServerConfig } from './config.js'

/** What the text of a memcached server says: `host`, `host:port`, `[::1]:11211` or `unix:/path`. Its form has been checked. */
export function memcachedAddress(text: string): MemcachedServerConfig {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) }
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  return { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port: Number(port) }) }
}
