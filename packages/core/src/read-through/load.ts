import { tagsOf } from '../input/tags.js'
import type { Ttl } from '../input/ttl.js'
import type { LoaderContext } from '../loader.js'
import { requireTags } from '../verbs/tagging.js'
import type { LoadTarget } from './load-target.js'
import type { Run } from './run.js'
import { Wishes } from './wishes.js'

const noWishes = new Wishes()

/** What the loader of one key is handed. */
export class Load<T> implements LoaderContext<T> {
  readonly key: string
  stale: T | undefined
  readonly #target: Pick<LoadTarget, 'namespace' | 'op' | 'key'>
  readonly #run: Run
  #wishes: Wishes | undefined

  constructor(target: Pick<LoadTarget, 'namespace' | 'op' | 'key'>, run: Run) {
    this.#target = target
    this.key = target.key
    this.#run = run
  }

  /** What the loader asked for. */
  get wishes(): Wishes {
    return this.#wishes ?? noWishes
  }

  get #own(): Wishes {
    this.#wishes ??= new Wishes()
    return this.#wishes
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }

  // Getters, not methods: loaders take the context apart, as in `({ key, setTtl }) => …`, and most of them have no use for these.

  get setTtl(): (ttl: Ttl) => void {
    return ttl => this.#own.setTtl(ttl, this.#target.op, this.key)
  }

  get setTags(): (tags: string | readonly string[]) => void {
    return tags => {
      const { namespace, op, key } = this.#target
      const distinct = tagsOf(tags, op, key)
      if (distinct.length > 0) requireTags(namespace, op, key)
      this.#own.tags = distinct
    }
  }

  get noStore(): () => void {
    return () => {
      this.#own.isStorable = false
    }
  }

  get notModified(): () => T {
    return () => this.#own.keep(this.stale, this.#target.op, this.key)
  }
}
