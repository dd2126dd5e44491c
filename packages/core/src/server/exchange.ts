import { now } from '../timers.js'

/** What a socket tells of its bytes. */
export interface Wire {
  readonly writableLength: number
  /** Node counts a write as pending until its last byte has left; how many have, its handle alone tells. Node's idle timer asks it too. */
  readonly _handle?: { readonly bytesWritten: number; readonly writeQueueSize: number } | null
}

/** What was written to a server at once. However many of its calls are late or lost, it costs the server one failure. */
export class Exchange<W extends Wire = Wire> {
  /** The socket it is written to; undefined while there is none. */
  readonly wire: W | undefined
  /** When it was written, on the clock of `now()`. */
  readonly sentAt: number = now()
  /** It has cost its failure. */
  isCounted = false
  /** Requests without an answer. */
  unanswered = 0
  /** Bytes written. */
  bytes = 0
  /** Until when some caller waits for it. */
  until = 0

  constructor(wire?: W) {
    this.wire = wire
  }
}
