import { randomUUID } from 'node:crypto'
import type { TestServer } from '@anycache/testing/test-server'
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest'
import { type CaseBench, everywhere, withServer } from './cases.js'
import { backends } from './servers.js'

/** Every case on every backend. */
export function worksUnder(install: CaseBench['install']): void {
  describe.each(backends)('%s', (_name, start) => {
    let server: TestServer | undefined
    beforeAll(async () => {
      server = await start?.()
    })
    afterEach(() => server?.resume())
    afterAll(() => server?.stop())

    test.each(Object.entries({ ...everywhere, ...(start && withServer) }))('%s', async (_title, run) => {
      await run({
        url: server === undefined ? '' : `${server.url}?namespace=${randomUUID()}`,
        install,
        freeze: () => server?.pause(),
        thaw: () => server?.resume(),
      })
    })
  })
}
