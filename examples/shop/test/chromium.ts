import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const macApplication = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'

/** Starts a headless Chromium that talks to nobody but the pages it is sent to. */
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

/**
 * Resolves the path of a Chromium: `CHROMIUM_PATH`, else the one on `PATH`, else, for root on Debian, the one from the
 * distribution's package, which is installed. Rejects with the command that installs it; tests are never skipped for it.
 */
async function findChromium(): Promise<string> {
  const named = process.env.CHROMIUM_PATH
  if (named) {
    if (await isExecutable(named)) return named
    throw new Error(`CHROMIUM_PATH must be the path of an executable Chromium, got ${named}`)
  }
  const present = await installedChromium()
  if (present !== undefined) return present
  let failure = ''
  if (process.getuid?.() === 0 && (await onPath('apt-get')) !== undefined) {
    failure = await installDebianPackage()
    const installed = await installedChromium()
    if (installed !== undefined) return installed
  }
  throw new Error(
    `Chromium is not installed, and the example's tests need a real browser; run \`${await installCommand()}\`, ` +
      `or set CHROMIUM_PATH to its path.${failure && `\napt-get said: ${failure}`}`,
  )
}

async function installedChromium(): Promise<string | undefined> {
  for (const name of names) {
    const path = await onPath(name)
    if (path !== undefined) return path
  }
  return (await isExecutable(macApplication)) ? macApplication : undefined
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name)
    if (folder !== '' && (await isExecutable(path))) return path
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Resolves what went wrong, or '' when the package is there. */
function installDebianPackage(): Promise<string> {
  // Test workers arrive here together: flock(1) lets one install, and the others then find Chromium present.
  const script =
    'command -v chromium || { apt-get update && ' +
    'apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends chromium; }'
  const child = spawn('flock', ['/tmp/anycache-apt.lock', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk).slice(-4096)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return new Promise(resolve => {
    child.on('error', error => resolve(error.message))
    child.on('close', code => resolve(code === 0 ? '' : output))
  })
}

async function installCommand(): Promise<string> {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  if (process.platform === 'darwin') return 'brew install --cask google-chrome'
  if ((await onPath('apt-get')) !== undefined) return `${sudo}apt-get update && ${sudo}apt-get install -y chromium`
  if ((await onPath('dnf')) !== undefined) return `${sudo}dnf install -y chromium`
  return 'your package manager to install chromium'
}
