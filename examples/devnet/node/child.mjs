/**
 * One node of the devnet, in a process of its own. Plain JavaScript: Node 20 cannot run
 * TypeScript, and this file must start from a source checkout as well as from a build.
 *
 * It speaks with the controller over the IPC channel (see `src/node-protocol.ts`) and with
 * everybody else over JSON-RPC.
 */

// The channel ends with the controller, however the controller ended. Nothing here is worth a
// tidy exit, and SIGKILL also stops the executor's thread.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

// Ctrl-C reaches the whole terminal group; the controller decides what it means.
process.on('SIGINT', () => {});

/** Resolved by `boot`: the calls that need a chain. */
let node;

const calls = {
  async boot(options) {
    if (node) throw new Error('[already booted] one process is one node');
    const { bootNode } = await import('./chopsticks-node.mjs');
    node = await bootNode(options, (event) => process.send?.(event));
    return node.identity;
  },
};

async function answer({ id, call, params }) {
  try {
    const run = calls[call] ?? node?.calls[call];
    if (!run) throw new Error(`[unknown call] ${call}`);
    const result = await run(params);
    process.send?.({ id, result: result ?? null });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

// One at a time: a block the controller gave up on must not become the head after a later one.
let last = Promise.resolve();
process.on('message', (message) => {
  last = last.then(() => answer(message));
});
