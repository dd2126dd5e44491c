import { type CasToken, NotSupportedError } from '@anycache/core'
import type { Version } from './request.js'

/** A version that no item has, since a server counts up from 1; of no connection. */
export const noVersion: Version = { incarnation: '-', casHigh: 0xffff_ffff, casLow: 0xffff_ffff }
const tokenForm = /^([\w-]+):(\d{1,20})$/

/** Names the version of an item on one connection. */
export function tokenOf({ incarnation, casHigh, casLow }: Version): CasToken {
  return `${incarnation}:${(BigInt(casHigh) << 32n) | BigInt(casLow)}` as CasToken
}

/** The version that a token names. Throws `NotSupportedError` for a token of a server that keeps no versions. */
export function versionIn(token: CasToken): Version {
  const [, incarnation, digits] = tokenForm.exec(token) ?? []
  if (incarnation === undefined) return noVersion
  const cas = BigInt(digits as string)
  // Version 0 in a request means "whatever is there": it must never be sent for a comparison.
  if (cas === 0n) {
    throw new NotSupportedError(
      'the server keeps no versions (memcached -C), so nothing can be compared; start it without -C',
    )
  }
  if (cas >= 2n ** 64n) return noVersion
  return { incarnation, casHigh: Number(cas >> 32n), casLow: Number(cas & 0xffff_ffffn) }
}

/** The version in a reply; `undefined` where the server keeps none (-C). */
export function versionOf({ incarnation, casHigh, casLow }: Version): Version | undefined {
  return casHigh === 0 && casLow === 0 ? undefined : { incarnation, casHigh, casLow }
}
