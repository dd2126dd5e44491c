import { Command } from 'ioredis'
import { type Argument, type Callback, nowhere, WireCommand } from '../protocol/command.js'
import type { RedisClient } from './client.js'
import { type ClientStream, CorkedWriter } from './corked-writer.js'

/** Sends commands in the order of the calls, and answers bulk strings as Buffers. */
export class CommandWriter {
  readonly #client: RedisClient
  readonly #owned: boolean
  readonly #options: { replyEncoding: null; keyPrefix?: string }
  #corked: CorkedWriter | undefined

  constructor(client: RedisClient, owned: boolean) {
    this.#client = client
    this.#owned = owned
    const { keyPrefix } = client.options
    this.#options = keyPrefix ? { replyEncoding: null, keyPrefix } : { replyEncoding: null }
  }

  /** `answered` or `failed` is called once, in the turn in which the reply is read, or soon after. */
  send(name: string, args: Argument[], answered: Callback, failed: Callback): void {
    // Not by the client's own verbs: with enableAutoPipelining some of them overtake others.
    if (this.#owned) {
      const stream = this.#corked ?? this.#client.stream
      this.#client.sendCommand(new WireCommand(name, args, answered, failed) as never, stream as never)
      return
    }
    // Another version of ioredis, perhaps, with its owner's keyPrefix, commandTimeout and tracing.
    const command = new Command(name, args, this.#options)
    command.pipelineIndex = nowhere
    this.#client.sendCommand(command as never, this.#corked as never)
    command.promise.then(answered, failed)
  }

  /** What `run` sends leaves in one write. */
  together(run: () => void): void {
    if (this.#corked !== undefined) {
      run()
      return
    }
    const corked = new CorkedWriter(this.#client.stream as ClientStream)
    this.#corked = corked
    try {
      run()
    } finally {
      this.#corked = undefined
      corked.flush()
    }
  }
}
