import { type Problem, received } from './problems.js'

/** The parameters of a URL, nested by the dots in their names. */
export interface Parameters {
  readonly values: Record<string, unknown>
  readonly problems: readonly Problem[]
}

/** Options that are text, whatever their value looks like: `?namespace=2024` is no number, and `?password=true` no boolean. */
export const textOptions: ReadonlySet<string> = new Set([
  'namespace',
  'name',
  'onError',
  'isolation',
  'host',
  'path',
  'username',
  'password',
  'clientName',
  'tls.ca',
  'tls.cert',
  'tls.key',
  'tls.passphrase',
  'tls.servername',
])

/** Parameters of other Redis clients that would change something here, and what to write instead. */
export const foreignParameters: ReadonlyMap<string, string> = new Map([
  ['keyPrefix', 'is a parameter of ioredis; write namespace, which no other namespace can overlap'],
  ['ssl', 'is a parameter of other clients; write rediss:// for TLS'],
  ['ssl_cert_reqs', 'is a parameter of Python clients; write tls.rejectUnauthorized, or give the authority as tls.ca'],
  ['ssl_ca_certs', 'is a parameter of Python clients; give the authority, as PEM text, as tls.ca'],
])

// These are part of the URL itself, or of a config object.
const notParameters = ['driver', 'url', '$schema']
const numberForm = /^-?\d+(\.\d+)?$/

/**
 * Parameters as options: `?ttl=5m&serializer.compression.threshold=4kb`. The value of an option that is not text is read as a number,
 * `true`, `false` or `Infinity` where it looks like one. `+` is a plus.
 */
export function parametersOf(query: string | undefined): Parameters {
  const values: Record<string, unknown> = Object.create(null)
  const problems: Problem[] = []
  for (const part of (query ?? '').split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decoded(equals === -1 ? part : part.slice(0, equals))
    const text = equals === -1 ? undefined : decoded(part.slice(equals + 1))
    if (name === undefined)
      problems.push({
        path: '',
        message: 'the name of a parameter has a "%" that is not part of a percent-encoding; write it as %25',
      })
    else if (notParameters.includes(name)) problems.push({ path: name, message: 'is not a URL parameter' })
    else if (equals === -1) problems.push({ path: name, message: 'has no value; write name=value' })
    else if (text === undefined)
      problems.push({ path: name, message: 'has a "%" that is not part of a percent-encoding; write it as %25' })
    else if (text === '') problems.push({ path: name, message: 'is empty; give a value or leave it out' })
    else if (!put(values, name.split('.'), textOptions.has(name) ? text : read(text))) {
      problems.push({ path: name, message: givenTwice(name, text) })
    }
  }
  return { values, problems }
}

/** The problem of a parameter that already has a value. */
export function givenTwice(name: string, value: unknown): string {
  return `is given twice in the URL, here as ${received(value, name)}; keep one`
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function read(text: string): unknown {
  if (text === 'true') return true
  if (text === 'false') return false
  if (text === 'Infinity') return Number.POSITIVE_INFINITY
  return numberForm.test(text) ? Number(text) : text
}

/** Returns false where there is already a value. */
function put(values: Record<string, unknown>, path: readonly string[], value: unknown): boolean {
  let inner = values
  for (const name of path.slice(0, -1)) {
    inner[name] ??= Object.create(null)
    if (typeof inner[name] !== 'object') return false
    inner = inner[name] as Record<string, unknown>
  }
  const last = path.at(-1) as string
  if (last in inner) return false
  inner[last] = value
  return true
}
