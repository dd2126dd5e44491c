import { randomBytes } from 'node:crypto'

/** Values that come back deep-equal and of the same type, by what each is. New at each call, since some are mutable. */
export function sampleValues(): Record<string, unknown> {
  return {
    ...texts(),
    ...numbers(),
    ...bytes(),
    ...structures(),
    true: true,
    false: false,
    null: null,
    'the bigint 0n': 0n,
    'a negative bigint': -1n,
    'the bigint 2n ** 63n': 2n ** 63n,
    'a bigint of 100 digits': 10n ** 99n + 1n,
  }
}

function texts(): Record<string, unknown> {
  const plain = ['', '5', '0', '-5', '1.5', '007', ' 41', '41 ', '+41', '12 monkeys', '5\0', '1e3', '9007199254740993']
  const words = ['true', 'null', 'undefined', 'NaN', '[]', '{}', '{', '"', '_', ':', "'", "'5", 'b:5', '\u00c1\u0001']
  const protocol = [
    'END',
    'STORED',
    'NOT_STORED',
    'Not found',
    'nil',
    'OK',
    '$-1',
    'VALUE k 0 1\r\nx\r\nEND\r\n',
    '\r\n',
    '\0',
  ]
  const unicode = ['清', '💥', '\ufefftext', '\u2028', 'e\u0301', '\ud800', 'a\udc00b', '\ud83d\udca5\ud83d']
  const named = Object.fromEntries(
    [...plain, ...words, ...protocol, ...unicode].map(text => [`the text ${JSON.stringify(text)}`, text]),
  )
  return {
    ...named,
    'text of the code points 0 to 255': String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)),
    'a long compressible text': 'lorem ipsum '.repeat(10_000),
    'a long compressible text beyond latin-1': '清 ключ 💥 '.repeat(10_000),
    'a long random text': randomBytes(50_000).toString('base64'),
  }
}

function numbers(): Record<string, unknown> {
  const values = [
    0,
    -0,
    1,
    -1,
    10,
    -5,
    255,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    -(2 ** 53 - 1),
    2 ** 53,
    -(2 ** 53),
    2 ** 63,
    2 ** 64,
    1e21,
    -1e21,
    2 ** 60 + 2 ** 20,
    0.1,
    1.23456789,
    -1.5,
    1e-7,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    Number.EPSILON,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]
  return Object.fromEntries(values.map(value => [`the number ${Object.is(value, -0) ? '-0' : value}`, value]))
}

function bytes(): Record<string, unknown> {
  const every = Array.from({ length: 256 }, (_, i) => i)
  return {
    'a Buffer of every byte': Buffer.from(every),
    'a Uint8Array of every byte': Uint8Array.from(every),
    'an empty Buffer': Buffer.alloc(0),
    'an empty Uint8Array': new Uint8Array(0),
    'a Buffer of digits': Buffer.from('41'),
    'a Uint8Array of digits and spaces': Uint8Array.from(Buffer.from(' 41 ')),
    'a Buffer that looks compressed': Buffer.from([0x78, 0x9c, 1, 2, 3]),
    'a Buffer that looks framed': Buffer.from([0xc1, 0x01, 0x00, 0x41]),
    'a Buffer that looks guarded': Buffer.from("'41"),
    'a view in the middle of a buffer': new Uint8Array(Uint8Array.from(every).buffer, 10, 20),
    'a long compressible Buffer': Buffer.alloc(200_000, 'ab'),
    'a long random Buffer': randomBytes(100_000),
    'an Int8Array': Int8Array.of(-1, 2),
    'a Uint8ClampedArray': Uint8ClampedArray.of(1, 255),
    'an Int16Array': Int16Array.of(-1, 2),
    'a Uint16Array': Uint16Array.of(1, 65_535),
    'an Int32Array': Int32Array.of(-1, 2),
    'a Uint32Array': Uint32Array.of(1, 2 ** 32 - 1),
    'a Float32Array': Float32Array.of(1.5, Number.NaN),
    'a Float64Array': Float64Array.of(1.1, Number.NEGATIVE_INFINITY),
    'a BigInt64Array': BigInt64Array.of(-1n, 2n),
    'a BigUint64Array': BigUint64Array.of(1n, 2n ** 64n - 1n),
    'an ArrayBuffer': Uint8Array.from(every).buffer,
    'a DataView': new DataView(Uint8Array.from(every).buffer, 2, 5),
  }
}

function structures(): Record<string, unknown> {
  const sparse = [1, 2, 3]
  delete sparse[1]
  const cyclic: Record<string, unknown> = { name: 'loop' }
  cyclic.self = cyclic
  cyclic.list = [cyclic]
  const twice = { shared: true }
  let nested: unknown = 'bottom'
  for (let i = 0; i < 200; i++) nested = i % 2 === 0 ? { nested } : [nested]
  const caused = new TypeError('outer', { cause: new RangeError('inner') })
  return {
    'an empty array': [],
    'an empty object': {},
    'nested plain data': { a: [1, 'two', { three: null }], b: { c: [[]], d: {} }, e: [true, false] },
    'an array of numbers': Array.from({ length: 1000 }, (_, i) => i / 3),
    'an array with undefined': [1, undefined, 3],
    'a sparse array': sparse,
    'an object with an undefined property': { a: undefined, b: 1 },
    'an object with numbers that JSON loses': { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, zero: -0 },
    'an object with lone surrogates': { '\ud800': 'a\udc00' },
    'an object with odd names': JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"":2,"a.b":3,"2":4,"1":5}'),
    'an object of every kind': {
      date: new Date(0),
      map: new Map([['k', new Set([1])]]),
      big: 5n,
      buffer: Buffer.from('x'),
      bytes: Uint8Array.of(1),
      regexp: /x/g,
    },
    'a Date': new Date('2026-02-03T04:05:06.789Z'),
    'an invalid Date': new Date(Number.NaN),
    'a Map': new Map<unknown, unknown>([
      ['a', 1],
      [2, new Map([['b', { c: 1 }]])],
      [null, undefined],
    ]),
    'a Map in an array': [new Map([['k', new Map([['l', 1]])]])],
    'a Set': new Set<unknown>(['a', 1, null, Number.NaN, [2]]),
    'a RegExp': /a[^/]+\/(?<b>c)/giu,
    'an Error': new Error('message'),
    'an Error with a cause': caused,
    'Errors in an object': { errors: [new SyntaxError('a'), new Error('b')] },
    'a cycle': cyclic,
    'one object in two places': { a: twice, b: [twice] },
    'data 200 levels deep': { nested },
    'a long list of records': Array.from({ length: 500 }, (_, i) => ({
      id: i,
      name: `name ${i}`,
      tags: ['a', 'b'],
      at: null,
    })),
  }
}
