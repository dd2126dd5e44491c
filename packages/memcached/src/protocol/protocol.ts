import type { Endpoint } from '../endpoint.js'
import type { Request } from '../request.js'

/** What a server says about itself; `undefined` where it does not. */
export interface ServerSettings {
  /** `-I`, header included. */
  readonly maxItemBytes: number | undefined
  /** False with `-C`: items have no versions. */
  readonly cas: boolean | undefined
}

/** Bytes that are not replies of the protocol. `received` is what lies there instead. */
export class MalformedReply extends Error {
  readonly received: Buffer

  constructor(received: Buffer) {
    super('bytes that are no replies of memcached')
    this.received = received
  }
}

/** The requests of one connection that are not answered, in the order in which they were written. */
export interface Inbox {
  /** The request so many behind the first. */
  at(index: number): Request | undefined
  /** Takes out the first, which is answered next. */
  leave(): Request
}

/** Cuts what one connection receives into replies, and gives each to its request. */
export interface ReplyReader {
  /** A reply that claims to hold a larger item is malformed: nobody allocates 4 GiB for a flipped bit. */
  maxItemBytes: number
  /** The size of the reply that has begun and is not whole; 0 where there is none, or its size has not come yet. */
  readonly begunBytes: number
  /**
   * Answers the requests whose replies are whole now, the quiet ones that a reply implies among them. Throws {@link MalformedReply}; then the
   * reader is of no more use.
   */
  push(chunk: Buffer): void
}

/**
 * How requests and replies look on the wire: all that differs between memcached's binary and its meta protocol. A protocol says what it costs
 * to write a request and writes it, finds the request that a reply answers, and fills the neutral `Reply`: a status, flags, data, a count as a
 * number, a version in two halves, and the server's reason for a refusal in words. Requests arrive in call order, each with a serial number.
 */
export interface Protocol {
  /** The serial number of a connection's first request. */
  readonly firstSerial: number
  /** What an item costs the server beside key and payload, in bytes, flags excluded. */
  readonly itemOverhead: number
  /** Whether the server can keep silent about the request's success, or about a miss to a get. It must not where the reply tells more. */
  canBeQuiet(request: Request): boolean
  /** At most so many bytes does {@link encode} write. */
  roomFor(request: Request): number
  /** The part of the payload that is written uncopied, behind what {@link encode} writes. */
  apart(request: Request): Uint8Array | undefined
  /** Writes the request, quiet where it says so, and returns where it ends. */
  encode(request: Request, buffer: Buffer, start: number): number
  /** `incarnation`: the connection's name, for the versions in its replies. */
  reader(incarnation: string, inbox: Inbox): ReplyReader
  /** Logs in where there are credentials, and asks for the settings, in one write. Rejects when the server wants other credentials. */
  greet(endpoint: Endpoint, write: (requests: Request[]) => void): Promise<ServerSettings>
}
