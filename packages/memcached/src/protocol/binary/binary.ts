import type { Protocol } from '../protocol.js'
import { greet } from './greeting.js'
import { BinaryReader } from './reader.js'
import { apart, canBeQuiet, encode, itemOverhead, roomFor } from './requests.js'

/** memcached's binary protocol. */
export const binary: Protocol = {
  // A server that speaks only text waits for the end of a line before it says so. Our first frame holds two: its opaque is "\r\n\r\n".
  firstSerial: 0x0d0a_0d0a,
  itemOverhead,
  canBeQuiet,
  roomFor,
  apart,
  encode,
  reader: (incarnation, inbox) => new BinaryReader(incarnation, inbox),
  greet,
}
