/** A reply as Redis sent it: bulk strings as bytes, errors as values. */
export type Reply = string | number | Buffer | null | Error | Reply[]

/** Encodes one command as the RESP array of bulk strings. */
export function encodeCommand(args: readonly (string | number | Uint8Array)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)]
  for (const arg of args) {
    const bytes = typeof arg === 'object' ? Buffer.from(arg) : Buffer.from(String(arg))
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
  }
  return Buffer.concat(parts)
}

/** Reads one RESP2 reply at `offset`; `undefined` while it is incomplete. */
export function parseReply(bytes: Buffer, offset: number): { reply: Reply; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', offset)
  if (lineEnd === -1) return undefined
  const line = bytes.toString('utf8', offset + 1, lineEnd)
  const end = lineEnd + 2
  switch (String.fromCharCode(bytes[offset] as number)) {
    case '+':
      return { reply: line, end }
    case '-':
      return { reply: new Error(line), end }
    case ':':
      return { reply: Number(line), end }
    case '$':
      return parseBulk(bytes, end, Number(line))
    case '*':
      return parseArray(bytes, end, Number(line))
    default:
      throw new Error(`not a RESP2 reply: ${JSON.stringify(bytes.toString('latin1', offset, lineEnd))}`)
  }
}

function parseBulk(bytes: Buffer, start: number, length: number): { reply: Reply; end: number } | undefined {
  if (length === -1) return { reply: null, end: start }
  const end = start + length + 2
  return bytes.length < end ? undefined : { reply: bytes.subarray(start, end - 2), end }
}

function parseArray(bytes: Buffer, start: number, count: number): { reply: Reply; end: number } | undefined {
  if (count === -1) return { reply: null, end: start }
  const items: Reply[] = []
  let end = start
  while (items.length < count) {
    const item = parseReply(bytes, end)
    if (item === undefined) return undefined
    items.push(item.reply)
    end = item.end
  }
  return { reply: items, end }
}
