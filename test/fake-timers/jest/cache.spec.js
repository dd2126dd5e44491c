import { randomUUID } from 'node:crypto'
import { everywhere, withServer } from '../cases.js'
import { signals } from '../server.js'

const { REDIS_URL, REDIS_PID, MEMCACHED_URL, MEMCACHED_PID } = process.env

const { describe, test } = globalThis
const { jest } = import.meta

// By default Jest fakes everything, `process.nextTick` and `queueMicrotask` included.
function install() {
  jest.useFakeTimers()
  return () => jest.useRealTimers()
}

describe.each([
  ['memory', undefined, undefined],
  ['redis', REDIS_URL, REDIS_PID],
  ['memcached', MEMCACHED_URL, MEMCACHED_PID],
])('%s', (_name, server, pid) => {
  test.each(Object.entries({ ...everywhere, ...(pid && withServer) }))('%s', async (_title, run) => {
    await run({
      url: server === undefined ? '' : `${server}?namespace=${randomUUID()}`,
      install,
      ...signals(Number(pid)),
    })
  })
})
