import express, { type ErrorRequestHandler, type Express } from 'express';
import { type Cors, corsHeaders, preflightHeaders } from './http/cors.ts';
import type { RouteTable } from './rpc/route.ts';

/** Options of {@link createApp}. */
export interface AppOptions {
  readonly routes: RouteTable;
  /** Browsers of other origins that may call. @default none */
  readonly cors?: Cors | undefined;
}

/** Everything that is no JSON-RPC call: the page at `/`, preflight requests, and what is not there. */
export function createApp({ routes, cors }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  app.get('/', (_request, response) => {
    response.json({
      name: 'dshackle',
      routes: routes.all.map(({ id, balancer }) => ({
        path: `/${id}`,
        chain: balancer.chain.id,
        available: balancer.available,
      })),
    });
  });

  app.use((request, response, next) => {
    if (routes.find(request.url) === undefined) {
      next();
      return;
    }
    response.set('allow', cors === undefined ? 'POST' : 'POST, OPTIONS');
    if (request.method === 'OPTIONS' && cors !== undefined) {
      response.set(corsHeaders(cors, request.headers.origin) as Record<string, string>);
      response.set(preflightHeaders(cors) as Record<string, string>);
      response.status(204).end();
      return;
    }
    response.status(405).json({ error: 'use POST, or open a WebSocket' });
  });

  app.use((_request, response) => {
    response.status(404).json({ error: 'not found; GET / lists the routes' });
  });

  const onError: ErrorRequestHandler = (error: { status?: unknown }, _request, response, _next) => {
    const status = typeof error.status === 'number' ? error.status : 500;
    response.status(status).json({ error: status < 500 ? 'bad request' : 'internal error' });
  };
  app.use(onError);
  return app;
}
