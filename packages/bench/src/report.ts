import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Pace } from './rounds.js'

/** What a page of results says about how they came about. */
export type Circumstances = { readonly servers: readonly string[]; readonly pace: Pace; readonly date: Date }

/** The page `docs/benchmarks.md`. */
export function pageOf(tables: readonly string[], { servers, pace, date }: Circumstances): string {
  return `# Benchmarks

What anycache costs beside the raw clients and other caches, measured in one run. Read the ratios: calls per second are the
machine's, ratios and CPU time carry over better.

Run it yourself: \`npm run bench\` (about ten minutes; \`-- --quick\` for a first look, \`-- --only redis,get\` for one part).

## How it was measured

- ${date.toISOString().slice(0, 10)}, Node ${process.versions.node}, ${[...servers].sort().join(', ')}; client and server on the same
  ${availableParallelism()} cores, over loopback TCP.
- ${versions().join(', ')}.
- Each contender runs in a process of its own, new for each table, so none runs code that another made the compiler give up on.
  Before it is timed its answers are checked and it runs for ${pace.warmUpMs} ms to warm up; a call that misses while it is timed fails the whole run.
- ${pace.rounds} rounds; in each round every contender runs once, for about ${pace.runMs} ms, the order shifting from round to round. A
  figure is the median over the rounds; **×** is the median of the ratios to the raw client in the same round; **CPU µs** is
  user and system time of the client's process per call, without the server's.
- *n in flight*: n workers, each of which awaits its call before it makes the next. What wakes together calls together, so
  batching by tick shows as it would in a server under load; no artificial ticks are made.
- 1 000 entries, all there. Text is 100 bytes, the object 1 KB as JSON. Bare clients hold objects as JSON, stringified and
  parsed by hand, as an application would.
- Everyone by the defaults of their own README: anycache under a namespace; Keyv over its own adapters, which brings a
  namespace too; cache-manager over one Keyv; bentocache with one layer. The timeouts of memjs and anycache are raised to 10 s,
  since half a second passes where \`getMany\` has to be 51 200 single gets. bentocache has no driver for memcached. Keyv is at
  version 5, because 6 needs Node 22.19.
- With 1 in flight over a socket nearly all time is the kernel waking two processes in turn, and two runs of the same code can differ
  by a factor: trust CPU time there.

## Results

${tables.join('\n')}`
}

/** The pinned versions of those who run, as this package declares them. */
function versions(): string[] {
  const manifest = JSON.parse(readFileSync(new URL('packages/bench/package.json', root()), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const pins = Object.entries(manifest.devDependencies).filter(([name]) => name !== 'ioredis')
  return pins.map(([name, pin]) => (name === 'ioredis6' ? pin.replace('npm:', '').replace('@', ' ') : `${name} ${pin}`))
}

/** Where the page belongs. */
export function pageFile(): URL {
  return new URL('docs/benchmarks.md', root())
}

/** The repository's folder: the build lies deeper in it than the sources do. */
function root(): string {
  const here = import.meta.url
  return here.slice(0, here.indexOf('/packages/bench/') + 1)
}
