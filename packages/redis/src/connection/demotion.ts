import { Backoff, clearTimeout, now, ServerError, setImmediate, setTimeout, withRealTicks } from '@anycache/core'
import type { ClientStream } from '../client/corked-writer.js'
import { isReply } from '../protocol/failures.js'

/** Before Redis 7 an error inside a script stood behind a text of its own. */
const ofReplica = /^(?:READONLY|MASTERDOWN|UNBLOCKED|NOREPLICAS) |(?:^|[ :])-(?:READONLY|NOREPLICAS) /

/** Milliseconds after which a further refusal has nothing to do with the last one. */
const longAgo = 7000
/** Milliseconds that a connection to a demoted server is kept for the replies that are due. */
export const lastReplies = 250

/** Whether the server refused a command for what it is: its address may lead to another one by now. */
export function isDemotion(error: unknown): boolean {
  return isReply(error) && ofReplica.test(error.message)
}

/** The refusal, where the client is borrowed and so is not ours to reconnect. */
export function refusedForOwner({ message, server, outcome, cause }: ServerError): ServerError {
  const wayOut = "the client is not the store's; let its reconnectOnError return true for such a reply"
  return new ServerError(`${message}; ${wayOut}`, { server, outcome, cause })
}

/**
 * Gives up the connection to a demoted server, so that its address is dialled again: at once, then every 100 to 700 ms while only
 * replicas answer. Replies to what was sent before are waited for.
 */
export class Retreat {
  #stream: ClientStream | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #backoff = new Backoff()
  #next = 0

  /** True until the last replies came: nothing more is sent. */
  get underWay(): boolean {
    return this.#timer !== undefined
  }

  /** Nothing happens where one is under way, or it is too early for another. */
  begin(stream: ClientStream): void {
    const moment = now()
    if (this.underWay || moment < this.#next) return
    if (moment - this.#next > longAgo) this.#backoff.reset()
    this.#next = moment + this.#backoff.next()
    this.#stream = stream
    // Two turns of the loop read the sockets first, in case it was blocked.
    const giveUp = (): void => {
      if (this.underWay && this.#stream === stream) this.leave()
    }
    this.#timer = setTimeout(() => setImmediate(() => setImmediate(giveUp)), lastReplies)
    this.#timer.unref()
  }

  leave(): void {
    this.end()
    withRealTicks(() => this.#stream?.destroy())
  }

  /** The connection is closed. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Whether it was this connection that was given up last. */
  isFrom(stream: ClientStream | undefined): boolean {
    return stream !== undefined && stream === this.#stream
  }
}
