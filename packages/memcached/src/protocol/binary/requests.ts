import { epochNow } from '@anycache/core'
import { writeUint32, writeUint64 } from './big-endian.js'
import type { Request } from '../../request.js'

/*
 * memcached's binary protocol. Every frame begins with 24 bytes, all numbers big-endian:
 *
 *   0      1       2  3        4       5         6  7            8..11  12..15  16..23
 *   magic  opcode  key length  extras  datatype  0, or status    body   opaque  cas
 *
 * The body is extras, key, value. The server returns `opaque` as it came.
 */
export const headerBytes = 24
const requestMagic = 0x80

const opcodes = {
  get: 0x00,
  set: 0x01,
  add: 0x02,
  replace: 0x03,
  delete: 0x04,
  increment: 0x05,
  decrement: 0x06,
  flush: 0x08,
  noop: 0x0a,
  stats: 0x10,
  touch: 0x1c,
  authenticate: 0x21,
} as const
// `add` stays loud: its reply tells the new item's version, that of the quiet one does not.
const quietOpcodes = { get: 0x09, set: 0x11, replace: 0x13, delete: 0x14 } as const

const relativeSeconds = 60 * 60 * 24 * 30
const doNotCreate = 0xffff_ffff
/** From this size on a value is handed to the socket as it is, not copied into the batch. */
const apartBytes = 16 * 1024

/** What an item costs beside key and payload: its header, its version, the key's end and the payload's line break. Seen with 1.6.18. */
export const itemOverhead = 59

/** Whether the server keeps silent about the request's success when it is asked to. */
export function canBeQuiet(request: Request): boolean {
  return request.verb in quietOpcodes
}

/** Whether the value travels in a buffer of its own, behind what {@link encode} writes. */
export function isApart({ data, bytes }: Request): boolean {
  return bytes >= apartBytes && typeof data === 'object'
}

/** At most so many bytes does {@link encode} write. */
export function roomFor(request: Request): number {
  const { raw, data, wireKey, bytes } = request
  if (raw !== undefined) return raw.length
  return headerBytes + 20 + wireKey.length * 3 + (data === undefined || isApart(request) ? 0 : bytes)
}

/** Writes the request, quiet where it says so, and returns where it ends. */
export function encode(request: Request, buffer: Buffer, start: number): number {
  if (request.raw !== undefined) return encodeRaw(request, request.raw, buffer, start)
  const { verb, data, opaque } = request
  const opcode = request.quiet ? quietOpcodes[verb as keyof typeof quietOpcodes] : opcodes[verb as keyof typeof opcodes]
  request.opcode = opcode
  const afterExtras = writeExtras(request, buffer, start + headerBytes)
  const afterKey = afterExtras + buffer.write(request.wireKey, afterExtras)
  let end = afterKey
  let bodyEnd = afterKey
  if (data !== undefined) {
    if (typeof data === 'string') end += buffer.write(data, end)
    else if (isApart(request)) bodyEnd += data.length
    else {
      buffer.set(data, end)
      end += data.length
    }
    bodyEnd = Math.max(bodyEnd, end)
  }
  buffer[start] = requestMagic
  buffer[start + 1] = opcode
  const keyBytes = afterKey - afterExtras
  buffer[start + 2] = keyBytes >>> 8
  buffer[start + 3] = keyBytes
  buffer[start + 4] = afterExtras - start - headerBytes
  buffer[start + 5] = 0
  buffer[start + 6] = 0
  buffer[start + 7] = 0
  writeUint32(buffer, bodyEnd - start - headerBytes, start + 8)
  writeUint32(buffer, opaque, start + 12)
  writeUint32(buffer, request.casHigh, start + 16)
  writeUint32(buffer, request.casLow, start + 20)
  return end
}

function writeExtras(request: Request, buffer: Buffer, at: number): number {
  switch (request.verb) {
    case 'set':
    case 'add':
    case 'replace':
      writeUint32(buffer, request.flags, at)
      writeUint32(buffer, expirationOf(request.ttl), at + 4)
      return at + 8
    case 'touch':
      writeUint32(buffer, expirationOf(request.ttl), at)
      return at + 4
    case 'increment':
    case 'decrement': {
      const { by, initial } = request
      writeUint64(buffer, by, at)
      writeUint64(buffer, initial ?? 0, at + 8)
      writeUint32(buffer, initial === undefined ? doNotCreate : expirationOf(request.ttl), at + 16)
      return at + 20
    }
    default:
      return at
  }
}

/** The frames are memjs' own; only their opaque is ours, since memjs' sequence runs apart and may meet another. */
function encodeRaw(request: Request, raw: Buffer, buffer: Buffer, start: number): number {
  buffer.set(raw, start)
  const end = start + raw.length
  for (let at = start; at + headerBytes <= end; at += headerBytes + buffer.readUInt32BE(at + 8)) {
    writeUint32(buffer, request.opaque, at + 12)
    request.opcode = buffer[at + 1] as number
  }
  return end
}

/**
 * Seconds as memcached takes them. One is added: its clock ticks in whole seconds and may tick right after the write.
 * Beyond 30 days it takes a number for a point in time.
 */
export function expirationOf(ttl: number): number {
  if (ttl === Number.POSITIVE_INFINITY) return 0
  const seconds = Math.ceil(ttl / 1000) + 1
  return seconds <= relativeSeconds ? seconds : Math.ceil(epochNow() / 1000) + seconds
}

/** The SASL PLAIN message of RFC 4616. */
export function plainCredentials(username: string, password: string): string {
  return `\0${username}\0${password}`
}
