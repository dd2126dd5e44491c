import { randomBytes } from 'node:crypto'
import {
  CODEC_BYTES,
  CODEC_JSON,
  CODEC_V8,
  createSerializer,
  type Encoded,
  FLAG_ZLIB,
  parseBytes,
} from '@anycache/serializer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const { encode, decode } = createSerializer()

/** memcached's safe_strtoull on an item's data, which "\r\n" follows: what incr would count from, if anything. */
function counterAt(data: string | Uint8Array): bigint | undefined {
  const bytes = `${Buffer.from(data as string).toString('latin1')}\r\n`
  const match = /^[ \t-\r]*([+-]?)(\d+)([\s\S])/.exec(bytes)
  if (!match) return undefined
  const [, sign, digits, after] = match
  const magnitude = BigInt(digits!)
  if (magnitude >= 2n ** 64n || !/[ \t-\r\0]/.test(after!)) return undefined
  const value = sign === '-' ? BigInt.asUintN(64, -magnitude) : magnitude
  return sign === '-' && value >= 2n ** 63n ? undefined : value
}

describe('counters', () => {
  it('are whole numbers from 0 to 2^53 − 1 and nothing else', async () => {
    const numeric = fc.string({ unit: fc.constantFrom(...' \t\n\v\f\r+-0123456789x\0.e'.split('')) })
    const value = fc.oneof(
      numeric,
      numeric.map(text => Buffer.from(text)),
      numeric.map(text => new Uint8Array(Buffer.from(text))),
      fc.string(),
      fc.uint8Array(),
      fc.double(),
      fc.maxSafeInteger(),
      fc.bigInt(),
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withTypedArray: true }),
    )
    await fc.assert(
      fc.asyncProperty(value, async sample => {
        if (sample === undefined) return
        const counted = counterAt((await encode(sample)).data)
        const isCounter = Number.isSafeInteger(sample) && (sample as number) >= 0 && !Object.is(sample, -0)
        expect(counted).toBe(isCounter ? BigInt(sample as number) : undefined)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([-0, -1, -(2 ** 53), 2 ** 53, 2 ** 63, 2 ** 64, 1e21, 1.5, 0.5, -0.5, 5e-324])(
    'does not make a counter of %d',
    value => {
      expect(counterAt((encode(value) as Encoded).data)).toBeUndefined()
      const { flags, data } = encode(value) as Encoded
      expect(decode(flags, data)).toBe(value)
    },
  )

  it('are guarded in the time it takes to read them once', () => {
    const digits = '1'.repeat(30_000_000)
    expect((createSerializer({ compression: false }).encode(`${digits}x`) as Encoded).flags).toBe(0)
    expect((createSerializer({ compression: false }).encode(digits) as Encoded).flags).toBe(32)
  })
})

describe('formats', () => {
  it('writes text as it is and data as JSON', () => {
    expect(encode('tea')).toEqual({ flags: 0, data: 'tea' })
    expect(encode('12 monkeys')).toEqual({ flags: 32, data: "'12 monkeys" })
    expect(encode({ a: [1, 'é'] })).toEqual({ flags: CODEC_JSON, data: '{"a":[1,"é"]}' })
    expect(encode(41)).toEqual({ flags: 2, data: '41' })
    expect(encode(2 ** 60)).toEqual({ flags: CODEC_JSON, data: '1.152921504606847e+18' })
    expect(encode(5n)).toEqual({ flags: 320, data: '5n' })
  })

  it.each([
    ['an extra key on a short array', Object.assign([1], { x: 1 })],
    ['an extra key on a long array', Object.assign(new Array(2000).fill(1), { x: 1 })],
    ['a hole in a long array', Object.assign(new Array(2000), { 5: 1 })],
    ['NaN at the end', [...new Array(1000).fill('x'), Number.NaN]],
    ['undefined under a key', { a: 1, b: undefined }],
  ])('does not lose %s to JSON', (_name, value) => {
    expect((createSerializer({ compression: false }).encode(value) as Encoded).flags).toBe(CODEC_V8)
  })
})

describe('compression', () => {
  it('begins at the threshold, counted in bytes', () => {
    const flagsOf = (value: unknown) => (encode(value) as Encoded).flags
    expect(flagsOf('a'.repeat(4095))).toBe(0)
    expect(flagsOf('a'.repeat(4096))).toBe(FLAG_ZLIB)
    expect(flagsOf('é'.repeat(2047))).toBe(0)
    expect(flagsOf('é'.repeat(2048))).toBe(FLAG_ZLIB)
    expect(flagsOf(new Uint8Array(4096))).toBe(CODEC_BYTES | FLAG_ZLIB)
    expect(flagsOf(`12 ${'a'.repeat(5000)}`)).toBe(FLAG_ZLIB)
  })

  it('is dropped where it saves less than a tenth', async () => {
    for (const size of [5000, 50_000]) {
      const bytes = randomBytes(size)
      expect(await encode(bytes)).toEqual({ flags: 128, data: new Uint8Array(bytes) })
      const hex = bytes.toString('base64')
      const { flags, data } = await encode(hex)
      expect(flags === 0 ? data === hex : data.length <= hex.length * 0.9).toBe(true)
    }
  })

  it.each([
    ['gzip', '1f8b08'],
    ['png', '89504e470d0a1a0a'],
    ['jpeg', 'ffd8ffe0'],
    ['webp', '524946460000000057454250'],
    ['zstd', '28b52ffd'],
    ['zip', '504b0304'],
    ['mp4', '0000001866747970'],
  ])('is not tried on %s', (_name, magic) => {
    const bytes = Buffer.concat([Buffer.from(magic, 'hex'), Buffer.alloc(10_000)])
    expect((encode(bytes) as Encoded).flags).toBe(128)
  })

  it('leaves the main thread above 32 KB', async () => {
    expect(encode('a'.repeat(32 * 1024))).not.toBeInstanceOf(Promise)
    const encoding = encode('a'.repeat(32 * 1024 + 1))
    expect(encoding).toBeInstanceOf(Promise)
    expect((await encoding).flags).toBe(FLAG_ZLIB)
  })

  it('can be turned off, and still reads what is compressed', async () => {
    const plain = createSerializer({ compression: false })
    expect(plain.encode('a'.repeat(100_000))).toEqual({ flags: 0, data: 'a'.repeat(100_000) })
    const { flags, data } = await encode('a'.repeat(100_000))
    expect(await plain.decode(flags, data)).toBe('a'.repeat(100_000))
  })

  it('takes a threshold and a level', async () => {
    const text = Array.from({ length: 1000 }, (_, index) => `line ${index * 7919}`).join('\n')
    const sizeAt = async (level: number) =>
      (await createSerializer({ compression: { level } }).encode(text)).data.length
    expect(await sizeAt(9)).toBeLessThan(await sizeAt(1))
    expect((createSerializer({ compression: { threshold: '1kb' } }).encode('a'.repeat(1024)) as Encoded).flags).toBe(8)
  })
})

describe('options', () => {
  it.each([
    [{ compresion: false }, "unknown option serializer.compresion (false); the nearest option is 'compression'"],
    [{ compression: { treshold: 1 } }, "serializer.compression.treshold (1); the nearest option is 'threshold'"],
    [{ compression: true }, 'serializer.compression must be false or an object of options, got true'],
    [{ compression: null }, 'serializer.compression must be false or an object of options, got null'],
    [{ compression: { level: 0 } }, 'serializer.compression.level must be a whole number from 1 to 9, got 0'],
    [{ compression: { level: '6' } }, "got '6'"],
    [{ compression: { threshold: -1 } }, 'serializer.compression.threshold must be'],
    [{ maxDecodedBytes: 0 }, 'serializer.maxDecodedBytes must be at least 1 byte, got 0'],
    [
      { maxDecodedBytes: '64 megs' },
      "serializer.maxDecodedBytes must be a whole number of bytes or a size such as '4kb', '64mb' or '1gb', got '64 megs'",
    ],
    ['fast', "serializer must be an object of options, got 'fast'"],
    [null, 'serializer must be an object of options, got null'],
    [[], 'got an array'],
  ])('are refused when wrong: %j', (options, message) => {
    const create = () => createSerializer(options as never)
    expect(create).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT', name: 'InvalidArgumentError' }),
    )
    expect(create).toThrow(message)
  })

  it('may be undefined one by one', () => {
    expect(createSerializer({ compression: undefined, maxDecodedBytes: undefined }).encode('a')).toEqual({
      flags: 0,
      data: 'a',
    })
  })
})

describe('parseBytes', () => {
  it.each([
    [0, 0],
    [512, 512],
    ['512', 512],
    ['512b', 512],
    ['4kb', 4096],
    ['1.5 MB', 1_572_864],
    ['1gb', 1_073_741_824],
  ])('reads %j as %d bytes', (size, bytes) => expect(parseBytes(size)).toBe(bytes))

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '', 'kb', '-1kb', '1tb', '1e3', ' 1kb', null, {}, true])(
    'refuses %j',
    size => {
      expect(() => parseBytes(size as never)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT' }))
    },
  )
})
