import { BalancerError } from '../errors.ts';
import { http } from './http.ts';
import type { TransportFactory } from './transport.ts';
import { websocket } from './websocket.ts';

/**
 * The transport for a URL by its scheme: `ws://` and `wss://` give `websocket(url)`,
 * `http://` and `https://` give `http(url)`. A factory is given back as it is.
 *
 * @throws BalancerError `invalid request` for any other scheme; it does not show the URL
 */
export function endpoint(urlOrFactory: string | TransportFactory): TransportFactory {
  if (typeof urlOrFactory !== 'string') return urlOrFactory;
  if (/^wss?:\/\//i.test(urlOrFactory)) return websocket(urlOrFactory);
  if (/^https?:\/\//i.test(urlOrFactory)) return http(urlOrFactory);
  throw new BalancerError(
    'invalid request',
    'an endpoint must start ws://, wss://, http:// or https://',
  );
}
