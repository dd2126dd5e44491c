// Part of the build: writes schema.json from the built definitions and the comments of src/config.ts.
import { readFileSync, writeFileSync } from 'node:fs'
import { jsonSchema } from '../dist/json-schema.js'

const declarations = readFileSync(new URL('../src/config.ts', import.meta.url), 'utf8')
writeFileSync(new URL('../schema.json', import.meta.url), `${JSON.stringify(jsonSchema(declarations), undefined, 2)}\n`)
