// One of the two processes, as a thread: its cache, its connections and its loads are its own, and the versions lie in memory that both see.
import { parentPort, workerData } from 'node:worker_threads'
import { createCache } from 'anycache'
import { RacingProcess } from './process.js'

const { index, url, lanes, shared, lease } = workerData
const cache = await createCache(url)
await cache.ping()
const caches = Array.from({ length: lanes }, (_, lane) => cache.namespace(`lane${lane}`))
const racing = new RacingProcess(index, caches, shared, lease)

parentPort.on('message', async ({ id, call, args }) => {
  if (call === 'close') {
    await cache.close()
    parentPort.close()
    return
  }
  try {
    parentPort.postMessage({ id, answer: await racing[call](...args) })
  } catch (error) {
    parentPort.postMessage({ id, error: String(error?.stack ?? error) })
  }
})
parentPort.postMessage({ id: 0, answer: 'ready' })
