import type { Cache, LoaderContext, LoadOptions, Ttl } from 'anycache'
import {
  type CountryTotals,
  countryTotals,
  cutPrices,
  findPostcard,
  findPostcards,
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
import type { Source, Visit } from './visit.js'

/**
 * Only prices change, and each change invalidates what was computed from it; the ttl covers changes made elsewhere. Past it a block is
 * served as it was while it is read again, and as long as a day if the database fails.
 */
const freshness = {
  ttl: '10m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  softTimeout: '1s',
  hardTimeout: '20s',
} as const

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

/** Labels of entries, invalidated together. */
const tags = {
  /** The postcards of a country. */
  postcards: (country: string) => `postcards:${country}`,
  /** What was added up from the prices of a country. */
  totals: (country: string) => `totals:${country}`,
}

/**
 * What the pages read, through the cache. Lists are cached as ids and postcards one by one, so that a new price
 * invalidates one postcard and its country's totals, not every list that contains it.
 */
export class Shop {
  readonly #catalogue: Cache
  readonly #views: Cache
  readonly #database: Database
  readonly #freshness: LoadOptions

  /** `fresh`: the ttl of what is read from the database. */
  constructor(cache: Cache, database: Database, fresh: Ttl = freshness.ttl) {
    this.#freshness = { ...freshness, ttl: fresh }
    const shop = cache.namespace('shop')
    this.#catalogue = shop.namespace('catalogue')
    this.#views = shop.namespace('views')
    this.#database = database
  }

  countries(visit: Visit): Promise<CountryTotals[]> {
    return this.#read(visit, 'countries', keys.countries, async ({ setTags }) => {
      const countries = await largestCountries(this.#database)
      // Which countries these are is known only now.
      setTags(countries.map(({ country }) => tags.totals(country)))
      return countries
    })
  }

  shares(visit: Visit): Promise<Share[]> {
    return this.#read(visit, 'shares', keys.shares, () => largestShares(this.#database))
  }

  largest(visit: Visit, country?: string): Promise<number[]> {
    return this.#read(visit, 'largest', keys.largest(country), () => largestTowns(this.#database, country))
  }

  country(visit: Visit, country: string): Promise<CountryTotals | undefined> {
    const query = () => countryTotals(this.#database, country)
    // Named in the call: a hit needs no look at its tags.
    return this.#read(visit, 'country', keys.country(country), query, { tags: tags.totals(country) })
  }

  postcard(visit: Visit, id: number): Promise<Postcard | undefined> {
    return this.#read(visit, 'postcard', keys.postcard(id), async ({ setTags }) => {
      const postcard = await findPostcard(this.#database, id)
      if (postcard !== undefined) setTags(tags.postcards(postcard.country))
      return postcard
    })
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

  /** The postcards of these ids, in their order: one batch from the cache, and one query for all that are missing. */
  async postcards(visit: Visit, ids: readonly number[]): Promise<Postcard[]> {
    const began = performance.now()
    const sources: Source[] = []
    const idOf = new Map(ids.map(id => [keys.postcard(id), id]))
    // A price that changes during the query wins: its postcard is not stored.
    const postcards = await this.#catalogue.getOrSetMany<Postcard>(
      idOf.keys(),
      async (missing, { setTags }) => {
        const found = await findPostcards(
          this.#database,
          missing.map(key => idOf.get(key) as number),
        )
        for (const { id, country } of found) setTags(tags.postcards(country), keys.postcard(id))
        return new Map(found.map(postcard => [keys.postcard(postcard.id), postcard]))
      },
      { ...(this.#freshness as LoadOptions<Postcard>), onOutcome: ({ source }) => sources.push(source) },
    )
    visit.note({ block: 'postcards', sources, ms: performance.now() - began })
    return [...postcards.values()]
  }

  /** Changes the price, in cents, and invalidates everything computed from the old one. */
  async changePrice(id: number, price: number): Promise<Postcard | undefined> {
    const postcard = await setPrice(this.#database, id, price)
    if (postcard === undefined) return undefined
    // A delete that an outage prevents is remembered: the old price never comes back.
    await this.#catalogue.delete(keys.postcard(id))
    await this.#invalidate([tags.totals(postcard.country)])
    return postcard
  }

  /** Cuts all prices of a country by a tenth. Two tags stand for its thousands of postcards, wherever they are cached. */
  async cutPrices(country: string): Promise<number> {
    const cut = await cutPrices(this.#database, country)
    await this.#invalidate([tags.postcards(country), tags.totals(country)])
    return cut
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

  async #invalidate(tags: readonly string[]): Promise<void> {
    try {
      await this.#catalogue.invalidateTags(tags)
    } catch {
      // The server is down: until it is back every read is a miss, and then the cache itself makes up for this. The panel shows the error.
    }
  }

  async #read<T>(
    visit: Visit,
    block: string,
    key: string,
    query: (context: LoaderContext<T>) => Promise<T>,
    options?: LoadOptions<T>,
  ): Promise<T> {
    const began = performance.now()
    const sources: Source[] = []
    const value = await this.#catalogue.getOrSet<T>(key, query, {
      ...(this.#freshness as LoadOptions<T>),
      ...options,
      onOutcome: ({ source }) => sources.push(source),
    })
    visit.note({ block, sources, ms: performance.now() - began })
    return value
  }
}
