// One process of several on one server. Runs the built packages, as an application would.
import { createCache } from 'anycache'

const { CACHE_URL, WORKER } = process.env
const cache = await createCache(CACHE_URL)
await cache.ping()
process.send('ready')
// All processes begin together.
await new Promise(resolve => process.once('message', resolve))

const won = []
let cleared = 0
for (let i = 0; i < 25; i++) {
  const clients = Array.from({ length: 25 }, () => cache.increment('hits', 1, { timeout: '10s' }))
  await Promise.all(clients)
  if (await cache.add(`prize ${i}`, WORKER, { timeout: '10s' })) won.push(i)
  await cache.update('list', (list = []) => [...list, `${WORKER}:${i}`], { timeout: '10s' })
  if (await cache.take(`gift ${i}`, { timeout: '10s' })) cleared++
}
process.send({ won, taken: cleared })
await cache.close()
process.disconnect()
