/** Values of every kind that the formats distinguish, by the name of their golden file's entry. Never changed, only added to. */
export const samples: Readonly<Record<string, () => unknown>> = {
  'empty text': () => '',
  text: () => 'héllo wörld 漢字 🎉',
  'text of digits': () => '12345',
  'text with a number in front': () => '12 monkeys',
  'text with a lone surrogate': () => 'a\ud800b',
  'long text': () => 'the quick brown fox jumps over the lazy dog\n'.repeat(200),
  zero: () => 0,
  'whole number': () => 42,
  'largest counter': () => Number.MAX_SAFE_INTEGER,
  'negative number': () => -42,
  fraction: () => 0.1,
  'large whole number': () => 2 ** 60,
  'minus zero': () => -0,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  BigInt: () => -(2n ** 70n),
  true: () => true,
  false: () => false,
  null: () => null,
  bytes: () => new Uint8Array([0, 1, 2, 253, 254, 255]),
  'bytes of digits': () => new Uint8Array([0x34, 0x31]),
  Buffer: () => Buffer.from([0, 1, 2, 253, 254, 255]),
  'Buffer of digits': () => Buffer.from('41'),
  'long bytes': () => new Uint8Array(10_000).map((_, index) => index % 17),
  'long Buffer': () => Buffer.alloc(10_000, 'abc'),
  'plain data': () => ({ id: 7, name: 'Lamp', price: 12.5, tags: ['red', null, true], stock: { A1: 3 } }),
  'long plain data': () => Array.from({ length: 300 }, (_, id) => ({ id, name: `Product ${id}`, tags: ['a', 'b'] })),
  'own __proto__ key': () => JSON.parse('{"__proto__":{"admin":true}}'),
  Date: () => new Date(1_700_000_000_123),
  RegExp: () => Object.assign(/a(b)?/giu, { lastIndex: 3 }),
  Map: () =>
    new Map<unknown, unknown>([
      ['a', 1],
      [{ k: 1 }, new Set([1, 'x'])],
    ]),
  Set: () => new Set([1, 'a', null]),
  'undefined inside': () => ({ a: undefined, b: [undefined, Number.NaN, -0, 5n] }),
  'array with holes': () => {
    const array: number[] = []
    array[1] = 1
    array[3] = 3
    return array
  },
  'array with other keys': () => Object.assign(['ab', 'b'], { index: 3, input: 'xxxab' }),
  'typed arrays': () => ({
    i8: new Int8Array([-1]),
    u8: new Uint8Array([1]),
    u8c: new Uint8ClampedArray([255]),
    i16: new Int16Array([-300]),
    u16: new Uint16Array([300]),
    i32: new Int32Array([-70000]),
    u32: new Uint32Array([70000]),
    f32: new Float32Array([1.5]),
    f64: new Float64Array([0.1]),
    i64: new BigInt64Array([-5n]),
    u64: new BigUint64Array([5n]),
    view: new DataView(new Uint8Array([1, 2, 3]).buffer),
    buffer: Buffer.from('hi'),
    raw: new Uint8Array([9, 8]).buffer,
  }),
  Error: () => failure(new Error('it broke')),
  'Error with a cause and a code': () =>
    Object.assign(failure(new TypeError('outer', { cause: failure(new RangeError('inner')) })), { code: 'E_OUTER' }),
  'Error of a class': () => Object.assign(failure(new SyntaxError('mine')), { name: 'ParseError' }),
  AggregateError: () => failure(new AggregateError([failure(new Error('one'))], 'many')),
  'object without a prototype': () => ({ inner: Object.assign(Object.create(null), { a: 1 }) }),
  cycle: () => {
    const cycle: Record<string, unknown> = { name: 'loop', list: [] }
    cycle.self = cycle
    ;(cycle.list as unknown[]).push(cycle)
    return cycle
  },
  'boxed primitives': () => [Object(1), Object('s'), Object(true), Object(5n)],
  'long structured data': () =>
    Array.from({ length: 500 }, (_, id) => ({ id, at: new Date(id), tags: new Set(['a']) })),
}

/** With a stack that does not depend on this file's path. */
function failure<E extends Error>(error: E): E {
  error.stack = `${error.name}: ${error.message}\n    at golden`
  return error
}
