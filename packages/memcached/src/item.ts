import { type CasToken, epochNow, type VersionedItem } from '@anycache/core'
import { countsAsAbsent, FLAG_LEASE, FLAG_METADATA, FLAGS_TORN, splitMetadata } from '@anycache/serializer'
import { tokenOf } from './cas-tokens.js'
import { replyError } from './reply-error.js'
import type { Reader, Reply, Version } from './request.js'

/** An item as it came; the token is made when it is asked for. */
class FoundItem implements VersionedItem {
  readonly flags: number
  readonly data: Uint8Array
  readonly metadata: Uint8Array | undefined
  readonly #incarnation: string
  readonly #casHigh: number
  readonly #casLow: number

  constructor(version: Version, flags: number, data: Uint8Array, metadata: Uint8Array | undefined) {
    this.flags = flags
    this.data = data
    this.metadata = metadata
    this.#incarnation = version.incarnation
    this.#casHigh = version.casHigh
    this.#casLow = version.casLow
  }

  get casToken(): CasToken {
    return tokenOf({ incarnation: this.#incarnation, casHigh: this.#casHigh, casLow: this.#casLow })
  }
}

/** Core's own bits. */
const marks = FLAG_LEASE | FLAG_METADATA

/** How the items of a space are read, and which kinds of them were met. */
export class Items {
  /** Whether bits 12 and 13 of their flags are core's: metadata, in front of the payload, and leases. */
  readonly haveMetadata: boolean
  /** Whether an item with metadata was met, in any of the store's namespaces. */
  metMetadata = false
  /** Whether a lease was met. */
  metLease = false
  /** Reads a `get`. */
  readonly read: Reader = (request, reply) => {
    if (reply.status === 'ok') return this.in(reply)
    if (reply.status === 'missing') return undefined
    throw replyError(request, reply)
  }

  constructor(haveMetadata: boolean) {
    this.haveMetadata = haveMetadata
  }

  /** Remembers that an item with these flags was met. */
  meet(flags: number): void {
    if ((flags & marks) === 0 || !this.haveMetadata) return
    if (flags === FLAG_LEASE) this.metLease = true
    else this.metMetadata = true
  }

  /** The item that a reply holds. */
  in(reply: Reply): VersionedItem {
    const { flags, data } = reply
    if ((flags & marks) === 0 || !this.haveMetadata) return new FoundItem(reply, flags, data, undefined)
    this.meet(flags)
    if ((flags & FLAG_METADATA) === 0) return new FoundItem(reply, flags, data, undefined)
    try {
      const parts = splitMetadata(data)
      return new FoundItem(reply, flags, parts.data, parts.metadata)
    } catch {
      return new FoundItem(reply, FLAGS_TORN, data, undefined)
    }
  }

  /** Whether the item that a reply holds counts as nothing. */
  isNothing(reply: Reply): boolean {
    if ((reply.flags & marks) === 0 || !this.haveMetadata) return false
    return countsAsAbsent(this.in(reply), epochNow())
  }
}
