// The races for longer: node soak.js [rounds] [seed]. 20,000 rounds on each backend.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const [rounds = '20000', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2)
const program = fileURLToPath(new URL('races.js', import.meta.url))
for (const backend of ['memory', 'redis', 'memcached']) {
  const { status } = spawnSync(process.execPath, [program, backend, rounds, seed], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
