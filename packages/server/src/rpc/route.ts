import type { Balancer } from '@dshackle/core';

/** What the doors need of a balancer. */
export type ServedBalancer = Pick<
  Balancer,
  'chain' | 'available' | 'session' | 'dispatch' | 'subscribe'
>;

/** One path of the server and the engine behind it. */
export interface Route {
  /** Served at `/<id>`. */
  readonly id: string;
  readonly balancer: ServedBalancer;
}

/** Finds the route of a request. */
export class RouteTable {
  readonly #byPath: ReadonlyMap<string, Route>;
  readonly all: readonly Route[];

  constructor(routes: readonly Route[]) {
    this.all = routes;
    this.#byPath = new Map(routes.map((route) => [`/${route.id}`, route]));
  }

  /** The route of a request's URL; a query and one final slash are overlooked. */
  find(url: string | undefined): Route | undefined {
    if (url === undefined) return undefined;
    const exact = this.#byPath.get(url);
    if (exact !== undefined) return exact;
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
    return this.#byPath.get(path.endsWith('/') ? path.slice(0, -1) : path);
  }
}
