import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { createSerializer, type Encoded, FLAG_ZLIB } from '@anycache/serializer'
import { describe, expect, it } from 'vitest'
import { samples } from './samples.js'

/*
 * Every format ever written, one file per sample, written once and never changed. After adding a sample:
 *   WRITE_GOLDEN=1 npx vitest run packages/serializer/test/golden.test.ts
 * writes the files that are missing and leaves the others alone.
 */
type Golden = { flags: number; base64: string }

const serializer = createSerializer()

async function encoded(name: string): Promise<Golden> {
  const { flags, data }: Encoded = await serializer.encode(samples[name]!())
  return { flags, base64: Buffer.from(data as string).toString('base64') }
}

describe('golden files', () => {
  for (const name of Object.keys(samples)) {
    const file = new URL(`./golden/${name.replaceAll(' ', '-')}.json`, import.meta.url)
    if (process.env.WRITE_GOLDEN && !existsSync(file)) {
      it(`writes the first ${name}`, async () => {
        writeFileSync(file, `${JSON.stringify(await encoded(name))}\n`, { flag: 'wx' })
      })
      continue
    }

    it(`reads the stored ${name}`, async () => {
      const golden: Golden = JSON.parse(readFileSync(file, 'utf8'))
      const value = await serializer.decode(golden.flags, Buffer.from(golden.base64, 'base64'))
      expect(isDeepStrictEqual(value, samples[name]!())).toBe(true)
    })

    it(`still writes ${name} in the stored format`, async () => {
      const golden: Golden = JSON.parse(readFileSync(file, 'utf8'))
      const now = await encoded(name)
      expect(now.flags).toBe(golden.flags)
      // zlib and V8 may change their bytes; the test above compares their content.
      if ((now.flags & FLAG_ZLIB) === 0 && !golden.base64.startsWith('/w')) expect(now.base64).toBe(golden.base64)
    })
  }
})
