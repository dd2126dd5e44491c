import type {
  CasToken,
  Claimed,
  Counted,
  Item,
  Limits,
  ServerStats,
  Space,
  Store,
  StoredItem,
  StoreEvent,
  Touched,
  Write,
  Written,
} from '@anycache/core'
import { prefixOf } from '@anycache/core'

const stored: Written = { outcome: 'stored' }
const missing: Written = { outcome: 'missing' }
const claimed: Claimed = { won: 'evicted' as CasToken }

/**
 * Holds nothing, to switch caching off by config: each call behaves as if its entry had been evicted just before.
 * So `set` and `add` resolve true, `get` misses, `replace`, `touch` and `delete` resolve false, `getOrSet` loads,
 * and `increment` starts from `initial` every time.
 */
export class NullStore implements Store {
  readonly driver = 'null'
  readonly servers: readonly string[] = []
  readonly limits: Limits = {
    maxItemBytes: Number.POSITIVE_INFINITY,
    ttlGranularity: 1,
    ttlLag: 0,
    cas: true,
    keys: true,
    clear: true,
    remote: false,
    shared: false,
  }
  readonly client = undefined

  space(path: readonly string[]): Space {
    return new NullSpace(path)
  }

  listen(_listener: (event: StoreEvent) => void): () => void {
    return () => {}
  }

  ping(): void {}

  flush(): void {}

  serverStats(): ServerStats[] {
    return []
  }

  close(): void {}
}

class NullSpace implements Space {
  readonly #prefix: string

  constructor(path: readonly string[]) {
    this.#prefix = prefixOf(path)
  }

  get(): StoredItem | undefined {
    return undefined
  }

  getMany(keys: readonly string[]): undefined[] {
    return keys.map(() => undefined)
  }

  write(write: Write): Written {
    return write.when === 'always' || write.when === 'absent' ? stored : missing
  }

  writeMany(writes: readonly Write[]): Written[] {
    return writes.map(write => this.write(write))
  }

  claim(): Claimed {
    return claimed
  }

  remove(): boolean {
    return false
  }

  removeMany(keys: readonly string[]): boolean[] {
    return keys.map(() => false)
  }

  take(): Item | undefined {
    return undefined
  }

  touch(): Touched {
    return 'missing'
  }

  count(_key: string, _by: number, create: { value: number; ttl: number } | undefined): Counted {
    if (create === undefined) return { refused: 'missing' }
    return create.value > Number.MAX_SAFE_INTEGER ? { refused: 'out-of-range' } : { value: create.value }
  }

  clear(): void {}

  async *keys(): AsyncIterable<string> {}

  wireKey(key: string): string {
    return this.#prefix + key
  }

  serverOf(): string {
    return 'null'
  }
}
