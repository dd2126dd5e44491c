import type { Database } from './database.js'

/** One postcard. */
export type Postcard = {
  readonly id: number
  readonly town: string
  /** ISO 3166, two letters. */
  readonly country: string
  readonly population: number
  readonly longitude: number
  readonly latitude: number
  /** In cents. */
  readonly price: number
}

/** Totals over all postcards of a country. */
export type CountryTotals = {
  readonly country: string
  readonly towns: number
  readonly people: number
  /** Of its cheapest and its most expensive postcard, in cents. */
  readonly lowest: number
  readonly highest: number
}

/** A town and its share of all people in its country's towns, from 0 to 1. */
export type Share = { readonly id: number; readonly town: string; readonly country: string; readonly share: number }

/** A town's rank by population, from 1. */
export type Standing = { readonly inWorld: number; readonly inCountry: number; readonly countryTowns: number }

/** A town and how far away it is. */
export type Neighbour = { readonly id: number; readonly km: number }

const totals = `country, count(*)::int AS towns, sum(population)::float8 AS people,
  min(price) AS lowest, max(price) AS highest`

/** The countries with the most people in towns. */
export function largestCountries(database: Database): Promise<CountryTotals[]> {
  return database.query(`SELECT ${totals} FROM postcard GROUP BY country ORDER BY people DESC LIMIT 10`)
}

/** The towns with the largest share of their country, among countries with at least a million people in towns. */
export function largestShares(database: Database): Promise<Share[]> {
  return database.query(`
    SELECT id, town, country, share FROM (
      SELECT id, town, country,
             population / sum(population) OVER home::float8 AS share,
             rank() OVER (home ORDER BY population DESC) AS place,
             sum(population) OVER home AS people
      FROM postcard WINDOW home AS (PARTITION BY country)
    ) AS towns
    WHERE place = 1 AND people >= 1000000
    ORDER BY share DESC, id LIMIT 10`)
}

/** The ids of the largest towns, of the world or of one country. */
export async function largestTowns(database: Database, country?: string): Promise<number[]> {
  const rows = await (country === undefined
    ? database.query<{ id: number }>('SELECT id FROM postcard ORDER BY population DESC, id LIMIT 12')
    : database.query<{ id: number }>(
        'SELECT id FROM postcard WHERE country = $1 ORDER BY population DESC, id LIMIT 12',
        [country],
      ))
  return rows.map(({ id }) => id)
}

/** The totals of one country, or `undefined` if no postcard is from there. */
export async function countryTotals(database: Database, country: string): Promise<CountryTotals | undefined> {
  const [row] = await database.query<CountryTotals>(
    `SELECT ${totals} FROM postcard WHERE country = $1 GROUP BY country`,
    [country],
  )
  return row
}

const columns = 'id, town, country, population, longitude, latitude, price'

/** The postcards of these ids that exist, in any order. */
export function findPostcards(database: Database, ids: readonly number[]): Promise<Postcard[]> {
  return database.query(`SELECT ${columns} FROM postcard WHERE id = ANY($1::int[])`, [ids])
}

/** The postcard, or `undefined` if there is none with that id. */
export async function findPostcard(database: Database, id: number): Promise<Postcard | undefined> {
  const [row] = await database.query<Postcard>(`SELECT ${columns} FROM postcard WHERE id = $1`, [id])
  return row
}

/** The rank of this postcard's town. */
export async function standing(database: Database, { population, country }: Postcard): Promise<Standing> {
  const [row] = await database.query<Standing>(
    `SELECT 1 + count(*) FILTER (WHERE population > $1)::int AS "inWorld",
            1 + count(*) FILTER (WHERE population > $1 AND country = $2)::int AS "inCountry",
            count(*) FILTER (WHERE country = $2)::int AS "countryTowns"
     FROM postcard`,
    [population, country],
  )
  return row as Standing
}

/** The eight nearest towns, by great-circle distance (haversine) to every town. */
export function nearestTowns(database: Database, { id, latitude, longitude }: Postcard): Promise<Neighbour[]> {
  return database.query(
    `SELECT id, 12742 * asin(least(1, sqrt(
              power(sin(radians(latitude - $2) / 2), 2) +
              cos(radians($2)) * cos(radians(latitude)) * power(sin(radians(longitude - $3) / 2), 2)))) AS km
     FROM postcard WHERE id <> $1 ORDER BY km, id LIMIT 8`,
    [id, latitude, longitude],
  )
}

/** The ids of the largest towns whose name contains the text, in any case, and how many there are in total. */
export async function searchTowns(database: Database, text: string): Promise<{ ids: number[]; total: number }> {
  const rows = await database.query<{ id: number; total: number }>(
    `SELECT id, count(*) OVER ()::int AS total FROM postcard
     WHERE town ILIKE $1 ORDER BY population DESC, id LIMIT 12`,
    [`%${text.replace(/[\\%_]/g, '\\$&')}%`],
  )
  return { ids: rows.map(({ id }) => id), total: rows[0]?.total ?? 0 }
}

/** Cuts every price of a country by a tenth, and resolves how many there are. */
export async function cutPrices(database: Database, country: string): Promise<number> {
  const [row] = await database.query<{ cut: number }>(
    `WITH cut AS (UPDATE postcard SET price = greatest(1, round(price * 0.9)::int) WHERE country = $1 RETURNING 1)
     SELECT count(*)::int AS cut FROM cut`,
    [country],
  )
  return row?.cut ?? 0
}

/** Writes a price, in cents, and resolves the updated postcard; `undefined` if there is none with that id. */
export async function setPrice(database: Database, id: number, price: number): Promise<Postcard | undefined> {
  const [row] = await database.query<Postcard>(`UPDATE postcard SET price = $2 WHERE id = $1 RETURNING ${columns}`, [
    id,
    price,
  ])
  return row
}
