import {
  type Block,
  type RawJson,
  type Reply,
  RpcResponseError,
  type ServiceHost,
  type TimerHandle,
} from '@dshackle/core';
import { parseHeader } from '../chain/header.ts';
import { judge } from '../chain/verdicts.ts';

/** What `state_getRuntimeVersion` answers. */
interface RuntimeVersion {
  readonly specName: string;
  readonly implName: string;
  readonly specVersion: number;
  readonly implVersion: number;
  readonly transactionVersion?: number;
  /** Pairs of an API's id, 8 bytes in hex, and its version. */
  readonly apis: readonly (readonly [id: string, version: number])[];
}

/** A runtime as `chainHead_v1` tells it; equal texts are the same runtime. */
export type RuntimeText = RawJson;

/** Blocks whose runtime is remembered: all that are not final, and those just below. */
const maxKnown = 4096;
/** How long to wait after nobody could tell, in milliseconds. */
const retryMs = 1_000;
/** The digest item that a runtime leaves in the block that replaces it (sp_runtime `DigestItem`). */
const environmentUpdated = '0x08';

/**
 * Which runtime each block has. Upstreams are asked only where it can be another one than its
 * parent's: where the header says that the runtime's environment was updated, and for a block whose
 * parent is not known. A chain that replaces its code without saying so in the header
 * (`system.set_storage` of `:code`) is told with the next follow.
 */
export class Runtimes {
  readonly #host: ServiceHost;
  readonly #onKnown: () => void;
  readonly #known = new Map<string, RuntimeText>();
  readonly #asking = new Set<string>();
  readonly #stop = new AbortController();
  #retryTimer: TimerHandle | undefined;

  /** `onKnown` is called when more is known, or what could not be told may be asked again. */
  constructor(host: ServiceHost, onKnown: () => void) {
    this.#host = host;
    this.#onKnown = onKnown;
  }

  /** The runtime of a block; `undefined` while it is being asked for, which this begins. */
  of(block: Block): RuntimeText | undefined {
    const known = this.#known.get(block.hash) ?? this.#inherited(block);
    if (known === undefined && this.#retryTimer === undefined) this.#ask(block.hash);
    return known;
  }

  /** Ends all: nothing is asked or told any more. */
  close(): void {
    this.#stop.abort();
    this.#host.clock.clearTimeout(this.#retryTimer);
    this.#known.clear();
  }

  #inherited(block: Block): RuntimeText | undefined {
    const parents = this.#known.get(block.parentHash);
    if (parents === undefined || updatesRuntime(block)) return undefined;
    this.#remember(block.hash, parents);
    return parents;
  }

  #ask(hash: string): void {
    if (this.#asking.has(hash) || this.#stop.signal.aborted) return;
    this.#asking.add(hash);
    const { signal } = this.#stop;
    this.#host
      .forward('state_getRuntimeVersion', [hash], { signal })
      .then((reply) => this.#remember(hash, textOf(reply)))
      // Whoever still needs it asks again, after a pause: the pool said why it cannot tell.
      .catch(() => this.#retryLater())
      .finally(() => {
        this.#asking.delete(hash);
        if (!signal.aborted) this.#onKnown();
      });
  }

  #retryLater(): void {
    if (this.#stop.signal.aborted || this.#retryTimer !== undefined) return;
    this.#retryTimer = this.#host.clock.setTimeout(() => {
      this.#retryTimer = undefined;
      this.#onKnown();
    }, retryMs);
  }

  #remember(hash: string, runtime: RuntimeText): void {
    this.#known.set(hash, runtime);
    if (this.#known.size <= maxKnown) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest as string);
  }
}

function updatesRuntime(block: Block): boolean {
  // Most headers are told apart without being parsed.
  if (!block.header.includes(`"${environmentUpdated}"`)) return false;
  return parseHeader(block.header).digest.logs.includes(environmentUpdated);
}

/**
 * The runtime in the format of `chainHead_v1`.
 * @throws RpcResponseError when the upstream could not tell, though another might
 */
function textOf(reply: Reply): RuntimeText {
  if (reply.kind === 'error') {
    if (judge(reply.error).action !== 'return') throw new RpcResponseError(reply.error);
    return JSON.stringify({ type: 'invalid', error: reply.error.message });
  }
  const version = JSON.parse(reply.result) as RuntimeVersion;
  const { specName, implName, specVersion, implVersion, transactionVersion = 1 } = version;
  const apis = Object.fromEntries(version.apis);
  const spec = { specName, implName, specVersion, implVersion, transactionVersion, apis };
  return JSON.stringify({ type: 'valid', spec });
}
