import { MalformedReply } from '../protocol.js'
import { readUint32 } from './big-endian.js'
import { headerBytes } from './requests.js'

const responseMagic = 0x81

type FrameTaker = (frame: Buffer, start: number, end: number) => void

/**
 * Cuts what a socket receives into frames. A frame that lies whole in a chunk is read in place; one that spans chunks is gathered
 * in a buffer of exactly its size, so that each byte is copied once at most.
 */
export class FrameReader {
  /** A frame that claims a longer body is malformed: nobody allocates 4 GiB for a flipped bit. */
  maxBodyBytes: number
  readonly #header: Buffer = Buffer.alloc(headerBytes)
  #frame: Buffer | undefined
  #filled = 0

  constructor(maxBodyBytes: number) {
    this.maxBodyBytes = maxBodyBytes
  }

  /** The size of the frame that has begun and is not whole; 0 where there is none, or its size has not come yet. */
  get begunBytes(): number {
    return this.#frame?.length ?? 0
  }

  /** Calls `take` for each frame that is complete now. Throws {@link MalformedReply}; then the reader is of no more use. */
  push(chunk: Buffer, take: FrameTaker): void {
    let at = this.#filled === 0 ? 0 : this.#resume(chunk, take)
    while (chunk.length - at >= headerBytes) {
      const end = at + this.#frameBytes(chunk, at)
      if (end > chunk.length) break
      take(chunk, at, end)
      at = end
    }
    if (at < chunk.length) this.#keep(chunk, at)
  }

  /** Goes on with the frame begun in an earlier chunk, and returns where the rest of this chunk begins. */
  #resume(chunk: Buffer, take: FrameTaker): number {
    let at = 0
    if (this.#frame === undefined) {
      at = chunk.copy(this.#header, this.#filled, 0, headerBytes - this.#filled)
      this.#filled += at
      if (this.#filled < headerBytes) return at
      this.#frame = Buffer.allocUnsafeSlow(this.#frameBytes(this.#header, 0))
      this.#header.copy(this.#frame)
    }
    const copied = chunk.copy(this.#frame, this.#filled, at)
    this.#filled += copied
    if (this.#filled === this.#frame.length) {
      const frame = this.#frame
      this.#frame = undefined
      this.#filled = 0
      take(frame, 0, frame.length)
    }
    return at + copied
  }

  #keep(chunk: Buffer, at: number): void {
    const rest = chunk.length - at
    if (rest >= headerBytes) {
      this.#frame = Buffer.allocUnsafeSlow(this.#frameBytes(chunk, at))
      chunk.copy(this.#frame, 0, at)
    } else {
      // The first byte alone tells a server that speaks text, and what it says may be shorter than a header.
      if (chunk[at] !== responseMagic) throw new MalformedReply(chunk.subarray(at))
      chunk.copy(this.#header, 0, at)
    }
    this.#filled = rest
  }

  #frameBytes(bytes: Buffer, at: number): number {
    const body = readUint32(bytes, at + 8)
    const keyAndExtras = (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) + (bytes[at + 4] as number)
    if (bytes[at] !== responseMagic || body < keyAndExtras || body > this.maxBodyBytes) {
      throw new MalformedReply(bytes.subarray(at, at + 64))
    }
    return headerBytes + body
  }
}
