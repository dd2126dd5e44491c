import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The shop as `npm run demo` starts it, in its own process. */
export interface ShopProcess {
  /** Without a slash at the end. */
  readonly address: string
  /** Everything it has printed so far, on both streams. */
  output(): string
  /** Sends the signal and resolves the exit code, `null` if the process had to be killed. */
  end(signal?: 'SIGINT' | 'SIGTERM'): Promise<number | null>
}

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const cacheVariables = /^(CACHE|REDIS|MEMCACHE|MEMCACHED|MEMCACHIER)_|^(NODE_ENV|PORT|HOST|FRESH)$/
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts the built shop, and resolves when it listens. `PORT` is a free one unless given. */
export async function startShop(variables: Record<string, string> = {}): Promise<ShopProcess> {
  const { child, output, ended } = run({ PORT: '0', ...variables })
  const deadline = Date.now() + 45_000
  let address: string | undefined
  while (address === undefined) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the shop did not start:\n${output()}`)
    }
    await new Promise(resolve => setTimeout(resolve, 20))
    address = /^shop: (http.*)\/$/m.exec(output())?.[1]
  }
  return {
    address,
    output,
    async end(signal = 'SIGTERM') {
      child.kill(signal)
      const tooLong = setTimeout(() => child.kill('SIGKILL'), 30_000)
      const code = await ended
      clearTimeout(tooLong)
      return code
    },
  }
}

/** Starts a shop that is expected to exit by itself. */
export async function failToStart(variables: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const { child, output, ended } = run({ PORT: '0', ...variables })
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 30_000)
  const code = await ended
  clearTimeout(tooLong)
  return { code, output: output() }
}

function run(variables: Record<string, string>): {
  child: ChildProcess
  output: () => string
  ended: Promise<number | null>
} {
  if (!existsSync(main)) throw new Error('the shop is not built; run `npm run build` first')
  const inherited = Object.entries(process.env).filter(([name]) => !cacheVariables.test(name))
  const child = spawn(process.execPath, [main], {
    env: { ...Object.fromEntries(inherited), ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let output = ''
  const keep = (chunk: Buffer): void => {
    output += chunk
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => {
      running.delete(child)
      resolve(code)
    })
  })
  return { child, output: () => output, ended }
}
