import { type MemcachedServer, startMemcached } from '@anycache/testing/memcached'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { launchChromium } from './chromium.js'
import { changePrice, outcomes } from './outcomes.js'
import { type ShopProcess, startShop } from './shop-process.js'

const backends: { driver: string; start: () => Promise<RedisServer | MemcachedServer> }[] = [
  { driver: 'redis', start: () => startRedis() },
  { driver: 'memcached', start: () => startMemcached() },
]

const rome = '/postcard/3169070'
const allHits = { postcard: 'hit', standing: 'hit', nearest: 'hit', postcards: 'hit' }

describe.each(backends)('the shop on $driver, in a browser', { timeout: 60_000 }, ({ driver, start }) => {
  let browser: Browser
  let server: RedisServer | MemcachedServer
  let shop: ShopProcess
  let page: Page

  beforeAll(async () => {
    ;[browser, server] = await Promise.all([launchChromium(), start()])
    shop = await startShop({ CACHE_URL: server.url })
  })
  afterAll(async () => {
    await browser?.close()
    expect(await shop?.end()).toBe(0)
    await server?.stop()
  })
  beforeEach(async () => {
    page = await browser.newPage({ baseURL: shop.address })
  })
  afterEach(() => page.close())

  test('queries the database once, and reads from the server from then on', async () => {
    await page.goto('/')
    expect(await outcomes(page)).toEqual({ countries: 'miss', shares: 'miss', largest: 'miss', postcards: 'miss' })
    await page.reload()
    expect(await outcomes(page)).toEqual({ countries: 'hit', shares: 'hit', largest: 'hit', postcards: 'hit' })
    expect(await page.locator('#driver').textContent()).toBe(driver)
    expect(await page.locator('.servers').textContent()).toBe(`127.0.0.1:${server.port}`)
    expect(await page.locator('.backend').getAttribute('data-reachable')).toBe('true')
  })

  test('shows a new price at once', async () => {
    await page.goto(rome)
    await page.reload()
    expect(await outcomes(page)).toEqual(allHits)
    await changePrice(page, '3.21')
    expect(await page.locator('#price').textContent()).toBe('€3.21')
    expect(await outcomes(page)).toEqual({ ...allHits, postcard: 'miss' })
  })

  test('serves from the database while the server is down, and from the server when it is back', async () => {
    await page.goto(rome)
    await server.kill()
    expect((await page.goto(rome))?.status()).toBe(200)
    expect(await page.locator('h1').textContent()).toBe('Rome')
    expect((await outcomes(page)).nearest).toBe('miss')
    expect(await page.locator('#views').textContent()).toContain('not counted')
    await changePrice(page, '4.32')
    expect(await page.locator('#price').textContent()).toBe('€4.32')
    expect(await page.locator('.backend').getAttribute('data-reachable')).toBe('false')
    expect(await page.locator('.events').textContent()).toContain(`breaker open for 127.0.0.1:${server.port}`)

    await page.getByRole('button', { name: 'Empty' }).click()
    await page.waitForURL('**/?notice=not-cleared')

    await server.restart()
    await page.goto(rome)
    await becomesReachable()
    await expect.poll(() => page.reload().then(() => outcomes(page)), { timeout: 30_000 }).toEqual(allHits)
    expect(await page.locator('#price').textContent()).toBe('€4.32')
    expect(await page.locator('.events').textContent()).toContain(`breaker closed for 127.0.0.1:${server.port}`)
  })

  test('never shows an old price after an outage in which it changed', async () => {
    await page.goto(rome)
    await page.reload()
    expect((await outcomes(page)).postcard).toBe('hit')
    await page.goto('/country/IT')
    await page.reload()
    expect((await outcomes(page)).country).toBe('hit')
    await page.goto(rome)
    await server.pause()
    await changePrice(page, '5.43')
    expect(await page.locator('#price').textContent()).toBe('€5.43')

    // The server comes back with all its entries, including the old price.
    server.resume()
    await becomesReachable()
    for (let visit = 0; visit < 5; visit++) {
      await page.goto(rome)
      expect(await page.locator('#price').textContent()).toBe('€5.43')
      // Its totals, whose tag was invalidated while the server did not answer.
      await page.goto('/country/IT')
      expect(await page.locator('main').textContent()).toContain('€5.43')
    }
    await page.goto(rome)
    await expect.poll(() => page.reload().then(() => outcomes(page)), { timeout: 30_000 }).toEqual(allHits)
    expect(await page.locator('#price').textContent()).toBe('€5.43')
  })

  /** Watches the panel of the open page, which refreshes by itself. */
  async function becomesReachable(): Promise<void> {
    await expect.poll(() => page.locator('.backend').getAttribute('data-reachable'), { timeout: 30_000 }).toBe('true')
  }
})
