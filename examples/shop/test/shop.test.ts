import { createServer } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { launchChromium } from './chromium.js'
import { changePrice, outcomes } from './outcomes.js'
import { failToStart, type ShopProcess, startShop } from './shop-process.js'

const paris = '/postcard/2988507'

describe('the shop on memory, in a browser', { timeout: 60_000 }, () => {
  let browser: Browser
  let shop: ShopProcess
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    ;[browser, shop] = await Promise.all([launchChromium(), startShop()])
  })
  afterAll(async () => {
    await browser?.close()
    expect(await shop?.end()).toBe(0)
  })
  beforeEach(async () => {
    page = await browser.newPage({ baseURL: shop.address })
    complaints = []
    page.on('pageerror', error => complaints.push(error.message))
    page.on('console', message => {
      // Chromium logs this for every 4xx page, even if a test requests it.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        complaints.push(message.text())
    })
  })
  afterEach(async () => {
    await page.close()
    expect(complaints).toEqual([])
  })

  test('queries the database once, and reads the cache from then on', async () => {
    await page.goto('/')
    expect(await outcomes(page)).toEqual({ countries: 'miss', shares: 'miss', largest: 'miss', postcards: 'miss' })
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('A postcard of every town on Earth')
    const before = await status()
    const towns = await page.locator('.card strong').allTextContents()
    expect(towns).toContain('Shanghai')

    await page.reload()
    expect(await outcomes(page)).toEqual({ countries: 'hit', shares: 'hit', largest: 'hit', postcards: 'hit' })
    expect(await page.locator('.card strong').allTextContents()).toEqual(towns)
    const after = await status()
    expect(after.database.queries).toBe(before.database.queries)
    expect(before.database.queries).toBe(4)
    expect(after.stats.hits).toBe(before.stats.hits + 15)
  })

  test('shows a new price wherever the postcard appears, and keeps the rest cached', async () => {
    await page.goto('/country/FR')
    await page.reload()
    expect(await outcomes(page)).toEqual({ country: 'hit', largest: 'hit', postcards: 'hit' })
    expect(await page.locator('#prices').textContent()).toBe('€1.20 – €2.40')

    await page.goto(paris)
    await changePrice(page, '0,75')
    expect(await page.getByRole('status').textContent()).toContain('The price was changed')
    expect(await page.locator('#price').textContent()).toBe('€0.75')
    expect(await outcomes(page)).toEqual({ postcard: 'miss', standing: 'hit', nearest: 'hit', postcards: 'hit' })

    await page.goto('/country/FR')
    expect(await outcomes(page)).toEqual({ country: 'miss', largest: 'hit', postcards: 'hit' })
    expect(await page.locator('#prices').textContent()).toBe('€0.75 – €2.40')
    expect(await page.locator(`.card[href="${paris}"] .price`).textContent()).toBe('€0.75')
  })

  test('cuts every price of a country, and keeps those of others cached', async () => {
    await page.goto('/country/IT')
    const italian = await page.locator('.card .price').allTextContents()
    await page.goto('/country/ES')
    const spanish = await page.locator('.card .price').allTextContents()
    expect(spanish).toHaveLength(12)
    await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Cut all prices' }).click()])
    expect(await page.getByRole('status').textContent()).toContain('was cut')
    expect(await outcomes(page)).toEqual({ country: 'miss', largest: 'hit', postcards: 'miss' })
    const cut = await page.locator('.card .price').allTextContents()
    expect(cut).toEqual(spanish.map(price => `€${(Math.round(Number(price.slice(1)) * 90) / 100).toFixed(2)}`))
    await page.goto('/country/IT')
    expect(await outcomes(page)).toEqual({ country: 'hit', largest: 'hit', postcards: 'hit' })
    expect(await page.locator('.card .price').allTextContents()).toEqual(italian)
    expect(await page.locator('.events').textContent()).toContain('invalidated postcards:ES, totals:ES')
  })

  test('refuses a wrong price, and changes nothing', async () => {
    await page.goto('/postcard/3169070')
    const price = await page.locator('#price').textContent()
    for (const wrong of ['0', '-1', '1.234', 'free', '1000']) {
      await changePrice(page, wrong)
      expect(await page.getByRole('alert').textContent()).toContain('between 0.01 and 999.99')
      expect(await page.locator('#price').textContent()).toBe(price)
    }
  })

  test('counts the views of each postcard', async () => {
    await page.goto('/postcard/2950159')
    expect(await page.locator('#views').textContent()).toBe('Viewed once')
    await page.reload()
    expect(await page.locator('#views').textContent()).toBe('Viewed 2 times')
  })

  test('finds towns by any part of their name, and caches each search once', async () => {
    await page.goto('/')
    await page.getByRole('searchbox').fill('Ville')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.waitForURL('**/search?q=Ville')
    expect((await outcomes(page)).search).toBe('miss')
    const towns = await page.locator('.card strong').allTextContents()
    expect(towns).toHaveLength(12)
    for (const town of towns) expect(town).toMatch(/ville/i)
    await page.goto('/search?q=%20vILLE')
    expect(await outcomes(page)).toEqual({ search: 'hit', postcards: 'hit' })
    expect(await page.locator('.card strong').allTextContents()).toEqual(towns)
  })

  test('treats what visitors type as text: not as markup, a pattern or SQL', async () => {
    const hostile = `<img src=x onerror="document.title='taken'"> ' OR 1=1 -- ' & "q"`
    await page.goto(`/search?q=${encodeURIComponent(hostile)}`)
    expect(await page.title()).toContain('<img src=x')
    expect(await page.locator('main img').count()).toBe(0)
    expect(await page.getByRole('searchbox').inputValue()).toBe(hostile.toLowerCase().slice(0, 60))
    expect(await page.locator('main').textContent()).toContain("No town's name holds that")
    await page.goto('/search?q=%25%25')
    expect(await page.locator('main').textContent()).toContain("No town's name holds that")
    await page.goto('/search?q=a%00_')
    expect(await page.locator('main').textContent()).toContain("No town's name holds that")
  })

  test('queries the database again after its part of the cache was emptied, and keeps the views', async () => {
    await page.goto('/postcard/5128581')
    await page.goto('/')
    await page.getByRole('button', { name: 'Empty' }).click()
    await page.waitForURL('**/?notice=cleared')
    expect(await outcomes(page)).toEqual({ countries: 'miss', shares: 'miss', largest: 'miss', postcards: 'miss' })
    await page.goto('/postcard/5128581')
    expect(await page.locator('#views').textContent()).toBe('Viewed 2 times')
  })

  test('keeps its panel up to date while the page stays open', async () => {
    await page.goto('/')
    const hits = (): Promise<string | null> =>
      page.locator('#counters tr', { hasText: 'Hits' }).locator('td').textContent()
    const before = await hits()
    await fetch(`${shop.address}/`)
    await expect.poll(hits, { timeout: 30_000 }).not.toBe(before)
    expect(await page.locator('#driver').textContent()).toBe('memory')
    expect(await page.locator('.backend').getAttribute('data-reachable')).toBe('true')
  })

  test('answers 404 for unknown pages, and 403 to a form from another site', async () => {
    const foreignMood = await fetch(`${shop.address}/database`, {
      method: 'POST',
      body: new URLSearchParams({ mood: 'on fire' }),
    })
    expect(foreignMood.status).toBe(400)
    for (const path of ['/postcard/1', '/postcard/x', '/country/QQ', '/country/fr', '/nowhere']) {
      expect((await page.goto(path))?.status(), path).toBe(404)
    }
    const foreign = await fetch(`${shop.address}/cache/clear`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'cross-site' },
    })
    expect(foreign.status).toBe(403)
  })

  test('returns its status as JSON', async () => {
    const { cache, health, database } = await status()
    expect(cache).toMatchObject({ driver: 'memory', servers: [], source: 'default', onError: 'open' })
    expect(health.reachable).toBe(true)
    expect(database.queries).toBeGreaterThan(0)
  })

  test('shares one query among concurrent visitors', async () => {
    const before = await status()
    await Promise.all(Array.from({ length: 10 }, () => fetch(`${shop.address}/search?q=hausen`)))
    const after = await status()
    // One search, and one for its twelve postcards.
    expect(after.database.queries - before.database.queries).toBe(2)
    expect(after.stats.joins - before.stats.joins).toBeGreaterThan(0)
  })

  type Told = {
    cache: object
    health: { reachable: boolean }
    stats: { hits: number; joins: number }
    database: { queries: number }
  }

  async function status(): Promise<Told> {
    const response = await fetch(`${shop.address}/status`)
    expect(response.headers.get('content-type')).toContain('application/json')
    return (await response.json()) as Told
  }
})

