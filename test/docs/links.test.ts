import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { anchorsOf, linksOf, pages, root } from './blocks.js'

test.each(pages())('every link of %s leads to a file, and to its heading if it names one', page => {
  const dead = linksOf(page).filter(({ target, fragment }) => {
    if (!existsSync(join(root, target))) return true
    return fragment !== undefined && target.endsWith('.md') && !anchorsOf(target).has(fragment)
  })
  expect(dead).toEqual([])
})

test('every page of docs can be reached from the index', () => {
  const reached = new Set(['docs/README.md'])
  const there = new Set(pages())
  for (const page of reached) for (const { target } of linksOf(page)) if (there.has(target)) reached.add(target)
  expect([...there].filter(page => page.startsWith('docs/') && !reached.has(page))).toEqual([])
})

test('the README is 80 to 120 lines long and shows a program that prints something before line 30', () => {
  const lines = readFileSync(join(root, 'README.md'), 'utf8').trimEnd().split('\n')
  expect(lines.length).toBeGreaterThanOrEqual(80)
  expect(lines.length).toBeLessThanOrEqual(120)
  expect(lines.findIndex(line => line.includes('console.log('))).toBeLessThan(30)
})
