import { emptyReply, type Reply } from '../../request.js'
import { type Inbox, MalformedReply, type ReplyReader } from '../protocol.js'
import { FrameReader } from './frame-reader.js'
import { decode, decodeSilence, isLastAt, opaqueAt, opcodeAt } from './replies.js'
import { opcodeOf } from './requests.js'

/** A frame holds more than the item: its key, and an error's text. */
const frameSlack = 64 * 1024

/** Finds the request that a frame answers by its opaque; the quiet requests before that have had their way. */
export class BinaryReader implements ReplyReader {
  readonly #inbox: Inbox
  // Before the settings are known, no reply holds an item.
  readonly #frames: FrameReader = new FrameReader(frameSlack)
  readonly #reply: Reply
  readonly #take = (frame: Buffer, start: number, end: number): void => this.#answer(frame, start, end)

  constructor(incarnation: string, inbox: Inbox) {
    this.#reply = emptyReply(incarnation)
    this.#inbox = inbox
  }

  set maxItemBytes(bytes: number) {
    this.#frames.maxBodyBytes = bytes + frameSlack
  }

  get begunBytes(): number {
    return this.#frames.begunBytes
  }

  push(chunk: Buffer): void {
    this.#frames.push(chunk, this.#take)
  }

  #answer(frame: Buffer, start: number, end: number): void {
    const inbox = this.#inbox
    const first = inbox.at(0)
    const skipped = first === undefined ? 0 : (opaqueAt(frame, start) - first.serial) >>> 0
    const request = skipped === 0 ? first : inbox.at(skipped)
    if (request === undefined || opcodeOf(request) !== opcodeAt(frame, start)) {
      throw new MalformedReply(frame.subarray(start, end))
    }
    for (let i = 0; i < skipped; i++) {
      if (!inbox.at(i)?.quiet) throw new MalformedReply(frame.subarray(start, end))
    }
    const reply = this.#reply
    for (let i = 0; i < skipped; i++) {
      const silent = inbox.leave()
      decodeSilence(reply, silent)
      silent.answer(reply)
    }
    decode(reply, frame, start, end, request)
    if (request.partial !== undefined && !isLastAt(frame, start)) {
      request.partial(reply)
      return
    }
    inbox.leave()
    request.answer(reply)
  }
}
