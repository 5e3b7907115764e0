/** What is wrong with the path now. The proxy writes it, the relays read it at each step. */
export interface Faults {
  latencyMs: number;
  refuse: boolean;
  blackHole: boolean;
  garbage: boolean;
  retryAfterSeconds: number | false;
  /** Told what a WebSocket client says, before it is passed on. */
  readonly hear: (message: string) => void;
}

/** What the upstream's words become: what a broken middlebox says in their place. */
export const garbageText = '<html><body>upstream said something else</body></html>';

/** Resolves after the latency of now, at once when there is none. */
export async function delay({ latencyMs }: Readonly<Faults>): Promise<void> {
  if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
}
