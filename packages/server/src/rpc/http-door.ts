import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { CallOptions, RawJson } from '@dshackle/core';
import { type Cors, corsHeaders } from '../http/cors.ts';
import { readBody } from '../http/read-body.ts';
import type { Logger } from '../logs/logger.ts';
import { answer, type Response } from './answer.ts';
import { answerBatch } from './batch.ts';
import { ClientScope } from './client-scope.ts';
import { balancerErrorCodes, doorErrorCodes, limitError, needsWebSocket } from './errors.ts';
import { InFlight } from './in-flight.ts';
import type { DoorLimits } from './limits.ts';
import { type Item, readMessage } from './request.ts';
import { errorResponse } from './response.ts';
import type { Route } from './route.ts';

/** Options of {@link HttpDoor}. */
export interface HttpDoorOptions {
  readonly limits: DoorLimits;
  readonly log: Logger;
  /** Browsers of other origins that may call. @default none */
  readonly cors?: Cors | undefined;
  /** How long a client may leave its answer unread, in milliseconds. @default 60000 */
  readonly stallTimeoutMs?: number | undefined;
}

/** What the requests of one keep-alive socket share. */
interface Client {
  readonly scope: ClientScope;
  /** Calls not answered yet. */
  pending: number;
  /** Requests not answered yet. */
  requests: number;
  /** One request less; to be called for each that closes. */
  readonly leave: () => void;
}

const jsonType = /^application\/(?:[\w.+-]+\+)?json(?:rpc|request|-rpc)?\s*(?:;|$)/i;

/** JSON-RPC over HTTP: one POST, one answer. Runs ahead of Express, which would cost 7 times as much. */
export class HttpDoor {
  readonly #options: HttpDoorOptions;
  readonly #clients = new WeakMap<Socket, Client>();
  readonly #inFlight = new InFlight();
  readonly #scopes = new Set<ClientScope>();
  #draining = false;

  constructor(options: HttpDoorOptions) {
    this.#options = options;
  }

  /** Requests that have no answer yet. */
  get inFlight(): number {
    return this.#inFlight.count;
  }

