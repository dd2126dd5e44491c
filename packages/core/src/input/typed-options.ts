import { InvalidArgumentError } from '../errors.js'
import type { TypedOptions } from '../options.js'
import { checkTable, optionTable } from './option-checks.js'
import { shown } from './shown.js'

/** Far more than a version needs, and far less than metadata holds. */
const longestVersion = 256

const typedOptions = optionTable({ version: checkVersion })

/** The version of a typed cache as its entries carry it: 1 and '1' are the same. Throws `InvalidArgumentError` for a wrong option. */
export function versionOf(options: TypedOptions | undefined): string | undefined {
  if (options === undefined) return undefined
  checkTable('typed', options, typedOptions, 'typed')
  return options.version === undefined ? undefined : String(options.version)
}

function checkVersion(version: unknown): void {
  if (Number.isFinite(version)) return
  if (typeof version === 'string' && version !== '' && version.length <= longestVersion && version.isWellFormed())
    return
  const wanted = `a number, or a non-empty, well-formed string of at most ${longestVersion} characters`
  throw new InvalidArgumentError(`version must be ${wanted}, got ${shown(version)}`, { op: 'typed' })
}
