import { expect, test } from 'vitest'
import { failure, server, store, within } from './opened.js'

const places = ['127.0.0.1', 'localhost', 'a unix socket'] as const

test.each(places)('each of a hundred refusals of a full server gives its reason, by %s', async place => {
  const redis = await server({ unixSocket: true, args: ['--maxclients', '1'] })
  const address = place === 'a unix socket' ? { path: redis.path as string } : { host: place, port: redis.port }
  await store(address).ping(within())
  const messages = new Set<string>()
  for (let i = 0; i < 100; i++) {
    const refused = store({ ...address, clientName: 'one-too-many', breaker: false })
    const error = await failure(() => refused.ping(within()))
    expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
    messages.add(error.message)
    await refused.close(within())
  }
  expect([...messages]).toEqual([expect.stringMatching(/max number of clients reached/)])
})
