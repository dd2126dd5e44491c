import { expect } from 'vitest'
import type { Capability } from '../case.js'
import type { Trial } from '../trial.js'

const long = 'a'.repeat(300)

/** Keys that some backend, protocol or object would trip over, each a set of its own that must stay apart. */
const families: Record<string, readonly string[]> = {
  'the case of letters': ['a', 'A', 'ä', 'Ä'],
  'spaces, at the ends too': ['a', ' a', 'a ', ' a ', 'a b', 'a  b', ' ', '  '],
  'control characters': ['a\nb', 'a\rb', 'a\r\nb', 'a\tb', 'a\0b', 'a', '\0', '\u007f', 'a\u0001'],
  'scripts and emoji': ['清', 'ключ', '💥', '💥💥', 'e\u0301', '\u00e9', '\u00a0', '\u2028', '\ufeff', '\ufeffa'],
  'characters of patterns and paths': [
    '*',
    '?',
    'a*',
    'a?',
    '[a]',
    'a\\',
    '\\',
    'a/b',
    'a:b',
    '/',
    ':',
    'a~b',
    '~',
    '%',
    '%20',
    '..',
    '.',
  ],
  'names that objects have': ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'then', 'length'],
  digits: ['0', '1', '-1', '123', '00', '01', '1.0', '1e3', 'NaN', 'null', 'undefined', 'true'],
  'words of protocols': [
    'k\r\nflush_all\r\n',
    'k 0 0 1\r\nx\r\n',
    '*1\r\n$8\r\nFLUSHALL\r\n',
    'get a b',
    '"quoted"',
    "'",
    'FLUSHALL',
    '{tag}a',
    '{tag}b',
    '{}',
  ],
  'lengths around the limits of servers': [
    long,
    `${long}x`,
    'k'.repeat(200),
    'k'.repeat(249),
    'k'.repeat(250),
    'k'.repeat(251),
    'k'.repeat(252),
    `${'k'.repeat(247)}清`,
    `${'k'.repeat(248)}清`,
    '清'.repeat(83),
    '清'.repeat(84),
    '💥'.repeat(70),
    'k'.repeat(100_000),
    `${'k'.repeat(99_999)}x`,
  ],
}

export const keys: Capability = {
  name: 'keys',
  cases: [
    ...Object.entries(families).map(([what, family]) => ({
      title: `${what} tell keys apart, and every verb takes them`,
      async run({ cache }: Trial) {
        const entries = family.map((key, i) => [key, `value ${i}`] as const)
        for (const [key, value] of entries)
          expect(await cache.add(key, value), JSON.stringify(key.slice(0, 80))).toBe(true)
        for (const [key, value] of entries) expect(await cache.get(key)).toBe(value)
        const many = await cache.getMany(family)
        expect([...many]).toEqual(entries.map(([key, value]) => [key, value]))
        for (const [key] of entries) {
          expect(await cache.has(key)).toBe(true)
          expect(await cache.touch(key, '1h')).toBe(true)
          expect(await cache.replace(key, 7)).toBe(true)
          expect(await cache.increment(key)).toBe(8)
        }
        expect(await cache.take(family[0] as string)).toBe(8)
        expect(await cache.delete(family[1] as string)).toBe(true)
        expect(await cache.getOrSet(family[1] as string, () => 'loaded')).toBe('loaded')
        expect(await cache.setMany(entries)).toEqual([])
        expect([...(await cache.getMany(family))]).toEqual(entries.map(([key, value]) => [key, value]))
        expect(await cache.deleteMany(family)).toBe(family.length)
        expect(await cache.getMany(family)).toEqual(new Map())
      },
    })),
    {
      title: 'a key that looks like the form in which another one travels is not taken for it',
      async run(trial) {
        const { cache } = trial
        await cache.set(long, 'long')
        const travelled = await cache.keyFor(long)
        const lookalikes = [travelled, travelled.slice(travelled.indexOf(':') + 1)]
        if (lookalikes.includes(long)) lookalikes.splice(lookalikes.indexOf(long), 1)
        for (const key of lookalikes) {
          expect(await cache.get(key)).toBeUndefined()
          await cache.set(key, 'lookalike')
        }
        expect(await cache.get(long)).toBe('long')
        for (const key of lookalikes) await cache.delete(key)
        expect(await cache.get(long)).toBe('long')
      },
    },
    {
      title: 'versions work under a key that has to be hashed',
      only: limits => limits.cas,
      async run({ cache }) {
        await cache.set(long, 'a')
        const entry = await cache.getEntry(long)
        expect(entry?.value).toBe('a')
        expect(await cache.compareAndSet(long, 'b', entry!.casToken)).toBe('stored')
        expect(await cache.append(long, 'c')).toBe(true)
        expect(await cache.update<string>(long, text => `${text}d`)).toBe('bcd')
        expect(await cache.get(long)).toBe('bcd')
      },
    },
    {
      title: 'no key reaches beyond itself',
      async run({ cache }) {
        await cache.set('bystander', 'safe')
        for (const key of families['words of protocols']!) {
          await cache.set(key, 'x')
          await cache.get(key)
          await cache.delete(key)
        }
        expect(await cache.get('bystander')).toBe('safe')
      },
    },
    {
      title: 'keyFor shows a plain key at the end of the namespace, and different keys differently',
      async run({ cache, namespace }) {
        const shown = await cache.keyFor('42')
        expect(shown.startsWith(namespace)).toBe(true)
        expect(shown.endsWith(':42')).toBe(true)
        expect(await cache.keyFor('42')).toBe(shown)
        const forms = await Promise.all(
          [...families['lengths around the limits of servers']!].map(key => cache.keyFor(key)),
        )
        expect(new Set(forms).size).toBe(forms.length)
      },
    },
  ],
}
