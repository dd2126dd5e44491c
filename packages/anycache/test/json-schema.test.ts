import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { jsonSchema } from '../src/json-schema.js'
import { textOptions } from '../src/url-parameters.js'

type Schema = {
  type?: string
  enum?: unknown[]
  description?: string
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
}

const declarations = readFileSync(new URL('../src/config.ts', import.meta.url), 'utf8')
const definitions = (jsonSchema(declarations) as unknown as { definitions: Record<string, Schema> }).definitions

function* optionsOf(schema: Schema, above = ''): Generator<[string, Schema]> {
  for (const [name, option] of Object.entries(schema.properties ?? {})) {
    yield [above + name, option]
    for (const one of [option, ...(option.anyOf ?? [])]) yield* optionsOf(one, `${above}${name}.`)
  }
}

test('schema.json is what the build would write now', () => {
  const written = JSON.parse(readFileSync(new URL('../schema.json', import.meta.url), 'utf8'))
  expect(written).toEqual(JSON.parse(JSON.stringify(jsonSchema(declarations))))
})

test('every option of the schema is described', () => {
  expect(Object.keys(definitions)).toEqual(['memory', 'redis', 'memcached', 'null', 'url', 'caches'])
  for (const [driver, definition] of Object.entries(definitions)) {
    const options = [...optionsOf(definition)].filter(([path]) => path !== 'driver')
    expect(options.length).toBeGreaterThan(10)
    for (const [path, option] of options) expect(option.description, `${driver}: ${path}`).toBeTruthy()
  }
})

test('URL parameters keep as text exactly the options that can be nothing else', () => {
  const isText = ({ type, items, anyOf }: Schema): boolean =>
    type === 'string' || (anyOf?.every(isText) ?? (type === 'array' && items !== undefined && isText(items)))
  const drivers = ['memory', 'redis', 'memcached', 'null']
  const found = new Set<string>()
  for (const driver of drivers) {
    for (const [path, option] of optionsOf(definitions[driver] ?? {})) if (isText(option)) found.add(path)
  }
  for (const notParameter of ['driver', 'url', '$schema']) found.delete(notParameter)
  expect([...textOptions].sort()).toEqual([...found].sort())
})

test('the page on configuration names every option', () => {
  const page = readFileSync(new URL('../../../docs/guide/configuration.md', import.meta.url), 'utf8')
  const named = new Set(
    [...page.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, names = '']) => names.replaceAll('`', '').split(', ')),
  )
  for (const driver of ['memory', 'redis', 'memcached', 'null']) {
    for (const [path, option] of optionsOf(definitions[driver] ?? {})) {
      if (path !== 'driver') expect(named, `${driver}: ${path}`).toContain(path)
      for (const one of option.items?.anyOf ?? []) {
        for (const name of Object.keys(one.properties ?? {})) expect(named).toContain(`${path}[].${name}`)
      }
    }
  }
})
