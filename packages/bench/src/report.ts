import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Pace } from './rounds.js'

/** What a page of results says about how they were measured. */
export type Circumstances = { readonly servers: readonly string[]; readonly pace: Pace; readonly date: Date }

/** The page `docs/benchmarks.md`. */
export function pageOf(tables: readonly string[], { servers, pace, date }: Circumstances): string {
  return `# Benchmarks

What anycache costs compared with the raw clients and other caches, measured in one run. Read the ratios: calls per second depend on
the machine; ratios and CPU time carry over better.

Run it yourself: \`npm run bench\` (about twenty minutes; \`-- --quick\` for a first look, \`-- --only redis,get\` for one part).

## How it was measured

- ${date.toISOString().slice(0, 10)}, Node ${process.versions.node}, ${[...servers].sort().join(', ')}; client and server on the same
  ${availableParallelism()} cores, over loopback TCP.
- ${versions().join(', ')}.
- Each contender runs in its own process, a new one for each table, so that no contender deoptimises code that another runs.
  Before timing, its answers are checked and it warms up for ${pace.warmUpMs} ms; a call that misses during timing fails the whole run.
- ${pace.rounds} rounds; in each round every contender runs once, for about ${pace.runMs} ms, the order rotating from round to round. A
  figure is the median over the rounds; **×** is the median of the ratios to the raw client in the same round; **CPU µs** is
  user and system time of the client's process per call, without the server's.
- *n in flight*: n workers, each of which awaits its call before it makes the next. Workers that wake together call together, so
  batching by tick shows as it would in a server under load; there are no artificial ticks.
- A miss has a key of its own and a loader that costs nothing: what is measured is the read, the coordination and the write. In a stampede
  100 callers ask for one cold key at once, and one "call" is all of them; the raw clients and Keyv, which have no single flight, load 100 times.
- Tagged entries have two tags each. Only anycache and bentocache have tags; the raw client reads the same entries without.
- 1 000 entries, all present except for misses and stampedes. Text is 100 bytes, the object 1 KB as JSON. Raw clients hold objects as JSON, stringified and
  parsed by hand, as an application would.
- Everyone with the defaults of their own README: anycache under a namespace; Keyv over its own adapters, also with a
  namespace; cache-manager over one Keyv; bentocache with one layer. The timeouts of memjs and anycache are raised to 10 s,
  since half a second is too short where \`getMany\` has to be 51 200 single gets. bentocache has no driver for memcached. Keyv is at
  version 5, because 6 needs Node 22.19.
- With 1 in flight over a socket nearly all time goes to the kernel waking two processes in turn, and two runs of the same code can
  differ by a large factor: trust CPU time there.

## Results

${tables.join('\n')}`
}

/** The pinned versions of the contenders, as this package declares them. */
function versions(): string[] {
  const manifest = JSON.parse(readFileSync(new URL('packages/bench/package.json', root()), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const pins = Object.entries(manifest.devDependencies).filter(([name]) => name !== 'ioredis')
  return pins.map(([name, pin]) => (name === 'ioredis6' ? pin.replace('npm:', '').replace('@', ' ') : `${name} ${pin}`))
}

/** Where the page is written. */
export function pageFile(): URL {
  return new URL('docs/benchmarks.md', root())
}

/** The repository's folder: the build is deeper in it than the sources are. */
function root(): string {
  const here = import.meta.url
  return here.slice(0, here.indexOf('/packages/bench/') + 1)
}
