import { parentPort } from 'node:worker_threads'
import type { Answer, Query } from './database.js'
import { openCatalogue } from './snapshot.js'

// Postgres in WebAssembly runs on the calling thread. On its own thread a slow query occupies the database, as it would
// elsewhere, and not the web server.
const { database, origin } = await openCatalogue()

function answer(message: Answer): void {
  parentPort?.postMessage(message)
}

parentPort?.on('message', ({ id, sql, parameters }: Query) => {
  database.query(sql, [...parameters]).then(
    ({ rows }) => answer({ id, rows }),
    (error: Error) => answer({ id, failure: error.message }),
  )
})
answer({ origin })
