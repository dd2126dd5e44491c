import type { Cache } from 'anycache'
import {
  type CountryTotals,
  countryTotals,
  findPostcard,
  largestCountries,
  largestShares,
  largestTowns,
  type Neighbour,
  nearestTowns,
  type Postcard,
  type Share,
  type Standing,
  searchTowns,
  setPrice,
  standing,
} from './catalogue.js'
import type { Database } from './database.js'
import type { Visit } from './visit.js'

/** Only prices change, and each change invalidates its entries; the ttl covers changes made elsewhere. */
const ttl = '10m'

const keys = {
  countries: 'countries',
  shares: 'shares',
  largest: (country = 'world') => `largest:${country}`,
  country: (country: string) => `country:${country}`,
  postcard: (id: number) => `postcard:${id}`,
  standing: (id: number) => `standing:${id}`,
  nearest: (id: number) => `nearest:${id}`,
  search: (text: string) => `search:${text}`,
}

/**
 * What the pages read, through the cache. Lists are cached as ids and postcards one by one, so that a new price
 * invalidates one postcard and its country's totals, not every list that contains it.
 */
export class Shop {
  readonly #catalogue: Cache
  readonly #views: Cache
  readonly #database: Database

  constructor(cache: Cache, database: Database) {
    const shop = cache.namespace('shop')
    this.#catalogue = shop.namespace('catalogue')
    this.#views = shop.namespace('views')
    this.#database = database
  }

  countries(visit: Visit): Promise<CountryTotals[]> {
    return this.#read(visit, 'countries', keys.countries, () => largestCountries(this.#database))
  }

  shares(visit: Visit): Promise<Share[]> {
    return this.#read(visit, 'shares', keys.shares, () => largestShares(this.#database))
  }

  largest(visit: Visit, country?: string): Promise<number[]> {
    return this.#read(visit, 'largest', keys.largest(country), () => largestTowns(this.#database, country))
  }

  country(visit: Visit, country: string): Promise<CountryTotals | undefined> {
    return this.#read(visit, 'country', keys.country(country), () => countryTotals(this.#database, country))
  }

  postcard(visit: Visit, id: number): Promise<Postcard | undefined> {
    return this.#read(visit, 'postcard', keys.postcard(id), () => findPostcard(this.#database, id))
  }

  standing(visit: Visit, postcard: Postcard): Promise<Standing> {
    return this.#read(visit, 'standing', keys.standing(postcard.id), () => standing(this.#database, postcard))
  }

  nearest(visit: Visit, postcard: Postcard): Promise<Neighbour[]> {
    return this.#read(visit, 'nearest', keys.nearest(postcard.id), () => nearestTowns(this.#database, postcard))
  }

  search(visit: Visit, text: string): Promise<{ ids: number[]; total: number }> {
    return this.#read(visit, 'search', keys.search(text), () => searchTowns(this.#database, text))
  }

  /** The postcards of these ids, in their order: one batch from the cache, and a query for each miss. */
  async postcards(visit: Visit, ids: readonly number[]): Promise<Postcard[]> {
    const began = performance.now()
    const found = await this.#catalogue.getMany<Postcard>(ids.map(keys.postcard))
    // Not one query for all misses and a setMany: that could overwrite a price that changed in between with the old one.
    // getOrSet never stores a value whose key was deleted during the load.
    const postcards = await Promise.all(
      ids.map(id => {
        const key = keys.postcard(id)
        return found.get(key) ?? this.#catalogue.getOrSet(key, () => findPostcard(this.#database, id), { ttl })
      }),
    )
    const ms = performance.now() - began
    visit.note({ block: 'postcards', hits: found.size, total: ids.length, joined: false, ms })
    return postcards.filter(postcard => postcard !== undefined)
  }

  /** Changes the price, in cents, and deletes from the cache everything computed from the old one. */
  async changePrice(id: number, price: number): Promise<Postcard | undefined> {
    const postcard = await setPrice(this.#database, id, price)
    if (postcard === undefined) return undefined
    await this.#catalogue.deleteMany([keys.postcard(id), keys.country(postcard.country), keys.countries])
    return postcard
  }

  /** Empties the catalogue's part of the cache; the views stay. Rejects when the server behind the cache fails. */
  async clear(): Promise<void> {
    await this.#catalogue.clear()
  }

  /** Counts a view and resolves how many there were; `undefined` while the counter cannot be reached. */
  async countView(id: number): Promise<number | undefined> {
    try {
      return await this.#views.increment(String(id))
    } catch {
      // increment rejects in an outage, since a program may act on the number. The page leaves it out;
      // the panel shows the error event.
      return undefined
    }
  }

  async #read<T>(visit: Visit, block: string, key: string, query: () => Promise<T>): Promise<T> {
    const began = performance.now()
    let source = 'load'
    const value = await this.#catalogue.getOrSet(key, query, {
      ttl,
      onOutcome: outcome => {
        source = outcome.source
      },
    })
    const ms = performance.now() - began
    visit.note({ block, hits: source === 'hit' ? 1 : 0, total: 1, joined: source === 'joined', ms })
    return value
  }
}
