import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { PGlite } from '@electric-sql/pglite'
import { seed } from './seed.js'

/** Where a database came from: seeded just now, or loaded as an earlier start saved it. */
export type Origin = 'seeded' | 'snapshot'

const gzipped = promisify(gzip)
const folder = new URL('../.data/', import.meta.url)

/** Opens an embedded in-memory Postgres with the catalogue. The first start seeds it and saves it for later ones. */
export async function openCatalogue(): Promise<{ database: PGlite; origin: Origin }> {
  const file = new URL(`catalogue-${await version()}.tar.gz`, folder)
  const saved = await readFile(file).catch(() => undefined)
  if (saved !== undefined) {
    try {
      return { database: await PGlite.create({ loadDataDir: new Blob([saved]) }), origin: 'snapshot' }
    } catch {
      // A damaged or foreign file only costs seeding again.
      await rm(file, { force: true })
    }
  }
  const database = await PGlite.create()
  await seed(database)
  const dump = await database.dumpDataDir('none')
  // Compressed and written while the shop is already open. If that fails, the next start seeds again.
  save(dump, file).catch(error => console.error(`the catalogue was not saved: ${error.message}`))
  return { database, origin: 'seeded' }
}

/** A hash of what the saved database depends on: how it is seeded, and the exact versions of Postgres and the data in our manifest. */
async function version(): Promise<string> {
  const hash = createHash('sha256')
  for (const source of ['./seed.js', '../package.json']) hash.update(await readFile(new URL(source, import.meta.url)))
  return hash.digest('hex').slice(0, 16)
}

async function save(dump: Blob, file: URL): Promise<void> {
  await mkdir(folder, { recursive: true })
  // Renamed into place, so that a concurrent start reads all of it or nothing.
  const draft = `${fileURLToPath(file)}.${randomUUID()}`
  await writeFile(draft, await gzipped(await dump.arrayBuffer(), { level: 1 }))
  await rename(draft, file)
}
