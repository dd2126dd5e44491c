import { epochNow, type Item } from '@anycache/core'
import type { Request } from '../../request.js'
import { writeUint32, writeUint64 } from './big-endian.js'

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

const relativeSeconds = 60 * 60 * 24 * 30
/** A point in time, of the first month of 1970: what has this expiry has expired. */
const longPast = relativeSeconds + 1
const doNotCreate = 0xffff_ffff
/** From this size on a value is handed to the socket as it is, not copied into the batch. */
const apartBytes = 16 * 1024

/** An item's header, its version, the key's end and the payload's line break. Seen with 1.6.18. */
export const itemOverhead = 59

export function canBeQuiet({ verb, only }: Request): boolean {
  // A write over one version stays loud: its reply tells the new one.
  return verb === 'get' || verb === 'delete' || ((verb === 'set' || verb === 'replace') && only === undefined)
}

/** What the request stores; undefined for the steps of a write that only look. */
function payloadOf({ verb, item }: Request): Item | undefined {
  if (item === undefined || verb === 'set') return item
  return verb === 'add' || verb === 'replace' || verb === 'authenticate' ? item : undefined
}

export function apart(request: Request): Uint8Array | undefined {
  if (request.bytes < apartBytes) return undefined
  const data = payloadOf(request)?.data
  return typeof data === 'object' ? data : undefined
}

export function roomFor(request: Request): number {
  const { verb, wireKey, bytes } = request
  if (verb === 'raw') return bytes
  const inPlace = payloadOf(request) === undefined ? 0 : bytes - (apart(request)?.length ?? 0)
  return headerBytes + 20 + wireKey.length * 3 + inPlace
}

/** The opcode with which the request is, or was, written. */
export function opcodeOf({ verb, quiet, item }: Request): number {
  switch (verb) {
    case 'get':
      return quiet ? 0x09 : 0x00
    case 'set':
      return quiet ? 0x11 : 0x01
    case 'add':
      return 0x02
    case 'replace':
      return quiet ? 0x13 : 0x03
    case 'delete':
      return quiet ? 0x14 : 0x04
    case 'touch':
      return 0x1c
    case 'increment':
      return 0x05
    case 'decrement':
      return 0x06
    case 'stats':
      return 0x10
    case 'flush':
      return 0x08
    case 'noop':
      return 0x0a
    case 'authenticate':
      return 0x21
    case 'raw':
      return lastOpcode(item?.data as Buffer)
  }
}

export function encode(request: Request, buffer: Buffer, start: number): number {
  if (request.verb === 'raw') return encodeRaw(request, buffer, start)
  const { only } = request
  const afterExtras = writeExtras(request, buffer, start + headerBytes)
  const afterKey = afterExtras + buffer.write(request.wireKey, afterExtras)
  const payload = payloadOf(request)
  let end = afterKey
  let apartLength = 0
  if (payload !== undefined) {
    const { data, metadata } = payload
    if (metadata !== undefined) {
      buffer.set(metadata, end)
      end += metadata.length
    }
    if (typeof data === 'string') end += buffer.write(data, end)
    else if (request.bytes >= apartBytes) apartLength = data.length
    else {
      buffer.set(data, end)
      end += data.length
    }
  }
  buffer[start] = requestMagic
  buffer[start + 1] = opcodeOf(request)
  const keyBytes = afterKey - afterExtras
  buffer[start + 2] = keyBytes >>> 8
  buffer[start + 3] = keyBytes
  buffer[start + 4] = afterExtras - start - headerBytes
  buffer[start + 5] = 0
  buffer[start + 6] = 0
  buffer[start + 7] = 0
  writeUint32(buffer, end + apartLength - start - headerBytes, start + 8)
  writeUint32(buffer, request.serial, start + 12)
  writeUint32(buffer, only === undefined ? 0 : only.casHigh, start + 16)
  writeUint32(buffer, only === undefined ? 0 : only.casLow, start + 20)
  return end
}

function writeExtras(request: Request, buffer: Buffer, at: number): number {
  switch (request.verb) {
    case 'set':
    case 'add':
    case 'replace':
      writeUint32(buffer, request.item?.flags ?? 0, at)
      writeUint32(buffer, expirationOf(request.ttl), at + 4)
      return at + 8
    case 'touch':
      writeUint32(buffer, expirationOf(request.ttl), at)
      return at + 4
    case 'increment':
    case 'decrement':
      writeUint64(buffer, request.by, at)
      writeUint64(buffer, 0, at + 8)
      writeUint32(buffer, doNotCreate, at + 16)
      return at + 20
    default:
      return at
  }
}

/** The frames are memjs' own; only their opaque is ours, since memjs' sequence runs apart and may meet another. */
function encodeRaw({ item, serial }: Request, buffer: Buffer, start: number): number {
  const frames = item?.data as Buffer
  buffer.set(frames, start)
  for (const at of framesIn(frames)) writeUint32(buffer, serial, start + at + 12)
  return start + frames.length
}

function lastOpcode(frames: Buffer): number {
  let opcode = 0
  for (const at of framesIn(frames)) opcode = frames[at + 1] as number
  return opcode
}

function* framesIn(frames: Buffer): Iterable<number> {
  for (let at = 0; at + headerBytes <= frames.length; at += headerBytes + frames.readUInt32BE(at + 8)) yield at
}

/**
 * Seconds as memcached takes them. One is added: its clock ticks in whole seconds and may tick right after the write.
 * Beyond 30 days it takes a number for a point in time. 0: at once.
 */
export function expirationOf(ttl: number): number {
  if (ttl === Number.POSITIVE_INFINITY) return 0
  if (ttl === 0) return longPast
  const seconds = Math.ceil(ttl / 1000) + 1
  return seconds <= relativeSeconds ? seconds : Math.ceil(epochNow() / 1000) + seconds
}
