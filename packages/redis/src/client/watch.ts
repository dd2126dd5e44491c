import type { RedisClient } from './client.js'
import type { ClientStream } from './corked-writer.js'

/** Notified of a client's events. */
export interface Watcher {
  connected(): void
  established(): void
  /** So many bytes came. */
  arrived(bytes: number): void
  failed(error: unknown): void
  closed(): void
  ended(): void
}

const watches = new WeakMap<RedisClient, Watch>()

/** The one set of listeners on a client, however many stores use it: the owner's bound on listeners is the owner's. */
export class Watch {
  readonly #client: RedisClient
  readonly #watchers = new Set<Watcher>()
  #stream: ClientStream | undefined

  private constructor(client: RedisClient) {
    this.#client = client
  }

  static of(client: RedisClient): Watch {
    let watch = watches.get(client)
    if (watch === undefined) {
      watch = new Watch(client)
      watches.set(client, watch)
    }
    return watch
  }

  add(watcher: Watcher): void {
    if (this.#watchers.size === 0) this.#listen()
    this.#watchers.add(watcher)
  }

  /** With the last one the listeners go, but for those named in `keep`. */
  remove(watcher: Watcher, keep?: 'error'): void {
    if (!this.#watchers.delete(watcher) || this.#watchers.size > 0) return
    const client = this.#client
    client.off('connect', this.#onConnect)
    client.off('ready', this.#onReady)
    if (keep !== 'error') client.off('error', this.#onError)
    client.off('close', this.#onClose)
    client.off('end', this.#onEnd)
    this.#follow(undefined)
  }

  #listen(): void {
    const client = this.#client
    client.on('connect', this.#onConnect)
    client.on('ready', this.#onReady)
    client.on('error', this.#onError)
    client.on('close', this.#onClose)
    client.on('end', this.#onEnd)
    if (client.status === 'ready') this.#follow(client.stream)
  }

  #follow(stream: ClientStream | undefined): void {
    this.#stream?.off('data', this.#onData)
    this.#stream = stream
    stream?.on('data', this.#onData)
  }

  readonly #onData = (chunk: Buffer): void => {
    for (const watcher of this.#watchers) watcher.arrived(chunk.length)
  }

  readonly #onConnect = (): void => {
    this.#follow(this.#client.stream)
    for (const watcher of this.#watchers) watcher.connected()
  }

  readonly #onReady = (): void => {
    for (const watcher of this.#watchers) watcher.established()
  }

  readonly #onError = (error: unknown): void => {
    for (const watcher of this.#watchers) watcher.failed(error)
  }

  readonly #onClose = (): void => {
    for (const watcher of this.#watchers) watcher.closed()
  }

  readonly #onEnd = (): void => {
    for (const watcher of this.#watchers) watcher.ended()
  }
}
