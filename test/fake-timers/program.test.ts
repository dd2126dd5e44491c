import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { everywhere, withServer } from './cases.js'
import { run } from './run.js'
import { backends } from './servers.js'

const program = fileURLToPath(new URL('program.js', import.meta.url))

describe.each(['sinon', 'node'])('a program under the fakes of %s', library => {
  test.each(backends)(
    'works on %s and ends by itself',
    async (_name, start) => {
      await using server = await start?.()
      const args = server === undefined ? [] : [server.url, String(server.pid)]
      const ended = await run([program, library, ...args])
      const titles = [...Object.keys(everywhere), ...(server === undefined ? [] : Object.keys(withServer))]
      expect(ended).toMatchObject({ code: 0, signal: null, stdout: `${[...titles, 'done'].join('\n')}\n` })
    },
    180_000,
  )
})
