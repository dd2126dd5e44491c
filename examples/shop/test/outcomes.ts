import type { Page } from 'playwright-core'

/** How each block of the page got its data, by the block's name: `hit`, `stale`, `miss`, `partial`, `joined`. */
export async function outcomes(page: Page): Promise<Record<string, string>> {
  const badges = await page.locator('main [data-block]').all()
  const pairs = badges.map(async badge => [
    (await badge.getAttribute('data-block')) ?? '',
    (await badge.getAttribute('data-outcome')) ?? '',
  ])
  return Object.fromEntries(await Promise.all(pairs))
}

/** Enters a new price on a postcard's page and waits for the page that comes back. */
export async function changePrice(page: Page, price: string): Promise<void> {
  await page.getByLabel('New price').fill(price)
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Change it' }).click()])
}
