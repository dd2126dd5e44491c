import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader } from '../src/protocol/binary/frame-reader.js'
import { MalformedReply } from '../src/protocol/protocol.js'

/** A response: 24 bytes of header, extras, key, value. */
function frame(extras: number, key: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(24 + extras + key + value.length, 7)
  bytes[0] = 0x81
  bytes.writeUInt16BE(key, 2)
  bytes[4] = extras
  bytes.writeUInt32BE(extras + key + value.length, 8)
  bytes.set(value, 24 + extras + key)
  return bytes
}

const frames = fc.array(
  fc
    .tuple(fc.nat(20), fc.nat(40), fc.uint8Array({ maxLength: 300 }))
    .map(([extras, key, value]) => frame(extras, key, value)),
  { maxLength: 20 },
)

describe('a reader of frames', () => {
  test('gives the same frames however the bytes are cut into chunks', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sent, sizes) => {
        const bytes = Buffer.concat(sent)
        const reader = new FrameReader(1 << 20)
        const received: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] as number
          reader.push(bytes.subarray(at, at + size), (buffer, start, end) => {
            received.push(Buffer.from(buffer.subarray(start, end)))
          })
          at += size
        }
        expect(received).toEqual(sent)
      }),
    )
  })

  test('throws nothing but MalformedReply on whatever bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 })), chunks => {
        const reader = new FrameReader(1 << 20)
        try {
          for (const chunk of chunks) reader.push(Buffer.from(chunk), () => {})
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedReply)
        }
      }),
    )
  })

  test.each([
    ['text', Buffer.from('ERROR\r\n')],
    ['a request', Object.assign(frame(0, 0, Buffer.alloc(0)), { 0: 0x80 })],
    ['a body shorter than its key', Object.assign(frame(0, 0, Buffer.alloc(0)), { 3: 1 })],
    ['a body of 4 GiB', Object.assign(frame(0, 0, Buffer.alloc(0)), { 8: 0xff })],
  ])('refuses %s', (_what, bytes) => {
    expect(() => new FrameReader(1 << 20).push(bytes, () => {})).toThrow(MalformedReply)
  })

  test('copies a frame that spans chunks once, into a buffer of its size', () => {
    const sent = frame(4, 0, Buffer.alloc(1 << 20, 'x'))
    const reader = new FrameReader(1 << 21)
    const taken: Buffer[] = []
    for (let at = 0; at < sent.length; at += 65_536) {
      reader.push(sent.subarray(at, at + 65_536), buffer => taken.push(buffer))
    }
    expect(taken).toHaveLength(1)
    expect(taken[0]?.buffer.byteLength).toBe(sent.length)
    expect(taken[0]?.equals(sent)).toBe(true)
  })
})
