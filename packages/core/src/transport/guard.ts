/**
 * Calls a consumer's function. What it throws surfaces as an uncaught error of its own turn, so
 * that it is seen, but cannot leave the transport half way through its work.
 */
export function guard<T>(callback: (value: T) => void, value: T): void {
  try {
    callback(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
