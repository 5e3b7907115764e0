export type { Cors } from './http/cors.ts';
export {
  type LineLoggerOptions,
  type LogFields,
  type LogFormat,
  type Logger,
  lineLogger,
} from './logs/logger.ts';
export { type DoorLimits, defaultDoorLimits } from './rpc/limits.ts';
export type { Route } from './rpc/route.ts';
export { type CloseOptions, type Server, type ServerOptions, startServer } from './server.ts';
