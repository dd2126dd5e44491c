import { Backoff } from '../server/backoff.js'
import { clearTimeout, setTimeout } from '../timers.js'

/** Keys of one batch. */
const batchSize = 500

/** What came of one batch: nothing is left, something was done and more may be left, nothing could be done. */
export type Progress = 'done' | 'more' | 'failed'

/**
 * The replay of the deletes owed to one server: one key first, then batches; after a failure one key again, with growing delays. So a server
 * that stays ill is sent one key at a time, however many are owed to it.
 */
export class Replay {
  readonly #send: (most: number) => Promise<Progress>
  #timer: NodeJS.Timeout | undefined
  readonly #backoff = new Backoff()
  #isRunning = false
  /** Something more is owed since the running replay began. */
  #isWoken = false
  #isSuspended = false
  #isClosed = false

  /** `send` sends what is owed, at most so many keys, and never rejects. */
  constructor(send: (most: number) => Promise<Progress>) {
    this.#send = send
  }

  /** Something is owed. */
  wake(): void {
    this.#isWoken = true
    if (this.#isRunning || this.#isSuspended || this.#isClosed || this.#timer !== undefined) return
    this.#schedule()
  }

  /** The server's breaker is open: nothing is sent. */
  suspend(): void {
    this.#isSuspended = true
    this.#stopTimer()
  }

  /** The server is back. */
  resume(): void {
    this.#isSuspended = false
    this.#backoff.reset()
    this.#stopTimer()
    void this.#run()
  }

  close(): void {
    this.#isClosed = true
    this.#stopTimer()
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#isWoken = false
    let progress: Progress = 'more'
    for (let most = 1; progress === 'more' && !this.#isSuspended && !this.#isClosed; most = batchSize) {
      progress = await this.#send(most)
    }
    this.#isRunning = false
    if (progress === 'done') this.#backoff.reset()
    if ((progress !== 'done' || this.#isWoken) && !this.#isSuspended && !this.#isClosed) this.#schedule()
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#run()
    }, this.#backoff.next())
    this.#timer.unref()
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
