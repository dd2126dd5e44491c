import { spawn } from 'node:child_process'
import { type MemcachedServer, startMemcached } from '@anycache/testing/memcached'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import { root } from './blocks.js'
import type { Fault } from './snippets.js'

/** A program that a page shows, and what it needs. */
export type Program = {
  args: readonly string[]
  cwd: string
  env: Readonly<Record<string, string>>
  faults: readonly Fault[]
}

export type Ran = { code: number | null; stdout: string; stderr: string }

/** The servers that pages name by their usual ports, started when first named. */
export class Servers {
  #redis: RedisServer | undefined
  readonly #memcached = new Map<number, MemcachedServer>()

  /** The text with the ports of running, empty servers instead of those that a page names. */
  async placed(text: string): Promise<string> {
    if (/127\.0\.0\.1:6379\b|port: 6379\b/.test(text)) {
      this.#redis ??= await startRedis()
      await this.#redis.command('FLUSHALL')
    }
    for (const [, port] of text.matchAll(/(?:127\.0\.0\.1:|port: )(1121\d)\b/g)) {
      const server = this.#memcached.get(Number(port)) ?? (await startMemcached())
      this.#memcached.set(Number(port), server)
      await server.command('flush_all')
    }
    return this.#swap(text, 'to')
  }

  /** The output with the pages' ports instead of ours. */
  shown(output: string): string {
    return this.#swap(output, 'from')
  }

  #swap(text: string, direction: 'to' | 'from'): string {
    const ports: [usual: number, ours: number][] = [...this.#memcached].map(([port, server]) => [port, server.port])
    if (this.#redis !== undefined) ports.push([6379, this.#redis.port])
    return ports.reduce((changed, [usual, ours]) => {
      const [before, after] = direction === 'to' ? [usual, ours] : [ours, usual]
      return changed.replace(new RegExp(`(127\\.0\\.0\\.1:|port: |localhost:)${before}\\b`, 'g'), `$1${after}`)
    }, text)
  }

  async inflict({ what, server }: Fault): Promise<void> {
    const target = server === 'redis' ? this.#redis : this.#memcached.get(11211)
    if (target === undefined) throw new Error(`a marker wants to ${what} ${server}, which the snippet does not name`)
    await target[what]()
  }

  async restore(faults: readonly Fault[]): Promise<void> {
    for (const server of new Set(faults.map(fault => fault.server))) {
      await (server === 'redis' ? this.#redis : this.#memcached.get(11211))?.restart()
    }
  }

  async stop(): Promise<void> {
    await this.#redis?.stop()
    for (const server of this.#memcached.values()) await server.stop()
  }
}

// The environment of a user's shell, not of the tests.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(CACHE_|REDIS_URL$|MEMCACHE|VITEST|NODE_ENV$|NODE_OPTIONS$|npm_)/.test(name),
  ),
)

/** Runs a program, which must exit by itself within two minutes: some pages run the whole suite. */
export function execute(program: Program, servers: Servers): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, program.args, {
      cwd: program.cwd,
      env: { ...environment, NO_COLOR: '1', ...program.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    const waiting = [...program.faults]
    let inflicting: Promise<void> = Promise.resolve()
    child.stdout.on('data', chunk => {
      stdout += chunk
      while (waiting[0] !== undefined && stdout.includes(waiting[0].when)) {
        const fault = waiting.shift() as Fault
        inflicting = inflicting.then(() => servers.inflict(fault))
      }
    })
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    child.once('error', reject)
    child.once('close', code => {
      inflicting.then(() => {
        const [first] = waiting
        if (first !== undefined) return reject(new Error(`nothing printed ${JSON.stringify(first.when)}:\n${stdout}`))
        resolve({ code, stdout: servers.shown(stdout), stderr: servers.shown(stderr).replaceAll(root, '') })
      }, reject)
    })
  })
}
