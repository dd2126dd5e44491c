import type { Answer } from './store.js'

/** Passes on what `run` gives, at once or when it settles, or why it failed. What the two throw is the caller's. */
export function whenAnswered<T, R>(
  run: () => Answer<T>,
  done: (value: T) => R,
  failed: (error: unknown) => R,
): Answer<R> {
  let answer: Answer<T>
  try {
    answer = run()
  } catch (error) {
    return failed(error)
  }
  return answer instanceof Promise ? answer.then(done, failed) : done(answer)
}

/** What `next` makes of an answer: at once where it is there. What `next` throws is the caller's. */
export function chain<A, B>(answer: Answer<A>, next: (value: A) => Answer<B>): Answer<B> {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}
