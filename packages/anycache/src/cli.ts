/** What `anycache` without a command prints. */
export const USAGE = 'usage: anycache <command>'

process.stdout.write(`${USAGE}\n`)