describe('past its ttl, in a browser', { timeout: 60_000 }, () => {
  let browser: Browser
  let shop: ShopProcess
  let page: Page
  const home = ['countries', 'shares', 'largest', 'postcards']
  const all = (outcome: string): Record<string, string> => Object.fromEntries(home.map(block => [block, outcome]))

  beforeAll(async () => {
    ;[browser, shop] = await Promise.all([launchChromium(), startShop({ FRESH: '1s' })])
    page = await browser.newPage({ baseURL: shop.address })
  })
  afterAll(async () => {
    await browser?.close()
    expect(await shop?.end()).toBe(0)
  })

  async function become(mood: 'work' | 'slow' | 'fail'): Promise<void> {
    await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: mood }).click()])
  }
  const told = async (name: string): Promise<number> =>
    Number(await page.locator('#counters tr', { hasText: name }).locator('td').textContent())
  const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

  test('a page is served as it was, while it is read again in the background', async () => {
    await page.goto('/')
    const towns = await page.locator('.card strong').allTextContents()
    await sleep(1100)
    await page.reload()
    expect(await outcomes(page)).toEqual(all('stale'))
    expect(await page.locator('.card strong').allTextContents()).toEqual(towns)
    await expect.poll(() => told('in the background'), { timeout: 30_000 }).toBeGreaterThanOrEqual(home.length)
    expect(await told('Served stale')).toBeGreaterThanOrEqual(home.length)
  })

  test('a slow database does not slow the pages that are cached', async () => {
    await become('slow')
    await sleep(1100)
    await page.reload()
    expect(await outcomes(page)).toEqual(all('stale'))
    expect(await page.locator('#mood').textContent()).toContain('is slow')
    await become('work')
  })

  test('a database that fails is not noticed on pages that are cached, and an old price is not shown', async () => {
    await page.goto('/postcard/3169070')
    await page.goto('/')
    await become('fail')
    await sleep(1100)
    // Queries that began while it was slow may still give new values.
    await expect.poll(() => page.reload().then(() => outcomes(page)), { timeout: 30_000 }).toEqual(all('stale'))
    expect((await page.goto('/postcard/3169070'))?.status()).toBe(200)
    expect((await outcomes(page)).standing).toBe('stale')
    expect(await page.locator('.events').textContent()).toContain('a refresh failed: the database does not answer')
    // What is not cached, and what would be changed, needs the database.
    expect((await page.goto('/search?q=nowhere'))?.status()).toBe(503)
    await page.goto('/')
    await become('work')
    await page.goto('/postcard/3169070')
    await changePrice(page, '6.54')
    await become('fail')
    expect((await page.goto('/postcard/3169070'))?.status()).toBe(200)
    expect(await page.locator('#price').textContent()).toBe('€6.54')
    await become('work')
  })
})

