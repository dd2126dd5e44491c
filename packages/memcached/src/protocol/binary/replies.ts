import { noData, type Reply, type Request } from '../../request.js'
import { readUint32, readUint64 } from './big-endian.js'
import { headerBytes } from './requests.js'
import { statusOf } from './statuses.js'

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
export function decode(reply: Reply, frame: Buffer, start: number, end: number, { verb }: Request): void {
  const code = ((frame[start + 6] as number) << 8) | (frame[start + 7] as number)
  const keyBytes = ((frame[start + 2] as number) << 8) | (frame[start + 3] as number)
  const extras = frame[start + 4] as number
  const afterExtras = start + headerBytes + extras
  const afterKey = afterExtras + keyBytes
  if (code === 0) reply.status = 'ok'
  else {
    const { status, reason } = statusOf(code)
    reply.status = status
    reply.reason = reason
  }
  reply.flags = extras >= 4 ? readUint32(frame, start + headerBytes) : 0
  reply.name = keyBytes === 0 ? '' : frame.toString('latin1', afterExtras, afterKey)
  if (verb === 'raw') reply.data = frame.subarray(start, end)
  else reply.data = afterKey === end ? noData : frame.subarray(afterKey, end)
  if (code === 0 && (verb === 'increment' || verb === 'decrement')) reply.count = readUint64(frame, afterKey)
  reply.casHigh = readUint32(frame, start + 16)
  reply.casLow = readUint32(frame, start + 20)
}

/** What the server says by keeping silent: a miss to a get, success to all else. */
export function decodeSilence(reply: Reply, { verb }: Request): void {
  reply.status = verb === 'get' ? 'missing' : 'ok'
  reply.flags = 0
  reply.data = noData
  reply.casHigh = 0
  reply.casLow = 0
}
