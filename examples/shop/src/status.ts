import type { Cache, CacheInfo, CacheStats } from 'anycache'
import type { Database, Mood } from './database.js'
import { count, milliseconds } from './formats.js'
import { type Html, html } from './html.js'
import type { Happening, Health, Monitor } from './monitor.js'
import type { Origin } from './snapshot.js'

/** What `/status` returns and the panel shows. */
export type Status = {
  readonly cache: Pick<CacheInfo, 'driver' | 'servers' | 'source' | 'namespace' | 'timeout' | 'onError'>
  readonly health: Health
  readonly stats: CacheStats
  readonly events: readonly Happening[]
  readonly database: { readonly origin: Origin; readonly queries: number; readonly mood: Mood }
}

export async function readStatus(cache: Cache, monitor: Monitor, database: Database): Promise<Status> {
  const health = await monitor.check()
  const { driver, servers, source, namespace, timeout, onError } = cache.info()
  return {
    cache: { driver, servers, source, namespace, timeout, onError },
    health,
    stats: cache.stats(),
    events: monitor.recent,
    database: { origin: database.origin, queries: database.queries, mood: database.mood },
  }
}

/** The status as HTML. */
export function statusPanel({ cache, health, stats, events, database }: Status): Html {
  const rows: [string, string | number][] = [
    ['Hits', stats.hits],
    ['Misses', stats.misses],
    ['… nothing there', stats.absentMisses],
    ['… past its ttl', stats.staleMisses],
    ['… tag invalidated', stats.invalidatedMisses],
    ['… outage', stats.outageMisses],
    ['Served stale', stats.stale],
    ['Loads', stats.loads],
    ['… in the background', stats.refreshes],
    ['… failed', stats.loadErrors],
    ['Joined loads', stats.joins],
    ['Writes', stats.writes],
    ['Deletes', stats.deletes],
    ['Tags invalidated', stats.invalidations],
    ['Errors', stats.errors],
    ['Queries to Postgres', database.queries],
  ]
  const reads = stats.hits + stats.misses
  return html`<h2>Cache</h2>
<p class="backend" data-driver="${cache.driver}" data-reachable="${String(health.reachable)}">
<strong id="driver">${cache.driver}</strong> ${
    health.reachable
      ? html`<span class="badge hit">answers <b>${milliseconds(health.ms)}</b></span>`
      : html`<span class="badge down">down</span>`
  }</p>
${cache.servers.length > 0 && html`<p class="servers">${cache.servers.join(', ')}</p>`}
<p class="source">${sourceText(cache.source)}</p>
${!health.reachable && html`<p class="problem">The shop keeps working from the database. ${health.why}</p>`}
<p class="ratio">${reads === 0 ? 'No reads yet' : `${Math.round((100 * stats.hits) / reads)} % of ${count(reads)} reads were hits`}</p>
${database.mood !== 'works' && html`<p class="problem" id="mood">The database ${database.mood === 'slow' ? 'is slow: 3 s for each query' : 'fails every query'}.</p>`}
<table id="counters"><tbody>${rows.map(([name, value]) => html`<tr><th>${name}<td class="number">${typeof value === 'number' ? count(value) : value}</tr>`)}</tbody></table>
<h2>Events</h2>
${
  events.length === 0
    ? html`<p class="source">None so far.</p>`
    : html`<ol class="events">${events.map(
        ({ at, what, times }) =>
          html`<li><time>${at.toISOString().slice(11, 19)}</time> ${what}${times > 1 && html` <b>×${count(times)}</b>`}</li>`,
      )}</ol>`
}`
}

function sourceText(source: string | undefined): string {
  if (source === undefined || source === 'argument') return 'set by the program'
  return source === 'default' ? 'by default; set CACHE_URL for a server' : `from ${source}`
}
