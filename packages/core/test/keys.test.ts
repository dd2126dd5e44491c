import { fitKey, hashedKeyBytes, patternOf, prefixOf } from '@anycache/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const anyKey = fc.string({ unit: 'binary', minLength: 1, maxLength: 400 })

test('a key that fits travels as it is', () => {
  for (const key of ['a', 'user:42', 'A.b_c-9', '清', 'k'.repeat(250), '~#', 'x~#y']) expect(fitKey(key, 250)).toBe(key)
})

test('a key that a server could not carry becomes a readable head and a digest', () => {
  for (const key of ['with space', 'line\r\nbreak', 'k'.repeat(251), '清'.repeat(84), '\u007f', 'nul\0']) {
    const wire = fitKey(key, 250)
    expect(wire).toMatch(/^[\u0021-\u007e]{1,64}~#[A-Za-z0-9_-]{43}$/)
    expect(wire).not.toBe(key)
  }
  expect(fitKey('with space', 250)).toMatch(/^with_space~#/)
})

test('what is carried always fits and never holds a byte that ends a command', () => {
  fc.assert(
    fc.property(anyKey, fc.integer({ min: hashedKeyBytes, max: 250 }), (key, room) => {
      const wire = fitKey(key, room)
      expect(Buffer.byteLength(wire)).toBeLessThanOrEqual(room)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the very bytes that must not occur
      expect(wire).not.toMatch(/[\u0000-\u0020\u007f]/)
    }),
  )
})

test('no user key meets the hashed form of another', () => {
  const hashed = fitKey('k'.repeat(300), 250)
  expect(fitKey(hashed, 250)).not.toBe(hashed)
  fc.assert(
    fc.property(anyKey, anyKey, (a, b) => {
      fc.pre(a !== b)
      expect(fitKey(a, 120)).not.toBe(fitKey(b, 120))
    }),
  )
})

test('namespaces are joined so that no two pairs meet', () => {
  expect(prefixOf([])).toBe('')
  expect(prefixOf(['shop', 'carts'])).toBe('shop/carts:')
})

test('a pattern knows ? and * and nothing else', () => {
  expect(patternOf('a.b*').test('a.bcd\n')).toBe(true)
  expect(patternOf('a.b*').test('axb')).toBe(false)
  expect(patternOf('a?c').test('a😀c')).toBe(true)
  expect(patternOf('[x]{1}$^|/-+()\\').test('[x]{1}$^|/-+()\\')).toBe(true)
})
