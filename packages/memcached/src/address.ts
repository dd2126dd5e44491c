/** Where a server listens: at host and port, or at a unix socket. */
export interface ServerAddress {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default 11211. */
  readonly port?: number | undefined
  /** A unix socket, instead of host and port. */
  readonly path?: string | undefined
}

/** What the text of a server says. */
export interface ParsedAddress extends ServerAddress {
  /** What stands before the `@`, as it is: `user:password`, percent-encoded. */
  readonly login?: string
}

export const defaultHost = '127.0.0.1'
export const defaultPort = 11_211

const socketForm = /^unix:(?:\/\/)?(\/[^/].*)$/s
const hostForm = /^(?:memcached:\/\/)?(?:([^@]*)@)?(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:@/[\]]+))(?::(\d+))?\/?$/

/**
 * Reads `host`, `host:port`, `[::1]:11211`, `unix:/path`, `unix:///path` or `memcached://user:password@host:port`; `undefined` for
 * any other text. Whether the port is in its range is not looked at.
 */
export function parseAddress(text: string): ParsedAddress | undefined {
  const [, path] = socketForm.exec(text) ?? []
  if (path !== undefined) return { path }
  const match = hostForm.exec(text)
  if (match === null) return undefined
  const [, login, bracketed, plain, port] = match
  return {
    host: bracketed ?? (plain as string),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(login === undefined ? {} : { login }),
  }
}

/** `host:port`, `[::1]:11211` or the socket's path: the same for every way to write one server. */
export function addressName({ host = defaultHost, port = defaultPort, path }: ServerAddress): string {
  if (path !== undefined) return path
  const bare = withoutBrackets(host)
  return `${bare.includes(':') ? `[${bare}]` : bare}:${port}`
}

/** An IPv6 address may be given in brackets. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
