import type { Cache, Ttl } from 'anycache'
import createServer, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { icon, script, style } from './assets.js'
import { type Database, DatabaseAway, type Mood } from './database.js'
import type { Html } from './html.js'
import { layout } from './layout.js'
import type { Monitor } from './monitor.js'
import { countryPage, homePage, postcardPage, searchPage, sorryPage } from './pages.js'
import { Shop } from './shop.js'
import { readStatus, statusPanel } from './status.js'
import { Visit } from './visit.js'

export type Services = {
  readonly cache: Cache
  readonly database: Database
  readonly monitor: Monitor
  /** For how long the cache holds what was read from the database to be fresh. */
  readonly fresh?: Ttl | undefined
}

const notices: Record<string, string> = {
  saved: 'The price was changed, and no page shows the old one any more.',
  cut: 'Every price of the country was cut, and no page shows an old one any more.',
  works: 'The database works.',
  slow: 'Every query takes 3 s now. What is in the cache is served as before.',
  fails: 'Every query fails now. What is in the cache is served, even past its ttl.',
  cleared: 'The catalogue is gone from the cache. The next page asks the database again.',
  'not-cleared': 'The cache could not be emptied: its server does not answer.',
}

/** The shop's routes. The caller listens and closes. */
export function createShopServer({ cache, database, monitor, fresh }: Services): FastifyInstance {
  const shop = new Shop(cache, database, fresh)
  // Browsers keep connections open; these must not keep the process alive when it should exit.
  const server = createServer({ forceCloseConnections: true })

  const send = async (
    reply: FastifyReply,
    visit: Visit,
    page: { title: string; body: Html; query?: string; status?: number },
  ): Promise<FastifyReply> => {
    const { notice } = reply.request.query as { notice?: unknown }
    const panel = statusPanel(await readStatus(cache, monitor, database))
    const { markup } = layout({
      ...page,
      visit,
      panel,
      notice: typeof notice === 'string' && Object.hasOwn(notices, notice) ? notices[notice] : undefined,
    })
    return reply
      .code(page.status ?? 200)
      .type('text/html; charset=utf-8')
      .send(markup)
  }
  const sendSorry = (reply: FastifyReply, status: number, title: string, text: string): Promise<FastifyReply> => {
    const visit = new Visit()
    return send(reply, visit, { title, body: sorryPage(visit, title, text), status })
  }
  const sendPostcard = async (
    request: FastifyRequest,
    reply: FastifyReply,
    problem?: string,
  ): Promise<FastifyReply> => {
    const visit = new Visit()
    const id = idOf(request)
    const postcard = id === undefined ? undefined : await shop.postcard(visit, id)
    if (postcard === undefined) return sendSorry(reply, 404, 'No such postcard', 'We have none of that number.')
    const [standing, nearest, viewed] = await Promise.all([
      shop.standing(visit, postcard),
      shop.nearest(visit, postcard),
      shop.countView(postcard.id),
    ])
    const ids = nearest.map(neighbour => neighbour.id)
    const postcards = await shop.postcards(visit, ids)
    const body = postcardPage(visit, { postcard, standing, nearest, postcards, viewed, problem })
    return send(reply, visit, { title: postcard.town, body, status: problem === undefined ? 200 : 400 })
  }

  server.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    // Only our own pages may post, so that no other site can change prices through a visitor's browser.
    const from = request.headers['sec-fetch-site']
    if (request.method === 'POST' && from !== undefined && from !== 'same-origin')
      return sendSorry(reply, 403, 'Not from here', 'That form is on another site.')
  })
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))))
  })

  server.get('/', async (_request, reply) => {
    const visit = new Visit()
    const [countries, shares, ids] = await Promise.all([shop.countries(visit), shop.shares(visit), shop.largest(visit)])
    const postcards = await shop.postcards(visit, ids)
    return send(reply, visit, { title: 'Shop', body: homePage(visit, { countries, shares, postcards }) })
  })

  server.get('/country/:code', async (request, reply) => {
    const visit = new Visit()
    const { code } = request.params as { code: string }
    const totals = /^[A-Z]{2}$/.test(code) ? await shop.country(visit, code) : undefined
    if (totals === undefined) return sendSorry(reply, 404, 'No such country', 'We have no postcard from there.')
    const ids = await shop.largest(visit, code)
    const postcards = await shop.postcards(visit, ids)
    return send(reply, visit, { title: code, body: countryPage(visit, { totals, postcards }) })
  })

  server.get('/postcard/:id', (request, reply) => sendPostcard(request, reply))

  server.post('/postcard/:id/price', async (request, reply) => {
    const { price } = (request.body ?? {}) as { price?: string }
    const cents = centsOf(price)
    if (cents === undefined) return sendPostcard(request, reply, 'A price is between 0.01 and 999.99.')
    const id = idOf(request)
    const postcard = id === undefined ? undefined : await shop.changePrice(id, cents)
    if (postcard === undefined) return sendSorry(reply, 404, 'No such postcard', 'We have none of that number.')
    return reply.redirect(`/postcard/${postcard.id}?notice=saved`, 303)
  })

  server.post('/country/:code/sale', async (request, reply) => {
    const { code } = request.params as { code: string }
    const cut = /^[A-Z]{2}$/.test(code) ? await shop.cutPrices(code) : 0
    if (cut === 0) return sendSorry(reply, 404, 'No such country', 'We have no postcard from there.')
    return reply.redirect(`/country/${code}?notice=cut`, 303)
  })

  server.get('/search', async (request, reply) => {
    const visit = new Visit()
    const text = searchText(request.query as { q?: unknown })
    if (text.length < 2) return sendSorry(reply, 400, 'Search', 'At least two letters of a name, please.')
    const { ids, total } = await shop.search(visit, text)
    const postcards = await shop.postcards(visit, ids)
    const body = searchPage(visit, { text, total, postcards })
    return send(reply, visit, { title: text, body, query: text })
  })

  server.post('/database', async (request, reply) => {
    const { mood } = (request.body ?? {}) as { mood?: string }
    if (!isMood(mood)) return sendSorry(reply, 400, 'No such mood', 'A database works, is slow, or fails.')
    database.mood = mood
    // The page it came from may need the database.
    return reply.redirect(`/?notice=${mood}`, 303)
  })

  server.post('/cache/clear', async (_request, reply) => {
    const outcome = await shop.clear().then(
      () => 'cleared',
      () => 'not-cleared',
    )
    return reply.redirect(`/?notice=${outcome}`, 303)
  })

  server.get('/status', () => readStatus(cache, monitor, database))
  server.get('/panel', async (_request, reply) => {
    const { markup } = statusPanel(await readStatus(cache, monitor, database))
    return reply.type('text/html; charset=utf-8').send(markup)
  })
  server.get('/style.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(style))
  server.get('/panel.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(script))
  server.get('/icon.svg', (_request, reply) => reply.type('image/svg+xml').send(icon))

  server.setNotFoundHandler((_request, reply) => sendSorry(reply, 404, 'Nothing here', 'There is no such page.'))
  server.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    if (error instanceof DatabaseAway) {
      return sendSorry(
        reply,
        503,
        'The database is away',
        'And this is not in the cache, or is not to be changed there.',
      )
    }
    const status = error.statusCode ?? 500
    if (status >= 500) console.error(error)
    return sendSorry(reply, status, 'Something went wrong', 'That did not work.')
  })
  return server
}

function isMood(text: string | undefined): text is Mood {
  return text === 'works' || text === 'slow' || text === 'fails'
}

function idOf(request: FastifyRequest): number | undefined {
  const { id } = request.params as { id: string }
  return /^[1-9]\d{0,8}$/.test(id) ? Number(id) : undefined
}

/** `1.5`, `1,50` and `€ 1.50` are 150. */
function centsOf(price: string | undefined): number | undefined {
  const found = /^\s*€?\s*(\d{1,3})(?:[.,](\d{1,2}))?\s*$/.exec(price ?? '')
  const cents = found === null ? 0 : Number(found[1]) * 100 + Number((found[2] ?? '').padEnd(2, '0'))
  return cents > 0 ? cents : undefined
}

/** One spelling per search, so that `Paris ` and `paris` are one entry of the cache. */
function searchText({ q }: { q?: unknown }): string {
  if (typeof q !== 'string') return ''
  // No name contains control characters, and Postgres' text cannot hold a zero byte.
  return q
    .normalize('NFC')
    .replace(/\p{Cc}/gu, '')
    .trim()
    .toLowerCase()
    .slice(0, 60)
}
