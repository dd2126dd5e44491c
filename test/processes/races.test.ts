import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('races/races.js', import.meta.url))

interface Report {
  readonly loads: number
  readonly raced: number
  readonly unstored: number
  readonly stale: number
  readonly lost: number
}

/** What random interleavings of loads and invalidations did. The long form is `npm run soak:races`. */
function race(backend: string, rounds: number, lease = true): Promise<Report> {
  const seed = Math.floor(Math.random() * 2 ** 31)
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, backend, `${rounds}`, `${seed}`, `${lease}`], (error, stdout, stderr) => {
      // It ends with 1 where something was found, and says what.
      if (stdout === '') reject(error ?? new Error(stderr))
      else resolve(JSON.parse(stdout) as Report)
    })
  })
}

test.each(['memory', 'redis', 'memcached'])(
  'whatever two processes on %s load and invalidate, nothing stale is stored and no load is lost',
  async backend => {
    const report = await race(backend, 400)
    expect(report).toMatchObject({ stale: 0, lost: 0, samples: [] })
    // They did meet, and results were given up for it.
    expect(report.raced).toBeGreaterThan(50)
    expect(report.unstored).toBeGreaterThan(20)
  },
  120_000,
)

test.each(['redis', 'memcached'])(
  'the races on %s are noticed where loads have no lease',
  async backend => {
    expect((await race(backend, 400, false)).stale).toBeGreaterThan(0)
  },
  120_000,
)
