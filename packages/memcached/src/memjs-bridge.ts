/// <reference path="./memjs.d.ts" />
import { nextTick, now } from '@anycache/core'
import { type ResponseHandler, Server, Utils } from 'memjs'
import type { Connection } from './connection.js'
import { type Reply, Request } from './request.js'

/** One server as memjs' own client knows it, over a connection of ours: the four methods that the client calls. */
export class MemjsBridge extends Server {
  readonly #connection: Connection
  /** What the client has registered for requests that it writes next, by its sequence. */
  readonly #handlers = new Map<number, ResponseHandler>()
  readonly #errorHandlers = new Map<number, (error: Error) => void>()

  constructor(connection: Connection) {
    const { host, port } = connection.endpoint
    super(host, port)
    // memjs takes them from the environment where they are not given; ours are the endpoint's alone.
    this.username = undefined
    this.password = undefined
    this.#connection = connection
  }

  override onResponse(seq: number, handler: ResponseHandler): void {
    this.#handlers.set(seq, handler)
  }

  override onError(seq: number, handler: (error: Error) => void): void {
    this.#errorHandlers.set(seq, handler)
  }

  override write(frames: Buffer): void {
    const seq = frames.readUInt32BE(12)
    const handler = this.#handlers.get(seq)
    const errorHandler = this.#errorHandlers.get(seq)
    this.#handlers.delete(seq)
    this.#errorHandlers.delete(seq)
    const respond = (reply: Reply): void => {
      // A copy: what is kept of it must not keep a whole chunk of the socket alive.
      const response = Utils.parseMessage(Buffer.from(reply.data))
      if (response === false || handler === undefined) return
      response.header.opaque = seq
      callBack(() => handler(response))
    }
    const request = new Request('raw', '', now() + this.#connection.timeout, (_request, reply) => respond(reply))
    // The caller may use its buffer again: `flush` writes the same one to every server.
    request.item = { flags: 0, data: Buffer.from(frames) }
    request.bytes = frames.length
    request.reject = error => {
      if (errorHandler !== undefined) callBack(() => errorHandler(error as Error))
    }
    if (handler?.quiet) request.partial = respond
    this.#connection.ask(request)
  }

  /** Closes the socket at once. The next request opens another one, unless the store was closed. */
  override close(): void {
    this.#connection.hangUp()
  }
}

/** What a callback throws becomes an uncaught exception; it must not unwind into the parser that is calling us. */
function callBack(call: () => void): void {
  try {
    call()
  } catch (error) {
    nextTick(() => {
      throw error
    })
  }
}
