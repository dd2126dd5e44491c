// Run in its own process by servers.test.ts: starts servers, prints their pids, and ends in the given way.
import { startMemcached } from '../src/memcached.js'
import { startRedis } from '../src/redis.js'

const [end, folder] = process.argv.slice(2) as [string, string]
process.env.TMPDIR = folder

const redis = await startRedis()
const memcached = await startMemcached()
await memcached.pause()
process.stdout.write(`${redis.pid} ${memcached.pid}\n`)

if (end === 'exit') process.exit(0)
if (end !== 'return') setInterval(() => {}, 1000)
