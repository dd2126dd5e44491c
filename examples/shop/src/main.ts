import { createCache, type Duration } from 'anycache'
import type { FastifyInstance } from 'fastify'
import { Database } from './database.js'
import { Monitor } from './monitor.js'
import { createShopServer } from './server.js'

try {
  await open()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

async function open(): Promise<void> {
  const began = performance.now()
  // The environment chooses the cache: CACHE_URL, REDIS_URL or MEMCACHE_SERVERS, else this process' memory. It is opened
  // before the database, so that a wrong config fails at once.
  const cache = await createCache()
  const fresh = freshFor(process.env.FRESH)
  const monitor = new Monitor(cache, line => console.log(line))
  const database = await Database.open()
  const server = createShopServer({ cache, database, monitor, fresh })
  const address = await listen(server, process.env)

  const { driver, servers } = cache.info()
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`postcards: 135,233, ${database.origin === 'seeded' ? 'seeded' : 'loaded'} in ${seconds} s`)
  console.log(`cache: ${[driver, ...servers].join(' ')}`)
  console.log(`shop: ${address}/`)

  // Answers pending requests, then closes everything, so that the process exits by itself.
  // A second signal of the same kind ends it at once.
  const close = async (): Promise<void> => {
    console.log('closing')
    await server.close()
    await cache.close()
    await database.close()
  }
  process.once('SIGINT', close)
  process.once('SIGTERM', close)
}

/** Listens on `PORT`, or else on the first free port from 3000, and resolves the address. */
async function listen(server: FastifyInstance, { HOST: host = '127.0.0.1', PORT }: NodeJS.ProcessEnv): Promise<string> {
  if (PORT) {
    if (!/^\d{1,5}$/.test(PORT)) throw new Error(`PORT must be a number from 0 to 65535, got ${PORT}`)
    return server.listen({ host, port: Number(PORT) })
  }
  for (let port = 3000; ; port++) {
    try {
      return await server.listen({ host, port })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || port === 3099) throw error
    }
  }
}

/** The ttl of what is read from the database, where `FRESH` names one. */
function freshFor(text: string | undefined): Duration | undefined {
  if (!text) return undefined
  if (!/^[1-9]\d*(ms|s|m|h)$/.test(text)) throw new Error(`FRESH must be a time such as 500ms, 5s or 10m, got ${text}`)
  return text as Duration
}
