/** A value that cannot be stored, or bytes that cannot be read. Match `code`: 'ERR_CACHE_SERIALIZATION'. */
export class SerializationError extends Error {
  readonly code = 'ERR_CACHE_SERIALIZATION'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SerializationError'
  }
}

/** A wrong option. Match `code`: 'ERR_CACHE_INVALID_ARGUMENT'. */
export class InvalidArgumentError extends Error {
  readonly code = 'ERR_CACHE_INVALID_ARGUMENT'

  constructor(message: string) {
    super(message)
    this.name = 'InvalidArgumentError'
  }
}
