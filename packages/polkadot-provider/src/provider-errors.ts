import { type BalancerError, isBalancerError, type JsonRpcError } from '@dshackle/core';
import { RpcCoder } from '@polkadot/rpc-provider/coder';
import RpcError from '@polkadot/rpc-provider/coder/error';
import type { JsonRpcResponse } from '@polkadot/rpc-provider/types';

const coder = new RpcCoder();

/** A node's JSON-RPC error as polkadot-js throws it, worded by its own coder. */
export function answeredError(error: JsonRpcError): Error {
  try {
    coder.decodeResponse({ id: 0, jsonrpc: '2.0', error } as JsonRpcResponse<unknown>);
  } catch (thrown) {
    return thrown as Error;
  }
  return new RpcError(error.message, error.code);
}

/**
 * What the engine could not do, in the words that applications know from WsProvider, with its own
 * error as `cause`: that one says which upstreams were tried.
 */
export function callError(error: unknown, elapsedMs: number): Error {
  if (!isBalancerError(error)) return error instanceof Error ? error : new Error(String(error));
  const code = error.code === 'denied' ? RpcError.CODES.METHOD_NOT_FOUND : RpcError.CODES.UNKNOWN;
  // As over the server: what the caller has to look for.
  const data = 'hash' in error ? { hash: error.hash } : undefined;
  const worded = new RpcError(wording(error, elapsedMs), code, data);
  return Object.defineProperty(worded, 'cause', { value: error, configurable: true });
}

/** What a call is told before `connect()` and after `disconnect()`. */
export function notConnectedError(): Error {
  return new Error('WebSocket is not connected');
}

function wording(error: BalancerError, elapsedMs: number): string {
  switch (error.code) {
    case 'timeout':
      return `No response received from RPC endpoint in ${Math.round(elapsedMs / 1000)}s`;
    case 'transport': {
      const upstream = error.attempts.at(-1)?.upstream ?? 'upstream';
      return `disconnected from ${upstream}: 1006:: ${error.rawMessage}`;
    }
    // The only signal that calls are made with is that of `disconnect()`.
    case 'cancelled':
    case 'closed':
      return 'disconnected from all upstreams: 1000:: Normal connection closure';
    case 'denied':
      return `${RpcError.CODES.METHOD_NOT_FOUND}: ${error.rawMessage}`;
    default:
      return error.message;
  }
}
