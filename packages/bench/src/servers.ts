import { type MemcachedServer, startMemcached } from '@anycache/testing/memcached'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import type { BackendName } from './contenders/lineup.js'

/** Fresh servers on free ports of 127.0.0.1, each started when it is first needed. */
export class Servers implements AsyncDisposable {
  #redis: RedisServer | undefined
  #memcached: MemcachedServer | undefined
  /** The running servers with their versions, for the page. */
  readonly versions: string[] = []

  /** The port of the backend's server; 0 for backends in process. */
  async portOf(backend: BackendName): Promise<number> {
    if (backend === 'redis') {
      this.#redis ??= await this.#startRedis()
      return this.#redis.port
    }
    if (backend === 'memcached') {
      this.#memcached ??= await this.#startMemcached()
      return this.#memcached.port
    }
    return 0
  }

  async #startRedis(): Promise<RedisServer> {
    const server = await startRedis()
    const info = String(await server.command('INFO', 'server'))
    this.versions.push(`Redis ${/redis_version:(\S+)/.exec(info)?.[1]}`)
    return server
  }

  async #startMemcached(): Promise<MemcachedServer> {
    const server = await startMemcached()
    this.versions.push(`memcached ${(await server.command('version')).replace('VERSION ', '')}`)
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#redis?.stop(), this.#memcached?.stop()])
  }
}
