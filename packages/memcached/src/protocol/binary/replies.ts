import { readUint32 } from './big-endian.js'
import { headerBytes } from './requests.js'
import type { Reply, Request } from '../../request.js'

const noData = Buffer.alloc(0)
const statuses = new Map<number, Reply['status']>([
  [0x00, 'ok'],
  [0x01, 'missing'],
  [0x02, 'exists'],
  [0x03, 'too-large'],
  [0x05, 'not-stored'],
  [0x06, 'not-a-number'],
  [0x20, 'unauthorized'],
])

/** A reply to be filled again and again. */
export function emptyReply(incarnation: string): Reply {
  return { status: 'ok', code: 0, flags: 0, data: noData, name: '', casHigh: 0, casLow: 0, incarnation }
}

/** The opaque of the frame at `start`. */
export function opaqueAt(frame: Buffer, start: number): number {
  return readUint32(frame, start + 12)
}

export function opcodeAt(frame: Buffer, start: number): number {
  return frame[start + 1] as number
}

/** False: more frames belong to this answer. Statistics come one to a frame, and end with one that names none. */
export function isLastAt(frame: Buffer, start: number): boolean {
  return frame[start + 2] === 0 && frame[start + 3] === 0
}

/** Fills `reply` from the whole frame that lies from `start` to `end`. */
export function decode(reply: Reply, frame: Buffer, start: number, end: number): void {
  const status = ((frame[start + 6] as number) << 8) | (frame[start + 7] as number)
  const keyBytes = ((frame[start + 2] as number) << 8) | (frame[start + 3] as number)
  const extras = frame[start + 4] as number
  const afterExtras = start + headerBytes + extras
  reply.status = status === 0 ? 'ok' : (statuses.get(status) ?? 'refused')
  reply.code = status
  reply.flags = extras >= 4 ? readUint32(frame, start + headerBytes) : 0
  reply.name = keyBytes === 0 ? '' : frame.toString('latin1', afterExtras, afterExtras + keyBytes)
  reply.data = afterExtras + keyBytes === end ? noData : frame.subarray(afterExtras + keyBytes, end)
  reply.casHigh = readUint32(frame, start + 16)
  reply.casLow = readUint32(frame, start + 20)
}

/** What the server says by keeping silent: a miss to a get, success to all else. */
export function decodeSilence(reply: Reply, request: Request): void {
  reply.status = request.verb === 'get' ? 'missing' : 'ok'
  reply.data = noData
  reply.casHigh = 0
  reply.casLow = 0
}
