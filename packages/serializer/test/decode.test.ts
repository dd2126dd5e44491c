import { constants, deflateRawSync, deflateSync } from 'node:zlib'
import {
  CODEC_V8,
  createSerializer,
  type Encoded,
  FLAG_METADATA,
  frame,
  SerializationError,
  unframe,
  writeMetadata,
} from '@anycache/serializer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { samples } from './samples.js'

const { encode, decode } = createSerializer()

const READABLE = [0, 2, 4, 8, 10, 12, 16, 24, 32, 64, 72, 96, 128, 136, 160, 192, 200, 256, 264, 320]

async function outcome(run: () => unknown): Promise<'read' | 'refused'> {
  try {
    await run()
    return 'read'
  } catch (error) {
    if (error instanceof SerializationError && error.code === 'ERR_CACHE_SERIALIZATION') return 'refused'
    throw error
  }
}

describe('reading what cannot be trusted', () => {
  it('reads any bytes under any flags as a value or refuses them', async () => {
    const flags = fc.oneof(fc.constantFrom(...READABLE), fc.nat(0x4000), fc.integer({ min: 0, max: 0xffffffff }))
    await fc.assert(
      fc.asyncProperty(flags, fc.uint8Array({ maxLength: 64 }), async (flag, bytes) => {
        await outcome(() => decode(flag, bytes))
        await outcome(() => decode(flag, deflateSync(bytes)))
        await outcome(() => decode(flag, Buffer.from(bytes).toString('latin1')))
      }),
      { numRuns: 2000 },
    )
  })

  it('unframes any bytes or refuses them, and reads or refuses what they hold', async () => {
    const framed = fc.uint8Array({ maxLength: 40 }).map(bytes => Uint8Array.from([0xc1, 0x01, ...bytes]))
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 40 }), framed), async bytes => {
        await outcome(() => {
          const { flags, data } = unframe(bytes)
          return decode(flags, data)
        })
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses every combination of flags that nobody writes', () => {
    for (let flags = 0; flags < 1 << 16; flags++) {
      if (READABLE.includes(flags)) continue
      expect(() => decode(flags, deflateSync("'1"))).toThrow(SerializationError)
    }
    for (const flags of [2 ** 31, 2 ** 32 - 1, 2 ** 32 + 8, -8, 8.5, Number.NaN]) {
      expect(() => decode(flags, Buffer.from('x'))).toThrow(SerializationError)
    }
  })

  it('refuses a structured payload in which any one bit has flipped', async () => {
    for (const name of ['Map', 'undefined inside', 'Error with a cause and a code', 'typed arrays', 'cycle']) {
      const { flags, data } = (await encode(samples[name]!())) as Encoded & { data: Uint8Array }
      expect(flags).toBe(CODEC_V8)
      for (let bit = 0; bit < data.length * 8; bit++) {
        const flipped = Uint8Array.from(data)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        expect(() => decode(flags, flipped)).toThrow('checksum')
      }
    }
  })

  it('refuses a compressed or structured payload that is cut or has bytes behind it', async () => {
    for (const name of ['long text', 'long plain data', 'long structured data', 'Map', 'Date']) {
      const { flags, data } = await encode(samples[name]!())
      const whole = Buffer.from(data as Uint8Array)
      for (const broken of [
        whole.subarray(1),
        whole.subarray(0, 2),
        whole.subarray(0, -1),
        Buffer.concat([whole, Buffer.from('x')]),
        Buffer.alloc(0),
      ]) {
        expect(await outcome(() => decode(flags, broken))).toBe('refused')
      }
    }
  })

  it('refuses text that is not UTF-8 instead of replacing what is wrong', () => {
    for (const flags of [0, 16, 32, 192]) {
      expect(() => decode(flags, Buffer.from([0x27, 0x22, 0xff, 0x22]))).toThrow('UTF-8')
    }
  })

  it('never quotes the payload in a message', () => {
    for (const flags of [2, 4, 192, 320]) {
      expect(() => decode(flags, Buffer.from('secret'))).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('secret') }),
      )
    }
  })

  it('refuses malformed numbers', () => {
    for (const text of ['', ' 1', '1.5', '0x10', '1_000', '--1', 'n', '1e3']) {
      expect(() => decode(2, text)).toThrow(SerializationError)
      expect(() => decode(4, text)).toThrow(SerializationError)
    }
    for (const text of ['', 'n', '1', '01n', '-0n', '1.5n', ' 1n'])
      expect(() => decode(320, text)).toThrow(SerializationError)
  })

  it('reads digits as a number whatever wrote them, with the blanks that decr leaves behind', () => {
    expect(decode(0, Buffer.from('9  '))).toBe(9)
    expect(decode(0, '0')).toBe(0)
    expect(decode(0, '9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
    expect(decode(0, '9007199254740993')).toBe(9007199254740993n)
    expect(decode(0, '18446744073709551615')).toBe(18446744073709551615n)
    for (const text of ['007', ' 7', '+7', '-7', '7\n', '7.0', '1'.repeat(21)]) expect(decode(0, text)).toBe(text)
    expect(decode(2, '-0')).toBe(0)
    expect(decode(4, '+5 ')).toBe(5n)
  })
})

