import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root folder of the repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

type Manifest = {
  name: string
  private?: boolean
  exports?: Record<string, unknown>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

/** One folder of `packages/`. */
export type Package = { folder: string; directory: string; manifest: Manifest }

/** A TypeScript file and its text; `path` is relative to the repository's root. */
export type SourceFile = { path: string; text: string }

/** All packages, private ones included, in the order of their folders. */
export function packages(): Package[] {
  return readdirSync(join(root, 'packages'), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => {
      const directory = join(root, 'packages', entry.name)
      const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest
      return { folder: entry.name, directory, manifest }
    })
}

/** The packages that are published. */
export function publicPackages(): Package[] {
  return packages().filter(({ manifest }) => !manifest.private)
}

/** The import specifiers of a package: its name, and its name with each exported subpath that is code. */
export function specifiersOf({ manifest }: Package): string[] {
  return Object.keys(manifest.exports ?? {})
    .filter(subpath => !subpath.endsWith('.json'))
    .map(subpath => manifest.name + subpath.slice(1))
}

/** The TypeScript sources of a package. */
export function sourcesOf({ directory }: Package): SourceFile[] {
  return readdirSync(join(directory, 'src'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => {
      const file = join(entry.parentPath, entry.name)
      return { path: relative(root, file), text: readFileSync(file, 'utf8') }
    })
}
