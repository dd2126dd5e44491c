/** Something the doctor found. A problem fails the examination, a warning does not. */
export interface Finding {
  readonly level: 'problem' | 'warning'
  /** Stable, for programs: `no-namespace`, `noeviction`. */
  readonly code: string
  /** The server it was found on; `undefined` for the config itself. */
  readonly server?: string
  /** The fact, and its consequence. */
  readonly message: string
  /** The way out. */
  readonly remedy: string
}

/** One server as it answered. */
export interface ServerState {
  readonly server: string
  readonly reachable: boolean
  /** Median of five pings on an open connection, in ms. */
  readonly latency?: number
  /** As the server reports it, with its name: `Redis 7.0.15`. */
  readonly version?: string
  /** Why it did not answer, or what it refused. */
  readonly error?: { readonly code: string; readonly message: string }
}

/** Everything the doctor found. Contains no credentials. */
export interface Diagnosis {
  /** No problem was found; there may be warnings. */
  readonly ok: boolean
  /** Which source of config won. */
  readonly source: string
  readonly driver: string
  readonly namespace: string | undefined
  /** Default ttl in ms; Infinity for none. */
  readonly ttl: number
  /** Default timeout in ms. */
  readonly timeout: number
  readonly onError: 'open' | 'throw'
  readonly servers: readonly ServerState[]
  readonly findings: readonly Finding[]
}

/** The diagnosis as `--json` prints it: what is unknown, and an endless ttl, is null. */
export function asJson(diagnosis: Diagnosis): string {
  return JSON.stringify({ ...diagnosis, namespace: diagnosis.namespace ?? null }, undefined, 2)
}

const shownSource: Readonly<Record<string, string>> = {
  argument: 'the url given',
  default: 'default, no variable is set',
}

/** The diagnosis for people. */
export function asText(diagnosis: Diagnosis): string {
  const { source, driver, namespace, ttl, timeout, onError, servers, findings } = diagnosis
  const lines = [
    `config     ${shownSource[source] ?? source}`,
    `driver     ${driver}`,
    `namespace  ${namespace ?? 'none'}`,
    `ttl        ${ttl === Number.POSITIVE_INFINITY ? 'none' : `${ttl} ms`}`,
    `timeout    ${timeout} ms, onError: ${onError}`,
    ...servers.map(state => `server     ${serverLine(state)}`),
  ]
  for (const { level, server, message, remedy } of findings) {
    // An error's message begins with its server.
    const where = server === undefined || message.startsWith(server) ? '' : `${server}: `
    lines.push('', `${level}: ${where}${message}`, `  ${remedy}`)
  }
  const problems = findings.filter(finding => finding.level === 'problem').length
  lines.push('', `${counted(problems, 'problem')}, ${counted(findings.length - problems, 'warning')}`)
  return lines.join('\n')
}

function serverLine({ server, reachable, latency, version }: ServerState): string {
  if (!reachable) return `${server} does not answer`
  if (latency === undefined) return `${server} refuses`
  return `${server} answers in ${latency} ms${version === undefined ? '' : `, ${version}`}`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
