/// <reference path="./memjs.d.ts" />
import { nextTick } from '@anycache/core'
import { type ResponseHandler, Utils } from 'memjs'
import { type Reply, Request } from './request.js'

/** The handlers that memjs' own client has registered for requests that it writes next. */
export class RawRequests {
  readonly #handlers = new Map<number, ResponseHandler>()
  readonly #errorHandlers = new Map<number, (error: Error) => void>()

  onResponse(seq: number, handler: ResponseHandler): void {
    this.#handlers.set(seq, handler)
  }

  onError(seq: number, handler: (error: Error) => void): void {
    this.#errorHandlers.set(seq, handler)
  }

  /** A request of frames that are encoded already, whose answer goes to its handlers. */
  request(frames: Buffer, deadline: number): Request {
    const seq = frames.readUInt32BE(12)
    const request = rawRequest(frames, deadline, this.#handlers.get(seq), this.#errorHandlers.get(seq))
    this.#handlers.delete(seq)
    this.#errorHandlers.delete(seq)
    return request
  }
}

function rawRequest(
  frames: Buffer,
  deadline: number,
  handler: ResponseHandler | undefined,
  errorHandler: ((error: Error) => void) | undefined,
): Request {
  const request = new Request('raw', '', deadline, (_request: Request, reply: Reply) => tell(reply.data))
  // The caller may use its buffer again: `flush` writes the same one to every server.
  request.raw = Buffer.from(frames)
  request.bytes = frames.length
  request.reject = error => {
    if (errorHandler !== undefined) apart(() => errorHandler(error as Error))
  }
  if (handler?.quiet) request.partial = (_reply, frame) => tell(frame)
  return request

  function tell(frame: Buffer): void {
    // A copy: what is kept of it must not keep a whole chunk of the socket alive.
    const response = Utils.parseMessage(Buffer.from(frame))
    if (response === false || handler === undefined) return
    response.header.opaque = frames.readUInt32BE(12)
    apart(() => handler(response))
  }
}

/** What a callback throws is its caller's, as an uncaught exception; it must not reach the parser in whose midst it runs. */
function apart(call: () => void): void {
  try {
    call()
  } catch (error) {
    nextTick(() => {
      throw error
    })
  }
}
