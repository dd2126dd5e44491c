import { findChromium } from '@anycache/testing/binaries'
import { type Browser, chromium } from 'playwright-core'

/** Starts a headless Chromium that connects only to the pages it opens. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: await findChromium(),
    timeout: 45_000,
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  })
}
