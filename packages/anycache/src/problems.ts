import { ConfigError, nearest } from '@anycache/core'

/** One problem of a config. */
export interface Problem {
  /** Where: option names joined by dots; `''` for the whole. */
  readonly path: string
  /** The problem, with the allowed values. Never contains a secret. */
  readonly message: string
}

/** One error that lists every problem. */
export function configError(source: string, problems: readonly Problem[]): ConfigError {
  const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  const where = source === 'argument' ? 'the cache config' : `the cache config of ${source}`
  if (lines.length === 1) return new ConfigError(`${where}: ${lines[0]}`)
  return new ConfigError(`${where} has ${lines.length} problems:${lines.map(line => `\n- ${line}`).join('')}`)
}

/** "unknown option", with the nearest known name, or all of them. */
export function unknownOption(name: string, known: readonly string[]): string {
  return `unknown option${hint(name, known)}`
}

/** "unknown option", for one that belongs within another. */
export function misplacedOption(path: string): string {
  return `unknown option; did you mean ${JSON.stringify(path)}?`
}

/** The nearest known name, or all of them. */
export function hint(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return near === undefined ? `; it is one of ${known.join(', ')}` : `; did you mean "${near}"?`
}

/**
 * A wrong value as an error may show it: only if it cannot be or contain a password, as a misplaced URL could. Objects and arrays are only
 * named as such.
 */
export function received(value: unknown, path: string): string {
  if (value === undefined) return 'nothing'
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (/(^|\.)(password|passphrase)$/.test(path))
      return `a ${typeof value} that is not shown, since it may be a password`
    return typeof value === 'bigint' ? `${value}n` : String(value)
  }
  if (typeof value === 'string') {
    if (secretPath.test(path) || mayHoldSecret(value, path))
      return 'text that is not shown, since it may contain a password'
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value)
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Whether text is a URL, or a login (`user:password` without a host) in the place of a server or a whole config. */
function mayHoldSecret(text: string, path: string): boolean {
  if (/@|:\/\//.test(text)) return true
  return path === '' ? text.includes(':') : serverPath.test(path) && /:(?!\d*$)/.test(text)
}

const serverPath = /(^|\.)(servers\.\d+|host|default|driver)$/
const secretPath = /(^|\.)(username|password|url|ca|cert|key|passphrase)$/