describe('the process', { timeout: 60_000 }, () => {
  test('exits by itself on SIGINT, with a browser still connected', async () => {
    const shop = await startShop()
    const browser = await launchChromium()
    try {
      await (await browser.newPage()).goto(shop.address)
      expect(await shop.end('SIGINT')).toBe(0)
      expect(shop.output()).toContain('closing')
    } finally {
      await browser.close()
    }
  })

  test('takes the first free port from 3000 when PORT does not name one', async () => {
    const blocker = createServer()
    // It does not matter whether another process or this test takes the port.
    await new Promise<void>(resolve =>
      blocker.once('error', () => resolve()).listen(3000, '127.0.0.1', () => resolve()),
    )
    try {
      const shop = await startShop({ PORT: '' })
      expect(Number(new URL(shop.address).port)).toBeGreaterThan(3000)
      expect(await shop.end()).toBe(0)
    } finally {
      blocker.close()
    }
  })

  test('names a wrong FRESH in one line and exits', async () => {
    const { code, output } = await failToStart({ FRESH: 'soon' })
    expect({ code, output: output.trim() }).toEqual({
      code: 1,
      output: 'FRESH must be a time such as 500ms, 5s or 10m, got soon',
    })
  })

  test('names a wrong CACHE_URL in one line and exits', async () => {
    const { code, output } = await failToStart({ CACHE_URL: 'redsi://:hunter2@127.0.0.1' })
    expect(code).toBe(1)
    expect(output.trimEnd().split('\n')).toHaveLength(1)
    expect(output).toContain('CACHE_URL')
    expect(output).toContain('redis')
    expect(output).not.toContain('hunter2')
  })
})