  /** Answers one POST to a route. */
  handle(route: Route, request: IncomingMessage, response: ServerResponse): void {
    const { limits } = this.#options;
    if (this.#draining) {
      const error = { code: balancerErrorCodes.closed, message: 'The server is shutting down' };
      this.#send(request, response, 503, errorResponse('null', error));
      return;
    }
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      this.#send(request, response, 415, errorResponse('null', { code: -32600, message: refusal }));
      return;
    }
    const client = this.#client(request.socket);
    client.requests++;
    this.#inFlight.enter();
    response.on('close', client.leave);
    readBody(request, limits.maxBodyBytes, (body) => {
      try {
        this.#serve(route, body, client, request, response);
      } catch (error) {
        this.#failed(route, response, error);
      }
    });
  }

  /** Refuses new requests from now on; resolves when those in flight are answered. */
  drain(): Promise<void> {
    this.#draining = true;
    return this.#inFlight.idle();
  }

  /** Gives up the calls in flight, except submissions. */
  abandon(): void {
    for (const scope of this.#scopes) scope.abandon();
  }

  #serve(
    route: Route,
    body: string | 'too big',
    client: Client,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const { limits } = this.#options;
    if (body === 'too big') {
      const error = limitError(
        doorErrorCodes.requestTooBig,
        'Request is too big',
        limits.maxBodyBytes,
      );
      this.#send(request, response, 413, errorResponse('null', error));
      return;
    }
    const message = readMessage(body, limits.maxBatchItems);
    const respond = (text: Response): void => {
      try {
        this.#send(request, response, text === undefined ? 204 : 200, text);
      } catch (error) {
        this.#failed(route, response, error);
      }
    };
    if (message.kind === 'single') {
      this.#answer(route, message.item, client, respond);
      return;
    }
    const answerItem = (item: Item, respondItem: (text: Response) => void): void =>
      this.#answer(route, item, client, respondItem);
    answerBatch(message.items, answerItem, limits).then(respond, (error: unknown) =>
      this.#failed(route, response, error),
    );
  }

  #answer(route: Route, item: Item, client: Client, respond: (text: Response) => void): void {
    if (item.kind === 'invalid') {
      respond(errorResponse(item.id, item.error));
      return;
    }
    const { limits, log } = this.#options;
    const { kind } = route.balancer.chain.traits(item.call.method);
    if (kind === 'subscribe' || kind === 'unsubscribe') {
      respond(item.kind === 'call' ? errorResponse(item.id, needsWebSocket) : undefined);
      return;
    }
    if (client.pending >= limits.maxCallsPerConnection) {
      respond(item.kind === 'call' ? tooManyCalls(item.id, limits) : undefined);
      return;
    }
    const options: CallOptions =
      kind === 'submit' ? client.scope.submitOptions : client.scope.options;
    client.pending++;
    answer(route.balancer, item, options, log, (text) => {
      client.pending--;
      respond(text);
    });
  }

  /** A bug of ours: the client must not wait for ever because of it. */
  #failed(route: Route, response: ServerResponse, error: unknown): void {
    this.#options.log.error('request failed unexpectedly', { route: route.id, error });
    response.destroy();
  }

  #client(socket: Socket): Client {
    let client = this.#clients.get(socket);
    if (client === undefined) {
      client = this.#newClient(socket);
      this.#clients.set(socket, client);
    }
    return client;
  }

  #newClient(socket: Socket): Client {
    const scope = new ClientScope();
    const leave = (): void => {
      if (client.requests === 0) return;
      client.requests--;
      this.#inFlight.leave();
    };
    const client: Client = { scope, pending: 0, requests: 0, leave };
    this.#scopes.add(scope);
    socket.once('close', () => {
      this.#scopes.delete(scope);
      scope.abandon();
      // Node closes no response that still waits for the one before it on the same socket.
      while (client.requests > 0) leave();
    });
    return client;
  }

  /**
   * Why a request is not even read. A browser sends these types across origins without asking
   * first; everyone else may leave the type out.
   */
  #refusal(request: IncomingMessage): string | undefined {
    const { headers } = request;
    if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
      return 'Invalid request: the body must not be compressed';
    }
    if (headers.origin !== undefined && !jsonType.test(headers['content-type'] ?? '')) {
      return 'Invalid request: the content type must be application/json';
    }
    return undefined;
  }

  #send(request: IncomingMessage, response: ServerResponse, status: number, text?: string): void {
    const headers = corsHeaders(this.#options.cors, request.headers.origin);
    const bytes = text === undefined ? 0 : Buffer.byteLength(text);
    if (text !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = bytes;
    }
    if (this.#draining && this.#isLast(request.socket)) headers.connection = 'close';
    response.writeHead(status, headers);
    // Text of ASCII alone is copied faster by the simpler encoding, and is the same bytes.
    if (text !== undefined) response.write(text, bytes === text.length ? 'latin1' : 'utf8');
    // `end` with text would make two buffers of it, the second one empty, and a `writev` of these:
    // a twentieth of all that a call costs.
    process.nextTick(this.#end, response, request.socket);
  }

  /** Closing after this answer must not cost the socket's other requests theirs. */
  #isLast(socket: Socket): boolean {
    const client = this.#clients.get(socket);
    return client === undefined || client.requests <= 1;
  }

  readonly #end = (response: ServerResponse, socket: Socket): void => {
    response.end();
    // It may have to wait for the answer to an earlier request on the same socket.
    if (response.socket === null) response.once('socket', this.#onTurn);
    else this.#watchStall(socket);
  };

  readonly #onTurn = (socket: Socket): void => process.nextTick(this.#watchStall, socket);

  readonly #watchStall = (socket: Socket): void => {
    // What the kernel did not take waits here. Node resets this timeout whenever some of it leaves.
    if (socket.writableLength > 0) socket.setTimeout(this.#options.stallTimeoutMs ?? 60_000);
  };
}

function tooManyCalls(id: RawJson, { maxCallsPerConnection: limit }: DoorLimits): string {
  const message = 'Too many calls on the connection';
  return errorResponse(id, limitError(doorErrorCodes.busy, message, limit));
}
