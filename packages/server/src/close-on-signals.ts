import type { Logger } from './logs/logger.ts';
import type { Server } from './server.ts';

/** After the server closed nothing should be left that keeps the process alive. */
const exitGraceMs = 2_000;

/**
 * Closes the server at SIGTERM or SIGINT and lets the process end with code 0. A second signal ends
 * it at once, with code 1.
 */
export function closeOnSignals(server: Server, drainMs: number, log: Logger): void {
  let closing = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (closing) {
      log.warn('ended at once', { signal });
      process.exit(1);
    }
    closing = true;
    log.info('draining', { signal, drainMs, ...server.load });
    server.close({ drainMs }).then(
      () => {
        log.info('closed');
        setTimeout(() => {
          log.warn('ended although something is still open', {
            open: process.getActiveResourcesInfo(),
          });
          process.exit(0);
        }, exitGraceMs).unref();
        process.off('SIGTERM', onSignal);
        process.off('SIGINT', onSignal);
      },
      (error: unknown) => {
        log.error('closing failed', { error });
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
