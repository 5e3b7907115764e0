/** A param that is not what the method takes; the message is in the words of nodes. */
export class ParamError extends Error {
  override readonly name = 'ParamError';
}
