export type {
  ChainConfig,
  Config,
  EndpointConfig,
  ProxyConfig,
  RouteConfig,
  RpcConfig,
  TlsFiles,
  UpstreamConfig,
  WsConfig,
} from './config/config.ts';
export { dumpConfig } from './config/dump.ts';
export { loadConfig } from './config/load.ts';
export { ConfigError, type ConfigProblem, formatProblem } from './config/problem.ts';
export type { Cors } from './http/cors.ts';
export {
  type LineLoggerOptions,
  type LogFields,
  type LogFormat,
  type Logger,
  lineLogger,
} from './logs/logger.ts';
export { type DoorLimits, defaultDoorLimits } from './rpc/limits.ts';
export type { Route, ServedBalancer } from './rpc/route.ts';
export { type CloseOptions, type Server, type ServerOptions, startServer } from './server.ts';
export { type StartConfiguredOptions, startConfigured } from './start-configured.ts';
