import { buildBalancers } from './config/build.ts';
import type { Config } from './config/config.ts';
import { logBalancer } from './logs/log-balancer.ts';
import { type Logger, silentLogger } from './logs/logger.ts';
import type { Route } from './rpc/route.ts';
import { type Server, startServer } from './server.ts';

/** Options of {@link startConfigured}. */
export interface StartConfiguredOptions {
  /** @default silent */
  readonly log?: Logger;
}

/**
 * Starts all that a configuration asks for: a balancer for each chain, and the server before them.
 * Listens without waiting for any upstream. Closing the server closes the balancers.
 */
export async function startConfigured(
  config: Config,
  options: StartConfiguredOptions = {},
): Promise<Server> {
  const log = options.log ?? silentLogger;
  const { proxy } = config;
  const balancers = buildBalancers(config);
  const closeBalancers = async (): Promise<void> => {
    await Promise.all([...balancers.values()].map((balancer) => balancer.close()));
  };
  for (const balancer of balancers.values()) logBalancer(balancer, log);
  for (const { id } of config.chains) {
    if (!balancers.has(id))
      log.warn('chain has no route: its upstreams are left alone', { chain: id });
  }
  const routes: Route[] = proxy.routes.map(({ id, chain, methods }) => {
    const balancer = balancers.get(chain)!;
    const hasOwn = methods.enabled.length > 0 || methods.disabled.length > 0;
    return { id, balancer: hasOwn ? balancer.withMethods(methods) : balancer };
  });
  try {
    return await startServer({
      ...proxy,
      routes,
      log,
      onGiveUp: closeBalancers,
    });
  } catch (error) {
    await closeBalancers();
    throw error;
  }
}