describe('inflation', () => {
  it('refuses a stream of 1 MB that inflates to 1 GB, without holding it', async () => {
    const block = deflateRawSync(Buffer.alloc(16 * 1024 * 1024), { finishFlush: constants.Z_FULL_FLUSH })
    const bomb = Buffer.concat([Buffer.from([0x78, 0x9c]), ...new Array(64).fill(block)])
    expect(bomb.length).toBeLessThan(1_100_000)
    expect(await outcome(() => decode(8, bomb))).toBe('refused')
    const before = process.memoryUsage().arrayBuffers
    expect(await outcome(() => createSerializer({ maxDecodedBytes: '1mb' }).decode(72, bomb))).toBe('refused')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
  })

  it('inflates exactly maxDecodedBytes and not one more', async () => {
    for (const size of [1000, 5_000_000]) {
      const stream = deflateSync(Buffer.alloc(size, 'a'))
      expect(((await createSerializer({ maxDecodedBytes: size }).decode(8, stream)) as string).length).toBe(size)
      expect(await outcome(() => createSerializer({ maxDecodedBytes: size - 1 }).decode(8, stream))).toBe('refused')
    }
  })

  it('answers at once for small streams and by a Promise for large ones', async () => {
    expect(decode(8, deflateSync('a'.repeat(100_000)))).toBe('a'.repeat(100_000))
    const large = decode(8, deflateSync('a'.repeat(5_000_000)))
    expect(large).toBeInstanceOf(Promise)
    expect(((await large) as string).length).toBe(5_000_000)
  })
})

describe('frames', () => {
  it('keep the flags, payload and metadata of any item', () => {
    const flag = fc.integer({ min: 0, max: 0xffffffff })
    fc.assert(
      fc.property(flag, fc.uint8Array(), fc.nat(2 ** 40), (flags, data, softDeadline) => {
        const metadata = (flags & FLAG_METADATA) === 0 ? undefined : writeMetadata({ softDeadline })
        const back = unframe(Buffer.from(frame({ flags, data, metadata }) as Uint8Array))
        if (flags !== 2 || back.flags !== 0) expect(back.flags).toBe(flags)
        expect(Buffer.from(back.data)).toEqual(Buffer.from(data))
        expect(back.metadata).toEqual(metadata)
      }),
    )
  })

  it('leave text and counters bare', () => {
    for (const value of ['hello', '', 'ÁÁ', 0, 41, Number.MAX_SAFE_INTEGER]) {
      expect(frame(encode(value) as Encoded)).toBe(String(value))
    }
    for (const value of ['41', ' 41', -1, 1.5, true, null, { a: 1 }]) {
      expect((frame(encode(value) as Encoded) as Uint8Array)[0]).toBe(0xc1)
    }
    expect(frame({ flags: 2, data: Buffer.from('41') })).toEqual(Buffer.from('41'))
    expect(frame({ flags: 2, data: '007' })[0]).toBe(0xc1)
  })

  it('are drawn as documented', () => {
    expect(frame({ flags: 192, data: '{}' })).toEqual(Buffer.from([0xc1, 0x01, 0xc0, 0x01, 0x7b, 0x7d]))
    expect(frame({ flags: 0xffffffff, data: new Uint8Array() })).toEqual(Buffer.from([0xc1, 1, 255, 255, 255, 255, 15]))
  })

  it.each([
    ['cut after its mark', [0xc1]],
    ['of another version', [0xc1, 0x02, 0x00]],
    ['without flags', [0xc1, 0x01]],
    ['cut within its flags', [0xc1, 0x01, 0x80]],
    ['with flags over 32 bits', [0xc1, 0x01, 0xff, 0xff, 0xff, 0xff, 0x10]],
    ['with flags of six bytes', [0xc1, 0x01, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['with flags longer than need be', [0xc1, 0x01, 0x80, 0x00]],
    ['without the metadata that their flags promise', [0xc1, 0x01, 0x80, 0x20]],
    ['with other bytes in the place of metadata', [0xc1, 0x01, 0x80, 0x20, ...Buffer.alloc(40, 'x')]],
    ['cut within their metadata', [0xc1, 0x01, 0x80, 0x20, ...writeMetadata({ softDeadline: 1 }).subarray(0, 26)]],
  ])('are refused when %s', (_name, bytes) => {
    expect(() => unframe(Uint8Array.from(bytes))).toThrow(SerializationError)
  })
})
