/** Numbers as the network writes them. By hand: the methods of Buffer check their arguments at each call, and a header has many. */

export function writeUint32(buffer: Buffer, value: number, at: number): void {
  buffer[at] = value >>> 24
  buffer[at + 1] = value >>> 16
  buffer[at + 2] = value >>> 8
  buffer[at + 3] = value
}

export function writeUint64(buffer: Buffer, value: number, at: number): void {
  writeUint32(buffer, Math.floor(value / 2 ** 32), at)
  writeUint32(buffer, value % 2 ** 32, at + 4)
}

export function readUint32(buffer: Buffer, at: number): number {
  return (
    (buffer[at] as number) * 0x1000000 +
    (((buffer[at + 1] as number) << 16) | ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number))
  )
}

/** A number of 64 bits. Past 2^53 it is rounded, but stays past it. */
export function readUint64(buffer: Buffer, at: number): number {
  return readUint32(buffer, at) * 2 ** 32 + readUint32(buffer, at + 4)
}
