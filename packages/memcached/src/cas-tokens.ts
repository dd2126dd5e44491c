import { type CasToken, NotSupportedError } from '@anycache/core'
import type { Request } from './request.js'

/** The incarnation of no connection. */
const nowhere = '-'

/** Names the version of an item on one connection. */
export function tokenOf(incarnation: string, high: number, low: number): CasToken {
  return `${incarnation}:${(BigInt(high) << 32n) | BigInt(low)}` as CasToken
}

const tokenForm = /^([\w-]+):(\d{1,20})$/

/** Lets the request work on the version of that token only. */
export function compareWith(request: Request, token: CasToken): void {
  const [, incarnation, cas] = tokenForm.exec(token) ?? []
  const version = BigInt(cas ?? 0)
  // Version 0 in a request means "whatever is there": it must never be sent for a comparison.
  if (cas !== undefined && version === 0n) {
    throw new NotSupportedError(
      'the server keeps no versions (memcached -C), so nothing can be compared; start it without -C',
    )
  }
  request.incarnation = incarnation !== undefined && version < 2n ** 64n ? incarnation : nowhere
  request.casHigh = Number((version >> 32n) & 0xffff_ffffn)
  request.casLow = Number(version & 0xffff_ffffn)
}

/** The version of an item on one connection: both halves 0 and no incarnation where the server keeps none. */
export interface Version {
  incarnation: string
  casHigh: number
  casLow: number
}

/** Compares with the version that was found; without versions (-C) with none. */
export function compareWithFound(request: Version, { incarnation, casHigh, casLow }: Version): void {
  request.incarnation = casHigh === 0 && casLow === 0 ? '' : incarnation
  request.casHigh = casHigh
  request.casLow = casLow
}

export function compareNothing(request: Request): void {
  request.incarnation = ''
  request.casHigh = 0
  request.casLow = 0
}
